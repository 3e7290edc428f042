"""How figures look: sizes, colours, marks; nothing global is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.35, 6.9
"""Inches: the width of one column, and of both."""

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette (Color Universal Design, 2008): told apart by all common kinds of colour vision."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p", "h", "d", "8", "H")
"""A second way to tell series apart, which also works in print without colour."""

GREY = "#777777"

_RC: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 6.5,
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
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.03,
}


@contextmanager
def drawing() -> Iterator[None]:
    """The style, for as long as the context lasts."""
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        yield


def figure(width: float, height: float, rows: int = 1, columns: int = 1, **share: Any) -> tuple[Figure, list[Axes]]:
    """A figure of that size in inches with its panels, row by row."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    axes = made.subplots(rows, columns, squeeze=False, **share)
    return made, [axes[r][c] for r in range(rows) for c in range(columns)]


def save(made: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``name``.pdf for the paper and ``name``.png to look at; equal figures are equal files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.pdf", folder / f"{name}.png"]
    made.savefig(paths[0], metadata={"CreationDate": None, "Producer": "mmrad-eval"})
    made.savefig(paths[1], metadata={"Software": "mmrad-eval"})
    return paths


def color(i: int) -> str:
    """Colour of series ``i``."""
    return COLORS[i % len(COLORS)]


def marker(i: int) -> str:
    """Marker of series ``i``."""
    return MARKERS[i % len(MARKERS)]


def dashes(i: int) -> Any:
    """Dash pattern of series ``i``, a second way to tell lines without markers apart."""
    return _DASHES[i % len(_DASHES)]


_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)))


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


def axis_label(label: str, better: str) -> str:
    """A column's name over two lines, and which end of it is good."""
    name, at, profile = label.partition(" @ ")
    arrow = {"higher": " ↑", "lower": " ↓"}.get(better, "")
    return f"{name}{arrow}\n@ {profile}" if at else f"{name}{arrow}"
