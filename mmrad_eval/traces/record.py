"""The neutral record of an interleaved trace, ``mmrad.trace/1``: the words as written, and what stands where in them.

``prompt``, ``response`` and ``image_order`` are what counts. Segments are annotation beside them: offsets into the two
texts in code points, sorted, never overlapping, never across an image placeholder, gaps allowed. Without them nothing
is lost. The n-th ``<image>`` of prompt and response together is the n-th of ``image_order``; where the counts differ
the record is invalid and says why, and nothing is repaired.

The fields of these classes are the format: one JSON object per line, or columns of a Parquet file, by the same names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from mmrad_eval.core.values import Box, Frame, Image, Report, Step, Trace, Value
from mmrad_eval.traces.regions import category_of, fine_names, resolve

SCHEMA = "mmrad.trace/1"
PLACEHOLDER = "<image>"

Part = Literal["prompt", "response"]
Kind = Literal["step", "text", "image", "box", "report_cue", "report", "invalid"]

_SOURCES: Mapping[str, Literal["reference", "model", "tool"]] = {"tool": "tool", "model": "model", "generated": "model"}
_HEADING = re.compile(r"\b(findings?|impressions?)[ \t]*:[ \t]*", re.IGNORECASE)


class Segment(Value, frozen=True):
    """What ``part[start:end]`` is."""

    part: Part
    type: Kind
    start: int
    end: int
    step: int | None = None
    """Number of the step that it belongs to, from 1; None before the first and after the last."""
    region_raw: str = ""
    """The region as a ``step``, or a ``box`` in running text, names it."""
    category: str = ""
    regions: tuple[str, ...] = ()
    """Fine names of the region vocabulary that the words name."""
    image: str | None = None
    """The id of the picture that an ``image`` placeholder stands for; None where there is none for it."""
    box: tuple[float, float, float, float] | None = None
    """The numbers as they were written."""
    box_frame: Frame = ""
    why: str = ""
    """Why an ``invalid`` segment could not be placed; it may be a placeholder whose picture could not be made."""


class RecordImage(Value, frozen=True):
    """One picture of a record."""

    id: str
    role: Literal["problem", "reasoning"] = "reasoning"
    path: str | None = None
    """As the record writes it; None where a model failed to make the picture."""
    sha256: str = ""
    size: tuple[int, int] | None = None
    derived_from: str = ""
    """The id of the picture that it was cut from."""
    render: Literal["crop", "masked_full_frame", "highlighted", "zoom", "generated", "unknown", ""] = ""
    """How it was made; empty for a problem image."""
    box: tuple[float, float, float, float] | None = None
    box_frame: Frame = ""
    source: Literal["reference", "model", "tool", "generated", ""] = ""


class StudyOf(Value, frozen=True):
    """Which study a record is about."""

    dataset: str = ""
    subject: str | None = None
    study: str = ""
    image: str = ""
    split: str | None = None
    licence_class: Literal["open", "credentialed", "unknown"] = "unknown"


class FrameOf(Value, frozen=True):
    """The frame that the record's boxes are written in, and the size of the picture that they lie on."""

    kind: str = "pad_square"
    size: int | None = 336
    source_size: tuple[int, int] | None = None


class Provenance(Value, frozen=True):
    """Who wrote the trace, and how."""

    producer: str = "reference"
    """``reference``, or the id of a model."""
    mode: str = ""
    """``guided``, ``self_text``, ``tool_loop`` or ``import``; empty for a reference."""
    arm: str = ""
    seed: int | None = None
    decoding: dict[str, msgspec.Raw] = {}


class TraceRecord(Value, frozen=True, kw_only=True, tag_field="schema", tag="mmrad.trace/1"):
    """One trace with everything that it came with. ``schema`` is ``mmrad.trace/1``."""

    id: str
    study: StudyOf = StudyOf()
    frame: FrameOf = FrameOf()
    images: tuple[RecordImage, ...] = ()
    prompt: str = ""
    response: str = ""
    image_order: tuple[str, ...] = ()
    """Ids of the pictures in the order of their placeholders; a picture may stand at several."""
    segments: tuple[Segment, ...] = ()
    report: Report = Report()
    provenance: Provenance = Provenance()
    invalid: str = ""
    """Why the record can't be trusted as a whole; empty for a valid one."""
    notes: tuple[str, ...] = ()
    """What its reader had to decide, one sentence each."""
    extra: dict[str, msgspec.Raw] = {}
    """Fields that the format it came from has and this one has not, verbatim JSON; written back on export."""

    def text(self, segment: Segment) -> str:
        """The words of a segment."""
        return (self.prompt if segment.part == "prompt" else self.response)[segment.start : segment.end]

    def picture(self, identity: str | None) -> RecordImage | None:
        """The picture of that id."""
        return next((image for image in self.images if image.id == identity), None)


def problem_image(record: TraceRecord, root: str = "") -> Image | None:
    """The first picture that is the problem itself; paths start from ``root``."""
    found = next((image for image in record.images if image.role == "problem" and image.path), None)
    if found is None or found.path is None:
        return None
    return Image(path=join(root, found.path), name=found.path, size=found.size or record.frame.source_size)


def trace_of(record: TraceRecord, root: str = "") -> Trace:
    """The steps of a record. Those of an invalid one have words and boxes but no pictures: whose they are is not known.

    A response without steps is a trace of words alone: all that stands before the report.
    """
    steps: dict[int, list[Segment]] = {}
    for segment in record.segments:
        if segment.step is not None:
            steps.setdefault(segment.step, []).append(segment)
    if not steps:
        return Trace(text=" ".join(record.text(s) for s in record.segments if _free(s)))
    return Trace(tuple(_step(record, steps[number], root) for number in sorted(steps)))


def faults(record: TraceRecord) -> list[str]:
    """What is wrong with a record's own bookkeeping: counts, offsets, order, overlaps, unknown pictures."""
    return [*_count_faults(record), *_segment_faults(record)]


def count_mismatch(prompt: str, response: str, images: int) -> str:
    """Why a record is invalid for its number of pictures; empty where placeholders and pictures are equally many."""
    placed = prompt.count(PLACEHOLDER) + response.count(PLACEHOLDER)
    if placed == images:
        return ""
    return f"{placed} {PLACEHOLDER} placeholders and {images} images: which is which can't be known"


def read_sections(text: str) -> Report:
    """A report with the sections that the authors' records write: ``Impression: ... Findings: ...`` in either order."""
    marks = list(_HEADING.finditer(text))
    found: dict[str, str] = {}
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=False):
        name = "findings" if mark[1].lower().startswith("finding") else "impression"
        body = text[mark.end() : end].strip()
        found[name] = f"{found[name]} {body}" if name in found else body
    return Report(text=text, findings=found.get("findings"), impression=found.get("impression"))


def join(root: str, path: str) -> str:
    """A record's path under a folder; a leading slash, as MIMIC's lists have it, does not lead out of the folder."""
    return os.path.join(root, path.lstrip("/")) if root else path  # noqa: PTH118 - runs once for every picture of a data set


def fields_of(value: dict[str, Any], known: tuple[str, ...]) -> dict[str, msgspec.Raw]:
    """The fields of a foreign record that are none of ``known``, as verbatim JSON."""
    return {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in value.items() if k not in known}


def escaped(text: str) -> str:
    r"""Text of another format with each literal ``<image>`` made into ``<\image>``, so that it is no placeholder."""
    return re.sub(r"<(\\*)image>", r"<\1\\image>", text)


def unescaped(text: str) -> str:
    """What ``escaped`` was given."""
    return re.sub(r"<(\\*)\\image>", r"<\1image>", text)


def _free(segment: Segment) -> bool:
    return segment.part == "response" and segment.type in {"text", "invalid"}


def _step(record: TraceRecord, mine: list[Segment], root: str) -> Step:
    raw, category, box = "", "", None
    names: dict[str, None] = {}
    words: list[str] = []
    for segment in mine:
        raw = raw or segment.region_raw
        category = category or segment.category
        names.update(dict.fromkeys(segment.regions))
        if segment.type == "box":
            box = Box(segment.box, segment.box_frame) if box is None and segment.box is not None else box
        elif segment.type in {"text", "invalid"} and segment.image is None:
            words.append(record.text(segment))
    text = _joined(words)
    named = tuple(names) or fine_names(text)
    if not named and (known := resolve(raw)):
        named = (known.name,)
    image = None if record.invalid else next(_pictures(record, mine, box, root), None)
    return Step(region=raw, regions=named, category=category or category_of(raw), box=box, image=image, text=text)


def _joined(pieces: Iterable[str]) -> str:
    """Pieces of running text with a space between them, but none before punctuation."""
    text = ""
    for piece in pieces:
        text += piece if not text or piece.startswith((",", ".", ";", ":", ")")) else f" {piece}"
    return text


def _pictures(record: TraceRecord, segments: list[Segment], box: Box | None, root: str) -> Iterator[Image]:
    for segment in segments:
        found = record.picture(segment.image) if segment.type == "image" else None
        if found is not None and found.path:
            own = Box(found.box, found.box_frame or "pad_square_336") if found.box else box
            source = _SOURCES.get(found.source, "reference")
            yield Image(
                path=join(root, found.path), name=found.path, role="region", box=own, source=source, size=found.size
            )
        elif found is not None and found.render == "crop" and found.box:  # not kept: cut anew
            film = record.picture(found.derived_from)
            if film is not None and film.path:
                place, own = join(root, film.path), Box(found.box, found.box_frame)
                yield Image(place, film.path, role="region", box=own, render="crop", source="tool", size=film.size)


def _count_faults(record: TraceRecord) -> Iterator[str]:
    if mismatch := count_mismatch(record.prompt, record.response, len(record.image_order)):
        yield mismatch
    known = [image.id for image in record.images]
    if len(set(known)) != len(known):
        yield f"two images have the same id: {', '.join(sorted({i for i in known if known.count(i) > 1}))}"
    for identity in record.image_order:
        if identity not in known:
            yield f"image_order names {identity!r}, and no image has that id"


def _segment_faults(record: TraceRecord) -> Iterator[str]:
    ends: dict[Part, int] = {"prompt": 0, "response": 0}
    for number, segment in enumerate(record.segments, 1):
        whole = record.prompt if segment.part == "prompt" else record.response
        for fault in _misplaced(segment, whole, ends):
            yield f"segment {number} ({segment.type}, {segment.part} {segment.start}..{segment.end}) {fault}"


def _misplaced(segment: Segment, whole: str, ends: dict[Part, int]) -> list[str]:
    """What is wrong with the place of one segment; ``ends``: where those before it end, and from now on this one."""
    part, start, end = segment.part, segment.start, segment.end
    if not 0 <= start <= end <= len(whole):
        return [f"lies outside its text of {len(whole)} characters"]
    found = []
    if start < ends[part]:
        found.append(f"starts before the end of the one before it, at {ends[part]}")
    if part == "prompt" and ends["response"]:
        found.append("stands after segments of the response")
    ends[part] = max(ends[part], end)
    words = whole[start:end]
    if words == PLACEHOLDER:
        if segment.type not in {"image", "invalid"}:
            found.append(f"is {PLACEHOLDER!r}, which is an image placeholder")
    elif PLACEHOLDER in words:
        found.append("crosses an image placeholder")
    elif segment.type == "image":
        found.append(f"is {words[:20]!r}, which is not an image placeholder")
    return found
