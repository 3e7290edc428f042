"""Where films, regions and reports come from: a dataset, and for one without reports another that has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as remade
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mmrad_eval import datasets
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import ClinicalContext, DataUse, Study
from mmrad_eval.datasets.lazy import LazyStudies

MIMIC = ("mimic", "mimic-images")


def load(
    spec: str,
    *,
    link: str | None = None,
    images: Path | None = None,
    data_use: DataUse | None = None,
    patient_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Dataset:
    """The source of a build. ``link`` is a MIMIC-CXR folder, or any data whose studies have the same ids."""
    mimic = None if link is None else _mimic(link)
    found = datasets.load(
        spec,
        images=images,
        data_use=data_use,
        patient_column=patient_column,
        columns=columns,
        link=mimic,
        options=options,
    )
    if link is None or mimic is not None:
        return found
    return joined(found, datasets.load(link, data_use=data_use))


def _mimic(link: str) -> Path | None:
    """The folder of MIMIC-CXR that a link names; None where it names other data."""
    folder = Path(link)
    try:
        name, path = datasets.locate(link)
    except UsageError:
        return folder if folder.is_dir() else None  # an archive in a layout that only the reader itself knows
    if name not in MIMIC:
        return None
    return path or (folder if folder.is_dir() else None)  # a folder may be called as its format is


def places(spec: str, link: str | None) -> tuple[Path, ...]:
    """The files and folders that a source is read from."""
    read = datasets.locate(datasets.split_options(spec)[0])[1]
    other = None if link is None else _mimic(link) or datasets.locate(datasets.split_options(link)[0])[1]
    return tuple(path for path in (read, other) if path is not None)


def joined(dataset: Dataset, reports: Dataset) -> Dataset:
    """The dataset with reports, patients, splits and films of other data, by the ids of studies."""
    known = {study.id: study for study in reports.studies}
    studies = tuple(_filled(study, known.get(study.id)) for study in dataset.studies)
    found = sum(study.id in known for study in studies)
    if not found:
        raise DataError(
            f"{reports.source}: none of its {len(known)} ids occurs in {dataset.source} (first ids: "
            f"{next(iter(known), 'none')!r} and {studies[0].id if studies else 'none'!r}); both must use the same ids"
        )
    note = f"reports of {found} of {len(studies)} studies come from {reports.source}"
    use = strictest((dataset.data_use, reports.data_use))
    return remade(dataset, studies=studies, data_use=use, notes=(*dataset.notes, note))


def _filled(study: Study, other: Study | None) -> Study:
    if other is None:
        return study
    context = {
        name: getattr(study.context, name) or getattr(other.context, name) for name in ClinicalContext.__struct_fields__
    }
    return replace(
        study,
        images=study.images or other.images,
        patient=study.patient or other.patient,
        reference=study.reference or other.reference,
        labels=study.labels or other.labels,
        context=ClinicalContext(**context),
        split=study.split or other.split,
    )


def rows_of(studies: Sequence[Study], place: int) -> list[dict[str, Any]]:
    """The rows that a study was made of, where the source has several for each; else none."""
    return studies.rows(place) if isinstance(studies, LazyStudies) else []
