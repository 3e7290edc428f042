"""Reads the jsonl of MMRad-22K (MMRad-IVL-22K): one interleaved trace a line, with ``prompt``, ``response`` and
``images``.

The id of a study is the line's own ``id`` or ``study_id``, else the folder of its problem image
(``IVLImage/<id>/problem_image_1.jpg``). Further fields that are understood: ``split``, ``patient`` or ``subject_id``.
The reference is what follows the report cue, by its headings. The format is that of the authors' published example,
read in ``traces/mmrad.py``; its traces were made from MIMIC-CXR reports, so the data is credentialed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Study
from mmrad_eval.datasets import columns, files, sections
from mmrad_eval.datasets.readers.table import split
from mmrad_eval.datasets.recognise import first_line
from mmrad_eval.datasets.source import Record, Source, at_least, dataset_name, gather, recognised_by
from mmrad_eval.traces import mmrad, record

ID = ("id", "study_id", "dicom_id")
PATIENT = ("patient", "patient_id", "subject_id")


def _is_ours(path: Path) -> bool:
    line = first_line(path)
    return all(f'"{key}"' in line for key in ("prompt", "response", "images"))


@at_least("credentialed")
@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study a line."""
    path = source.file()
    studies = gather(_records(source, path), source.problems)
    return Dataset(dataset_name(path), studies, "credentialed", str(path), "mmrad")


def _records(source: Source, path: Path) -> Iterator[Record]:
    for line, fields in files.json_lines(path, source.problems):
        try:
            found = mmrad.parse(fields, _first(fields, ID) or "", where=f"{path}:{line}")
        except DataError as error:
            what = str(error).removeprefix(f"{path}:{line}: ")
            source.problems.error("broken record", what, file=str(path), line=line)
            continue
        if not found.id:
            what = "there is no id, and no problem image whose folder would give one"
            source.problems.error("no id", what, file=str(path), line=line)
            continue
        if found.invalid:
            source.problems.error("placeholder count", found.invalid, file=str(path), line=line, study=found.id)
        for note in found.notes:
            source.problems.warn("text outside the form", note, file=str(path), line=line, study=found.id)
        yield Record(_study(source, path, found, fields, line), str(path), line)


def _study(source: Source, path: Path, found: record.TraceRecord, fields: dict[str, Any], line: int) -> Study:
    root = str((source.images or path.parent).absolute())
    problems = (image for image in found.images if image.role == "problem" and image.path)
    return Study(
        id=found.id,
        images=tuple(source.image(image.path or "", size=image.size) for image in problems),
        patient=source.patient(fields, PATIENT, str(path), found.id),
        reference=sections.read_report(found.report.text),
        trace=record.trace_of(found, root),
        split=split(source, fields.get("split"), "split" in fields, str(path), line, found.id),
    )


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := columns.text(fields.get(name)))), None)
