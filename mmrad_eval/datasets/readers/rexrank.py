"""Reads the JSON of the ReXrank board: an object of studies by id.

Fields of a study: ``key_image_path``, ``image_path`` (list), ``report``, ``section_findings``, ``section_impression``,
``context`` (indication, comparison, age and sex under their headings), ``frontal_lateral`` (a view for each image),
``split``. Source of the format: github.com/rajpurkarlab/ReXrank, ``data/iu_xray/ReXRank_IUXray_valid.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import apart
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import ClinicalContext, Image, Report, Study
from mmrad_eval.datasets import columns, files, sections
from mmrad_eval.datasets.credentialed import class_of_rows
from mmrad_eval.datasets.readers.table import split
from mmrad_eval.datasets.recognise import json_start
from mmrad_eval.datasets.references import WORDS, reference
from mmrad_eval.datasets.source import Record, Source, dataset_name, gather, recognised_by

SUBJECT = re.compile(r"(?:^|/)p(1\d{7})/s5\d{7}(?:/|\.|$)")
"""The patient in the name of a MIMIC-CXR file."""
FIELDS = ("key_image_path", "image_path", "report", "section_findings", "section_impression")


def _is_ours(path: Path) -> bool:
    return json_start(path).startswith("{")


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study a key of the object."""
    path = source.file()
    value = files.json_file(path, source.problems)
    if not isinstance(value, dict):
        raise DataError(f"{path}: contains {files.kind(value)}; ReXrank's JSON is an object of studies by id")
    value, said = apart(value)
    studies = gather(_records(source, value), source.problems)
    rows = [one for one in value.values() if isinstance(one, dict)]
    use = class_of_rows([said, *rows] if said else rows, source.data_use or "unknown")
    return Dataset(dataset_name(path), studies, use, str(path), "rexrank")


def _records(source: Source, value: dict[str, Any]) -> Iterator[Record]:
    file = str(source.file())
    for study_id, record in value.items():
        if not isinstance(record, dict) or not any(field in record for field in FIELDS):
            seen = f"an object with {', '.join(record)}" if isinstance(record, dict) else files.kind(record)
            source.problems.error(
                "not a study", f"this is {seen}; a study has {', '.join(FIELDS)}", file=file, study=study_id
            )
            continue
        yield Record(_study(source, study_id, record), file)


def _study(source: Source, study_id: str, record: dict[str, Any]) -> Study:
    patient = source.patient(record, ("subject_id",), str(source.file()), study_id)
    images = _images(source, study_id, record)
    subject = next((m[1] for image in images if (m := SUBJECT.search(image.name))), None)
    return Study(
        id=study_id,
        images=images,
        patient=patient or subject,
        reference=_report(record, source, study_id),
        context=_context(record),
        split=split(source, record.get("split"), "split" in record, str(source.file()), None, study_id),
    )


def _report(record: dict[str, Any], source: Source, study_id: str) -> Report | None:
    """Sections of their own fields win; headings of the whole are read only where there is none."""
    words = dict(zip(FIELDS[2:], WORDS, strict=True))
    cells = {word: record[field] for field, word in words.items() if field in record}
    file = str(source.file())
    whole = reference({word: cells[word] for word in WORDS[:1] if word in cells}, source.problems, file, None, study_id)
    own = reference({word: cells[word] for word in WORDS[1:] if word in cells}, source.problems, file, None, study_id)
    if own is None or not (own.findings or own.impression):
        return whole or own
    return Report((whole and whole.text) or own.text, own.findings, own.impression)


def _context(record: dict[str, Any]) -> ClinicalContext:
    """Fields of their own win over the headings in ``context``."""
    read = sections.read_context(columns.text(record.get("context")) or "")
    named = {columns.plain(key): columns.text(value) for key, value in record.items()}
    return ClinicalContext(
        **{
            field: next((named[a] for a in columns.STUDY[field] if named.get(a)), None) or getattr(read, field)
            for field in ClinicalContext.__struct_fields__
        }
    )


def _images(source: Source, study_id: str, record: dict[str, Any]) -> tuple[Image, ...]:
    """The key image first, the others in the order of the file."""
    names, views = columns.texts(record.get("image_path")), columns.texts(record.get("frontal_lateral"))
    key = columns.text(record.get("key_image_path"))
    if views and len(views) != len(names):
        source.problems.warn(
            "views do not match",
            f"frontal_lateral names {len(views)} views for {len(names)} images; views are left unknown",
            file=str(source.file()),
            study=study_id,
        )
        views = []
    images = [source.image(n, view=v) for n, v in zip(names, views or repeat(None), strict=False)]
    if key and key not in names:
        images.insert(0, source.image(key))
    return tuple(sorted(images, key=lambda image: image.name != key))
