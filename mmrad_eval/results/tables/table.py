"""The table as a value: columns, rows of cells, notes. What it looks like is the business of its formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from msgspec.structs import replace

from mmrad_eval.core.values import Value

Kind = Literal["text", "count", "score", "difference", "percent", "change", "p"]
"""How a cell is aligned and how its number is written."""
Media = Literal["all", "drawn", "data"]
"""Where a column appears: everywhere; only where people read (terminal, md, latex, html); only in csv and json."""


class TableColumn(Value, frozen=True, omit_defaults=False):
    """One column."""

    key: str
    """The name in csv and JSON, such as ``BLEU-4 @ r2gen-iu``."""
    title: str = ""
    """What is drawn above it; the key where empty. `` @ `` may be broken over two lines."""
    kind: Kind = "text"
    better: str = ""
    """``higher``, ``lower`` or empty: drawn as an arrow."""
    digits: int = 3
    headline: bool = True
    """False: left out of a terminal unless all columns are asked for."""
    media: Media = "all"
    footnote: str = ""
    """What a reader must know of the whole column; for a metric, its signature."""
    note: str = ""
    """A sentence that is printed below the table where the column is shown, once for all columns that share it."""
    interval: bool = False
    """Whether csv has `` low`` and `` high`` beside it."""
    group: str = ""
    """Neighbours of one group are never parted where a table is too wide for the page."""
    beside: bool = False
    """Terminal: the interval stands beside the value, not below it."""

    @property
    def heading(self) -> str:
        """What is drawn above the column."""
        return self.title or self.key


class Cell(Value, frozen=True):
    """One number or word, with its interval and its marks."""

    value: str | int | float | None = None
    low: float | None = None
    high: float | None = None
    rank: Literal["", "best", "second"] = ""
    mark: str = ""
    """A sign after the number, such as ``*`` for significance."""
    note: str = ""
    """A sentence about this cell, drawn as a footnote."""
    comparable: bool = True
    """Whether it takes part in best and second, where its row does."""


Of = TypeVar("Of")


@dataclass(frozen=True)
class CellColumn(Generic[Of]):
    """A column together with what stands in it: a table that is made of such columns is extended in one place."""

    column: TableColumn
    cell: Callable[[Of], Cell | str | int | float | None]
    """What a row is about -> its cell, or the cell's value."""

    def of(self, row: Of) -> Cell:
        """The cell of one row."""
        cell = self.cell(row)
        return cell if isinstance(cell, Cell) else Cell(cell)


def cells_of(columns: Sequence[CellColumn[Of]], row: Of) -> dict[str, Cell]:
    """The cells of one row, by column key."""
    return {written.column.key: written.of(row) for written in columns}


class Row(Value, frozen=True):
    """One line of the table."""

    cells: dict[str, Cell]
    """By column key; a column that is not there is empty."""
    notes: tuple[str, ...] = ()
    """Sentences about the whole row, drawn as footnotes."""
    ranked: bool = True
    """Whether the row takes part in best and second."""
    rule: bool = False
    """Whether a line is drawn above it: a new group begins."""
    media: Media = "all"
    """Where the row appears, as for columns."""
    heading: str = ""
    """Drawn on a line of its own above the row: the name of the group that begins here."""


class Table(Value, frozen=True):
    """A whole table."""

    name: str
    """Short and stable, good for a file name."""
    title: str
    columns: tuple[TableColumn, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """Sentences about the whole table."""
    ranking: str = ""
    """What ranked rows are ranked among, as the end of a sentence that begins "Best among"; empty: no ranks."""
    schema: str = "mmrad.table/1"

    def cell(self, row: Row, column: TableColumn) -> Cell:
        """The cell of ``row`` in ``column``; an empty one where there is none."""
        return row.cells.get(column.key, Cell())


def ranked(table: Table) -> Table:
    """The same table with best and second marked, in every column that has a good end, among ranked rows.

    Values that are drawn alike share a rank; where all are alike, or a single one is there, nothing is marked. The last
    value is never second.
    """
    marks: dict[tuple[int, str], Literal["", "best", "second"]] = {}
    for column in table.columns:
        if not column.better or column.kind not in {"score", "percent"}:
            continue
        values = {
            i: round(float(value), column.digits)
            for i, row in enumerate(table.rows)
            if row.ranked
            and row.media != "data"
            and (cell := table.cell(row, column)).comparable
            and isinstance(value := cell.value, int | float)
        }
        if len(values) < 2:
            continue
        order = sorted(set(values.values()), reverse=column.better == "higher")
        for i, value in values.items():
            if value == order[0] and len(order) > 1:
                marks[i, column.key] = "best"
            elif len(order) > 2 and value == order[1]:
                marks[i, column.key] = "second"
    rows = tuple(
        replace(row, cells={key: replace(cell, rank=marks.get((i, key), "")) for key, cell in row.cells.items()})
        for i, row in enumerate(table.rows)
    )
    return replace(table, rows=rows)
