"""Figures of what was written: steps and lengths, findings and regions, scores by category and by length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.results.figures.read import LengthPoint, Reading
from mmrad_eval.results.figures.style import (
    GREY,
    SMALLEST,
    Look,
    arrowed,
    color,
    dashes,
    figure,
    legend_below,
    marker,
    shorten,
    whole,
)
from mmrad_eval.results.run.summary import ColumnSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SERIES = 6


def lengths(readings: Sequence[Reading], look: Look) -> Figure | None:
    """Steps of a trace, words of a trace, words of a report: a panel for each that some run has, a line a run.

    None where no report has a word.
    """
    shown = [r for r in readings if any(r.report.values())][:MOST_SERIES]
    if not shown:
        return None
    traced = _traced(shown)
    stepped = [(i, r) for i, r in traced if r.steps]
    worded = [(i, r.words) for i, r in traced if r.words]
    parts = 1 + bool(stepped) + bool(worded)
    made, panels = figure(look.column if parts == 1 else look.page, 2.3, 1, parts)
    left = iter(panels)
    if stepped:
        _steps(next(left), stepped)
    if worded:
        _curves(next(left), worded, "words of a trace")
    last = next(left)
    _curves(last, [(i, [n for n in r.report.values() if n]) for i, r in enumerate(shown)], "words of a report")
    handles = [
        last.plot([], [], color=color(i), linestyle=dashes(i), label=shorten(r.name))[0] for i, r in enumerate(shown)
    ]
    if any(i == _GIVEN for i, _ in traced):
        handles.append(last.plot([], [], color=GREY, label="the trace that tasks show")[0])
    legend_below(made, handles)
    return made


_GIVEN = -1
"""Stands for the trace that tasks show, which is the same for every model."""


def _traced(readings: Sequence[Reading]) -> list[tuple[int, Reading]]:
    """(series, reading) of each trace: once of the one that is shown, and of each that a model wrote."""
    given = [(_GIVEN, r) for r in readings if r.words and not r.own][:1]
    return given + [(i, r) for i, r in enumerate(readings) if r.words and r.own]


def _hue(series: int) -> str:
    return GREY if series == _GIVEN else color(series)


def _steps(panel: Axes, with_steps: Sequence[tuple[int, Reading]]) -> None:
    most = max(max(r.steps) for _, r in with_steps)
    width = 0.8 / len(with_steps)
    for position, (i, r) in enumerate(with_steps):
        counts = np.bincount(r.steps, minlength=most + 1)[1:]
        x = np.arange(1, most + 1) + (position - (len(with_steps) - 1) / 2) * width
        panel.bar(x, 100 * counts / len(r.steps), width, color=_hue(i))
    panel.set_xlabel("steps of a trace")
    panel.set_ylabel("studies, %")
    whole(panel.xaxis)


def _curves(panel: Axes, series: Sequence[tuple[int, Sequence[int]]], label: str) -> None:
    """Share of studies with at most so many words: no bins to choose, and short and long tails are seen."""
    for i, values in series:
        if values:
            x = np.sort(np.asarray(values))
            y = 100 * np.arange(1, len(x) + 1) / len(x)
            panel.step(
                np.concatenate([[x[0]], x]),
                np.concatenate([[0], y]),
                where="post",
                color=_hue(i),
                linestyle=dashes(max(i, 0)),
            )
    panel.set_xlabel(label)
    panel.set_ylabel("cumulative, % of studies")
    panel.set_ylim(0, 102)


def contents(categories: Mapping[str, int], found: Mapping[str, int], n: int, look: Look) -> Figure | None:
    """Which regions the traces look at, and which findings the references state; None where neither is known."""
    if not categories and not found:
        return None
    regions = dict(sorted(categories.items(), key=lambda item: -item[1]))
    sides = [
        (regions, "regions of the traces", "steps that look there"),
        (found, "findings of the references", f"references that state it, of {n:,}"),
    ]
    sides = [side for side in sides if side[0]]
    made, panels = figure(
        look.page if len(sides) > 1 else look.column, 0.16 * max(len(found), len(regions), 4) + 0.6, 1, len(sides)
    )
    for series, (panel, (counts, title, label)) in enumerate(zip(panels, sides, strict=True)):
        _bars(panel, counts, label, series)
        panel.set_title(title)
    return made


def _category(name: str) -> str:
    """A region category as it is read."""
    return name.replace("_", " and ")


def _bars(panel: Axes, counts: Mapping[str, int], label: str, series: int) -> None:
    names = [_category(name) for name in counts]
    panel.barh(range(len(counts)), list(counts.values()), color=color(series), height=0.7)
    panel.set_yticks(range(len(counts)), names)
    panel.set_ylim(len(counts) - 0.4, -0.6)
    panel.set_xlabel(label)
    for i, n in enumerate(counts.values()):
        panel.text(n, i, f" {n:,}", va="center", fontsize=SMALLEST)
    panel.margins(x=0.12)
    whole(panel.xaxis)


def categories(series: Mapping[str, Mapping[str, ColumnSummary]], name: str, look: Look) -> Figure | None:
    """A score by category of region, one series a run: run -> category -> number. None where there is none."""
    shown = {
        run: values
        for run, values in list(series.items())[:MOST_SERIES]
        if any(v.value is not None for v in values.values())
    }
    if not shown:
        return None
    rows = list(dict.fromkeys(category for values in shown.values() for category in values))
    made, (panel,) = figure(look.column, min(look.tall - 1, 0.2 * len(rows) * (1 + 0.3 * (len(shown) - 1)) + 0.9))
    for i, values in enumerate(shown.values()):
        offset = (i - (len(shown) - 1) / 2) * 0.7 / len(shown)
        for row, category in enumerate(rows):
            value = values.get(category)
            if value is None or value.value is None:
                continue
            if value.low is not None and value.high is not None:
                panel.plot([value.low, value.high], [row + offset] * 2, color=color(i), linewidth=1)
            panel.plot([value.value], [row + offset], marker(i), color=color(i), markersize=3.5)
    panel.set_yticks(range(len(rows)), [_category(row) for row in rows])
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xlabel(name)
    handles = [panel.plot([], [], marker(i), color=color(i), label=shorten(run))[0] for i, run in enumerate(shown)]
    legend_below(made, handles, 2)
    return made


def by_length(
    series: Mapping[str, Sequence[LengthPoint]], name: str, column: ColumnSummary, look: Look
) -> Figure | None:
    """A score (``name``: as printed) against the length of the report, one line a run, an interval at each point."""
    lines = [(run, points) for run, points in list(series.items())[:MOST_SERIES] if points]
    if not lines:
        return None
    made, (panel,) = figure(look.column, 2.7)
    for i, (run, points) in enumerate(lines):
        x, y, low, high, _ = (np.array(values, dtype=np.float64) for values in zip(*points, strict=True))
        panel.plot(x, y, marker(i) + "-", color=color(i), linewidth=1, markersize=3.5, label=shorten(run))
        panel.vlines(x, low, high, color=color(i), linewidth=0.6)
    sizes = sorted({point.studies for _, points in lines for point in points})
    many = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    panel.set_xlabel(f"words of the report (n = {many} per point)")
    panel.set_ylabel(arrowed(name, column.better))
    legend_below(made, panel.get_legend_handles_labels()[0], 2)
    return made
