"""Stage 9, ``assemble``: the record in the authors' form, with its split; from it the neutral trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from mmrad_eval.construction.crop import stated
from mmrad_eval.construction.records import CollectedStudy, StageLine
from mmrad_eval.construction.splits import Splits
from mmrad_eval.core.data_use import FIELD
from mmrad_eval.core.values import DataUse, Image, Report, Step, Trace
from mmrad_eval.traces import geometry, mmrad
from mmrad_eval.traces.record import (
    RecordImage,
    StudyOf,
    TraceRecord,
    escaped,
)

VERSION = 1


def assemble(line: StageLine, study: CollectedStudy, splits: Splits) -> StageLine:
    """The record: announce, image, box, observation for each step, then the report."""
    by_step = {image.step: image for image in line.images if image.step}
    steps = []
    for number, step in enumerate(line.steps, start=1):
        made = by_step.get(number)
        picture = Image(path=made.file, name=made.file, role="region") if made else None
        steps.append(
            Step(step.phrase, step.regions, step.category, stated(step, study.size), picture, escaped(step.text))
        )
    film = line.images[0].file if line.images else study.image or line.id
    paths = [film, *(step.image.path for step in steps if step.image)]
    record = mmrad.compose(Trace(tuple(steps)), escaped(report_words(study.report)), paths)
    return replace(line, split=splits.of(study.patient, line.id), record=record)


def report_words(report: Report) -> str:
    """A report as the authors' records write it, by its sections where it has some."""
    parts = [("Findings", report.findings), ("Impression", report.impression)]
    named = [f"{name}: {' '.join(text.split())}" for name, text in parts if text and text.strip()]
    return " ".join(named) or " ".join(report.text.split())


def neutral(line: StageLine, study: CollectedStudy, name: str, data_use: DataUse) -> TraceRecord:
    """The record as ``mmrad.trace/1``, with what is known of its pictures."""
    size = line.images[0].size if line.images else study.size
    known = mmrad.parse(
        line.record,
        line.id,
        study=StudyOf(name, study.patient, line.id, study.image, line.split, data_use),
        source_size=size,
    )
    made = {image.file: image for image in line.images}
    pictures = tuple(_picture(one, made) for one in known.images)
    return replace(
        known,
        images=pictures,
        report=study.report,
        notes=(),
    )


def _picture(one: RecordImage, made: Mapping[str, Any]) -> RecordImage:
    known = made.get(one.path or "")
    if known is None:
        return one
    own = replace(one, sha256=known.sha256, size=known.size)
    if one.role == "problem":
        return own
    return replace(own, render=known.render, box_frame=geometry.CANONICAL)


def authors(line: StageLine, study: CollectedStudy, data_use: DataUse) -> dict[str, Any]:
    """The record in the authors' form, with what tells the split and the class of its data."""
    more = {"id": line.id, "patient": study.patient, "split": line.split, FIELD: data_use}
    return line.record | {name: value for name, value in more.items() if value is not None}


def encoded(value: object) -> bytes:
    """A line of JSON."""
    return msgspec.json.encode(value) + b"\n"
