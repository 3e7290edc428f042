"""Lines of a table against one of them: values, differences, ties, all from the same resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.comparison.compare import Comparison, compare_runs
from mmrad_eval.results.comparison.tables import significant
from mmrad_eval.results.leaderboard.optimized import marked, was_optimized
from mmrad_eval.results.leaderboard.rows import columns_of, mean_cell
from mmrad_eval.results.paper.runs import PaperRow
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, finite, percentile
from mmrad_eval.results.tables.table import Cell, Row, TableColumn

Rank = Literal["", "best", "second"]


@dataclass(frozen=True)
class Line:
    """One row to be drawn."""

    names: dict[str, str]
    """Cells of words, by column key."""
    part: PaperRow
    control: bool = False
    """Shown and tested beside the others, never best."""


@dataclass(frozen=True)
class PaperContrast:
    """Lines of one group, compared with their reference line."""

    lines: tuple[Line, ...]
    base: int | None
    """Position of the line that all others were compared with; None where nothing was."""
    wanted: bool
    """Whether that is the line that was asked for, so that differences to it are to be shown."""
    comparison: Comparison | None
    positions: dict[int, int]
    """Line -> position among the comparison's differences."""

    def replicated(self, line: int, column: int) -> FloatArray | None:
        """(resamples,) the line's value less the reference line's, in each resample."""
        if self.comparison is None:
            return None
        if line == self.base:
            return np.zeros(self.comparison.resamples)
        where = self.positions.get(line)
        return None if where is None else self.comparison.differences[where].replicated[:, column]

    def between(self, first: int, second: int, column: int) -> tuple[float, float, float] | None:
        """(difference, low, high) of second minus first; None where they were not compared."""
        a, b = self.replicated(first, column), self.replicated(second, column)
        if a is None or b is None or self.comparison is None or not len(a) or not len(b):
            return None
        low, high = percentile((b - a)[:, None], self.comparison.level)
        return self._difference(second, column) - self._difference(first, column), float(low[0]), float(high[0])

    def _difference(self, line: int, column: int) -> float:
        if self.comparison is None or line == self.base:
            return 0.0
        return float(self.comparison.differences[self.positions[line]].difference[column])

    def column(self, label: str) -> int | None:
        """Position of a column among those compared."""
        if self.comparison is None:
            return None
        return next((i for i, c in enumerate(self.comparison.columns) if c.label == label), None)


def contrast(
    lines: Sequence[Line], columns: Sequence[ColumnSummary], is_reference: Line | None, resamples: int = RESAMPLES
) -> PaperContrast:
    """Compare all lines that stand on the same studies with ``is_reference``; without one, with the first of them."""
    ready = [i for i, line in enumerate(lines) if line.part.why is None]
    asked = lines.index(is_reference) if is_reference is not None else None
    base = asked if asked in ready else next(iter(ready), None)
    others = [i for i in ready if i != base]
    if base is None or not others or not columns:
        return PaperContrast(tuple(lines), None, False, None, {})
    labels = {column.label for column in columns}
    found = compare_runs(
        [lines[base].part.folders, *(lines[i].part.folders for i in others)],
        wanted=lambda column: column.label in labels,
        resamples=resamples,
        ok_too=False,
    )
    return PaperContrast(tuple(lines), base, base == asked, found, {line: i for i, line in enumerate(others)})


def ranks(found: PaperContrast, columns: Sequence[ColumnSummary]) -> dict[tuple[int, str], Rank]:
    """Best and second of each column among the lines that are no controls, ties by interval included.

    A line shares a place with its holder where the interval of their paired difference holds 0. Nobody is second where
    nobody is worse.
    """
    marks: dict[tuple[int, str], Rank] = {}
    candidates = [i for i, line in enumerate(found.lines) if line.part.why is None and not line.control]
    for column in columns:
        at = found.column(column.label)
        if not column.better or at is None:
            continue
        sign = -1.0 if column.better == "lower" else 1.0
        left = {
            i: sign * v
            for i in candidates
            if not was_optimized(found.lines[i].part.runs, column.metric)
            and (v := value_of(found.lines[i].part, column.label)) is not None
        }
        if len(left) < 2:
            continue
        best = _leaders(found, left, at)
        if len(best) == len(left):
            continue  # nothing is told apart: nobody is best
        marks |= {(i, column.label): "best" for i in best}
        rest = {i: value for i, value in left.items() if i not in best}
        second = _leaders(found, rest, at)
        if len(second) < len(rest):  # the last one is no second
            marks |= {(i, column.label): "second" for i in second}
    return marks


def _leaders(found: PaperContrast, values: dict[int, float], column: int) -> list[int]:
    """The line with the highest value, and those that are not told apart from it."""
    top = max(values, key=lambda i: values[i])
    return [i for i in values if i == top or _tied(found.between(top, i, column))]


def _tied(difference: tuple[float, float, float] | None) -> bool:
    return difference is not None and difference[1] <= 0 <= difference[2]


def value_of(part: PaperRow, label: str) -> float | None:
    """The value in a column, the mean over samples."""
    cell = mean_cell([columns_of(scored).get(label) for scored in part.samples], "")
    return float(cell.value) if cell is not None and isinstance(cell.value, int | float) else None


def rows(
    found: PaperContrast, columns: Sequence[ColumnSummary], *, differences: bool, marks: dict[tuple[int, str], Rank]
) -> list[Row]:
    """The lines as rows; with ``differences``, absolute and relative ones to the reference line beside each value."""
    out = []
    for i, line in enumerate(found.lines):
        cells = {key: Cell(word) for key, word in line.names.items()}
        summaries = [scored.summary for scored in line.part.samples if scored.summary]
        n = summaries[0].n if summaries else line.part.first.run.counts.n
        cells["n"] = Cell(n)
        bad = sum(s.n - s.statuses.get("ok", 0) for s in summaries)
        cells["not ok"] = Cell(bad / sum(s.n for s in summaries) if sum(s.n for s in summaries) else None)
        meant = sum(s.words[1] for s in summaries)
        cells["length"] = Cell(sum(s.words[0] for s in summaries) / meant if meant else None)
        for column in columns:
            value = mean_cell([columns_of(scored).get(column.label) for scored in line.part.samples], column.signature)
            if value is not None:
                rank = marks.get((i, column.label), "")
                cell = Cell(value.value, value.low, value.high, rank, "", value.note)
                cells[column.label] = marked(cell, line.part.runs, column.metric)
            if differences:
                cells |= _difference_cells(found, i, column)
        notes = [line.part.why] if line.part.why else []
        if len(line.part.samples) > 1:
            notes.append(f"mean of {len(line.part.samples)} samples")
        out.append(Row(cells, tuple(notes), line.part.why is None, rule=False))
    return out


def _difference_cells(found: PaperContrast, line: int, column: ColumnSummary) -> dict[str, Cell]:
    at, where = found.column(column.label), found.positions.get(line)
    if found.comparison is None or at is None or where is None or not found.wanted:
        return {}
    d = found.comparison.differences[where]
    value, low, high = (finite(x[at]) for x in (d.difference, d.low, d.high))
    first = float(d.first[at])
    relative = value / abs(first) if value is not None and abs(first) > 1e-12 else None
    mark = "*" if significant(found.comparison, where, at) else ""
    return {
        f"{column.label} difference": Cell(value, low, high, mark=mark),
        f"{column.label} relative": Cell(relative),
    }


def table_columns(columns: Sequence[ColumnSummary], *, to: str = "") -> list[TableColumn]:
    """Value columns, with those of differences ``to`` a line where it is named."""
    out = []
    for column in columns:
        footnote = column.signature
        out.append(
            TableColumn(column.label, "", "score", column.better, footnote=footnote, interval=True, group=column.label)
        )
        if to:
            out.append(
                TableColumn(
                    f"{column.label} difference",
                    f"difference to {to}",
                    "difference",
                    interval=True,
                    group=column.label,
                )
            )
            title = f"change from {to}, %"
            out.append(TableColumn(f"{column.label} relative", title, "change", digits=1, group=column.label))
    return out
