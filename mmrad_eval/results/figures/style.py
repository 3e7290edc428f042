"""How figures look: sizes, colours, marks; nothing global is touched."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.core.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

COLUMN, PAGE = 3.35, 6.9
"""Inches: the width of one column, and of both."""

SMALLEST = 7.0
"""Points of the smallest letters, at the size in which a figure is printed."""


@dataclass(frozen=True)
class Look:
    """What a venue decides of a figure."""

    column: float = COLUMN
    """Inches of a narrow figure."""
    page: float = PAGE
    """Inches of a wide one."""
    tall: float = 8.0
    """Inches that a figure and its caption may take."""
    font: str = "DejaVu Sans"


COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette (Color Universal Design, 2008): told apart by all common kinds of colour vision."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p", "h", "d", "8", "H")
"""A second way to tell series apart, which also works in print without colour."""

GREY = "#777777"

_RC: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": SMALLEST,
    "ytick.labelsize": SMALLEST,
    "legend.fontsize": SMALLEST,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 4,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "pdf.fonttype": 42,  # text stays text, so that a journal can edit it
    "svg.fonttype": "none",
    "svg.hashsalt": "mmrad-eval",
    "figure.dpi": 200,
}


_AIR = 4.0
"""Dots that a text leaves free of the room that it has."""


@contextmanager
def drawing(look: Look = Look()) -> Iterator[None]:
    """The style, for as long as the context lasts."""
    import matplotlib as mpl

    with mpl.rc_context(_RC | {"font.family": [look.font, "DejaVu Sans"]}):
        yield


def figure(width: float, height: float, rows: int = 1, columns: int = 1, **share: Any) -> tuple[Figure, list[Axes]]:
    """A figure of that size in inches with its panels, row by row."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    axes = made.subplots(rows, columns, squeeze=False, **share)
    return made, [axes[r][c] for r in range(rows) for c in range(columns)]


def save(made: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``name``.pdf for the paper and ``name``.png to look at; equal figures are equal files."""
    fit(made)
    said = {"pdf": {"CreationDate": None, "Producer": "mmrad-eval"}, "png": {"Software": "mmrad-eval"}}
    for form, metadata in said.items():
        drawn = io.BytesIO()  # a disk that is full in the middle of a PDF is no error that its writer knows
        made.savefig(drawn, format=form, metadata=metadata)
        write_whole(folder / f"{name}.{form}", drawn.getvalue())
    return [folder / f"{name}.{form}" for form in said]


def fit(made: Figure) -> None:
    """Break titles and labels of panels that would run into a neighbor or over the edge of the figure."""
    made.draw_without_rendering()
    edge = made.bbox.width
    boxes = {panel: panel.get_window_extent() for panel in made.axes}
    for panel, box in boxes.items():
        row = [one for one in boxes.values() if one.y0 < box.y1 and one.y1 > box.y0]
        left = max([0.0, *((one.x1 + box.x0) / 2 for one in row if one.x1 <= box.x0)])
        right = min([edge, *((one.x0 + box.x1) / 2 for one in row if one.x0 >= box.x1)])
        middle = (box.x0 + box.x1) / 2
        for text in (panel.title, panel.xaxis.label):
            _break(text, 2 * min(middle - left, right - middle) - _AIR)


def _break(text: Text, room: float) -> None:
    """Set a text in lines of at most ``room`` dots, broken between words."""
    lines: list[str] = []
    for line in text.get_text().splitlines():
        begun = ""
        for word in line.split(" "):
            text.set_text(f"{begun} {word}".strip())
            if begun and text.get_window_extent().width > room:
                lines.append(begun)
                text.set_text(word)
            begun = text.get_text()
        lines.append(begun)
    text.set_text("\n".join(lines))


def color(i: int) -> str:
    """Color of series ``i``; IndexError where no further one can be told apart."""
    return COLORS[i]


def marker(i: int) -> str:
    """Marker of series ``i``; IndexError where no further one can be told apart."""
    return MARKERS[i]


def dashes(i: int) -> Any:
    """Dash pattern of series ``i``, a second way to tell lines without markers apart; IndexError beyond the last."""
    return _DASHES[i]


_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))


def whole(axis: Any) -> None:
    """Ticks at whole numbers, few of them."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def short_model(name: str) -> str:
    """A model without its provider and its owner: the last part tells it apart."""
    return name if name.startswith("baseline:") else name.rsplit("/", 1)[-1].rpartition(":")[2] or name


def shorten(name: str, most: int = 42) -> str:
    """A name that fits into a legend."""
    return name if len(name) <= most else f"{name[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def arrowed(name: str, better: str) -> str:
    """A column's name, and which end of it is good."""
    return name + {"higher": " ↑", "lower": " ↓"}.get(better, "")


def legend_below(made: Figure, handles: Sequence[Any], most: int = 3) -> None:
    """A legend below the figure, in at most ``most`` columns and no wider than the figure."""
    for columns in range(min(most, len(handles)), 0, -1):
        legend = made.legend(handles=handles, loc="outside lower center", ncols=columns)
        made.draw_without_rendering()
        if columns == 1 or legend.get_window_extent().width <= made.bbox.width:
            return
        legend.remove()


def grouped_legend(made: Figure, groups: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """One legend below the figure, a column with a heading for each group of handles."""
    from matplotlib.lines import Line2D

    groups = [(title, handles) for title, handles in groups if handles]
    if not groups:
        return
    longest = max(len(handles) for _, handles in groups)

    def blank(label: str = "") -> Any:
        return Line2D([], [], linestyle="none", label=label)

    columns = [[blank(title), *handles, *(blank() for _ in range(longest - len(handles)))] for title, handles in groups]
    legend = made.legend(
        handles=[handle for column in columns for handle in column],
        loc="outside lower center",
        ncols=len(columns),
        columnspacing=1.0,
        handletextpad=0.4,
    )
    for start in range(0, len(columns) * (longest + 1), longest + 1):
        legend.get_texts()[start].set_fontweight("bold")
