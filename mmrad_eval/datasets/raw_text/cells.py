"""What a cell of a file, or a value given in Python, means as a report and as an id.

A text is a text, an object or a list is the report in it, and what programs write for nothing is nothing. A number or
an object without a report is refused by what it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from mmrad_eval.core.values import Report, Target
from mmrad_eval.datasets import sections
from mmrad_eval.datasets.raw_text import structured
from mmrad_eval.datasets.raw_text.failures import error_message
from mmrad_eval.datasets.raw_text.marks import settled
from mmrad_eval.datasets.raw_text.nothing import means_nothing
from mmrad_eval.datasets.raw_text.reading import read, read_reference
from mmrad_eval.datasets.raw_text.removed import Understood
from mmrad_eval.datasets.raw_text.server_errors import server_error

_SHOWN = 60
_WHOLE_NUMBER = re.compile(r"(\d+)\.0+")
_FORMULA = re.compile(r'="([^"]*)"')
_BYTES = ("b'", 'b"')
_ARRAY = re.compile(
    r"(?:np\.|numpy\.|torch\.)?(?:array|tensor)\((\[.*\])(?:,\s*(?:dtype|device)=[\w'<.:]+)*\)", re.DOTALL
)
_TEXT_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_QUOTED = re.compile("\u201c[^\u201c\u201d]*\u201d")
_ESCAPED = re.compile(r"_x(00[0-9A-F]{2})_")
"""How Office's files hold a control character (ECMA-376, ST_Xstring)."""
_ENDS_IN_NOTHING = re.compile(r"(?<=[.!?])\s+(?:nan|NaN|None|null|<NA>)\s*\Z")
"""A missing section that was put behind another one as text."""
_WORDS = ("report", "findings", "impression")


class NoReportError(ValueError):
    """A value that holds no report, in words such as "a number (5)"."""


class ErrorMessageError(NoReportError):
    """A text that a program wrote where it got no reply: a failure, and so never a score."""


def read_cell(cell: Any, target: Target = "findings") -> Understood:
    """How a cell that a model's report should be in is understood; NoReportError for what is none."""
    return read(_text(cell), target)


def read_reference_cell(cell: Any) -> Report:
    """The reference in a cell, with its sections; NoReportError for what is none."""
    return read_reference(_text(cell))


def _text(cell: Any) -> str:
    """The words of a value; of an object, its sections under headings."""
    if isinstance(cell, str):
        if message := error_message(cell) or server_error(cell):
            raise ErrorMessageError(f"an error message ({message[:_SHOWN]})")
        return _evaluated(cell)
    if is_missing(cell):
        return ""
    if not isinstance(cell, Mapping | list | tuple):
        raise NoReportError(f"{_kind(cell)} ({str(cell)[:_SHOWN]})")
    if not cell:
        return ""
    if isinstance(cell, list | tuple) and len(cell) > 1 and all(one == cell[0] for one in cell):
        cell = cell[:1]  # one text, given twice
    report = structured.report_in(cell)
    if report is None:
        if structured.is_empty(cell):
            return ""
        raise NoReportError(f"{_kind(cell)} without a report ({str(cell)[:_SHOWN]})")
    return report.text


def _evaluated(text: str) -> str:
    """The text that programs spelled, quoted or escaped: ``b'...'``, ``array(['...'])``, ``="..."``, ``_x000D_``."""
    if text[:2] in _BYTES and isinstance(value := structured.literal(text.strip()[1:]), str):
        return value.encode("latin-1", errors="replace").decode("utf-8", errors="replace")
    if array := _ARRAY.fullmatch(text.strip()):
        return array[1]
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x00" in text else text
    text = _ENDS_IN_NOTHING.sub("", text.rstrip("\0"))
    bare = text.strip()
    if formula := _TEXT_FORMULA.fullmatch(bare):
        return formula[1].replace('""', '"')
    if _QUOTED.fullmatch(bare) or (bare[:1] == "'" and bare[1:2].isupper() and bare.count("'") == 1):
        return bare[1:].removesuffix("\u201d")
    return text


def is_missing(cell: Any) -> bool:
    """Whether a value stands for nothing: None, NaN, or what pandas writes for them."""
    return (
        cell is None or (isinstance(cell, float) and math.isnan(cell)) or type(cell).__name__ in {"NAType", "NaTType"}
    )


def _kind(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true or false"
    if isinstance(cell, int | float):
        return "a number"
    if isinstance(cell, Mapping):
        return "an object"
    return "a list" if isinstance(cell, list | tuple) else f"{type(cell).__name__}"


def read_row(cells: Mapping[str, Any], target: Target = "findings") -> Understood:
    """How the columns of one prediction are understood together; sections of their own columns win over headings."""
    found = {
        word: read_cell(cells[word], "impression" if word == "impression" else target)
        for word in _WORDS
        if word in cells
    }
    if len(found) == 1 and "report" in found:
        return found["report"]
    whole = found.get("report", Understood("empty"))
    own = {word: _section(found[word].report, word) for word in ("findings", "impression") if word in found}
    findings, impression = own.get("findings"), own.get("impression")
    report = Report(
        whole.report.text or sections.join(findings, impression),
        findings or whole.report.findings,
        impression or whole.report.impression,
    )
    return _together(report, list(found.values()))


def _section(report: Report, word: str) -> str | None:
    named = report.findings if word == "findings" else report.impression
    if named is None and report.findings is None and report.impression is None:
        named = report.text
    return named or None


def _together(report: Report, parts: list[Understood]) -> Understood:
    """One report of several columns: it is what the best of them is."""
    order = ("ok", "truncated", "refused", "unparsed", "empty")
    best = min(parts, key=lambda part: order.index(part.status) if part.status in order else len(order))
    events: dict[str, int] = {}
    for part in parts:
        for event, count in part.events.items():
            events[event] = events.get(event, 0) + count
    thought = "\n\n".join(part.thought for part in parts if part.thought)
    removed = tuple(piece for part in parts for piece in part.removed)
    return Understood(best.status, report, best.why, thought, events, removed)


def identifier(cell: Any) -> str | None:
    """An id as one text, however programs spell it (``1.0``, ``="1"``, ``'1``); None for nothing."""
    if is_missing(cell) or isinstance(cell, bool):
        return None
    text = settled(str(cell)).strip()
    if formula := _FORMULA.fullmatch(text):
        text = formula[1].strip()
    if text[:1] == "'" and text[1:].isdigit():
        text = text[1:]
    if number := _WHOLE_NUMBER.fullmatch(text):
        text = number[1]
    return text or None


def person(cell: Any) -> str | None:
    """A patient's id; None for what programs write for nothing."""
    text = identifier(cell)
    return None if text is None or (means_nothing(text) and not text.isdigit()) else text
