"""Reads ``annotation.json`` of R2Gen and its many followers: an object of splits, each a list of records.

Fields of a record: ``id``, ``image_path`` (list), ``report``; MIMIC-CXR's also have ``study_id`` and ``subject_id``,
and one record an image. ``report`` is the findings section unless it has headings of its own. Images lie in
``images/`` beside the file. Source of the format: github.com/zhjohnchan/R2Gen, ``modules/datasets.py`` and
``modules/tokenizers.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import apart
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import DataUse, Image, Report, Study
from mmrad_eval.datasets import columns, files, raw_text
from mmrad_eval.datasets.containers import is_texts
from mmrad_eval.datasets.credentialed import class_of_rows
from mmrad_eval.datasets.recognise import holds, json_start
from mmrad_eval.datasets.references import reference
from mmrad_eval.datasets.source import BLANK_SPLIT, Record, Source, dataset_name, gather, recognised_by

_CLASS = r'(?:"(?:data_use|licence_class)"\s*:\s*"[^"]*"\s*,\s*)*(?!"(?:data_use|licence_class)")'
"""Keys in front of the records that state the class of them all."""
_BY_SPLIT = re.compile(rf'\{{\s*{_CLASS}"(?:train|val|valid|validate|test|\s*)"\s*:\s*\[')
_BY_ID = re.compile(rf'\{{\s*{_CLASS}"[^"]*"\s*:\s*(?:\[\s*)?"')


def _is_ours(path: Path) -> bool:
    start = json_start(path)
    listed = start.startswith("[") and all(f'"{key}"' in start for key in ("report", "image_path", "split"))
    return holds(path, "annotation.json") or bool(listed or _BY_SPLIT.match(start) or _BY_ID.match(start))


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study a record; the split is the key that its list stands under."""
    path = source.file()
    if path.is_dir():
        path /= "annotation.json"
        if not path.is_file():
            raise DataError(f"{path.parent}: contains no annotation.json")
    value = files.json_file(path, source.problems)
    value, said = apart(value) if isinstance(value, dict) else (value, {})
    value = _by_split(value)
    if value is None:
        raise DataError(f'{path}: is not an annotation of R2Gen: {{"train": [...], "val": [...], "test": [...]}}')
    studies = gather(_records(source, path, value), source.problems)
    return Dataset(dataset_name(path), studies, _data_use(source, studies, value, said), str(path), "r2gen")


def _by_split(value: Any) -> dict[str, list[Any]] | None:
    """Records by split: the annotation itself, a flat list of its records, or texts by id (``gts.json``)."""
    if isinstance(value, list):
        found: dict[str, list[Any]] = {}
        for record in value:
            found.setdefault(str(record.get("split") or "test") if isinstance(record, dict) else "test", []).append(
                record
            )
        return found
    if not isinstance(value, dict):
        return None
    if value and all(isinstance(item, str) or is_texts(item) for item in value.values()):
        return {"test": [{"id": key, "report": item} for key, item in value.items()]}
    return value if all(isinstance(records, list) for records in value.values()) else None


def _records(source: Source, path: Path, value: dict[str, list[Any]]) -> Iterator[Record]:
    for name, records in value.items():
        if not name.strip():
            source.problems.warn(
                "blank split",
                f"a split without a name contains {len(records)} records; --split {BLANK_SPLIT} selects them",
                file=str(path),
            )
        for number, record in enumerate(records, start=1):
            place = f"record {number} of split {name!r}"
            study_id = raw_text.identifier(record.get("id")) if isinstance(record, dict) else None
            if study_id is None:
                seen = "no id" if isinstance(record, dict) else files.kind(record)
                source.problems.error("no id", f"{place}: {seen}, not a record with an id", file=str(path))
                continue
            yield Record(_study(source, path, study_id, record, name), str(path))


def _study(source: Source, path: Path, study_id: str, record: dict[str, Any], split: str) -> Study:
    return Study(
        id=study_id,
        images=_images(source, path, record),
        patient=source.patient(record, ("subject_id",), str(path), study_id),
        reference=_report(record, source, str(path), study_id),
        split=split.strip().lower() or BLANK_SPLIT,
    )


def _report(record: dict[str, Any], source: Source, file: str, study_id: str) -> Report | None:
    cells = {"report": record["report"]} if "report" in record else {}
    read = reference(cells, source.problems, file, None, study_id)
    if read is not None and read.findings is None and read.impression is None:
        return Report(read.text, findings=read.text or None)
    return read


def _images(source: Source, path: Path, record: dict[str, Any]) -> tuple[Image, ...]:
    beside = path.parent / "images"
    names = columns.texts(record.get("image_path"))
    if source.images is None and beside.is_dir():
        return tuple(Image(path=str((beside / name).absolute()), name=name) for name in names)
    return tuple(source.image(name) for name in names)


def _data_use(source: Source, studies: Sequence[Study], value: dict[str, list[Any]], said: dict[str, str]) -> DataUse:
    """Records with a subject are MIMIC-CXR's, which is credentialed."""
    if any(study.patient for study in studies):
        return "credentialed"
    rows = [record for records in value.values() for record in records if isinstance(record, dict)]
    return class_of_rows([said, *rows] if said else rows, source.data_use or "unknown")
