"""Draws what a dataset holds on one page: steps, lengths of the rationale, regions, findings and views."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.datasets.describe import Description

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".png", ".pdf", ".svg")
BARS = 12
INK, PAPER, FAINT = "#0072B2", "white", "#777777"


def draw(d: Description, path: Path) -> None:
    """Write the page as png, pdf or svg by the file's suffix; panels of what is not there say so.

    Sizes of letters and lines are those that matplotlib is set to: the command sets those of a paper's figures.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: name a file that ends in {', '.join(FORMATS)}")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.9, 4.9), layout="constrained", facecolor=PAPER)
    patients = "" if d.patients is None else f", {d.patients:,} patients"
    figure.suptitle(f"{d.name}: {d.studies:,} studies{patients}, {d.images:,} images")
    panels: Any = figure.subplots(2, 3).flat
    _columns(next(panels), "Steps of a trace", d.steps_per_trace, "steps")
    _lengths(next(panels), d)
    _bars(next(panels), "Regions", d.regions or d.announced, "steps")
    _bars(next(panels), "Findings present", d.findings_present or d.labels, "studies")
    _bars(next(panels), "Views", d.views, "images")
    _bars(next(panels), "Reports", _words(d), "studies")
    form = path.suffix.lower().removeprefix(".") or "png"
    drawn = io.BytesIO()
    figure.savefig(drawn, format=form, dpi=200, metadata={"Date": None} if form == "svg" else None)
    write_whole(path, drawn.getvalue())


def _columns(axes: Axes, title: str, counts: dict[int, int], unit: str) -> None:
    axes.set_title(title)
    if not counts:
        _nothing(axes)
        return
    axes.bar(list(map(str, counts)), list(counts.values()), color=INK)
    axes.locator_params(axis="y", integer=True)
    axes.set_xlabel(unit)
    axes.set_ylabel("studies")


def _lengths(axes: Axes, d: Description) -> None:
    """Quartile boxes of word counts."""
    axes.set_title("Words")
    named = {
        "step": d.words_step,
        "trace": d.words_trace,
        "findings": d.words_findings,
        "impression": d.words_impression,
    }
    boxes = [
        {"label": name, "whislo": s.least, "q1": s.lower, "med": s.median, "q3": s.upper, "whishi": s.most}
        for name, s in named.items()
        if s.n
    ]
    if not boxes:
        _nothing(axes)
        return
    axes.bxp(boxes, showfliers=False, medianprops={"color": INK})
    axes.tick_params(axis="x", rotation=25)
    axes.set_ylabel("words (quartiles, least and most)")


def _bars(axes: Axes, title: str, counts: dict[str, int], unit: str) -> None:
    """``unit``: what is counted."""
    axes.set_title(f"{title}, {BARS} of {len(counts)}" if len(counts) > BARS else title)
    if not counts:
        _nothing(axes)
        return
    shown = list(counts.items())[:BARS][::-1]
    axes.barh([name if len(name) < 34 else f"{name[:32]}\u2026" for name, _ in shown], [n for _, n in shown], color=INK)
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel(unit)


def _words(d: Description) -> dict[str, int]:
    counts = {
        "findings": d.findings,
        "impression": d.impression,
        "neither": d.no_sections,
        "empty": d.empty,
        "comparing": d.comparisons,
        **{f"mark {name}": n for name, n in d.marks.items()},
    }
    return {name: n for name, n in counts.items() if n}


def _nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, "none in this data", ha="center", va="center", color=FAINT, transform=axes.transAxes)
    axes.set_axis_off()
