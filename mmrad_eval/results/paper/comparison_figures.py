"""Figures of values and differences: forest, metric against metric, ranks under each convention."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.results.figures.style import COLUMN, GREY, PAGE, axis_label, color, figure, marker, short_model, shorten
from mmrad_eval.results.leaderboard.rows import columns_of
from mmrad_eval.results.paper.contrast import PaperContrast, value_of
from mmrad_eval.results.paper.runs import PaperRow
from mmrad_eval.results.run.summary import ColumnSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_MODELS = 8
"""Models that colours and marks still tell apart."""


def forest(
    contrasts: Sequence[PaperContrast], columns: Sequence[ColumnSummary], to: str, order: Sequence[str]
) -> Figure | None:
    """Differences to the reference line with their intervals, one panel a column; None where nothing was compared.

    ``order`` is that of the arms, from above.
    """
    usable = [found for found in contrasts if found.wanted and found.comparison is not None][:MOST_MODELS]
    columns = [column for column in columns if any(_known(found, column) for found in usable)]
    if not usable or not columns:
        return None
    there = {line.names["arm"] for found in usable for i, line in enumerate(found.lines) if i in found.positions}
    arms = [arm for arm in order if arm in there]
    across = 1 if len(columns) == 1 else min(3, len(columns))
    down = -(-len(columns) // across)
    height = (0.19 * len(arms) * (1 + 0.35 * (len(usable) - 1)) + 0.75) * down + 0.3
    made, panels = figure(COLUMN if across == 1 else PAGE, height, down, across, sharey=True)
    for panel, column in zip(panels, columns, strict=False):
        for series, found in enumerate(usable):
            offset = (series - (len(usable) - 1) / 2) * 0.7 / len(usable)
            for row, arm in enumerate(arms):
                _point(panel, found, column, arm, (row + offset, series))
        panel.axvline(0, color=GREY, linewidth=0.6, zorder=0)
        panel.set_title(axis_label(column.label, column.better))
        panel.set_yticks(range(len(arms)), arms)
        panel.set_ylim(len(arms) - 0.5, -0.5)
        panel.set_xlabel(f"difference to {to}")
    for panel in panels[len(columns) :]:
        panel.set_visible(False)
    handles = [
        panels[0].plot([], [], marker(i), color=color(i), label=shorten(short_model(found.lines[0].part.model)))[0]
        for i, found in enumerate(usable)
    ]
    if len(usable) > 1:
        made.legend(handles=handles, loc="outside lower center", ncols=min(2, len(usable)))
    return made


def _known(found: PaperContrast, column: ColumnSummary) -> bool:
    """Whether some difference in this column has an interval."""
    at = found.column(column.label)
    if at is None or found.comparison is None:
        return False
    return any(bool(np.isfinite(d.low[at])) for d in found.comparison.differences)


def _where(found: PaperContrast, arm: str) -> int:
    return next((i for i, line in enumerate(found.lines) if line.names["arm"] == arm), -1)


def _point(panel: Axes, found: PaperContrast, column: ColumnSummary, arm: str, at: tuple[float, int]) -> None:
    """One difference with its interval, at (height, series)."""
    position, index = found.positions.get(_where(found, arm)), found.column(column.label)
    if position is None or index is None or found.comparison is None:
        return
    d = found.comparison.differences[position]
    if not np.isfinite(d.low[index]):
        return
    y, series = at
    panel.plot([d.low[index], d.high[index]], [y, y], color=color(series), linewidth=1)
    panel.plot([d.difference[index]], [y], marker(series), color=color(series), markersize=3.5)


def against(
    parts: Sequence[PaperRow], first: ColumnSummary, second: ColumnSummary, names: dict[str, str]
) -> Figure | None:
    """One column against another with both intervals, a point a run; ``names`` maps a task to what it is called."""
    points = [
        part for part in parts if value_of(part, first.label) is not None and value_of(part, second.label) is not None
    ]
    if len(points) < 2:
        return None
    models = list(dict.fromkeys(part.model for part in points))
    tasks = list(dict.fromkeys(part.task for part in points))
    named = models if len(models) <= MOST_MODELS else []
    made, (panel,) = figure(COLUMN, 2.5 + 0.07 * (len(named) + len(tasks)))
    for part in points:
        a, b = columns_of(part.first)[first.label], columns_of(part.first)[second.label]
        hue = color(models.index(part.model)) if named else color(0)
        x, y = value_of(part, first.label), value_of(part, second.label)
        assert x is not None
        assert y is not None
        if a.low is not None and a.high is not None:
            panel.plot([a.low, a.high], [y, y], color=hue, linewidth=0.5, alpha=0.6)
        if b.low is not None and b.high is not None:
            panel.plot([x, x], [b.low, b.high], color=hue, linewidth=0.5, alpha=0.6)
        panel.plot([x], [y], marker(tasks.index(part.task)), color=hue, markersize=4, markeredgewidth=0)
    panel.set_xlabel(axis_label(first.label, first.better))
    panel.set_ylabel(axis_label(second.label, second.better))
    handles = [
        panel.plot([], [], "o", color=color(i), label=shorten(short_model(model)))[0] for i, model in enumerate(named)
    ]
    if len(tasks) > 1:
        handles += [
            panel.plot([], [], marker(i), color=GREY, label=names.get(task, task))[0] for i, task in enumerate(tasks)
        ]
    if handles:
        made.legend(handles=handles, loc="outside lower center", ncols=2)
    return made


def conventions(parts: Sequence[PaperRow], names: Sequence[str], most: int = 3) -> Figure | None:
    """Ranks of the same runs under each convention of a metric, one panel a metric; crossing lines are flips.

    ``names`` (as many as ``parts``) are what the runs are called. None where no metric has two conventions.
    """
    families = _families(parts)[:most]
    if not families or len(parts) < 2:
        return None
    made, panels = figure(PAGE, 0.16 * len(parts) + 1.4, 1, len(families))
    for panel, (family, columns) in zip(panels, families, strict=True):
        ranks = np.array([_ranks(parts, column) for column in columns])
        for i in range(len(parts)):
            panel.plot(range(len(columns)), ranks[:, i], marker(i) + "-", color=color(i), linewidth=1, markersize=3.5)
        panel.set_title(family)
        panel.set_xticks(range(len(columns)), [column.profile for column in columns], rotation=30, ha="right")
        panel.set_yticks(range(1, len(parts) + 1))
        panel.set_ylim(len(parts) + 0.5, 0.5)
        panel.set_xlim(-0.2, len(columns) - 0.8)
    panels[0].set_ylabel("rank")
    handles = [
        panels[0].plot([], [], color=color(i), marker=marker(i), label=shorten(name))[0] for i, name in enumerate(names)
    ]
    made.legend(handles=handles, loc="outside lower center", ncols=min(3, len(names)))
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
