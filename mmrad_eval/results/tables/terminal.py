"""Tables for a terminal of any width: intervals under the values, more columns than fit in bands below each other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from mmrad_eval.core.visible import visible
from mmrad_eval.results.tables.layout import ARROWS, CellText, Drawing, bands, drawing
from mmrad_eval.results.tables.table import Table, TableColumn

if TYPE_CHECKING:
    from rich.table import Table as RichTable
    from rich.text import Text

STARS = {"best": "★", "second": "☆", "": ""}
"""Seen where bold is not: in a pipe, or read aloud."""
_NARROWEST = 40
_TEXT = 30  # a column of words wraps beyond this many characters
_LONGEST = 300  # characters of a cell, a heading or a title that are shown


def terminal(tables: Sequence[Table], *, width: int, color: bool, all_columns: bool, more: str) -> str:
    """``tables`` for a terminal of ``width`` characters; ``more`` is what shows the columns that are left out."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out,
        width=max(width, _NARROWEST),
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for i, table in enumerate(tables):
        if i:
            console.print()
        _print(console, _visible(drawing(table, all_columns=all_columns, narrow=True)), max(width, _NARROWEST), more)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _visible(table: Drawing) -> Drawing:
    """The drawing with every word printable: names of models, datasets and columns come from outside."""

    def short(text: str) -> str:
        return visible(text, _LONGEST)

    def column(one: TableColumn) -> TableColumn:
        return msgspec.structs.replace(one, key=short(one.key), title=short(one.title))

    def cell(words: CellText) -> CellText:
        return replace(words, value=short(words.value), mark=short(words.mark))

    return replace(
        table,
        title=short(table.title),
        columns=tuple(map(column, table.columns)),
        rows=tuple(tuple(map(cell, row)) for row in table.rows),
        headings=tuple(map(short, table.headings)),
        footnotes=tuple((sign, visible(text)) for sign, text in table.footnotes),
        notes=tuple(map(visible, table.notes)),
        ranking=visible(table.ranking),
    )


def _print(console: object, table: Drawing, width: int, more: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    assert isinstance(console, Console)
    console.print(Text(table.title, style="bold"))
    widths = [_width(table, i) for i in range(len(table.columns))]
    fixed = max(1, next((i for i, c in enumerate(table.columns) if c.kind != "text"), len(table.columns)))
    for band in bands(table.columns, fixed, [w + 2 for w in widths], width - 1):
        drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
        cells = {i: [_cell(row[i], beside=table.columns[i].beside) for row in table.rows] for i in band}
        for i in band:
            _add_column(drawn, table.columns[i], table.signs[i], cells[i])
        for number, (rule, heading) in enumerate(zip(table.rules, table.headings, strict=True)):
            if rule:
                drawn.add_section()
            if heading:
                drawn.add_row(Text(heading, style="bold"))
            drawn.add_row(*(cells[i][number] for i in band))
        console.print(drawn)
    legend = [f"{STARS['best']} best, {STARS['second']} second among {table.ranking}."] if table.ranking else []
    for note in [*table.notes, *legend]:
        console.print(Text(note, style="dim"))
    for sign, words in table.footnotes:
        console.print(Text(f"{sign}  {words}", style="dim"))
    if table.hidden:
        what = "1 more column" if table.hidden == 1 else f"{table.hidden} more columns"
        console.print(Text(f"{what}: {more}, or --format md, csv, latex, html, json", style="dim"))


def _add_column(drawn: RichTable, column: TableColumn, sign: str, cells: Sequence[Text]) -> None:
    from rich.cells import cell_len
    from rich.text import Text

    head = Text(column.heading.replace(" @ ", "\n@ "))
    arrow = ARROWS[column.better]
    first, _, rest = head.plain.partition("\n")
    text = Text(f"{first} {arrow}" if arrow else first, style="bold")
    text.append(f" {sign}" if sign else "", style="dim")
    if rest:
        text.append(f"\n{rest}", style="dim")
    if column.kind == "text":
        drawn.add_column(text, overflow="fold")
        return
    # the width is said, since rich lays out each cell to learn it
    width = max(map(cell_len, "\n".join(part.plain for part in (text, *cells)).split("\n")))
    drawn.add_column(text, justify="right", no_wrap=True, overflow="fold", width=width)


def _cell(words: CellText, *, beside: bool) -> Text:
    from rich.text import Text

    style = {"best": "bold", "second": "underline", "": ""}[words.rank]
    text = Text(words.value, style=style)
    text.append(words.mark + STARS[words.rank])
    if words.notes:
        text.append(f" ({','.join(words.notes)})", style="dim")
    if words.interval:
        between = f" [{words.interval}]" if beside else f"\n{words.interval}"
        text.append(between, style="dim not bold not underline")
    return text


def _width(table: Drawing, column: int) -> int:
    heading = table.columns[column].heading.split(" @ ")
    lines = [len(heading[0]) + 4, len(heading[-1]) + 2 if len(heading) > 1 else 0]
    for row in table.rows:
        words = row[column]
        notes = len(",".join(words.notes)) + 3 if words.notes else 0
        value = len(words.value) + len(words.mark) + bool(words.rank) + notes
        beside = table.columns[column].beside
        lines += [value + len(words.interval) + 3] if beside else [value, len(words.interval)]
    widest = max(lines)
    return min(widest, _TEXT) if table.columns[column].kind == "text" else widest
