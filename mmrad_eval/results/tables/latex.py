r"""Tables for papers: ``table`` environments that need ``\usepackage{booktabs}`` and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mmrad_eval.results.tables.layout import NOTHING, CellText, Drawing, bands, drawing
from mmrad_eval.results.tables.table import Table
from mmrad_eval.results.tables.tex_text import breakable, escape, text_width, wrapped

__all__ = ["ARTICLE", "TexPage", "escape", "latex"]


@dataclass(frozen=True)
class TexPage:
    """Where tables are set: the room that they have, and how a venue sets them. Lengths in TeX's points."""

    line: float = 345.0
    height: float = 550.0
    environment: str = "table"
    caption: Literal["above", "below"] = "above"
    sizes: tuple[tuple[str, float], ...] = (("small", 9.0), ("footnotesize", 8.0), ("scriptsize", 7.0))
    """Sizes of type that may be taken, the largest first."""
    tiny: float = 5.0
    intervals: bool = True
    """Whether intervals stand below their values."""
    rotate: bool = False
    r"""Whether headings of numbers stand upright, which needs ``\usepackage{graphicx}``."""


ARTICLE = TexPage()
"""The plain article of one column, in 10 points."""

_GAP, _NARROW_GAP = 6.0, 3.6  # between columns: twice \tabcolsep
_SAFE = 1.03  # widths are those of Computer Modern, within 3 %
_LEADING = {7.0: 8.0, 8.0: 9.5, 9.0: 11.0, 10.0: 12.0, 10.95: 13.6}  # points between lines, by size10 to size12.clo
_FEW = 0.15  # of a page
_CLOSER = 2.5  # points by which an interval stands closer to its value than a line
_HEAD = 3.0  # lines that rules take
_NOTE = ("scriptsize", 7.0)
_ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "": ""}


def latex(tables: Sequence[Table], pages: Sequence[TexPage] = (ARTICLE,)) -> str:
    """All tables, one after the other, each on the first of the pages that has room for its columns."""
    return "\n".join(_table(table.name, drawing(table), pages) for table in tables)


@dataclass(frozen=True)
class _Piece:
    """Something that stands in a float, and its height."""

    text: str
    height: float


@dataclass(frozen=True)
class _Setting:
    """How one table is set: the page, the size of its type, and the width of each column with its gap."""

    page: TexPage
    size: str
    points: float
    widths: tuple[float, ...]

    @property
    def leading(self) -> float:
        """Points between lines."""
        return _LEADING[self.points]

    paragraph: float = 0.0
    """Width of the last column where its words are broken over lines; 0 where they are not."""


def _table(name: str, table: Drawing, pages: Sequence[TexPage]) -> str:
    """As many floats as the table needs, under one number: columns in bands below each other, rows over pages."""
    setting = _setting(table, pages)
    fixed = max(1, next((i for i, c in enumerate(table.columns) if c.kind != "text"), len(table.columns)))
    units = [round(width * 10) for width in setting.widths]
    room = round((setting.page.line + _gap(setting.page)) * 10)
    notes = _notes(table, setting.page)
    below = sum(note.height for note in notes)
    kept = below if below < _FEW * setting.page.height else 0.0  # short notes stand below rows, never alone
    split = bands(table.columns, fixed, units, room)
    pieces = [p for band in split for p in _tabulars(table, band, setting, kept)]
    left = setting.page.height - _caption_height(table.title, setting.page)
    floats: list[list[_Piece]] = [[]]
    for piece in [*pieces, *notes]:
        if floats[-1] and sum(p.height for p in floats[-1]) + piece.height > left:
            floats.append([])
        floats[-1].append(piece)
    return "\n".join(_float(name if i == 0 else "", table.title, inside, setting) for i, inside in enumerate(floats))


def _setting(table: Drawing, pages: Sequence[TexPage]) -> _Setting:
    """The largest type on the first page in which the table fits whole; else the smallest in which its columns do."""
    if len(table.columns) > 1 and all(column.kind == "text" for column in table.columns):
        return _paragraphs(table, pages[-1])
    fitting: list[_Setting] = []
    for page in pages:
        for size, points in page.sizes:
            setting = _Setting(page, size, points, _widths(table, page, points))
            if sum(setting.widths) - _gap(page) <= page.line:
                fitting.append(setting)
                if _whole_height(table, setting) <= page.height:
                    return setting
    if fitting:
        return fitting[-1]
    return _Setting(pages[-1], *pages[-1].sizes[-1], _widths(table, pages[-1], pages[-1].sizes[-1][1]))


def _whole_height(table: Drawing, setting: _Setting) -> float:
    """Of all rows, notes and the caption in one float."""
    pieces = [*_tabulars(table, range(len(table.columns)), setting), *_notes(table, setting.page)]
    return sum(piece.height for piece in pieces) + _caption_height(table.title, setting.page)


def _gap(page: TexPage) -> float:
    return _NARROW_GAP if page.rotate else _GAP


def _paragraphs(table: Drawing, page: TexPage) -> _Setting:
    """A table of words: its last column takes what the others leave, and breaks its lines."""
    size, points = page.sizes[-1]
    widths = _widths(table, page, points)
    left = page.line - sum(widths[:-1])
    if widths[-1] - _gap(page) <= left:
        return _Setting(page, size, points, widths)
    return _Setting(page, size, points, (*widths[:-1], left + _gap(page)), left)


def _widths(table: Drawing, page: TexPage, points: float) -> tuple[float, ...]:
    return tuple(_width(table, i, page, points) + _gap(page) for i in range(len(table.columns)))


def _width(table: Drawing, column: int, page: TexPage, points: float) -> float:
    """Points that the widest cell of a column takes, its heading included."""
    words = [row[column] for row in table.rows]
    signs = max((text_width(",".join(cell.notes), page.tiny) for cell in words), default=0.0)
    bold = 1.12 if any(cell.rank == "best" for cell in words) else 1.0
    cells = [text_width(cell.value, points) * bold + text_width(cell.mark, points) + signs for cell in words]
    if page.intervals:
        cells += [text_width(f"[{cell.interval}]", page.tiny) for cell in words if cell.interval]
    if page.rotate and table.columns[column].kind != "text":
        return _SAFE * max(max(cells, default=0.0), points)
    lines = _head_lines(table, column, max(cells, default=0.0), points)
    head = [text_width(text, points) for text, small in lines if not small]
    head += [text_width(text, page.tiny) for text, small in lines if small]
    arrow = text_width("n", points) if table.columns[column].better else 0.0
    return _SAFE * max(max(cells, default=0.0), max(head, default=0.0) + arrow)


def _head_lines(table: Drawing, column: int, room: float, points: float) -> list[tuple[str, bool]]:
    """Lines of a heading, and whether each is set small: names are broken where their column is narrow."""
    first, at, second = table.columns[column].heading.partition(" @ ")
    lines = [first] if table.columns[column].kind == "text" else wrapped(first, room, points)
    return [*((line, False) for line in lines), *([(second, True)] if at else [])]


def _caption_height(title: str, page: TexPage) -> float:
    lines = 1 + int(text_width(title, 10.0) / page.line)
    return 13.0 * lines + 12.0


def _float(name: str, title: str, inside: Sequence[_Piece], setting: _Setting) -> str:
    page = setting.page
    label = rf"\label{{tab:{name}}}" if name else ""
    caption = rf"\caption{{{escape(title)}{'' if name else ' (continued)'}}}{label}"
    body = "\n\\par\\smallskip\n".join(piece.text for piece in inside)
    again = [] if name else [r"\addtocounter{table}{-1}"]
    content = [caption, body] if page.caption == "above" else [body, caption]
    begin = rf"\begin{{{page.environment}}}[tp]"
    look = rf"\centering\{setting.size}\setlength{{\tabcolsep}}{{{_gap(page) / 2:g}pt}}"
    return "\n".join([begin, look, *again, *content, rf"\end{{{page.environment}}}", ""])


def _notes(table: Drawing, page: TexPage) -> list[_Piece]:
    """Notes and footnotes, as many together as stay on one page."""
    legend = [f"Best in bold, second underlined, among {escape(table.ranking)}."] if table.ranking else []
    sentences = [*(escape(note) for note in table.notes), *legend]
    sentences += [rf"\textsuperscript{{{sign}}}\,{escape(text)}." for sign, text in table.footnotes]
    size, points = _NOTE
    of_line = page.line / (0.47 * points)  # characters
    most = of_line * page.height / _LEADING[points] / 2
    pieces: list[_Piece] = []
    held: list[str] = []
    for sentence in [*sentences, None]:
        if held and (sentence is None or sum(map(len, held)) + len(sentence) > most):
            text = rf"\begin{{minipage}}{{\linewidth}}\{size}\raggedright {breakable(' '.join(held))}\end{{minipage}}"
            pieces.append(_Piece(text, (1 + sum(map(len, held)) / of_line) * _LEADING[points]))
            held = []
        if sentence is not None:
            held.append(sentence)
    return pieces


def _tabulars(table: Drawing, band: Sequence[int], setting: _Setting, kept: float = 0.0) -> list[_Piece]:
    """One band of columns, its rows cut where a page is full; ``kept``: height that is left for notes."""
    columns = [table.columns[i] for i in band]
    spec = "".join("l" if column.kind == "text" else "r" for column in columns)
    if setting.paragraph:
        spec = f"{spec[:-1]}p{{{setting.paragraph:.1f}pt}}"
    head = _heads(table, band, setting)
    top = [rf"\begin{{tabular}}{{@{{}}{spec}@{{}}}}", r"\toprule", *head, r"\midrule"]
    bottom = [r"\bottomrule", r"\end{tabular}"]
    line = setting.leading
    most = setting.page.height - _caption_height(table.title, setting.page) - kept
    upright = [text_width(column.heading, setting.points) for column in columns] if setting.page.rotate else [0.0]
    begun = (_HEAD + len(head)) * line + max(upright)
    pieces: list[_Piece] = []
    body: list[str] = []
    height = begun
    for row, rule, heading in zip(table.rows, table.rules, table.headings, strict=True):
        words = [row[i] for i in band]
        below = setting.page.intervals and any(word.interval for word in words)
        own = 1.0
        if setting.paragraph:
            own += text_width(words[-1].value, setting.points) // (0.85 * setting.paragraph)
        taken = line * (own + bool(heading) + 0.4 * rule) + (line - _CLOSER if below else 0.0)
        if height + taken > most:
            pieces.append(_Piece("\n".join([*top, *body, *bottom]), height))
            body, height = [], begun
        if rule and body:
            body.append(r"\midrule")
        if heading:
            body.append(rf"\multicolumn{{{len(band)}}}{{@{{}}l}}{{\textit{{{escape(heading)}}}}} \\")
        cells = [_value(word) for word in words]
        if setting.paragraph:
            cells[-1] = rf"\raggedright {breakable(cells[-1])}"
        end = r" \tabularnewline" if setting.paragraph else rf" \\[-{_CLOSER:g}pt]" if below else r" \\"
        body.append(" & ".join(cells) + end)
        if below:  # an interval stands close below its value
            intervals = (rf"{{\tiny [{escape(word.interval)}]}}" if word.interval else "" for word in words)
            body.append(" & ".join(intervals) + r" \\")
        height += taken
    return [*pieces, _Piece("\n".join([*top, *body, *bottom]), height)]


def _heads(table: Drawing, band: Sequence[int], setting: _Setting) -> list[str]:
    """The lines of the headings; short ones stand on the last, and a profile below its name."""
    if setting.page.rotate:
        return [" & ".join(_upright(table, i) for i in band) + r" \\"]
    columns = []
    for i in band:
        room = setting.widths[i] / _SAFE - _gap(setting.page)
        lines = _head_lines(table, i, room, setting.points)
        names = sum(not small for _, small in lines)
        sign = table.signs[i]
        cells = [rf"{{\tiny {escape(text)}}}" if small else escape(text) for text, small in lines]
        cells[names - 1] += _ARROWS[table.columns[i].better] + _signs((sign,) if sign else ())
        columns.append((cells, names))
    above = max((names for _, names in columns), default=0)
    below = max((len(cells) - names for cells, names in columns), default=0)
    filled = [[""] * (above - names) + cells + [""] * (below - len(cells) + names) for cells, names in columns]
    return [" & ".join(cells[line] for cells in filled) + r" \\" for line in range(above + below)]


def _upright(table: Drawing, column: int) -> str:
    heading = escape(table.columns[column].heading) + _ARROWS[table.columns[column].better]
    return heading if table.columns[column].kind == "text" else rf"\rotatebox{{90}}{{{heading}}}"


def _value(words: CellText) -> str:
    text = escape(words.value) if words.value != NOTHING else "--"
    text = {"best": rf"\textbf{{{text}}}", "second": rf"\underline{{{text}}}", "": text}[words.rank]
    return f"{text}{escape(words.mark)}{_signs(words.notes)}"


def _signs(signs: Sequence[str]) -> str:
    return rf"\textsuperscript{{{','.join(signs)}}}" if signs else ""
