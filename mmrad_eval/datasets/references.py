"""The reference of a record from its cells, the same for every format whose records have named columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from mmrad_eval.core.values import Report
from mmrad_eval.datasets import raw_text, sections
from mmrad_eval.datasets.problems import Problems


class Place(TypedDict):
    """Where a record stands."""

    file: str
    line: int | None
    study: str


WORDS = ("report", "findings", "impression")


def reference(cells: Mapping[str, Any], problems: Problems, file: str, line: int | None, study: str) -> Report | None:
    """Sections from their own cells first, the rest from the headings of the report.

    None where there is no cell of the kind; an empty report where the cells hold nothing.
    """
    place: Place = {"file": file, "line": line, "study": study}
    found = {word: _read(word, cells[word], problems, place) for word in WORDS if word in cells}
    if not found:
        return None
    whole = found.get("report", Report())
    own = {word: _section(found[word], word) for word in WORDS[1:] if word in found}
    findings, impression = own.get("findings") or whole.findings, own.get("impression") or whole.impression
    return Report(whole.text or sections.join(findings, impression), findings, impression)


def _section(report: Report, word: str) -> str | None:
    if report.findings is None and report.impression is None:
        return report.text or None
    return report.findings if word == "findings" else report.impression


def _read(word: str, cell: Any, problems: Problems, place: Place) -> Report:
    try:
        report = raw_text.read_reference_cell(cell)
    except raw_text.NoReportError as error:
        problems.error("not a report", f"the {word} is {error}, not a string", **place)
        return Report()
    if isinstance(cell, str) and cell.strip() and not report.text:
        what = f"the {word} is {cell.strip()[:60]!r}, read as no report; leave it empty where there is none"
        problems.warn("no words", what, **place)
    return report
