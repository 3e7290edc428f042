r"""Csv, in and out: long cells, broken rows, and cells that a spreadsheet would run.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and a formula can read other
cells, open an address or start a program (OWASP, "CSV Injection"). A report such as ``- No effusion.`` begins so too.
What this package writes therefore has an apostrophe before such a cell, which spreadsheets take for "this is text", and
what it reads loses it again. So that both hold for every text, a cell that begins with apostrophes *and then* like a
formula gets one more; reading takes exactly one away. Numbers are left alone: ``-0.5`` is a number.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

LONGEST_CELL = 1 << 28
"""Characters of a cell; the csv module's own limit of 131,072 is shorter than some generated reports."""

_UNSEEN = r"[\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]*"
"""Before a formula: blanks, and what programs drop or do not show."""
_BEGINS = r"[\t\r\n=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]"
_FORMULA = re.compile(rf"'*{_UNSEEN}{_BEGINS}")
_MARKED = re.compile(rf"'(?='*{_UNSEEN}{_BEGINS})")
_QUOTED = re.compile(r"[\",\r\n]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?")


class CsvRow(NamedTuple):
    """One row: the line that it starts on, from 1, and its cells."""

    line: int
    cells: list[str]


class Csv(NamedTuple):
    """The rows that could be read, and why and on which line reading stopped, if it did."""

    rows: list[CsvRow]
    fault: tuple[int, str] | None


def guarded(cell: str) -> str:
    """A text that a spreadsheet shows and never runs."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def plain(cell: str) -> str:
    """The text that was guarded; any other as it is."""
    return cell[1:] if cell.startswith("'") and _MARKED.match(cell) else cell


def write(rows: Iterable[Sequence[object]]) -> str:
    """Rows as csv with line feeds; texts are guarded, numbers are written with all their digits, None as nothing."""
    return "".join(f"{_row(row)}\n" for row in rows)


def read(text: str, delimiter: str = ",", *, strict: bool = True) -> Csv:
    """All rows of a csv text, the marks of ``guarded`` taken off; empty lines are rows without cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    limit = csv.field_size_limit(LONGEST_CELL)
    rows: list[CsvRow] = []
    line = 1
    try:
        for cells in reader:
            rows.append(CsvRow(line, [plain(cell) for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        cut = "unexpected end of data" in str(error)
        why = "the file ends inside a quoted cell that starts here: it is cut short" if cut else f"broken csv: {error}"
        return Csv(rows, (line, why))
    finally:
        csv.field_size_limit(limit)
    return Csv(rows, None)


def _row(row: Sequence[object]) -> str:
    cells = [_quoted(guarded(cell)) if isinstance(cell, str) else _number(cell) for cell in row]
    return '""' if cells == [""] else ",".join(cells)  # an empty line would be no row


def _quoted(cell: str) -> str:
    """Python's csv module leaves a carriage return without quotes where lines end with a line feed."""
    return '"{}"'.format(cell.replace('"', '""')) if _QUOTED.search(cell) else cell


def _number(cell: object) -> str:
    return "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell)
