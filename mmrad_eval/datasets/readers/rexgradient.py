"""Reads ReXGradient-160K: ``metadata/train_metadata_view_position.json`` and its like, or the folder that holds them.

An object of studies by ``p<patient>_a<accession>_s<study>``; fields: PatientID, PatientSex, PatientAge, StudyDate,
Indication, Comparison, Findings, Impression, ImagePath (list,
``../deid_png/<patient>/<accession>/studies/<study>/series/<series>/instances/<image>.png``), ImageViewPosition (list,
one a path). Splits are the names of the files: train, valid, test. The prior is the patient's latest prior study by
StudyDate. Sources: huggingface.co/datasets/rajpurkarlab/ReXGradient-160K and public loaders of it. The data is given
under a licence agreement, so it counts as credentialed unless the user says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import ClinicalContext, Image, PriorStudy, Report, Study
from mmrad_eval.datasets import columns, files, sections, views
from mmrad_eval.datasets.recognise import holds, json_start
from mmrad_eval.datasets.source import Record, Source, gather, recognised_by

FILE = re.compile(r"(?P<split>[A-Za-z]+)_metadata(?:_view_position)?\.json(?:\.gz)?")
FIELDS = ("Findings", "Impression", "ImagePath")


def _is_ours(path: Path) -> bool:
    start = json_start(path)
    keyed = start.startswith("{") and ('"StudyInstanceUid"' in start or '"ImageViewPosition"' in start)
    return keyed or holds(path, "metadata/*_metadata*.json", "*_metadata_view_position.json")


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study a key."""
    path = source.file()
    dates: dict[str, str] = {}
    studies = gather(_records(source, _files(path), dates), source.problems)
    return Dataset(
        "rexgradient", _with_priors(studies, dates), source.data_use or "credentialed", str(path), "rexgradient"
    )


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [p for folder in (path, path / "metadata") if folder.is_dir() for p in sorted(folder.iterdir())]
    named = [p for p in found if FILE.fullmatch(p.name)]
    with_views = [p for p in named if "view_position" in p.name]
    if not named:
        raise DataError(f"{path}: contains no train_metadata_view_position.json or similar file")
    return with_views or named


def _records(source: Source, paths: list[Path], dates: dict[str, str]) -> Iterator[Record]:
    for path in paths:
        value = files.json_file(path, source.problems)
        if not isinstance(value, dict):
            raise DataError(f"{path}: contains {files.kind(value)}; ReXGradient's metadata is an object of studies")
        named = FILE.fullmatch(path.name)
        split = named["split"].lower() if named else None
        for key, fields in value.items():
            if not isinstance(fields, dict) or not any(name in fields for name in FIELDS):
                what = f"this is not a study: it has none of {', '.join(FIELDS)}"
                source.problems.error("not a study", what, file=str(path), study=key)
                continue
            dates[key] = columns.text(fields.get("StudyDate")) or ""
            yield Record(_study(source, path, key, fields, split), str(path))


def _study(source: Source, path: Path, key: str, fields: dict[str, Any], split: str | None) -> Study:
    said = {name: _said(fields.get(name)) for name in ("Findings", "Impression", "Indication", "Comparison")}
    return Study(
        id=key,
        images=_images(source, path, key, fields),
        patient=columns.text(fields.get("PatientID")),
        reference=Report(sections.join(said["Findings"], said["Impression"]), said["Findings"], said["Impression"]),
        context=ClinicalContext(
            indication=said["Indication"],
            comparison=said["Comparison"],
            age=columns.text(fields.get("PatientAge")),
            sex=columns.text(fields.get("PatientSex")),
        ),
        split=split,
    )


def _said(cell: Any) -> str | None:
    """A section; the word None alone stands for one that is not there."""
    text = columns.text(cell)
    return None if text is None or text.strip().lower() in {"none", "nan"} else text.strip()


def _images(source: Source, path: Path, key: str, fields: dict[str, Any]) -> tuple[Image, ...]:
    names, words = columns.texts(fields.get("ImagePath")), fields.get("ImageViewPosition")
    known = [columns.text(w) for w in words] if isinstance(words, list) else [columns.text(words)] * len(names)
    if len(known) != len(names):
        what = f"ImageViewPosition names {len(known)} views for {len(names)} images; views are left unknown"
        source.problems.warn("views do not match", what, file=str(path), study=key)
        known = [None] * len(names)
    images = [_image(source, path, name, view) for name, view in zip(names, known, strict=True)]
    return tuple(sorted(images, key=lambda i: views.orientation(i.view) not in {"frontal", None}))


def _image(source: Source, path: Path, name: str, view: str | None) -> Image:
    """``../deid_png/…`` is beside the folder of metadata, or under the folder of images."""
    plain = re.sub(r"^(?:\.\./)+", "", name)
    base = source.images or (path.parent.parent if path.parent.name == "metadata" else path.parent)
    inner = plain.removeprefix("deid_png/")
    where = base / plain if (base / "deid_png").is_dir() or source.images is None else base / inner
    return Image(path=str(where.absolute()), name=plain, view=view)


def _with_priors(studies: Sequence[Study], dates: dict[str, str]) -> tuple[Study, ...]:
    """Each study with the patient's latest earlier one, where both have a date."""
    by_patient: dict[str, list[tuple[datetime, Study]]] = {}
    when = {key: _date(text) for key, text in dates.items()}
    for study in studies:
        moment = when[study.id]
        if study.patient and moment:
            by_patient.setdefault(study.patient, []).append((moment, study))
    return tuple(_with_prior(s, when[s.id], by_patient.get(s.patient or "", [])) for s in studies)


def _with_prior(study: Study, moment: datetime | None, all_of: list[tuple[datetime, Study]]) -> Study:
    earlier = [(date, other) for date, other in all_of if moment and date < moment]
    if not earlier or moment is None:
        return study
    date, other = max(earlier, key=lambda pair: pair[0])
    images = tuple(msgspec.structs.replace(image, role="prior") for image in other.images)
    prior = PriorStudy(other.id, images, other.reference, float((moment - date).days))
    return msgspec.structs.replace(study, priors=(prior,))


def _date(text: str) -> datetime | None:
    digits = re.sub(r"\D", "", text)[:8]
    try:
        return datetime.strptime(digits, "%Y%m%d")  # noqa: DTZ007 - shifted dates have no zone
    except ValueError:
        return None
