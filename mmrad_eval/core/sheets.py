r"""Csv, in and out: long cells, broken rows, and cells that a spreadsheet would run.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and a formula can read other
cells, open an address or start a program (OWASP, "CSV Injection"). A report such as ``- No effusion.`` begins so too.
What this package writes therefore has an apostrophe before such a cell, which spreadsheets take for "this is text", and
what it reads loses it again. So that both hold for every text, a cell that begins with apostrophes *and then* like a
formula gets one more; reading takes exactly one away. Numbers are left alone: ``-0.5`` is a number.

A spreadsheet of another country, or one that is told so, takes a semicolon or a tab for the separator and cuts our
cells there and at their line ends. What follows one of these inside a cell is therefore guarded in the same way; a line
of a list (``- No effusion.``) is left as it is unless it could call something.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

SEPARATORS = "\t;,"
_TOLD = re.compile(r"sep=([^\r\n\"' ])[ \t]*\r?\n")
_TRIED, _ROWS_TRIED = 1 << 16, 20  # characters and rows that are cut to find the separator
LONGEST_CELL = 1 << 28
"""Characters of a cell; the csv module's own limit of 131,072 is shorter than some generated reports."""

_HIDDEN = r"\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_UNSEEN = rf"[\s\x00-\x1f{_HIDDEN}]*"
"""Before a formula: blanks, and what programs drop or do not show."""
_BEGINS = r"[\t\r\n=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]"
_FORMULA = re.compile(rf"'*{_UNSEEN}{_BEGINS}")
_MARKED = re.compile(rf"'(?='*{_UNSEEN}{_BEGINS})")
_WITHIN_LINE = rf"(?:[^\S\t\r\n]|[\"\x00-\x08\x0b\x0c\x0e-\x1f{_HIDDEN}])*"
_CALLS = r"(?:[=+@\uff1d\uff0b\uff20\ufe62\ufe66\ufe6b]|[-\uff0d\u2212\ufe63](?=[^\r\n]*[(|!=+]))"
_INNER = re.compile(rf"(?<=[;\t\r\n])(?='*{_WITHIN_LINE}{_CALLS})")
_INNER_MARKED = re.compile(rf"(?<=[;\t\r\n])'(?='*{_WITHIN_LINE}{_CALLS})")
_QUOTED = re.compile(r"[\",;\t\r\n]")
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
    cell = _INNER.sub("'", cell)
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def plain(cell: str) -> str:
    """The text that was guarded; any other as it is."""
    if "'" not in cell:
        return cell
    return _INNER_MARKED.sub("", cell[1:] if _MARKED.match(cell) else cell)


def write(rows: Iterable[Sequence[object]]) -> str:
    """Rows as csv with line feeds; texts are guarded, numbers are written with all their digits, None as nothing."""
    return "".join(f"{_row(row)}\n" for row in rows)


def read(text: str, *, strict: bool = True) -> Csv:
    """All rows of a csv text, the marks of ``guarded`` taken off; empty lines are rows without cells.

    The separator is a comma, a tab or a semicolon: the one that cuts the first rows into equally many cells. A first
    line such as ``sep=|``, as Excel writes it for itself, names any other, and is no row.
    """
    told = _TOLD.match(text)
    if told:
        text = text[told.end() :]
    delimiter = told[1] if told else _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    limit = csv.field_size_limit(LONGEST_CELL)
    rows: list[CsvRow] = []
    above = line = 1 + bool(told)
    try:
        for cells in reader:
            rows.append(CsvRow(line, [plain(cell) for cell in cells]))
            line = reader.line_num + above
    except csv.Error as error:
        cut = "unexpected end of data" in str(error)
        why = "the file ends inside a quoted cell that starts here: it is cut short" if cut else f"broken csv: {error}"
        return Csv(rows, (line, why))
    finally:
        csv.field_size_limit(limit)
    return Csv(rows, None)


def _separator(text: str) -> str:
    """The separator that cuts most of the first rows as it cuts the header, into several cells."""
    found = {one: _fits(text, one) for one in SEPARATORS}
    best = max(found, key=lambda one: found[one])
    return best if found[best] > (0, 0) else ","


def _fits(text: str, delimiter: str) -> tuple[int, int]:
    """How many of the first rows have as many cells as the header, where those are several; and how many cells."""
    lengths: list[int] = []
    first = csv.reader(io.StringIO(text[:_TRIED], newline=""), delimiter=delimiter, strict=True)
    with contextlib.suppress(csv.Error):  # what is broken, or longer than the module takes, is said by ``read``
        lengths.extend(map(len, islice(first, _ROWS_TRIED)))
    return (lengths.count(lengths[0]), lengths[0]) if lengths and lengths[0] > 1 else (0, 0)


def _row(row: Sequence[object]) -> str:
    cells = [_quoted(guarded(cell)) if isinstance(cell, str) else _number(cell) for cell in row]
    return '""' if cells == [""] else ",".join(cells)  # an empty line would be no row


def _quoted(cell: str) -> str:
    """Python's csv module leaves a carriage return without quotes where lines end with a line feed."""
    return '"{}"'.format(cell.replace('"', '""')) if _QUOTED.search(cell) else cell


def _number(cell: object) -> str:
    return "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell)
