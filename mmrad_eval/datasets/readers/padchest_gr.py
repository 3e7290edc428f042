"""Reads PadChest-GR: ``grounded_reports_20240819.json`` with ``master_table.csv`` beside it.

A record of the JSON: StudyID, ImageID (the file name), PreviousStudyID, PreviousImageID, findings: a list of
sentence_en, sentence_es, abnormal, boxes and extra_boxes ([x1, y1, x2, y2], shares of width and height; two readers),
labels, locations, progression. The table has a row for each study and label: StudyID, PatientID, split, PatientAge,
PatientSex_DICOM, StudyDate_DICOM, ... Images lie in ``Padchest_GR_files/PadChest_GR/``, prior ones in
``PadChest_GR_progression_prior_studies/``. ``padchest-gr`` reads the English sentences, ``padchest-gr-es`` the Spanish
ones. The findings are the sentences in their order; there is no impression. Sources: arXiv 2411.05085 (Castro et al.)
and public loaders. The data is given on request under a research use agreement, so it counts as credentialed unless
the user says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, ClinicalContext, Image, Label, PriorStudy, ReaderBox, Report, Study
from mmrad_eval.datasets import columns, files
from mmrad_eval.datasets.recognise import holds, json_start
from mmrad_eval.datasets.rows import read_rows
from mmrad_eval.datasets.source import Record, Source, gather, recognised_by

REPORTS = "grounded_reports_*.json"
TABLES = ("master_table.csv", "master_table.csv.zip", "master_table.csv.gz")
FRAME = "norm_1"
READERS = (("boxes", "1"), ("extra_boxes", "2"))
FOLDERS = ("Padchest_GR_files/PadChest_GR", "Padchest_GR_files", "PadChest_GR", "images_grounding")
PRIOR_FOLDERS = ("PadChest_GR_progression_prior_studies",)


def _is_ours(path: Path) -> bool:
    start = json_start(path)
    listed = start.startswith("[") and '"StudyID"' in start and '"sentence_' in start
    return listed or holds(path, "grounded_reports_*.json")


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """The English sentences."""
    return _dataset(source, "padchest-gr", "sentence_en")


def read_spanish(source: Source) -> Dataset:
    """The Spanish sentences."""
    return _dataset(source, "padchest-gr-es", "sentence_es")


def _dataset(source: Source, name: str, sentence: str) -> Dataset:
    path = source.file()
    if path.is_dir():
        found = sorted(path.rglob(REPORTS))
        if not found:
            raise DataError(f"{path}: contains no {REPORTS}")
        path = found[0]
    value = files.json_file(path, source.problems)
    if not isinstance(value, list):
        raise DataError(f"{path}: contains {files.kind(value)}; the grounded reports are a list of studies")
    known = _known(source, path.parent)
    studies = gather(_records(source, path, value, known, sentence), source.problems)
    return Dataset(name, studies, source.data_use or "credentialed", str(path), name)


def _known(source: Source, folder: Path) -> dict[str, dict[str, Any]]:
    """StudyID -> its first row of the master table."""
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if table is None:
        what = "there is no master_table.csv beside it: no patients, no splits"
        source.problems.warn("no master table", what, file=str(folder))
        return {}
    found: dict[str, dict[str, Any]] = {}
    rows = read_rows(table, source.problems)
    if "StudyID" not in rows.columns:
        raise DataError(f"{table}: has no column StudyID; its columns are {', '.join(rows.columns)}")
    for row in rows.rows:
        found.setdefault(str(row.cells["StudyID"]), row.cells)
    return found


def _records(
    source: Source, path: Path, value: list[Any], known: dict[str, dict[str, Any]], sentence: str
) -> Iterator[Record]:
    for number, fields in enumerate(value, start=1):
        study_id = columns.text(fields.get("StudyID")) if isinstance(fields, dict) else None
        if study_id is None:
            source.problems.error("no id", f"record {number} has no StudyID", file=str(path))
            continue
        if known and study_id not in known:
            what = "the master table does not name this study: no patient, no split"
            source.problems.warn("not in the table", what, file=str(path), study=study_id)
        yield Record(_study(source, path, study_id, fields, known.get(study_id, {}), sentence), str(path))


def _study(  # noqa: PLR0917 - a record, its row, and where both come from
    source: Source, path: Path, study_id: str, fields: dict[str, Any], row: dict[str, Any], sentence: str
) -> Study:
    findings = [f for f in columns.listing(fields.get("findings")) if isinstance(f, dict)]
    text = " ".join(said.strip() for f in findings if (said := columns.text(f.get(sentence))))
    split = columns.text(row.get("split"))
    return Study(
        id=study_id,
        images=tuple(_image(source, path.parent, name, "current") for name in _names(fields.get("ImageID"))),
        patient=columns.text(row.get("PatientID")),
        reference=Report(text, findings=text or None),
        boxes=tuple(box for f in findings for box in _boxes(source, path, study_id, f, sentence)),
        labels=_labels(findings),
        priors=_prior(source, path.parent, fields),
        context=ClinicalContext(age=columns.text(row.get("PatientAge")), sex=columns.text(row.get("PatientSex_DICOM"))),
        split=split.strip().lower() if split else None,
    )


def _boxes(source: Source, path: Path, study_id: str, finding: dict[str, Any], sentence: str) -> Iterator[ReaderBox]:
    """The boxes of both readers; numbers that make no box are an error."""
    for field, reader in READERS:
        for numbers in columns.listing(finding.get(field)):
            try:
                left, top, right, bottom = (float(number) for number in numbers)
            except (TypeError, ValueError):
                what = f"{field} holds {str(numbers)[:60]}, which is not [x1, y1, x2, y2]"
                source.problems.error("broken box", what, file=str(path), study=study_id)
                continue
            yield ReaderBox(
                Box((left, top, right, bottom), FRAME),
                label=", ".join(columns.texts(finding.get("labels"))),
                sentence=columns.text(finding.get(sentence)) or "",
                reader=reader,
                progression=columns.text(finding.get("progression")) or "",
            )


def _labels(findings: list[dict[str, Any]]) -> tuple[Label, ...]:
    named = (label for f in findings if f.get("abnormal") for label in columns.texts(f.get("labels")))
    return tuple(Label(name, 1.0, "padchest-gr") for name in dict.fromkeys(named))


def _prior(source: Source, folder: Path, fields: dict[str, Any]) -> tuple[PriorStudy, ...]:
    """The previous study; its report is not part of the data."""
    name, study = columns.text(fields.get("PreviousImageID")), columns.text(fields.get("PreviousStudyID"))
    if name is None and study is None:
        return ()
    return (PriorStudy(study or name or "", tuple(_image(source, folder, n, "prior") for n in _names(name))),)


def _names(cell: Any) -> list[str]:
    return columns.texts(cell)


def _image(source: Source, folder: Path, name: str, role: Any) -> Image:
    base = source.images or folder
    folders = (*PRIOR_FOLDERS, *FOLDERS) if role == "prior" else FOLDERS
    where = next((base / f / name for f in folders if (base / f).is_dir()), base / name)
    return Image(path=str(where.absolute()), name=name, role=role)
