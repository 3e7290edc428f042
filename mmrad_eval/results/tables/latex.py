r"""Tables for papers: booktabs, one ``table`` environment each, nothing needed but ``\usepackage{booktabs}``."""

from __future__ import annotations

from collections.abc import Sequence

from mmrad_eval.results.tables.drawing import NOTHING, Drawing, Words, bands, drawing
from mmrad_eval.results.tables.table import Table, TableColumn

_ROOM = 88  # characters of \footnotesize that fit beside each other on a page of an ordinary article
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\N{EN DASH}": "--",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "\N{MINUS SIGN}": "$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "Δ": r"$\Delta$",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}
_ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "": ""}


def latex(tables: Sequence[Table]) -> str:
    """All tables, one after the other."""
    return "\n".join(_table(table.name, drawing(table)) for table in tables)


def escape(text: str) -> str:
    """``text`` as LaTeX prints it; characters that the standard fonts lack become a question mark."""
    out = [_ESCAPES.get(c, c if c.isascii() or c in _LATIN else "?") for c in text]
    return " ".join("".join(out).split())


_LATIN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽž")


def _table(name: str, table: Drawing) -> str:
    widths = [_width(table, i) for i in range(len(table.columns))]
    fixed = max(1, next((i for i, c in enumerate(table.columns) if c.kind != "text"), len(table.columns)))
    parts = [_tabular(table, band) for band in bands(table.columns, fixed, widths, _ROOM)]
    below = [rf"\textsuperscript{{{sign}}}\,{escape(text)}" for sign, text in table.footnotes]
    legend = [f"Best in bold, second underlined, among {escape(table.ranking)}."] if table.ranking else []
    notes = " ".join([*(escape(note) for note in table.notes), *legend, *(f"{text}." for text in below)])
    return "\n".join(
        [
            r"\begin{table}[tp]",
            r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
            rf"\caption{{{escape(table.title)}}}\label{{tab:{name}}}",
            "\n\\par\\medskip\n".join(parts),
            *(
                [rf"\par\medskip\begin{{minipage}}{{\linewidth}}\scriptsize\raggedright {notes}\end{{minipage}}"]
                if notes
                else []
            ),
            r"\end{table}",
            "",
        ]
    )


def _tabular(table: Drawing, band: Sequence[int]) -> str:
    columns = [table.columns[i] for i in band]
    spec = "".join("l" if column.kind == "text" else "r" for column in columns)
    lines = [rf"\begin{{tabular}}{{@{{}}{spec}@{{}}}}", r"\toprule"]
    heads = [_head(table.columns[i], table.signs[i]) for i in band]
    lines.append(" & ".join(first for first, _ in heads) + r" \\")
    if any(second for _, second in heads):
        lines.append(" & ".join(second for _, second in heads) + r" \\")
    lines.append(r"\midrule")
    for row, rule in zip(table.rows, table.rules, strict=True):
        if rule:
            lines.append(r"\midrule")
        words = [row[i] for i in band]
        lines.append(" & ".join(_value(word) for word in words) + r" \\")
        if any(word.interval for word in words):
            intervals = (rf"{{\tiny [{escape(word.interval)}]}}" if word.interval else "" for word in words)
            lines.append(" & ".join(intervals) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _head(column: TableColumn, sign: str) -> tuple[str, str]:
    """A heading on two lines: the column above, its profile below."""
    first, at, second = column.heading.partition(" @ ")
    top = f"{escape(first)}{_ARROWS[column.better]}{_signs((sign,) if sign else ())}"
    return top, rf"{{\tiny {escape(second)}}}" if at else ""


def _value(words: Words) -> str:
    text = escape(words.value) if words.value != NOTHING else "--"
    if text[:1] in "+-" and text[1:2].isdigit():
        text = f"${text}$"
    text = {"best": rf"\textbf{{{text}}}", "second": rf"\underline{{{text}}}", "": text}[words.rank]
    return f"{text}{escape(words.mark)}{_signs(words.notes)}"


def _signs(signs: Sequence[str]) -> str:
    return rf"\textsuperscript{{{','.join(signs)}}}" if signs else ""


def _width(table: Drawing, column: int) -> int:
    """Characters of the widest cell of a column; intervals are set smaller."""
    head = table.columns[column].heading.split(" @ ")
    cells = [max(len(row[column].value) + 1, int(0.7 * (len(row[column].interval) + 2))) for row in table.rows]
    return max(len(head[0]) + 2, int(0.7 * len(head[-1])), *cells, 0) + 2
