"""Steps in the words of a model: lines that open with ``Step n:``, or sentences as the authors' records have them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmrad_eval.core.values import Box, Step, Trace
from mmrad_eval.traces import mmrad
from mmrad_eval.traces.box_marks import PLACE, BoxMark, mark_boxes, marks_in, restored
from mmrad_eval.traces.boxed import BoxReader, boxed_steps
from mmrad_eval.traces.record import PLACEHOLDER, trace_of
from mmrad_eval.traces.regions import category_of, resolve

_OPENS = r"[ \t>#*_-]*step[ \t]+(\d+)[ \t*_]*[:.)-][ \t*_]*"
_CORNERS = 4
_STEP = re.compile(
    rf"^{_OPENS}(?:([^:\n]{{1,80}}?)[ \t*_]*:[ \t*_]*)?(.*?)(?=^{_OPENS.replace('(', '(?:')}|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_PLAIN = re.compile(r"</?(?:obj|object|ref|phrase|p|box)>", re.IGNORECASE)


def read_trace(text: str, reader: BoxReader | None = None) -> Trace | None:
    """The trace in a text: its steps where it marks them, and its words; None for an empty text.

    ``reader`` says how the model's boxes are read. A plain list after a region's name, or at the beginning of what is
    seen there, is the form that is asked for, and read in the frame of the reader whatever the dialect is.
    """
    return Trace(read_steps(text, reader or BoxReader()), text) if text.strip() else None


def read_steps(text: str, reader: BoxReader | None = None) -> tuple[Step, ...]:
    """The steps of a text, in order: those that it marks, or its statements where some have a box; else none."""
    reader = reader or BoxReader()
    held, marks = mark_boxes(text)
    marked = tuple(_step(match, marks, reader) for match in _STEP.finditer(held))
    return marked or _as_authors_write(text) or _in_prose(held, marks, reader)


def _step(match: re.Match[str], marks: Sequence[BoxMark], reader: BoxReader) -> Step:
    region, text = match[2] or "", match[3].strip(" *_\n")
    inside = marks_in(region, marks) or (marks_in(text, marks) if PLACE.match(text) else []) or marks_in(text, marks)
    box = next((box for mark in inside if (box := _asked(mark, reader)) is not None), None)
    region, text = (PLACE.sub("", words) for words in (region, text))
    region = re.sub(r"\s+", " ", region).strip(" *_,(")
    known = resolve(region) if region else None
    return Step(
        region=region,
        regions=(known.name,) if known else (),
        category=category_of(region) if region else "other",
        box=box,
        text=text.lstrip(" :*_-") if box else text,
    )


def _asked(mark: BoxMark, reader: BoxReader) -> Box | None:
    """The box of a step; a plain list keeps its numbers, whatever they are."""
    if mark.form == "list" and len(mark.numbers) == _CORNERS:
        a, b, c, d = mark.numbers
        return Box((a, b, c, d), reader.frame)
    return next(iter(reader.boxes(mark)), None)


def _in_prose(held: str, marks: Sequence[BoxMark], reader: BoxReader) -> tuple[Step, ...]:
    """The statements of free reasoning, where the model's dialect has a box in some."""
    own = [mark for mark in marks if not reader.guesses(mark)]
    if not own:
        return ()
    held = restored(held, marks, reader.guesses)
    return boxed_steps(held, marks, reader, lambda words: _PLAIN.sub("", words), "trace")


def _as_authors_write(text: str) -> tuple[Step, ...]:
    """Steps of a model that was trained on the authors' records; boxes are in their frame, whatever its card says."""
    if "I need to analy" not in text:  # most answers are not, and parsing costs a tenth of a millisecond
        return ()
    fields = {"prompt": "", "response": text, "images": [None] * text.count(PLACEHOLDER)}
    return trace_of(mmrad.parse(fields)).steps
