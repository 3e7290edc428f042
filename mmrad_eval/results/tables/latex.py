r"""Tables for papers: ``table`` environments that need ``\usepackage{booktabs,graphicx}`` and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmrad_eval.results.tables.layout import NOTHING, CellText, Drawing, bands, drawing
from mmrad_eval.results.tables.table import Table, TableColumn

_ROOM = 94  # characters of \footnotesize beside each other; what is wider than the page is set smaller
_LINES = 57.0  # lines of \footnotesize that fit below each other on one
_PAIR = 1.75  # lines that a value and its interval take
_HEAD = 4.0  # what rules and headings of one band take of them
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"  # smaller only where it must be
_NOTE = 105  # characters of a line of notes
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
    """``text`` as LaTeX prints it; characters that the standard fonts lack stand as code points: names stay apart."""
    out = [_ESCAPES.get(c, c if c.isascii() or c in _LATIN else f"U+{ord(c):04X}") for c in text]
    return " ".join("".join(out).split())


_LATIN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽž")


@dataclass(frozen=True)
class _Piece:
    """Something that stands in a float, and the lines that it takes."""

    text: str
    lines: float


def _table(name: str, table: Drawing) -> str:
    """As many floats as the table needs: columns in bands below each other, rows over several pages."""
    widths = [_width(table, i) for i in range(len(table.columns))]
    fixed = max(1, next((i for i, c in enumerate(table.columns) if c.kind != "text"), len(table.columns)))
    pieces = [piece for band in bands(table.columns, fixed, widths, _ROOM) for piece in _tabulars(table, band)]
    notes = _notes(table)
    floats: list[list[_Piece]] = [[]]
    for piece in [*pieces, *notes]:
        if floats[-1] and sum(p.lines for p in floats[-1]) + piece.lines > _LINES:
            floats.append([])
        floats[-1].append(piece)
    return "\n".join(_float(name if i == 0 else "", table.title, inside) for i, inside in enumerate(floats))


def _float(name: str, title: str, inside: Sequence[_Piece]) -> str:
    label = rf"\label{{tab:{name}}}" if name else ""
    caption = escape(title) + ("" if name else " (continued)")
    return "\n".join(
        [
            r"\begin{table}[tp]",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{caption}}}{label}",
            "\n\\par\\medskip\n".join(piece.text for piece in inside),
            r"\end{table}",
            "",
        ]
    )


def _notes(table: Drawing) -> list[_Piece]:
    """Notes and footnotes, as many together as stay on one page."""
    legend = [f"Best in bold, second underlined, among {escape(table.ranking)}."] if table.ranking else []
    sentences = [*(escape(note) for note in table.notes), *legend]
    sentences += [rf"\textsuperscript{{{sign}}}\,{escape(text)}." for sign, text in table.footnotes]
    pieces: list[_Piece] = []
    held: list[str] = []
    for sentence in [*sentences, None]:
        if held and (sentence is None or sum(map(len, held)) + len(sentence) > _NOTE * _LINES / 2):
            text = rf"\begin{{minipage}}{{\linewidth}}\scriptsize\raggedright {' '.join(held)}\end{{minipage}}"
            pieces.append(
                _Piece(text.replace(r"\textbar{}", r"\textbar{}\allowbreak{}"), 1 + sum(map(len, held)) / _NOTE)
            )
            held = []
        if sentence is not None:
            held.append(sentence)
    return pieces


def _tabulars(table: Drawing, band: Sequence[int]) -> list[_Piece]:
    """One band of columns, its rows cut where a page is full."""
    columns = [table.columns[i] for i in band]
    spec = "".join("l" if column.kind == "text" else "r" for column in columns)
    heads = [_head(table.columns[i], table.signs[i]) for i in band]
    top = [
        rf"{_FIT}{{\begin{{tabular}}{{@{{}}{spec}@{{}}}}",
        r"\toprule",
        " & ".join(first for first, _ in heads) + r" \\",
    ]
    if any(second for _, second in heads):
        top.append(" & ".join(second for _, second in heads) + r" \\")
    top.append(r"\midrule")
    bottom = [r"\bottomrule", r"\end{tabular}}"]
    pieces: list[_Piece] = []
    body: list[str] = []
    lines = _HEAD
    for row, rule, heading in zip(table.rows, table.rules, table.headings, strict=True):
        words = [row[i] for i in band]
        has_intervals = any(word.interval for word in words)
        end = r" \\[-2.5pt]" if has_intervals else r" \\"  # an interval stands close below its value
        drawn = [" & ".join(_value(word) for word in words) + end]
        if has_intervals:
            intervals = (rf"{{\tiny [{escape(word.interval)}]}}" if word.interval else "" for word in words)
            drawn.append(" & ".join(intervals) + r" \\")
        taken = _PAIR if has_intervals else 1.0
        taken += bool(heading)
        if lines + taken > _LINES:
            pieces.append(_Piece("\n".join([*top, *body, *bottom]), lines))
            body, lines = [], _HEAD
        if rule and body:
            body.append(r"\midrule")
        if heading:
            body.append(rf"\multicolumn{{{len(band)}}}{{@{{}}l}}{{\textit{{{escape(heading)}}}}} \\")
        body += drawn
        lines += taken
    return [*pieces, _Piece("\n".join([*top, *body, *bottom]), lines)]


def _head(column: TableColumn, sign: str) -> tuple[str, str]:
    """A heading on two lines: the column above, its profile below."""
    first, at, second = column.heading.partition(" @ ")
    top = f"{escape(first)}{_ARROWS[column.better]}{_signs((sign,) if sign else ())}"
    return top, rf"{{\tiny {escape(second)}}}" if at else ""


def _value(words: CellText) -> str:
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
