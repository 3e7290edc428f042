"""Reads CheXpert Plus: ``df_chexpert_plus_240401.csv``, one row an image, reports in sections.

Columns: path_to_image (``train/patient42142/study5/view1_frontal.jpg``), frontal_lateral, ap_pa, deid_patient_id,
patient_report_date_order, report, section_narrative, section_clinical_history, section_history, section_comparison,
section_technique, section_procedure_comments, section_findings, section_impression, section_summary, age, sex, split
(train, valid), and others. Images are JPEG of CheXpert, or the PNG release (``PNG/train/…``); which one lies on the
disk is found out from the first. One study an examination, ``patient42142/study5``. ``patient_report_date_order`` is
an order and no date, so there are no priors with an interval, and none are made up. Sources: arXiv 2405.19538 (Chambon
et al.), github.com/Stanford-AIMI/chexpert-plus. The data is given under Stanford's research use agreement, so it
counts as credentialed unless the user says otherwise.
"""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.decode import is_file
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import ClinicalContext, Image, Report, Study
from mmrad_eval.datasets import arrow, columns, sections
from mmrad_eval.datasets.lazy import LazyStudies
from mmrad_eval.datasets.recognise import header, holds
from mmrad_eval.datasets.source import Source, recognised_by

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED = ("path_to_image", "section_findings", "section_impression")
OPTIONAL = (
    *("deid_patient_id", "frontal_lateral", "ap_pa", "split", "age", "sex", "section_clinical_history"),
    *("section_history", "section_comparison", "section_technique", "section_procedure_comments"),
)
FOLDERS = ("", "PNG", "PNG/PNG", "CheXpert-v1.0", "CheXpert-v1.0-small")
SUFFIXES = (".jpg", ".png", ".dcm")


def _is_ours(path: Path) -> bool:
    return holds(path, "df_chexpert_plus*.csv*") or header(path) >= {"path_to_image", "section_findings"}


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study an examination."""
    path = source.file()
    if path.is_dir():
        found = sorted(path.rglob("df_chexpert_plus*.csv*"))
        if not found:
            raise DataError(f"{path}: contains no df_chexpert_plus_240401.csv")
        path = found[0]
    table = arrow.read_columns(path, REQUIRED, OPTIONAL, source.problems, long_texts=True)
    studies = Examinations(source, path, table)
    note = "patient_report_date_order is not a date: no priors"
    return Dataset("chexpert-plus", studies, source.data_use or "credentialed", str(path), "chexpert-plus", (note,))


class Examinations(LazyStudies):
    """The examinations in the order of their first image."""

    def __init__(self, source: Source, path: Path, table: dict[str, pa.Array]) -> None:
        import pyarrow as pa

        self._columns = table
        names: list[str] = table["path_to_image"].to_pylist()
        coded = pa.array([str(PurePosixPath(name).parent) for name in names]).dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self._ids: list[str] = ["/".join(p.split("/")[-2:]) for p in coded.dictionary.to_pylist()]
        self._rows = np.argsort(codes, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(self._ids)))])
        self._base, self._suffix = _place(source.images or path.parent, names[0] if names else "")

    def __len__(self) -> int:
        return len(self._ids)

    def outline(self, place: int) -> Study:
        """Id, patient and split."""
        row = int(self._rows[self._starts[place]])
        patient = self._cell("deid_patient_id", row) or self._ids[place].split("/")[0]
        return Study(id=self._ids[place], patient=patient, split=self._cell("split", row))

    def digest(self) -> str:
        """Of all columns that are read."""
        sha = hashlib.sha256(b"chexpert-plus 1")
        for name, column in sorted(self._columns.items()):
            sha.update(f"|{name}:".encode() + "\n".join(column.to_pylist()).encode())
        return sha.hexdigest()

    def read(self, place: int) -> Study:
        """Images, frontal first, and the report of the first row."""
        rows = self._rows[self._starts[place] : self._starts[place + 1]].tolist()
        outline, row = self.outline(place), rows[0]
        findings, impression = self._cell("section_findings", row), self._cell("section_impression", row)
        images = sorted((self._image(r) for r in rows), key=lambda i: i.view == "Lateral")
        return Study(
            id=outline.id,
            images=tuple(images),
            patient=outline.patient,
            reference=Report(sections.join(findings, impression), findings, impression),
            context=ClinicalContext(
                indication=self._cell("section_clinical_history", row),
                comparison=self._cell("section_comparison", row),
                technique=self._cell("section_technique", row) or self._cell("section_procedure_comments", row),
                history=self._cell("section_history", row),
                age=self._cell("age", row),
                sex=self._cell("sex", row),
            ),
            split=outline.split,
        )

    def _image(self, row: int) -> Image:
        """Its view is AP or PA where that is said of a frontal one."""
        name = str(self._columns["path_to_image"][row].as_py())
        side, projection = self._cell("frontal_lateral", row), self._cell("ap_pa", row)
        path = (self._base / name).with_suffix(self._suffix)
        return Image(path=str(path), name=name, view=projection if side == "Frontal" and projection else side)

    def _cell(self, name: str, row: int) -> str | None:
        text = columns.text(self._columns[name][row].as_py())
        text = text.strip().removesuffix(".0") if text and name == "age" else text and text.strip()
        return text or None


def _place(base: Path, first: str) -> tuple[Path, str]:
    """Where the images lie, and what they end in, told by the first one; the name's own where none is there."""
    for folder in FOLDERS:
        for suffix in SUFFIXES:
            if first and is_file(base / folder / f"{PurePosixPath(first).with_suffix('')}{suffix}"):
                return (base / folder).absolute(), suffix
    return base.absolute(), PurePosixPath(first).suffix or ".jpg"
