"""Figures of values and differences: forest, metric against metric, ranks under each convention."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrad_eval.results.comparison.tables import significant
from mmrad_eval.results.figures.style import (
    COLORS,
    GREY,
    MARKERS,
    Look,
    arrowed,
    color,
    figure,
    grouped_legend,
    legend_below,
    marker,
    shorten,
)
from mmrad_eval.results.leaderboard.rows import columns_of
from mmrad_eval.results.paper.contrast import PaperContrast, value_of
from mmrad_eval.results.paper.runs import PaperRow
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.tasks.arms import ARMS as EVERY_ARM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_MODELS = len(COLORS)
"""Models that colors tell apart."""
_ORDER = {arm.task: i for i, arm in enumerate(EVERY_ARM)}
_MOST_FAMILIES = 3
_CAPTION = 1.0  # inches
_GAP = 1.4  # rows between forms and controls, their heading in it


@dataclass(frozen=True)
class ForestWords:
    """What stands beside the points of a forest."""

    to: str
    """What differences are taken to."""
    groups: Mapping[str, Sequence[str]]
    """Heading -> arms, from above."""
    model: Callable[[str], str]
    """What a paper calls a model."""


def compared(contrasts: Sequence[PaperContrast]) -> list[PaperContrast]:
    """Those that a forest shows: models whose arms were compared with the reference line, as many as colors allow."""
    return [found for found in contrasts if found.wanted and found.comparison is not None][:MOST_MODELS]


def forest(
    contrasts: Sequence[PaperContrast],
    columns: Mapping[str, ColumnSummary],
    words: ForestWords,
    look: Look,
) -> Figure | None:
    """Differences to the reference line with their intervals, one panel a column; None where nothing was compared.

    ``columns``: printed name -> column.
    """
    usable = compared(contrasts)
    shown = [(name, c) for name, c in columns.items() if any(_known(found, c) for found in usable)]
    if not usable or not shown:
        return None
    there = {line.names["arm"] for found in usable for i, line in enumerate(found.lines) if i in found.positions}
    heights = _heights({title: [arm for arm in arms if arm in there] for title, arms in words.groups.items()})
    down, across = _grid(len(shown))
    studies = max(found.comparison.studies for found in usable if found.comparison is not None)
    bottom = max(heights.values())
    height = (0.17 * (bottom + 1) * (1 + 0.25 * (len(usable) - 1)) + 0.62) * down + 0.5
    height = min(height, look.tall - _CAPTION)
    made, panels = figure(look.column if across == 1 else look.page, height, down, across, sharey=True)
    for i, (panel, (name, column)) in enumerate(zip(panels, shown, strict=False)):
        for series, found in enumerate(usable):
            offset = (series - (len(usable) - 1) / 2) * 0.75 / len(usable)
            for arm in there:
                _point(panel, found, column, arm, (heights[arm] + offset, series))
        panel.axvline(0, color=GREY, linewidth=0.6, zorder=0)
        panel.set_title(arrowed(name, column.better))
        panel.set_yticks([heights[name] for name in heights], list(heights))
        panel.tick_params(axis="y", length=0)
        for label in panel.get_yticklabels():
            if label.get_text() in words.groups:
                label.set_fontweight("bold")
        panel.set_ylim(bottom + 0.6, -0.6)
        if i + across >= len(shown):
            panel.set_xlabel(f"difference to {words.to}\n(n = {studies:,} studies)")
    for panel in panels[len(shown) :]:
        panel.remove()
    names = [
        panels[0].plot([], [], marker(i), color=color(i), label=shorten(words.model(found.lines[0].part.model)))[0]
        for i, found in enumerate(usable)
    ]
    marks = {"significant": GREY, "not significant": "white"}
    told = [
        panels[0].plot([], [], "o", color=GREY, markerfacecolor=face, label=said)[0] for said, face in marks.items()
    ]
    legend_below(made, [*(names if len(usable) > 1 else []), *told])
    return made


def _heights(groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Heading or arm -> its height, with room between the groups."""
    heights: dict[str, float] = {}
    at = 0.0
    for title, arms in groups.items():
        if not arms:
            continue
        if heights:
            at += _GAP - 1
        for name in (title, *arms):
            heights[name] = at
            at += 1
    return heights


def _grid(panels: int) -> tuple[int, int]:
    """(rows, columns) that leave no cell empty, or the last ones where that can't be."""
    across = {1: 1, 2: 2, 3: 3, 4: 2}.get(panels, 3)
    return -(-panels // across), across


def _known(found: PaperContrast, column: ColumnSummary) -> bool:
    """Whether some difference in this column has an interval."""
    at = found.column(column.label)
    if at is None or found.comparison is None:
        return False
    return any(bool(np.isfinite(d.low[at])) for d in found.comparison.differences)


def _where(found: PaperContrast, arm: str) -> int:
    return next((i for i, line in enumerate(found.lines) if line.names["arm"] == arm), -1)


def _point(panel: Axes, found: PaperContrast, column: ColumnSummary, arm: str, at: tuple[float, int]) -> None:
    """One difference with its interval, at (height, series); filled where it is significant."""
    position, index = found.positions.get(_where(found, arm)), found.column(column.label)
    if position is None or index is None or found.comparison is None:
        return
    d = found.comparison.differences[position]
    if not np.isfinite(d.low[index]):
        return
    y, series = at
    hue = color(series)
    face = hue if significant(found.comparison, position, index) else "white"
    panel.plot([d.low[index], d.high[index]], [y, y], color=hue, linewidth=1)
    panel.plot([d.difference[index]], [y], marker(series), color=hue, markerfacecolor=face, markersize=3.5)


def _apart(parts: Sequence[PaperRow], first: str, second: str) -> list[PaperRow]:
    """The runs with both values; of a baseline that answers alike under several tasks, the first."""
    found: dict[object, PaperRow] = {}
    for part in parts:
        place = value_of(part, first), value_of(part, second)
        if None not in place:
            found.setdefault((part.model, *place) if part.baseline else id(part), part)
    return list(found.values())


def against(
    parts: Sequence[PaperRow],
    first: tuple[str, ColumnSummary],
    second: tuple[str, ColumnSummary],
    names: tuple[Callable[[str], str], Callable[[str], str]],
    look: Look,
) -> tuple[Figure, int] | None:
    """One column against another with both intervals, a point a run, and how many points; None below two.

    ``first`` and ``second``: printed name and column; ``names``: what a paper calls a model, and a task. A color is a
    model and a marker a task; baselines are grey, each with a marker of its own.
    """
    points = _apart(parts, first[1].label, second[1].label)
    models = list(dict.fromkeys(part.model for part in points if not part.baseline))[:MOST_MODELS]
    baselines = list(dict.fromkeys(part.model for part in points if part.baseline))
    found = dict.fromkeys(part.task for part in points if part.model in models)
    tasks = sorted(found, key=lambda one: _ORDER.get(one, len(_ORDER)))[: len(MARKERS) - len(baselines)]
    points = [part for part in points if part.model in baselines or (part.model in models and part.task in tasks)]
    if len(points) < 2:
        return None
    lines = 1 + max(len(models), len(tasks), len(baselines))
    made, (panel,) = figure(look.column, 2.2 + 0.15 * lines)
    for part in points:
        hue = GREY if part.baseline else color(models.index(part.model))
        mark = marker(len(tasks) + baselines.index(part.model) if part.baseline else tasks.index(part.task))
        _cross(panel, part, (first[1], second[1]), hue, mark)
    panel.set_xlabel(arrowed(first[0], first[1].better))
    panel.set_ylabel(arrowed(second[0], second[1].better))
    model, task = names

    def handle(mark: str, hue: str, label: str) -> Any:
        return panel.plot([], [], mark, color=hue, label=shorten(label, 26), markersize=4.5)[0]

    one_task = len(tasks) == 1
    groups = [
        ("Model", [handle(marker(0) if one_task else "_", color(i), model(name)) for i, name in enumerate(models)]),
        ("Evidence", [] if one_task else [handle(marker(i), "black", task(name)) for i, name in enumerate(tasks)]),
        ("Baseline", [handle(marker(len(tasks) + i), GREY, model(name)) for i, name in enumerate(baselines)]),
    ]
    grouped_legend(made, groups)
    return made, len(points)


def _cross(panel: Axes, part: PaperRow, columns: tuple[ColumnSummary, ColumnSummary], hue: str, mark: str) -> None:
    """One run's values with the interval of each."""
    x, y = (value_of(part, column.label) for column in columns)
    assert x is not None
    assert y is not None
    a, b = (columns_of(part.first)[column.label] for column in columns)
    if a.low is not None and a.high is not None:
        panel.plot([a.low, a.high], [y, y], color=hue, linewidth=0.5, alpha=0.6)
    if b.low is not None and b.high is not None:
        panel.plot([x, x], [b.low, b.high], color=hue, linewidth=0.5, alpha=0.6)
    panel.plot([x], [y], mark, color=hue, markersize=4.5, markeredgewidth=0)


def conventions(
    parts: Sequence[PaperRow], names: Sequence[str], name: Callable[[ColumnSummary], str], look: Look
) -> Figure | None:
    """Ranks of the same runs under each convention of a metric, one panel a metric; crossing lines are flips.

    ``names`` (as many as ``parts``) are what the runs are called, ``name`` what a metric is. None where no metric has
    two conventions.
    """
    families = _families(parts)[:_MOST_FAMILIES]
    if not families or len(parts) < 2:
        return None
    made, panels = figure(look.page, 0.16 * len(parts) + 1.5, 1, len(families), sharey=True)
    for panel, (_, columns) in zip(panels, families, strict=True):
        ranks = np.array([_ranks(parts, column) for column in columns])
        for i in range(len(parts)):
            panel.plot(range(len(columns)), ranks[:, i], marker(i) + "-", color=color(i), linewidth=1, markersize=3.5)
        panel.set_title(name(columns[0]))
        panel.set_xticks(range(len(columns)), [column.profile for column in columns], rotation=30, ha="right")
        panel.set_yticks(range(1, len(parts) + 1))
        panel.set_ylim(len(parts) + 0.5, 0.5)
        panel.set_xlim(-0.2, len(columns) - 0.8)
    panels[0].set_ylabel("rank (1 is best)")
    handles = [
        panels[0].plot([], [], color=color(i), marker=marker(i), label=shorten(run))[0] for i, run in enumerate(names)
    ]
    legend_below(made, handles)
    return made


def _families(parts: Sequence[PaperRow]) -> list[tuple[str, list[ColumnSummary]]]:
    """Columns of one name under several profiles that all runs have, the most contested names first."""
    shared = set.intersection(*(set(columns_of(part.first)) for part in parts)) if parts else set()
    groups: dict[str, list[ColumnSummary]] = defaultdict(list)
    for label, column in columns_of(parts[0].first).items() if parts else ():
        if label in shared and column.better and all(value_of(part, label) is not None for part in parts):
            groups[column.name].append(column)
    several = [(name, columns) for name, columns in groups.items() if len(columns) > 1]
    return sorted(several, key=lambda item: (-_flips(parts, item[1]), -len(item[1]), item[0]))


def _flips(parts: Sequence[PaperRow], columns: Sequence[ColumnSummary]) -> int:
    """Pairs of runs whose order is not the same under all conventions."""
    ranks = np.array([_ranks(parts, column) for column in columns])
    signs = np.sign(ranks[:, :, None] - ranks[:, None, :])
    changed = (signs.max(axis=0) > 0) & (signs.min(axis=0) < 0)
    return int(np.triu(changed).sum())


def _ranks(parts: Sequence[PaperRow], column: ColumnSummary) -> list[float]:
    """1 for the best; equal values share the mean of their places."""
    sign = 1.0 if column.better == "lower" else -1.0
    values = np.array([sign * (value_of(part, column.label) or 0.0) for part in parts])
    return [1 + float((values < v).sum()) + (float((values == v).sum()) - 1) / 2 for v in values]
