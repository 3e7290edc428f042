"""What a model drew, in order, as steps of the trace that it wrote.

The words before a picture announce it: its region, and the box that it is said to show. The words after it are what the
model saw there, up to the announcement of the next picture or the report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image, OutputImage, ReplyPart, Step, Text
from mmrad_eval.traces import mmrad
from mmrad_eval.traces.box_marks import mark_boxes, marks_in, restored, without_places
from mmrad_eval.traces.boxed import BoxReader, statements
from mmrad_eval.traces.record import PLACEHOLDER, trace_of
from mmrad_eval.traces.regions import category_of, fine_names, resolve
from mmrad_eval.traces.rendering import size_of

_TAG = re.compile(r"</?(?:think|thinking|image_start|image_end|obj|ref|phrase|box)>|</?\|?image\|?>", re.IGNORECASE)
_HEADING = re.compile(
    r"<(?:answer|report|final_report|findings|impression)>|\\boxed\{|```json|\{\s*\"(?:findings|impression|report)\""
    r"|(?:^|(?<=[.!?:]\s))[ \t#*_>\d.-]*(?:findings|impression|(?:final )?report|final answer)[ \t*_]*:",
    re.IGNORECASE | re.MULTILINE,
)
_ANNOUNCES = re.compile(
    r"\b(?:let me|let us|let's|i(?:'ll| will| need to| want to| should)|next|now|then)\b[^.!?\n]*"
    r"\b(?:look|zoom|examin|inspect|check|crop|draw|view|see|enlarg|highlight|focus|turn)\w*"
    r"|^[ \t>#*_-]*step[ \t]+\d+|:[ \t*_]*$",
    re.IGNORECASE,
)
_CLOSED = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_STEP = re.compile(r"^[ \t>#*_-]*step[ \t]+\d+[ \t*_]*[:.)-][ \t*_]*(?:([^:\n]{1,80}?)[ \t*_]*:)?", re.IGNORECASE)


class Words(NamedTuple):
    """The words between two pictures."""

    seen: str
    """What they say of the picture before."""
    announced: str
    """What they say of the picture that follows."""


def drawn_steps(parts: Sequence[ReplyPart], reader: BoxReader) -> tuple[Step, ...]:
    """A step for each picture that a model made, in order; empty where it made none.

    Boxes are read as ``reader`` says. What the model's trainers call a picture without codes has no file and no step.
    """
    pictures = [part for part in parts if isinstance(part, OutputImage)]
    if not pictures:
        return ()
    between = _between(parts)
    if steps := _as_authors_write(between, pictures):
        return steps
    pieces = [Words("", between[0]), *map(_split, between[1:-1]), Words(_before_report(between[-1]), "")]
    return tuple(
        _step(picture, before.announced, after.seen, reader)
        for picture, before, after in zip(pictures, pieces, pieces[1:], strict=False)
    )


def before_and_after(parts: Sequence[ReplyPart]) -> tuple[str, str]:
    """(what a reply says before its report, the words in which the report is looked for).

    Without pictures all words are looked through. With pictures the report begins at the first heading behind the last
    one; where no heading says so anywhere, it is all that stands there, because the words before announce pictures and
    say what they show. A report that pictures only follow is looked for in all words.
    """
    between = _between(parts)
    whole, last = "".join(between), between[-1]
    if len(between) == 1:
        return "", whole
    closed = _CLOSED.search(last)
    if "<think" in whole.lower() and closed is None and not _CLOSED.search(whole):
        return "", whole
    heading = _HEADING.search(last, closed.end() if closed else 0)
    start = heading.start() if heading else closed.end() if closed else 0
    if not heading and (_HEADING.search(whole) or not any(map(str.isalpha, last[start:]))):
        return "", whole
    return "\n".join(filter(str.strip, map(_plain, (*between[:-1], last[:start])))), last[start:]


def _between(parts: Sequence[ReplyPart]) -> list[str]:
    """The words before the first picture, between pictures, and after the last."""
    found = [""]
    for part in parts:
        if isinstance(part, OutputImage):
            found.append("")
        elif isinstance(part, Text):
            found[-1] += part.text
    return found


def _split(words: str) -> Words:
    """What the words between two pictures say of either; without an announcement all of them are an observation."""
    held, marks = mark_boxes(words)
    said = statements(held)
    starts = [n for n, one in enumerate(said) if marks_in(one, marks) or _ANNOUNCES.search(one.strip())]
    if not starts:
        return Words(words, "")
    first = starts[-1]
    while first - 1 in starts and _STEP.match(said[first - 1].strip()):
        first -= 1
    return Words(restored("".join(said[:first]), marks), restored("".join(said[first:]), marks))


def _before_report(words: str) -> str:
    """What the words after the last picture say of it."""
    closed, heading = _CLOSED.search(words), _HEADING.search(words)
    end = min((found.start() for found in (closed, heading) if found), default=0)
    return words[:end]


def _step(picture: OutputImage, announced: str, seen: str, reader: BoxReader) -> Step:
    held, marks = mark_boxes(announced)
    behind, stated = mark_boxes(seen)
    opening = marks_in((statements(behind) or [""])[0], stated)  # some state the box after they have shown the picture
    box = next((box for mark in (*marks, *opening) for box in reader.boxes(mark)), None)
    words = _plain(without_places(held))
    last = (statements(words) or [""])[-1].strip()
    stepped = _STEP.match(last)
    region = next((mark.region or mark.label for mark in marks if resolve(mark.region or mark.label)), "")
    region = region or (stepped[1] if stepped and stepped[1] else "")
    known = resolve(region) if region else None
    names = (known.name,) if known else fine_names(last) or fine_names(words)
    region = region or (names[0] if names else "")
    return Step(
        region=region,
        regions=names,
        category=category_of(region) if region else "other",
        box=box,
        image=_image(picture.file, box),
        text=_plain(seen),
    )


def _plain(words: str) -> str:
    return _TAG.sub("", without_places(mark_boxes(words)[0])).strip(" \t\n*_#")


def _image(file: str, box: Box | None) -> Image:
    """The picture as a region image; of one that is no picture, or is not there, no size is known."""
    try:
        size = size_of(file)
    except DataError:
        size = None
    name = "/".join(Path(file).parts[-2:])
    return Image(file, name, role="region", box=box, source="model", size=size)


def _as_authors_write(between: Sequence[str], pictures: Sequence[OutputImage]) -> tuple[Step, ...]:
    """Steps of a model that was trained on the authors' records, whose words say by themselves what is what."""
    if not any("I need to analy" in words for words in between):
        return ()
    fields = {
        "prompt": "",
        "response": PLACEHOLDER.join(between),
        "images": [picture.file for picture in pictures],
    }
    steps = trace_of(mmrad.parse(fields)).steps
    drawn = [step.image for step in steps if step.image is not None]
    if len(drawn) != len(pictures):
        return ()
    return tuple(
        step
        if step.image is None
        else Step(
            step.region, step.regions, step.category, step.box, _image(step.image.name, step.box), step.text, step.part
        )
        for step in steps
    )
