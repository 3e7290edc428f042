"""The figure of a budget curve: score by tokens per study, a line for each way to spend them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmrad_eval.results.comparison.budget_curve import BudgetRun
from mmrad_eval.results.figures.style import SMALLEST, Look, arrowed, color, dashes, figure, legend_below, marker
from mmrad_eval.results.run.summary import ColumnSummary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curve(runs: Sequence[BudgetRun], label: str, look: Look) -> Figure | None:
    """Values with their intervals over tokens per study on a logarithmic axis; None where no run's tokens are known."""
    series: dict[str, list[tuple[float, str, ColumnSummary]]] = defaultdict(list)
    for run in runs:
        found = run.scored.summary.columns.get(label) if run.scored.summary else None
        for name, words in run.point.lines.items() if run.tokens and found and found.value is not None else ():
            series[name].append((run.tokens or 0.0, words, found))  # type: ignore[arg-type]
    series = {name: points for name, points in series.items() if len(points) > 1} or series
    if not series:
        return None
    made, (axes,) = figure(look.page * 0.62, 2.9)
    better = ""
    for i, (name, points) in enumerate(series.items()):
        points.sort(key=lambda point: point[0])
        better = points[0][2].better
        at, values = [x for x, _, _ in points], [column.value or 0.0 for _, _, column in points]
        ends = [
            [abs(value - (end if end is not None else value)) for value, end in zip(values, side, strict=True)]
            for side in ([c.low for *_, c in points], [c.high for *_, c in points])
        ]
        style = {"color": color(i), "linestyle": dashes(i), "marker": marker(i), "label": name}
        axes.errorbar(at, values, yerr=ends, capsize=2, elinewidth=0.6, **style)
        below = i % 2 == 1  # lines that cross keep their words apart
        for place, words in _written(points).items():
            offset = (4, -9) if below else (4, 4)
            axes.annotate(words, place, xytext=offset, textcoords="offset points", size=SMALLEST, color=color(i))
    axes.set_xscale("log")
    _plain_ticks(axes.xaxis)
    axes.set_xlabel("tokens per study (prompt and completion)")
    axes.set_ylabel(arrowed(label, better))
    legend_below(made, axes.get_legend_handles_labels()[0], 2)
    return made


def _written(points: Sequence[tuple[float, str, ColumnSummary]]) -> dict[tuple[float, float], str]:
    """What stands at each mark; runs at one place share it."""
    made: dict[tuple[float, float], str] = {}
    for tokens, words, column in points:
        place = round(tokens, 3), round(column.value or 0.0, 6)
        made[place] = f"{made[place]}, {words}" if place in made else words
    return made


def _plain_ticks(axis: object) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(10, (1, 2, 5)))  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))  # type: ignore[attr-defined]
    axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]
