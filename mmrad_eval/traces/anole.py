"""What the authors' inference code makes of Anole's tokens: words with marks where the model painted a picture.

A line has ``sample_id``, ``text`` and ``image_paths``. ``<image_n>`` is a picture, the n-th of the paths;
``<invalid_image_n>`` had not the 1,024 codes of a picture and ``<error_image_n>`` could not be decoded: both have null
for a path. (Repository ``qiuzyc/thinking_like_a_radiologist``, ``inference/detokenization.py``.)

The words are those that the model was trained on, so steps, boxes and report are found as in the authors' records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report
from mmrad_eval.traces import mmrad
from mmrad_eval.traces.record import (
    PLACEHOLDER,
    Provenance,
    RecordImage,
    Segment,
    StudyOf,
    TraceRecord,
    count_mismatch,
    escaped,
    fields_of,
    read_sections,
    unescaped,
)

FIELDS = ("sample_id", "text", "image_paths")
WHY = {
    "invalid": "the model wrote other than 1,024 image codes, so there is no picture",
    "error": "the model's image codes could not be decoded",
}

_MARK = re.compile(r"<((?:invalid_|error_)?image_\d+)>")


def parse(row: Mapping[str, Any], *, producer: str = "Anole", where: str = "") -> TraceRecord:
    """The neutral record of one line. DataError where a field is missing or of another type."""
    place = f"{where}: " if where else ""
    text, paths = row.get("text"), row.get("image_paths")
    if not isinstance(text, str) or not isinstance(paths, list):
        raise DataError(f"{place}detokenized Anole output has a text and a list image_paths; it has {', '.join(row)}")
    pieces = _MARK.split(text)
    response = PLACEHOLDER.join(escaped(words) for words in pieces[::2])
    marks = pieces[1::2]
    names = _distinct(marks)
    images = [_image(name, mark, paths) for name, mark in zip(names, marks, strict=True)]
    segments = [_judged(s, images) for s in mmrad.annotate(response, names, 0)]
    report = " ".join(response[s.start : s.end] for s in segments if s.type == "report")
    regular = [image.path for image in images] == paths and len(set(marks)) == len(marks)
    return TraceRecord(
        id=str(row.get("sample_id", "")),
        study=StudyOf(study=str(row.get("sample_id", ""))),
        images=tuple(images),
        response=response,
        image_order=tuple(names),
        segments=tuple(segments),
        report=read_sections(unescaped(report)) if report else Report(),
        provenance=Provenance(producer=producer, mode="import"),
        invalid=count_mismatch("", response, len(names)),
        notes=tuple(f"{image.id}: {_why(image.id)}" for image in images if image.path is None),
        extra=fields_of(dict(row), FIELDS if regular else FIELDS[:2]),
    )


def write(record: TraceRecord) -> dict[str, Any]:
    """A line; pictures of records from elsewhere are numbered in their order."""
    own = all(_MARK.fullmatch(f"<{name.split('#')[0]}>") for name in record.image_order)
    paths = {image.id: image.path for image in record.images}
    asked = record.prompt.count(PLACEHOLDER)
    order = record.image_order[asked:]
    marks = [
        name.split("#")[0] if own else f"{'' if paths.get(name) else 'invalid_'}image_{i}"
        for i, name in enumerate(order)
    ]
    pieces = record.response.split(PLACEHOLDER)
    tags = [f"<{mark}>" for mark in marks] + [PLACEHOLDER] * (len(pieces) - 1 - len(marks))
    text = "".join(unescaped(words) + tag for words, tag in zip(pieces, [*tags, ""], strict=False))
    extra = {name: msgspec.json.decode(raw) for name, raw in record.extra.items()}
    return {"sample_id": record.id, "text": text, "image_paths": [paths.get(name) for name in order], **extra}


def _distinct(marks: Sequence[str]) -> list[str]:
    """Ids of the marks; a mark that comes again gets a number."""
    seen: dict[str, int] = {}
    names = []
    for mark in marks:
        seen[mark] = seen.get(mark, 0) + 1
        names.append(mark if seen[mark] == 1 else f"{mark}#{seen[mark]}")
    return names


def _image(name: str, mark: str, paths: Sequence[object]) -> RecordImage:
    number = int(mark.rpartition("_")[2])
    path = paths[number] if mark.startswith("image") and number < len(paths) else None
    return RecordImage(
        name, "reasoning", path if isinstance(path, str) else None, render="generated", source="generated"
    )


def _judged(segment: Segment, images: Sequence[RecordImage]) -> Segment:
    """A placeholder without a picture is invalid, and says why."""
    lost = segment.type == "image" and any(image.id == segment.image and image.path is None for image in images)
    return msgspec.structs.replace(segment, type="invalid", why=_why(segment.image or "")) if lost else segment


def _why(name: str) -> str:
    return WHY.get(name.partition("_")[0], "image_paths has no path for it")
