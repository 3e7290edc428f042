"""The record of MMRad-22K (MMRad-IVL-22K): ``prompt``, ``response``, ``images``, read without losing a byte.

The format is that of the authors' published example (repository ``qiuzyc/thinking_like_a_radiologist``,
``input_reference/input_example.jsonl``). A step announces its region, shows it, states its box in the 336-pixel padded
square, and observes; after the last step comes a cue and the report. Spaces and line ends between them are irregular,
so everything is found in place and nothing is normalised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report, Step, Trace
from mmrad_eval.traces import geometry
from mmrad_eval.traces.record import (
    PLACEHOLDER,
    FrameOf,
    Kind,
    Part,
    RecordImage,
    Segment,
    StudyOf,
    TraceRecord,
    count_mismatch,
    fields_of,
    read_sections,
)
from mmrad_eval.traces.regions import category_of, fine_names

FIELDS = ("prompt", "response", "images")
FRAME = geometry.CANONICAL
PROMPT = f"Compile a standard report for this chest X-ray, including significant findings. {PLACEHOLDER}"
ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")

STEP_PAUSE, REPORT_PAUSE = "\n\n ", "\n\n  "
"""What the published example has between steps and before the report."""
REPORT_CUE = "Summarizing the previous analysis, I will generate the following report:"

_STEP = (
    r"(?P<step>\b[A-Z][\w-]*, I need to analy[sz]e (?P<region>[^.<\n]{1,120})\."
    r"(?:\s{1,4}I will highlight [^.<\n]{1,160}\.)?)"
)
_BOX = r"(?P<box>The bounding box of this area is\s{0,4}(?P<numbers>\[(?:[^\[\]\n<]|\[[^\[\]\n<]*\])*\])?\s{0,4}\.?)"
_CUE = r"(?P<report_cue>Summarizing the previous analysis,[^:\n<]{0,80}:)"
_MARK = re.compile(f"(?P<image>{PLACEHOLDER})|{_STEP}|{_BOX}|{_CUE}")
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")


class _Piece(NamedTuple):
    type: Kind
    start: int
    end: int
    match: re.Match[str] | None = None


def parse(
    fields: Mapping[str, Any],
    identity: str = "",
    *,
    study: StudyOf | None = None,
    source_size: tuple[int, int] | None = None,
    where: str = "",
) -> TraceRecord:
    """The neutral record of an authors' record; ``write`` gives the same fields back.

    ``where`` names file and line in messages. DataError where a field is missing or of another type. A count of
    placeholders that differs from that of images makes the record ``invalid``; nothing else does.
    """
    prompt, response, paths = _checked(fields, where)
    names = [f"p{i + 1}" if i < prompt.count(PLACEHOLDER) else f"r{i + 1}" for i in range(len(paths))]
    in_prompt = prompt.count(PLACEHOLDER)
    segments = [*_images(prompt, names), *annotate(response, names, in_prompt)]
    report = " ".join(response[s.start : s.end] for s in segments if s.type == "report")
    return TraceRecord(
        id=identity or _identity(paths),
        study=study or StudyOf(dataset="mmrad"),
        frame=FrameOf(source_size=source_size),
        images=tuple(_picture(i, path, names, segments) for i, path in enumerate(paths)),
        prompt=prompt,
        response=response,
        image_order=tuple(names),
        segments=tuple(segments),
        report=read_sections(report) if report else Report(),
        invalid=count_mismatch(prompt, response, len(paths)),
        notes=tuple(_notes(segments)),
        extra=fields_of(dict(fields), FIELDS),
    )


def write(record: TraceRecord) -> dict[str, Any]:
    """The authors' three fields, and whatever else the record came with."""
    paths = {image.id: image.path for image in record.images}
    return {
        "prompt": record.prompt,
        "response": record.response,
        "images": [paths.get(identity) for identity in record.image_order],
        **{name: msgspec.json.decode(raw) for name, raw in record.extra.items()},
    }


def compose(
    trace: Trace,
    report: str,
    images: Sequence[str],
    *,
    prompt: str = PROMPT,
    size: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """A record in the authors' words: ``images`` are the problem image and one for each step that has an image.

    ``size`` of the problem image converts boxes of other frames. DataError where the images are too few or too many.
    """
    steps = [_said(number, step, size) for number, step in enumerate(trace.steps)]
    cue = f"{REPORT_PAUSE if steps else ''}{REPORT_CUE} {report}"
    response = STEP_PAUSE.join(steps) + cue
    if mismatch := count_mismatch(prompt, response, len(images)):
        raise DataError(f"a record can't be written: {mismatch}")
    return {"prompt": prompt, "response": response, "images": list(images)}


def annotate(response: str, names: Sequence[str], seen: int) -> list[Segment]:
    """The segments of a response: marks in their order, and the words between them.

    ``names`` are ids of pictures by placeholder; ``seen`` of them stood in the prompt.
    """
    segments: list[Segment] = []
    step: int | None = None
    for piece in _pieces(response):
        if piece.type == "step":
            step = (step or 0) + 1
        if piece.type == "report_cue":
            step = None
        segments.append(_segment(response, piece, step, names, seen))
        seen += piece.type == "image"
    return segments


def _said(number: int, step: Step, size: tuple[int, int] | None) -> str:
    ordinal = ORDINALS[number] if number < len(ORDINALS) else "Next"
    words = f"{ordinal}, I need to analyze {step.region}. I will highlight {step.region} of this X-ray."
    if step.image is not None:
        words += f" {PLACEHOLDER}"
    if step.box is not None:
        if step.box.frame != FRAME and size is None:
            raise DataError(f"a box in {step.box.frame} can't be written in {FRAME} without the size of its image")
        numbers = geometry.spoken(step.box if size is None else geometry.convert(step.box, FRAME, size))
        words += f" The bounding box of this area is {numbers} ."
    return f"{words} {step.text}" if step.text else words


def _checked(fields: Mapping[str, Any], where: str) -> tuple[str, str, list[str | None]]:
    place = f"{where}: " if where else ""
    for name in FIELDS:
        if name not in fields:
            raise DataError(f"{place}an MMRad record has {', '.join(FIELDS)}; {name!r} is missing")
    prompt, response, paths = (fields[name] for name in FIELDS)
    if not isinstance(prompt, str) or not isinstance(response, str):
        kinds = f"{type(prompt).__name__} and {type(response).__name__}"
        raise DataError(f"{place}prompt and response of an MMRad record are strings, not {kinds}")
    if not isinstance(paths, list) or not all(path is None or isinstance(path, str) for path in paths):
        raise DataError(f"{place}images of an MMRad record is a list of paths, not {str(paths)[:60]}")
    return prompt, response, paths


def _identity(paths: Sequence[str | None]) -> str:
    """The folder of the images, as the authors name them: ``IVLImage/<id>/problem_image_1.jpg``."""
    first = next((path for path in paths if path), "")
    return PurePosixPath(first).parent.name or PurePosixPath(first).stem


def _images(text: str, names: Sequence[str], part: Part = "prompt") -> list[Segment]:
    starts = [match.start() for match in re.finditer(PLACEHOLDER, text)]
    return [
        Segment(part, "image", start, start + len(PLACEHOLDER), image=names[i] if i < len(names) else None)
        for i, start in enumerate(starts)
    ]


def _pieces(response: str) -> list[_Piece]:
    marks = list(_MARK.finditer(response))
    cue = max((i for i, mark in enumerate(marks) if mark["report_cue"]), default=None)
    if cue is None and not any(mark["step"] for mark in marks):
        cue = -1  # no trace: the whole response is the report
    pieces: list[_Piece] = []
    at = 0
    for i, mark in enumerate(marks):
        after = cue is not None and i > cue
        kind = _kind(mark)
        if (after and kind != "image") or (kind == "report_cue" and i != cue):
            continue  # words of the report, or of the trace, that only look like a mark
        pieces.extend(_words(response, at, mark.start(), "report" if after else "text"))
        pieces.append(_Piece(kind, mark.start(), mark.end(), mark))
        at = mark.end()
    pieces.extend(_words(response, at, len(response), "report" if cue is not None else "text"))
    return pieces


def _kind(mark: re.Match[str]) -> Kind:
    if mark["image"]:
        return "image"
    if mark["step"]:
        return "step"
    return "report_cue" if mark["report_cue"] else "box"


def _words(response: str, start: int, end: int, kind: Kind) -> list[_Piece]:
    between = response[start:end]
    body = between.strip()
    if not body:
        return []
    first = start + between.index(body)
    return [_Piece(kind, first, first + len(body))]


def _segment(response: str, piece: _Piece, step: int | None, names: Sequence[str], seen: int) -> Segment:
    part: Part = "response"
    if piece.type == "step" and piece.match:
        raw = piece.match["region"]
        return Segment(part, "step", piece.start, piece.end, step, raw, category_of(raw))
    if piece.type == "image":
        return Segment(part, "image", piece.start, piece.end, step, image=names[seen] if seen < len(names) else None)
    if piece.type == "box" and piece.match:
        return _box(piece, step, piece.match["numbers"] or "")
    if piece.type == "text":
        named = fine_names(response[piece.start : piece.end])
        return Segment(part, "text", piece.start, piece.end, step, regions=named)
    return Segment(part, piece.type, piece.start, piece.end, step)


def _box(piece: _Piece, step: int | None, written: str) -> Segment:
    numbers = [float(number) for number in _NUMBER.findall(written)]
    if len(numbers) != 4:
        why = f"a box of {len(numbers)} numbers" if written else "a box without numbers"
        return Segment("response", "invalid", piece.start, piece.end, step, why=why)
    box = (numbers[0], numbers[1], numbers[2], numbers[3])
    return Segment("response", "box", piece.start, piece.end, step, box=box, box_frame=FRAME)


def _picture(number: int, path: str | None, names: Sequence[str], segments: Sequence[Segment]) -> RecordImage:
    name = names[number]
    if name.startswith("p"):
        return RecordImage(name, "problem", path)
    placed = next((s for s in segments if s.type == "image" and s.image == name), None)
    said = next((s for s in segments if placed and s.type == "box" and s.step == placed.step is not None), None)
    return RecordImage(
        name,
        "reasoning",
        path,
        derived_from="p1" if "p1" in names else "",
        render="unknown",
        box=said.box if said else None,
        box_frame=said.box_frame if said else "",
        source="reference",
    )


def _notes(segments: Sequence[Segment]) -> list[str]:
    notes = [f"response {s.start}..{s.end} could not be placed: {s.why}" for s in segments if s.type == "invalid"]
    steps = [s for s in segments if s.type == "step"]
    if steps and not any(s.type == "report" for s in segments):
        notes.append("there is no report: no cue follows the last step")
    unknown = [s.region_raw for s in steps if s.category == "other"]
    return [*notes, *(f"the region {raw!r} is not in the vocabulary" for raw in unknown)]
