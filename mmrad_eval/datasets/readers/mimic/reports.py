"""Where the words of MIMIC-CXR reports come from: the zip, a tree, a flat folder, or a table that was sectioned
before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import ClinicalContext, Report
from mmrad_eval.datasets import columns, sections
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.readers.mimic import sections as rules
from mmrad_eval.datasets.readers.mimic.archive import Archive
from mmrad_eval.datasets.readers.mimic.layout import Layout, Tree
from mmrad_eval.datasets.rows import read_rows

Words = tuple[Report, ClinicalContext]


class Reports(Protocol):
    """The reports of a MIMIC-CXR folder."""

    def read(self, study: str, subject: str | None) -> Words | None:
        """Report and context of a study; None where there is none. DataError where it can't be read."""
        ...

    def digest(self) -> bytes:
        """A digest of what the reports say, as far as it is known without reading them all."""
        ...

    def said(self) -> str:
        """Where they come from, in words."""
        ...


def open_reports(layout: Layout, archive: Archive | None, problems: Problems) -> Reports:
    """The best source that was found: the zip (it has checksums), then files, then a sectioned table."""
    if archive is not None:
        return FromArchive(archive)
    if layout.reports is not None:
        return FromFiles(layout.reports)
    if "sectioned" in layout.lists:
        return FromTable(layout.lists["sectioned"], problems)
    return Nowhere()


class FromArchive:
    """Members of ``mimic-cxr-reports.zip``."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    def read(self, study: str, subject: str | None) -> Words | None:
        """From the zip."""
        del subject
        data = self.archive.read(study)
        return None if data is None else rules.read(study, _text(data, f"{self.archive.path}:s{study}.txt"))

    def digest(self) -> bytes:
        """Names and checksums: every word counts."""
        return self.archive.digest()

    def said(self) -> str:
        """The zip's path."""
        return str(self.archive.path)


class FromFiles:
    """``p10/p10000032/s50414267.txt`` under a root, or all in one folder."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def path(self, study: str, subject: str | None) -> Path:
        """Where the report of a study lies."""
        if self.tree.flat or subject is None:
            return self.tree.root / f"s{study}.txt"
        return self.tree.root / f"p{subject[:2]}" / f"p{subject}" / f"s{study}.txt"

    def read(self, study: str, subject: str | None) -> Words | None:
        """From its file."""
        path = self.path(study, subject)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
        return rules.read(study, _text(data, str(path)))

    def digest(self) -> bytes:
        """Files in a folder count by study id alone: reading all to know what they say would take minutes."""
        return b"files"

    def said(self) -> str:
        """The folder."""
        return str(self.tree.root)


class FromTable:
    """``mimic_cxr_sectioned.csv``, as the public script writes it: study (``s50414267``), impression, findings,
    last_paragraph, comparison.
    """

    def __init__(self, path: Path, problems: Problems) -> None:
        self.path = path
        table = read_rows(path, problems)
        name = next((column for column in ("study", "study_id") if column in table.columns), None)
        if name is None:
            raise DataError(f"{path}: has no column study; its columns are {', '.join(table.columns)}")
        self._rows: Mapping[str, dict[str, object]] = {
            str(row.cells[name]).strip().removeprefix("s"): row.cells for row in table.rows
        }

    def read(self, study: str, subject: str | None) -> Words | None:
        """From its row."""
        del subject
        cells = self._rows.get(study)
        if cells is None:
            return None
        findings, impression, last, comparison = (
            columns.text(cells.get(name)) for name in ("findings", "impression", "last_paragraph", "comparison")
        )
        whole = sections.join(findings, impression) or last or ""
        return Report(whole, findings, impression), ClinicalContext(comparison=comparison)

    def digest(self) -> bytes:
        """The table's bytes."""
        return hashlib.sha256(self.path.read_bytes()).digest()

    def said(self) -> str:
        """The table's path."""
        return str(self.path)


class Nowhere:
    """No reports were found."""

    def read(self, study: str, subject: str | None) -> Words | None:
        """There is none."""
        del study, subject
        return None

    def digest(self) -> bytes:
        """Of nothing."""
        return b""

    def said(self) -> str:
        """In words."""
        return "nowhere"


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}:{line}: byte 0x{data[error.start]:02x} is not UTF-8") from error
