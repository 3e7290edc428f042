"""Invented copies of data sets: the columns, folders and oddities of the real ones, made by code."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

METADATA = (
    *("dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows", "Columns"),
    *("StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning", "ViewCodeSequence_CodeMeaning"),
    "PatientOrientationCodeSequence_CodeMeaning",
)


@dataclass(frozen=True)
class Taken:
    """One invented examination."""

    subject: str
    study: str
    views: tuple[str, ...] = ("PA",)
    date: str = "21800506"
    time: str = "213014.531"
    split: str = "train"
    findings: str = "The lungs are clear."
    impression: str = "No acute process."

    def dicom(self, shot: int) -> str:
        """An id in the form of MIMIC-CXR."""
        return f"{int(self.study):08x}-{shot:08x}-00000000-00000000-00000000"

    def report(self) -> str:
        """A report as MIMIC-CXR writes it."""
        return (
            "                                 FINAL REPORT\n EXAMINATION:  CHEST (PA AND LAT)\n \n"
            " INDICATION:  ___F with cough  // pneumonia?\n \n COMPARISON:  ___\n \n"
            f" FINDINGS: \n \n {self.findings}\n \n IMPRESSION: \n \n {self.impression}\n"
        )


TAKEN = (
    Taken("10000032", "50414267", ("LATERAL", "PA"), "21800506", "213014.531", "train"),
    Taken("10000032", "53189527", ("AP",), "21800626", "165500.312", "train", "Small left effusion.", "Effusion."),
    Taken("10000764", "57375967", ("AP", "LL"), "21321015", "83418.218", "test", "The heart is enlarged."),
    Taken("10000898", "50771383", ("",), "21880307", "110812.5", "validate"),
)


@dataclass
class Mimic:
    """A folder of MIMIC-CXR under construction."""

    root: Path
    taken: Sequence[Taken] = TAKEN
    lists: Path = field(init=False)
    newline: str = "\n"
    mark: bytes = b""

    def __post_init__(self) -> None:
        self.lists = self.root

    def write(self, *, reports: str = "zip", images: str = "", pack: str = "gz") -> Path:
        """Lists, reports (``zip``, ``tree``, ``flat``, ``none``) and images (a suffix, or ``flat.suffix``)."""
        self.metadata(pack=pack)
        self.split(pack=pack)
        getattr(self, f"reports_{reports}")()
        if images:
            self.images(images)
        return self.root

    def metadata(self, *, pack: str = "gz") -> None:
        """The metadata list."""
        rows = [
            (t.dicom(n), t.subject, t.study, "CHEST (PA AND LAT)", view, "3056", "2544", t.date, t.time, "CHEST",
             {"PA": "postero-anterior", "AP": "antero-posterior", "": "lateral"}.get(view, "lateral"), "Erect")
            for t in self.taken
            for n, view in enumerate(t.views)
        ]  # fmt: skip
        self.table("mimic-cxr-2.0.0-metadata.csv", METADATA, rows, pack=pack)

    def split(self, *, pack: str = "gz") -> None:
        """The official splits."""
        rows = [(t.dicom(n), t.study, t.subject, t.split) for t in self.taken for n in range(len(t.views))]
        self.table("mimic-cxr-2.0.0-split.csv", ("dicom_id", "study_id", "subject_id", "split"), rows, pack=pack)

    def table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, pack: str = "gz") -> Path:
        """A csv, plain, gzipped or zipped."""
        self.lists.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        csv.writer(text, lineterminator=self.newline).writerows([header, *rows])
        data = self.mark + text.getvalue().encode()
        path = self.lists / (name if not pack else f"{name}.{pack}")
        if pack == "gz":
            data = gzip.compress(data)
        elif pack == "zip":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                archive.writestr(name, data)
            data = packed.getvalue()
        path.write_bytes(data)
        return path

    def reports_zip(self) -> None:
        """``mimic-cxr-reports.zip``."""
        self.root.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(self.root / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for t in self.taken:
                archive.writestr(f"files/p{t.subject[:2]}/p{t.subject}/s{t.study}.txt", t.report())

    def reports_tree(self) -> None:
        """Three levels deep."""
        for t in self.taken:
            path = self.root / "mimic-cxr-reports" / "files" / f"p{t.subject[:2]}" / f"p{t.subject}" / f"s{t.study}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(t.report())

    def reports_flat(self) -> None:
        """All in one folder."""
        (self.root / "reports").mkdir(parents=True, exist_ok=True)
        for t in self.taken:
            (self.root / "reports" / f"s{t.study}.txt").write_text(t.report())

    def reports_none(self) -> None:
        """As MIMIC-CXR-JPG comes."""

    def images(self, kind: str) -> None:
        """Files that have the names of images."""
        flat, _, suffix = kind.rpartition(".")
        for t in self.taken:
            folder = self.root / "files" / f"p{t.subject[:2]}" / f"p{t.subject}" / f"s{t.study}"
            if flat:
                folder = self.root / "flat"
            folder.mkdir(parents=True, exist_ok=True)
            for n in range(len(t.views)):
                (folder / f"{t.dicom(n)}.{suffix}").write_bytes(b"not read")


@pytest.fixture
def mimic(tmp_path: Path) -> Mimic:
    """A folder of MIMIC-CXR, not written yet."""
    return Mimic(tmp_path / "mimic")
