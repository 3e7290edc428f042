"""Who, when and which images: the lists of MIMIC-CXR as one index, without opening a report.

Columns (physionet.org/content/mimic-cxr-jpg/2.1.0): split: dicom_id, study_id, subject_id, split. Metadata: dicom_id,
subject_id, study_id, ViewPosition, Rows, Columns, StudyDate (yyyymmdd, shifted for each patient, intervals kept),
StudyTime, ViewCodeSequence_CodeMeaning. Record list: subject_id, study_id, dicom_id, path. Study list: subject_id,
study_id, path.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.errors import DataError
from mmrad_eval.datasets.arrow import read_columns
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.readers.mimic.archive import Archive
from mmrad_eval.datasets.readers.mimic.layout import Layout, Tree
from mmrad_eval.datasets.views import orientation

if TYPE_CHECKING:
    import pyarrow as pa

Places = NDArray[np.int64]

FIELDS = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
"""Where year, month, day, hour, minute and second stand in StudyDate and StudyTime."""
METADATA = ("ViewPosition", "ViewCodeSequence_CodeMeaning", "Rows", "Columns", "StudyDate", "StudyTime")


@dataclass(frozen=True, slots=True)
class Shot:
    """One image."""

    dicom: str
    view: str = ""
    """ViewPosition, else the meaning of the view code."""
    code: str = ""
    """The meaning of the view code, such as ``postero-anterior``."""
    size: tuple[int, int] | None = None
    split: str | None = None


@dataclass(frozen=True)
class MimicIndex:
    """All studies in the order of the lists, column by column: half a million rows are no objects until they are
    asked for.
    """

    studies: list[str]
    subjects: list[str]
    """The patient of each study; empty where no list names one."""
    when: list[str]
    """StudyDate and StudyTime of each study as digits, which sort by time; empty where they are unknown."""
    starts: Places
    """(n + 1,) where the images of each study begin in ``rows``."""
    rows: Places
    """Rows of ``columns``, study by study."""
    columns: dict[str, pa.Array]
    """``dicom_id``, the columns of ``METADATA`` and ``split``, a text for each image."""
    _unpacked: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.studies)

    @cached_property
    def splits(self) -> list[str | None]:
        """The split of each study: that of its first image."""
        named = self.columns["split"].to_pylist()
        starts, ends = self.starts[:-1].tolist(), self.starts[1:].tolist()
        rows = self.rows.tolist()
        return [named[rows[a]] or None if a < b else None for a, b in zip(starts, ends, strict=True)]

    @cached_property
    def by_subject(self) -> dict[str, list[int]]:
        """Patient -> places of the studies."""
        found: dict[str, list[int]] = {}
        for place, subject in enumerate(self.subjects):
            if subject:
                found.setdefault(subject, []).append(place)
        return found

    def shots(self, place: int) -> list[Shot]:
        """The images of a study."""
        return [self.shot(int(row)) for row in self.rows[self.starts[place] : self.starts[place + 1]]]

    def shot(self, row: int) -> Shot:
        """One image."""
        view, code, height, width = (self._cell(name, row) for name in METADATA[:4])
        return Shot(
            self._cell("dicom_id", row), view or code, code, _size(width, height), self._cell("split", row) or None
        )

    def earlier(self, place: int) -> list[int]:
        """Places of the patient's prior studies, the latest first; none where a date is missing."""
        subject, when = self.subjects[place], self.when[place]
        if not subject or not when:
            return []
        before = (p for p in self.by_subject[subject] if "" < self.when[p] < when)
        return sorted(before, key=lambda p: self.when[p], reverse=True)

    def days(self, earlier: int, later: int) -> float | None:
        """Days between two studies, to the second; None where a date does not read as one."""
        first, second = (_moment(self.when[p]) for p in (earlier, later))
        return round((second - first).total_seconds() / 86400, 5) if first and second else None

    def digest(self) -> bytes:
        """A digest of all that the index holds."""
        sha = hashlib.sha256()
        for texts in (self.studies, self.subjects, self.when):
            sha.update("\n".join(texts).encode() + b"|")
        sha.update(self.starts.tobytes() + self.rows.tobytes())
        for name, column in sorted(self.columns.items()):
            sha.update(f"{name}:".encode() + "\n".join(column.to_pylist()).encode())
        return sha.digest()

    def unpack(self) -> None:
        """Hold the columns as Python texts: ten times faster a cell, for 100 MB more."""
        self._unpacked.update({name: column.to_pylist() for name, column in self.columns.items()})

    def _cell(self, name: str, row: int) -> str:
        unpacked = self._unpacked.get(name)
        return unpacked[row] if unpacked else str(self.columns[name][row].as_py())


def build(layout: Layout, archive: Archive | None, problems: Problems) -> MimicIndex:
    """Read the lists; DataError where none says which studies there are."""
    lists = layout.lists
    images = lists.get("metadata") or lists.get("records") or lists.get("split")
    columns = read_columns(images, ("dicom_id", "study_id", "subject_id"), METADATA, problems) if images else _empty()
    if images is not None:
        _unique(images, columns["dicom_id"], problems)
        _views(images, columns, problems)
    columns["split"] = _splits(lists.get("split"), columns["dicom_id"], problems)
    further: list[tuple[str, str]] = []
    if "studies" in lists:
        listed = read_columns(lists["studies"], ("study_id", "subject_id"), (), problems)
        further = list(zip(listed["study_id"].to_pylist(), listed["subject_id"].to_pylist(), strict=True))
    elif images is None:
        further = _from_reports(layout.reports, archive)
    index = _index(columns, further)
    if not len(index):
        raise DataError(
            f"{layout.root}: nothing lists the studies (metadata, cxr-record-list, split, reports);"
            f" found: {layout.said()}"
        )
    return index


def _empty() -> dict[str, pa.Array]:
    import pyarrow as pa

    return {name: pa.array([], pa.string()) for name in ("dicom_id", "study_id", "subject_id", *METADATA)}


def _unique(path: Path, dicoms: pa.Array, problems: Problems) -> None:
    if len(dicoms.unique()) == len(dicoms):
        return
    seen: dict[str, int] = {}
    for line, dicom in enumerate(dicoms.to_pylist(), start=2):
        if dicom in seen:
            what = f"image {dicom} also occurs in line {seen[dicom]}"
            problems.error("duplicate image", what, file=str(path), line=line)
        seen.setdefault(dicom, line)


def _views(path: Path, columns: dict[str, pa.Array], problems: Problems) -> None:
    """Images whose two words for the view contradict each other: a lateral one that is called frontal."""
    import pyarrow.compute as pc

    pairs = pc.binary_join_element_wise(columns["ViewPosition"], columns["ViewCodeSequence_CodeMeaning"], "|")
    coded = pairs.dictionary_encode()  # a dozen distinct pairs in half a million rows
    said = [pair.split("|", 1) for pair in coded.dictionary.to_pylist()]
    wrong = [{orientation(view), orientation(code)} == {"frontal", "lateral"} for view, code in said]
    for place in np.flatnonzero(np.array([*wrong, False])[coded.indices.to_numpy(zero_copy_only=False)]).tolist():
        view, code = said[coded.indices[place].as_py()]
        what = f"image {columns['dicom_id'][place].as_py()} is called {view}, and its view code says {code}"
        study = columns["study_id"][place].as_py()
        problems.warn("contradictory view", what, file=str(path), line=place + 2, study=study)


def _splits(path: Path | None, dicoms: pa.Array, problems: Problems) -> pa.Array:
    """The split of each image; empty where the list names none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if path is None:
        return pa.array([""] * len(dicoms), pa.string())
    listed = read_columns(path, ("dicom_id", "split"), (), problems)
    names = pc.utf8_lower(pc.utf8_trim_whitespace(listed["split"]))
    for place in np.flatnonzero(pc.equal(names, "").to_numpy(zero_copy_only=False)).tolist():
        study = listed["dicom_id"][place].as_py()
        problems.warn("blank split", "the split is blank", file=str(path), line=place + 2, study=study)
    found = pc.index_in(dicoms, value_set=listed["dicom_id"])
    if found.null_count or len(listed["dicom_id"]) != len(dicoms):
        _unique(path, listed["dicom_id"], problems)
    return pc.fill_null(names.take(found), "")


def _index(columns: dict[str, pa.Array], further: list[tuple[str, str]]) -> MimicIndex:
    """Group images by study, in the order in which studies are first named."""
    coded: Any = columns["study_id"].dictionary_encode()
    codes: Places = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    studies: list[str] = coded.dictionary.to_pylist()
    rows = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=len(studies))
    starts: Places = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    first = rows[starts[:-1]]
    subjects: list[str] = columns["subject_id"].take(first).to_pylist()
    dates, times = (columns[name].take(first).to_pylist() for name in ("StudyDate", "StudyTime"))
    when = [d.split(".")[0] + t.split(".")[0].zfill(6) if d else "" for d, t in zip(dates, times, strict=True)]
    known = set(studies) if further else set()
    new = [(study, subject) for study, subject in dict(further).items() if study not in known]
    studies += [study for study, _ in new]
    subjects += [subject for _, subject in new]
    when += [""] * len(new)
    starts = np.concatenate([starts, np.full(len(new), starts[-1])])
    kept = {name: columns[name] for name in ("dicom_id", *METADATA[:4], "split")}
    return MimicIndex(studies, subjects, when, starts, rows, kept)


def _from_reports(tree: Tree | None, archive: Archive | None) -> list[tuple[str, str]]:
    """(study, patient) of each report where there is no list."""
    if archive is not None:
        return [(study, archive.subject(study) or "") for study in archive.ids()]
    if tree is None:
        return []
    paths = sorted(tree.root.glob("s5*.txt" if tree.flat else "p1?/p1*/s5*.txt"))
    return [(path.stem[1:], "" if tree.flat else path.parent.name[1:]) for path in paths]


def _size(width: str, height: str) -> tuple[int, int] | None:
    try:
        return int(float(width)), int(float(height))
    except ValueError:
        return None


def _moment(when: str) -> datetime | None:
    """A date with its time, or with none where the time is no time."""
    try:
        year, month, day, hour, minute, second = (int(when[a:b]) for a, b in FIELDS)
        if hour < 24 and minute < 60 and second < 60:
            return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - shifted dates have no zone
        return datetime(year, month, day)  # noqa: DTZ001 - as above
    except ValueError:
        return None
