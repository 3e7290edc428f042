"""Systems and the columns that order them: from a leaderboard of runs, or from a public board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.leaderboard.optimized import OPTIMIZED
from mmrad_eval.results.leaderboard.policy_rows import SEES
from mmrad_eval.results.tables import Row, Table
from mmrad_eval.results.validation.score_files import ScoreFile, measure_of

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class PolicyValue:
    """What a policy that sees nothing gets in a column."""

    policy: str
    column: str
    value: float


@dataclass(frozen=True)
class Ranking:
    """Systems and the columns that order them."""

    title: str
    systems: tuple[str, ...]
    columns: tuple[str, ...]
    better: tuple[Direction, ...]
    values: FloatArray
    """(systems, columns), nan where there is none."""
    low: FloatArray
    high: FloatArray
    """Ends of the intervals, nan where there is none."""
    policies: tuple[PolicyValue, ...] = ()
    """What reports that see no image get in some of the columns."""
    optimized: frozenset[tuple[str, str]] = frozenset()
    """(system, column) of numbers that a model was optimized for: they have no rank."""

    @property
    def oriented(self) -> FloatArray:
        """(systems, columns) values turned so that more is better."""
        oriented: FloatArray = self.values * np.array([1.0 if better == "higher" else -1.0 for better in self.better])
        return oriented

    @property
    def ranks(self) -> FloatArray:
        """(systems, columns) 1 for the best; equal values share the best of their ranks; nan without a value."""
        oriented = self.oriented
        with np.errstate(invalid="ignore"):
            above = (oriented[None, :, :] > oriented[:, None, :]).sum(axis=1)
        return np.where(np.isfinite(oriented), 1.0 + above, np.nan)


def of_board(sheet: ScoreFile) -> Ranking:
    """The ranking of a board's rows under each of its columns that has a good end."""
    columns: list[str] = []
    better: list[Direction] = []
    for column in sheet.numbers:
        known = measure_of(column)
        if column.endswith((" low", " high")):
            continue
        measure, inverse = known or (None, False)
        if measure is None:
            continue
        columns.append(column)
        better.append("lower" if (measure.better == "lower") != inverse else "higher")
    shape = (len(sheet), len(columns))

    def ends(name: str) -> FloatArray:
        gone = np.full(len(sheet), np.nan)
        return np.column_stack([sheet.numbers.get(f"{column} {name}", gone) for column in columns]).reshape(shape)

    values = np.column_stack([sheet.numbers[column] for column in columns]) if columns else np.empty(shape)
    return Ranking(sheet.path.name, sheet.names, tuple(columns), tuple(better), values, ends("low"), ends("high"))


def of_table(table: Table, *, every: bool = False) -> Ranking:
    """The ranking of a leaderboard's ranked rows under each of its columns that has a good end.

    ``every``: under all of them; otherwise under each convention of the headline measures.
    """
    rows = [row for row in table.rows if row.ranked and row.media != "data"]
    columns = [column for column in table.columns if column.kind == "score" and column.better]
    headlines = {measure_name(column.key) for column in columns if column.headline}
    columns = [column for column in columns if every or measure_name(column.key) in headlines]
    shape = (len(rows), len(columns))
    values, low, high = (np.full(shape, np.nan) for _ in range(3))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell = table.cell(row, column)
            if cell.comparable and isinstance(cell.value, int | float):
                values[i, j] = cell.value
                low[i, j] = np.nan if cell.low is None else cell.low
                high[i, j] = np.nan if cell.high is None else cell.high
    policies = [
        PolicyValue(str(row.cells["model"].value), column.key, float(value))
        for row in table.rows
        if row.notes == SEES
        for column in columns
        if isinstance(value := table.cell(row, column).value, int | float)
    ]
    directions: tuple[Direction, ...] = tuple("lower" if column.better == "lower" else "higher" for column in columns)
    systems = tuple(map(_system, rows))
    trained = frozenset(
        (system, column.key)
        for system, row in zip(systems, rows, strict=True)
        for column in columns
        if OPTIMIZED in table.cell(row, column).mark
    )
    labels = tuple(column.key for column in columns)
    return Ranking(table.title, systems, labels, directions, values, low, high, tuple(policies), trained)


def _system(row: Row) -> str:
    """The words by which a row is known."""
    named = (row.cells[key].value for key in ("model", "task", "variant") if key in row.cells)
    return ", ".join(str(value) for value in named if value)


def measure_name(column: str) -> str:
    """``BLEU-4`` of ``BLEU-4 @ r2gen-iu``."""
    return column.partition(" @ ")[0]


def only(ranking: Ranking, parts: Sequence[str]) -> Ranking:
    """The ranking with those columns alone whose name holds one of ``parts``, in any case."""
    kept = [j for j, column in enumerate(ranking.columns) if any(part.lower() in column.lower() for part in parts)]
    return replace(
        ranking,
        columns=tuple(ranking.columns[j] for j in kept),
        better=tuple(ranking.better[j] for j in kept),
        values=ranking.values[:, kept],
        low=ranking.low[:, kept],
        high=ranking.high[:, kept],
    )
