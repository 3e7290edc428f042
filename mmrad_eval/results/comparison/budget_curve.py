"""What a score costs: values by tokens per study, and gains of region images over text that spends as many tokens.

Text CoT with less and with more thinking gives a value for each number of tokens between its cheapest and its dearest
run, by linear interpolation in the logarithm of tokens. A gain at equal tokens is a run's value less that line's at
as many tokens. Outside of the line there is no number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.comparison.compare import compare_runs
from mmrad_eval.results.leaderboard.costs import COSTS, NOTE, total_tokens
from mmrad_eval.results.leaderboard.optimized import marked, optimized_note, was_optimized
from mmrad_eval.results.leaderboard.policy_rows import policy_notes
from mmrad_eval.results.leaderboard.rows import ScoredRun, columns_of
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, percentile
from mmrad_eval.results.tables.table import Cell, CellColumn, Row, Table, TableColumn, cells_of
from mmrad_eval.tasks.arms import TEXT, labels

LABELS = labels("evidence")


@dataclass(frozen=True)
class BudgetPoint:
    """How much a run was let look and think."""

    task: str
    images: int | None
    """Region images that are shown at most; None: all that the trace has."""
    reasoning: int | str | None
    """The limit of thinking; None: not said."""

    @property
    def lines(self) -> dict[str, str]:
        """The lines of a figure that it stands on, and what is written at its mark there."""
        name = LABELS[self.task]
        made = {} if self.task == TEXT or self.reasoning is not None else {f"{name}, by region images": _images(self)}
        return made | ({f"{name}, by thinking": str(self.reasoning or "default")} if self.images is None else {})


@dataclass(frozen=True)
class BudgetRun:
    """A run of the curve."""

    point: BudgetPoint
    scored: ScoredRun

    @property
    def tokens(self) -> float | None:
        """Tokens of a study, on average."""
        return total_tokens([self.scored])


@dataclass(frozen=True)
class EqualTokens:
    """A gain over text CoT that spends as many tokens."""

    run: BudgetRun
    text: float | None
    """The value of text CoT at the run's tokens; None where it was not run at so many."""
    gain: float | None
    low: float | None = None
    high: float | None = None


def curve_table(runs: Sequence[BudgetRun], label: str) -> Table:
    """One row a run: what it was let do, what it spent, and its value in the column ``label``."""
    column = next(c for run in runs if run.scored.summary for n, c in run.scored.summary.columns.items() if n == label)
    first: tuple[CellColumn[BudgetRun], ...] = (
        CellColumn(TableColumn("task"), lambda run: run.point.task),
        CellColumn(TableColumn("region images", "region images at most"), lambda run: _images(run.point)),
        CellColumn(
            TableColumn("reasoning"), lambda run: "" if run.point.reasoning is None else str(run.point.reasoning)
        ),
        CellColumn(
            TableColumn("n", kind="count"), lambda run: run.scored.summary.scored if run.scored.summary else None
        ),
        CellColumn(TableColumn("total tokens", kind="score", digits=0), lambda run: run.tokens),
    )
    spent = [c for c in COSTS if any(c.of([run.scored]).value is not None for run in runs)]
    score = TableColumn(label, "", "score", column.better, footnote=column.signature, interval=True)
    rows = []
    before: object = None
    for run in runs:
        found = run.scored.summary.columns.get(label) if run.scored.summary else None
        cells = cells_of(first, run) | cells_of(spent, [run.scored])
        cell = Cell(found.value, found.low, found.high) if found else Cell()
        cells[label] = marked(cell, [run.scored.run], column.metric)
        rows.append(Row(cells, rule=before is not None and _kind(run) != before))
        before = _kind(run)
    columns = (*(c.column for c in first), *(c.column for c in spent), score)
    notes = (NOTE, *_beside(runs, label))
    return Table("budget-curve", f"Score by budget: {runs[0].scored.run.card.label}", columns, tuple(rows), notes)


def _beside(runs: Sequence[BudgetRun], label: str) -> tuple[str, ...]:
    """What reports that see no image get in the column, and whether the model was optimized for it."""
    scored = [run.scored for run in runs]
    known = next((columns_of(one) for one in scored if label in columns_of(one)), {})
    trained = label in known and was_optimized([one.run for one in scored], known[label].metric)
    values = {name: column.value for name, column in known.items()}
    return (*policy_notes(values, {label}), *(optimized_note([one.run for one in scored]) if trained else ()))


def _kind(run: BudgetRun) -> tuple[str, bool]:
    return run.point.task, run.point.reasoning is not None


def _images(point: BudgetPoint) -> str:
    return "0" if point.task == TEXT else "all" if point.images is None else str(point.images)


def _thinking(point: BudgetPoint) -> str:
    return "" if point.reasoning is None else str(point.reasoning)


def _studies(run: BudgetRun) -> int | None:
    return run.scored.summary.scored if run.scored.summary else None


def equal_tokens(runs: Sequence[BudgetRun], label: str, resamples: int = RESAMPLES) -> list[EqualTokens]:
    """The gain of each run with region images over text CoT at its own number of tokens; nothing without a line."""
    line = sorted((run for run in runs if run.point.task == TEXT and run.tokens), key=lambda run: run.tokens or 0)
    others = [run for run in runs if run.point.task != TEXT and run.tokens]
    if not line or not others:
        return []
    found = compare_runs(
        [[RunFolder(run.scored.folder)] for run in (*line, *others)],
        wanted=lambda column: column.label == label,
        resamples=resamples,
        ok_too=False,
    )
    values = np.array([found.differences[0].first[0], *(d.second[0] for d in found.differences)])
    moved = np.stack([np.zeros(resamples), *(d.replicated[:, 0] for d in found.differences)])
    at = [log(run.tokens or 1) for run in line]
    made = []
    for place, run in enumerate(others, start=len(line)):
        weights = _between(at, log(run.tokens or 1))
        if weights is None:
            made.append(EqualTokens(run, None, None))
            continue
        text = float(weights @ values[: len(line)])
        low, high = percentile((moved[place] - weights @ moved[: len(line)])[:, None], found.level)
        made.append(EqualTokens(run, text, float(values[place]) - text, float(low[0]), float(high[0])))
    return made


def _between(at: Sequence[float], wanted: float) -> FloatArray | None:
    """(runs,) weights of the runs on a line that give its value at ``wanted``; None outside of it."""
    weights = np.zeros(len(at))
    for i, (low, high) in enumerate(pairwise(at)):
        if low <= wanted <= high and high > low:
            share = (wanted - low) / (high - low)
            weights[i], weights[i + 1] = 1 - share, share
            return weights
    return None


def equal_tokens_table(gains: Sequence[EqualTokens], line: Sequence[BudgetRun], label: str) -> Table:
    """The gains as a table."""
    ends = [run.tokens for run in line if run.tokens]
    rows = []
    for gain in gains:
        run = gain.run
        found = run.scored.summary.columns.get(label) if run.scored.summary else None
        why = "" if gain.text is not None else "text CoT was not run at that many tokens"
        rows.append(
            Row(
                {
                    "task": Cell(run.point.task),
                    "region images": Cell(_images(run.point)),
                    "reasoning": Cell(_thinking(run.point)),
                    "total tokens": Cell(run.tokens),
                    "value": Cell(found.value if found else None),
                    "text": Cell(gain.text, note=why),
                    "gain": Cell(gain.gain, gain.low, gain.high),
                }
            )
        )
    columns = (
        TableColumn("task"),
        TableColumn("region images", "region images at most"),
        TableColumn("reasoning"),
        TableColumn("total tokens", kind="score", digits=0),
        TableColumn("value", label, "score"),
        TableColumn("text", "text CoT at equal tokens", "score"),
        TableColumn("gain", "gain at equal tokens", "difference", interval=True, beside=True),
    )
    reach = f"Text CoT was run at {min(ends):,.0f} tokens per study; one budget makes no line, so no gain is computed."
    if len(set(ends)) > 1:
        reach = (
            f"Text CoT was run at {min(ends):,.0f} to {max(ends):,.0f} tokens per study; between its runs, straight "
            "lines over the logarithm of tokens."
        )
    notes = (
        reach,
        "Intervals: 95 %, paired bootstrap over patients, tokens taken as given; not adjusted for the number of rows.",
    )
    return Table("budget-equal", "Gain of region images at equal total tokens", columns, tuple(rows), notes)
