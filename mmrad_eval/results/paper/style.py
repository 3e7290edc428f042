"""How a venue sets tables and figures: ``styles.toml``, one table a venue."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Literal

import msgspec

from mmrad_eval.core.errors import UnknownNameError
from mmrad_eval.results.figures.style import Look
from mmrad_eval.results.tables.latex import TexPage

POINTS = 72.27
"""Of TeX, to an inch."""
_SIZES = {
    10: ((("small", 9.0), ("footnotesize", 8.0), ("scriptsize", 7.0)), 5.0),
    11: ((("small", 10.0), ("footnotesize", 9.0), ("scriptsize", 8.0)), 6.0),
    12: ((("small", 10.95), ("footnotesize", 10.0), ("scriptsize", 8.0)), 6.0),
}
"""Sizes of type that tables may take, by the size of the text: LaTeX's size10.clo to size12.clo."""


class PaperStyle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One venue."""

    title: str
    line: float
    """Width of a column."""
    page: float
    """Width of all columns."""
    height: float
    type: Literal[10, 11, 12]
    caption: Literal["above", "below"]
    """Where captions of tables stand."""
    font: str
    """Of figures; one that comes with Matplotlib, so that figures are the same on every machine."""
    preamble: tuple[str, ...]
    """The stand-in where the venue's class is not at hand."""
    name: str = ""
    figure: float | None = None
    """Width of a narrow figure, where it is not that of a column."""
    footnotesize: float | None = None
    r"""Points of its ``\footnotesize``, where its class has another than LaTeX."""
    class_: str = msgspec.field(name="class", default="")
    """The venue's own class, where it can be had from a distribution of TeX."""

    @property
    def two_columns(self) -> bool:
        """Whether a page has two columns, and wide floats an environment of their own."""
        return self.page > self.line

    def pages(self, *, intervals: bool, rotate: bool = False) -> tuple[TexPage, ...]:
        """Where tables may stand: a column, and both where there are two."""
        sizes, tiny = _SIZES[self.type]
        if self.footnotesize is not None:
            sizes = (sizes[0], ("footnotesize", self.footnotesize), sizes[2])
        narrow = TexPage(self.line, self.height, "table", self.caption, sizes, tiny, intervals, rotate)
        if not self.two_columns:
            return (narrow,)
        return (narrow, replace(narrow, line=self.page, environment="table*"))

    @property
    def look(self) -> Look:
        """How figures look."""
        return Look((self.figure or self.line) / POINTS, self.page / POINTS, self.height / POINTS, self.font)

    def document(self, body: list[str]) -> str:
        r"""A document that compiles as it is: the venue's class where TeX finds it, else the stand-in."""
        stand_in = list(self.preamble)
        if self.class_:
            own = rf"\documentclass{{{self.class_}}}"
            stand_in = [rf"\IfFileExists{{{self.class_}.cls}}{{{own}}}{{%", *stand_in, "}"]
        packages = [r"\usepackage{booktabs,graphicx}", r"\extrafloats{200}\maxdeadcycles=1000"]
        return "\n".join([*stand_in, *packages, r"\begin{document}", *body, r"\end{document}", ""])


def styles() -> dict[str, PaperStyle]:
    """Every style by its name."""
    text = files("mmrad_eval.results.paper").joinpath("styles.toml").read_text(encoding="utf-8")
    known = msgspec.toml.decode(text, type=dict[str, PaperStyle])
    return {name: msgspec.structs.replace(style, name=name) for name, style in known.items()}


def style_of(name: str) -> PaperStyle:
    """The style of that name; UnknownNameError with those that there are."""
    known = styles()
    if name not in known:
        raise UnknownNameError("style", name, ((known_name, "mmrad-eval") for known_name in known))
    return known[name]
