"""What every drawn format shares: words for numbers, which columns are shown, numbered footnotes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mmrad_eval.results.tables.table import Cell, Table, TableColumn

ARROWS = {"higher": "↑", "lower": "↓", "": ""}
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class CellText:
    """One cell in words."""

    value: str
    interval: str = ""
    rank: Literal["", "best", "second"] = ""
    mark: str = ""
    notes: tuple[str, ...] = ()
    """Footnote signs."""


@dataclass(frozen=True)
class Drawing:
    """A table in words: what is left for a format is its own punctuation."""

    title: str
    columns: tuple[TableColumn, ...]
    signs: tuple[str, ...]
    """Footnote sign of each column, empty where it has none."""
    rows: tuple[tuple[CellText, ...], ...]
    rules: tuple[bool, ...]
    headings: tuple[str, ...]
    """What stands on a line of its own above each row, empty for most."""
    footnotes: tuple[tuple[str, str], ...]
    """(sign, text) pairs."""
    notes: tuple[str, ...]
    ranking: str = ""
    """Among what best and second are marked; empty where nothing is."""
    hidden: int = 0
    """Columns that were left out."""


@dataclass
class _Signs:
    """Footnote signs given out so far."""

    letters: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def letter(self, text: str) -> str:
        return self.letters.setdefault(text, _letters(len(self.letters))) if text else ""

    def number(self, text: str) -> str:
        return self.numbers.setdefault(text, str(len(self.numbers) + 1))


def _letters(n: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa."""
    text = ""
    n += 1
    while n:
        n, digit = divmod(n - 1, 26)
        text = chr(ord("a") + digit) + text
    return text


def drawing(table: Table, *, all_columns: bool = True, narrow: bool = False) -> Drawing:
    """``table`` in words. Columns that no row fills are left out; so are those that are no headline, if so asked.

    ``narrow``: for a terminal, with hyphens for minus signs and the ends of intervals without their leading zeros.
    """
    drawn = [c for c in table.columns if c.media != "data" and (c.kind != "text" or _filled(table, c))]
    columns = [c for c in drawn if all_columns or c.headline]
    signs = _Signs()
    column_signs = tuple(signs.letter(c.footnote) for c in columns)
    rows = []
    shown = [row for row in table.rows if row.media != "data"]
    for row in shown:
        row_signs = tuple(signs.number(note) for note in row.notes)
        words = []
        for i, column in enumerate(columns):
            cell = table.cell(row, column)
            notes = (row_signs if i == 0 else ()) + ((signs.number(cell.note),) if cell.note else ())
            value, ends = number(cell, column), interval(cell, column, narrow=narrow)
            if not narrow and column.kind != "text":
                value, ends = true_minus(value), true_minus(ends)
            words.append(CellText(value, ends, cell.rank, cell.mark, notes))
        rows.append(tuple(words))
    footnotes = [(sign, text) for text, sign in signs.numbers.items()]
    footnotes += [(sign, _described(text, columns)) for text, sign in signs.letters.items()]
    return Drawing(
        table.title,
        tuple(columns),
        column_signs,
        tuple(rows),
        tuple(row.rule for row in shown),
        tuple(row.heading for row in shown),
        tuple(footnotes),
        (*table.notes, *dict.fromkeys(column.note for column in columns if column.note)),
        table.ranking if any(words.rank for row in rows for words in row) else "",
        len(drawn) - len(columns),
    )


def _filled(table: Table, column: TableColumn) -> bool:
    return any(table.cell(row, column).value not in (None, "") for row in table.rows)


def _described(footnote: str, columns: Sequence[TableColumn]) -> str:
    """A column footnote with the names of its columns."""
    names = [column.heading for column in columns if column.footnote == footnote]
    return f"{', '.join(names)}: {footnote}"


def number(cell: Cell, column: TableColumn) -> str:
    """The value in words; an en dash where there is none."""
    value = cell.value
    if value is None or value == "":
        return "" if column.kind == "text" else NOTHING
    if isinstance(value, str):
        return value
    match column.kind:
        case "count":
            text = f"{value:,}" if isinstance(value, int) else f"{value:g}"
        case "percent":
            text = f"{100 * value:.1f}"
        case "change":
            text = f"{100 * value:+.1f}"
        case "p":
            text = "<0.001" if value < 0.001 else f"{value:.3f}"
        case _:
            text = signed(value, column)
    return text


def signed(value: float, column: TableColumn) -> str:
    """A score or a difference with the column's digits."""
    text = f"{value:+.{column.digits}f}" if column.kind == "difference" else f"{value:.{column.digits}f}"
    return re.sub(r"^[-+](0\.?0*)$", r"\1", text)  # no sign before a zero


def true_minus(text: str) -> str:
    """Numbers with true minus signs; a hyphen between two numbers stays."""
    return re.sub(r"(?<![\w.])-(?=[\d.])", "\N{MINUS SIGN}", text)


def interval(cell: Cell, column: TableColumn, *, narrow: bool) -> str:
    """``low, high`` in words, empty where there is none; ``narrow``: without zeros before the point."""
    if cell.low is None or cell.high is None:
        return ""
    if column.kind == "percent":
        return f"{100 * cell.low:.1f}, {100 * cell.high:.1f}"
    ends = (signed(cell.low, column), signed(cell.high, column))
    return ", ".join(re.sub(r"^([-+]?)0\.", r"\1.", end) if narrow else end for end in ends)


def bands(columns: Sequence[TableColumn], fixed: int, widths: Sequence[int], room: int) -> list[list[int]]:
    """Positions of columns that are drawn together: the first ``fixed`` in each band, then as many as fit in ``room``.

    ``widths`` are the columns' widths, separators included. Columns of one group stay together.
    """
    head = list(range(min(fixed, len(columns))))
    used = sum(widths[i] for i in head)
    found: list[list[int]] = [[]]
    left = room - used
    for unit in _units(columns, len(head)):
        width = sum(widths[i] for i in unit)
        if found[-1] and left < width:
            found.append([])
            left = room - used
        found[-1] += unit
        left -= width
    return [head + band for band in found]


def _units(columns: Sequence[TableColumn], start: int) -> list[list[int]]:
    """Neighbours of one group, together."""
    units: list[list[int]] = []
    for i in range(start, len(columns)):
        group = columns[i].group
        if units and group and group == columns[units[-1][-1]].group:
            units[-1].append(i)
        else:
            units.append([i])
    return units
