"""The formats of a table: md, csv, latex, html and json; the terminal has a file of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

import msgspec

from mmrad_eval.core import sheets
from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.tables.latex import latex
from mmrad_eval.results.tables.layout import ARROWS, CellText, Drawing, drawing
from mmrad_eval.results.tables.table import Table, TableColumn


def render(
    tables: Table | Sequence[Table],
    form: str = "terminal",
    *,
    width: int | None = None,
    color: bool = False,
    all_columns: bool = False,
    more: str = "--all-columns",
) -> str:
    """A table, or several, as text that ends in a newline.

    ``width`` (None: the terminal's, or 100), ``color``, ``all_columns`` and ``more`` (the words or the command that
    shows the columns left out) concern the terminal alone.
    """
    tables = [tables] if isinstance(tables, Table) else tables
    if form == "terminal":
        from mmrad_eval.results.tables.terminal import terminal

        return terminal(tables, width=width or _columns(), color=color, all_columns=all_columns, more=more)
    if form not in _DOCUMENTS:
        raise UsageError(f"no format is called {form!r}; choose {', '.join(FORMATS)}")
    return _DOCUMENTS[form](tables)


def _columns() -> int:
    """Characters of a line: the terminal's, or what COLUMNS says, or 100."""
    return shutil.get_terminal_size((100, 24)).columns


def markdown(tables: Sequence[Table]) -> str:
    """GitHub's tables: best in bold, second in italics, footnotes as a list below."""
    return "\n".join(_markdown(drawing(table)) for table in tables)


def comma_separated(tables: Sequence[Table]) -> str:
    """One header, one line a row of every table, plain numbers; a column that one table lacks is empty there.

    Words that a spreadsheet would take for a formula have an apostrophe before them (``core/sheets.py``).
    """
    columns: dict[str, TableColumn] = {}
    for table in tables:
        columns |= {c.key: c for c in table.columns if c.media != "drawn" and c.key not in columns}
    header: list[str] = []
    for column in columns.values():
        header += [column.key, *([f"{column.key} low", f"{column.key} high"] if column.interval else [])]
    lines: list[list[str | float | None]] = [list(header)]
    for table in tables:
        for row in table.rows:
            if row.media == "drawn":
                continue
            line: list[str | float | None] = []
            for column in columns.values():
                cell = table.cell(row, column)
                line += [cell.value, *((cell.low, cell.high) if column.interval else ())]
            lines.append(line)
    return sheets.write(lines)


def as_json(tables: Sequence[Table]) -> str:
    """The tables as they are: a list of ``mmrad.table/1`` records, each field described where it is defined."""
    return msgspec.json.format(msgspec.json.encode(list(tables)), indent=1).decode() + "\n"


def html(tables: Sequence[Table]) -> str:
    """One page that needs nothing else; every word is escaped by the template."""
    from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("mmrad_eval.results.tables", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("tables.html.jinja")
    return page.render(tables=[drawing(table) for table in tables], arrows=ARROWS) + "\n"


def _markdown(table: Drawing) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    heads = []
    for column, sign in zip(table.columns, table.signs, strict=True):
        arrow = f" {ARROWS[column.better]}" if column.better else ""
        heads.append(f"{_md(column.heading)}{arrow}{_md_sign((sign,) if sign else ())}")
    lines = [f"**{_md(table.title)}**", "", line(heads)]
    lines.append(line([":--" if column.kind == "text" else "--:" for column in table.columns]))
    for row, heading in zip(table.rows, table.headings, strict=True):
        if heading:
            lines.append(line([f"**{_md(heading)}**", *([""] * (len(row) - 1))]))
        lines.append(line([_md_cell(words) for words in row]))
    legend = [f"Best in bold, second in italics, among {_md(table.ranking)}."] if table.ranking else []
    below = (
        [_md(note) for note in table.notes]
        + legend
        + [f"<sup>{sign}</sup> {_md(text)}" for sign, text in table.footnotes]
    )
    return "\n".join([*lines, "", *(f"- {text}" for text in below), ""])


def _md_cell(words: CellText) -> str:
    value = _md(words.value)
    value = {"best": f"**{value}**", "second": f"_{value}_", "": value}[words.rank]
    interval = f" [{words.interval}]" if words.interval else ""
    return f"{value}{_md(words.mark)}{interval}{_md_sign(words.notes)}"


def _md_sign(signs: Sequence[str]) -> str:
    return f"<sup>{','.join(signs)}</sup>" if signs else ""


def _md(text: str) -> str:
    """Escape what Markdown or HTML would read as markup."""
    out = "".join(f"\\{c}" if c in "\\`*_|[]#~" else {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(c, c) for c in text)
    return " ".join(out.split())


_DOCUMENTS: dict[str, Callable[[Sequence[Table]], str]] = {
    "md": markdown,
    "csv": comma_separated,
    "latex": latex,
    "html": html,
    "json": as_json,
}
FORMATS = ("terminal", *_DOCUMENTS)
