"""What readers preferred: shares of each pair, and strengths of all systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.reader_studies.agreement_tables import ALPHA, NOMINAL, WEIGHTED, Judged
from mmrad_eval.reader_studies.merged import MergedReading, MergedStudy
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.statistics.bradley_terry import fit, strengths_of
from mmrad_eval.results.statistics.crossed import mean_of
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn

FIELD = "preference"


def lead(row: MergedReading) -> float:
    """1 where the arm of the lower number is preferred, -1 the other, 0 neither: whatever side each was shown on."""
    return row.number(FIELD) * (1 if row.arms == tuple(sorted(row.arms)) else -1)


JUDGED = (Judged("preference", lead, (*NOMINAL, *WEIGHTED, ALPHA), (-1, 0, 1)),)


@dataclass(frozen=True)
class Preferences:
    """Every reading as a preference of one pair."""

    study: MergedStudy
    pairs: Sequence[tuple[int, int]]
    rows: NDArray[np.int64]
    """(readings,) the pair of each."""
    values: FloatArray
    """(readings,) as in ``lead``."""


def preferences_of(study: MergedStudy) -> Preferences:
    """The readings of a study by pair."""
    pairs = sorted({(min(row.arms), max(row.arms)) for row in study.readings})
    rows = np.array([pairs.index((min(row.arms), max(row.arms))) for row in study.readings], np.int64)
    return Preferences(study, pairs, rows, np.array([lead(row) for row in study.readings]))


def preference_tables(study: MergedStudy) -> list[Table]:
    """Pairs, then strengths where there are three systems or more."""
    found = preferences_of(study)
    tables = [_pairs(found)]
    if len(study.key.arms) > 2:
        tables.append(_strengths(found))
    return tables


def _pairs(found: Preferences) -> Table:
    study = found.study
    halves = np.where(found.rows[:, None] == np.arange(len(found.pairs)), (found.values[:, None] + 1) / 2, np.nan)
    estimates = study.crossed.estimate(mean_of(halves), "share")
    rows = []
    for number, (first, second) in enumerate(found.pairs):
        mine = found.values[found.rows == number]
        value, low, high = estimates.at(number)
        rows.append(
            Row(
                {
                    "first": Cell(study.name(first)),
                    "second": Cell(study.name(second)),
                    "n": Cell(len(mine)),
                    "for first": Cell(int((mine == 1).sum())),
                    "neither": Cell(int((mine == 0).sum())),
                    "for second": Cell(int((mine == -1).sum())),
                    "share": Cell(value, low, high, mark=_mark(low, high, 0.5)),
                }
            )
        )
    columns = (
        TableColumn("first"),
        TableColumn("second"),
        TableColumn("n", title="readings", kind="count"),
        TableColumn("for first", title="prefer first", kind="count"),
        TableColumn("neither", kind="count"),
        TableColumn("for second", title="prefer second", kind="count"),
        TableColumn("share", title="for first, ties half", kind="percent", interval=True, beside=True),
    )
    left = [row.number(FIELD) for row in study.readings if row.number(FIELD) != 0]
    on_left = sum(value > 0 for value in left)
    low, high = wilson(on_left, len(left))
    notes = ["In percent; * where the interval does not contain 50, not adjusted for the number of pairs."]
    if left:
        share = f"{on_left / len(left):.0%} [{low:.0%}, {high:.0%}]"
        notes.append(f"Of {len(left)} preferences {share} were for the report on the left.")
    return Table("readers-preferences", "Preferences by pair", columns, tuple(rows), tuple(notes))


def _strengths(found: Preferences) -> Table:
    study, arms = found.study, len(found.study.key.arms)
    values, rows = found.values[:, None], found.rows[:, None]
    estimates = study.crossed.estimate(strengths_of(found.pairs, rows, values, arms))
    counts = np.zeros((1, len(found.pairs), 3))
    for pair, value in zip(found.rows, found.values, strict=True):
        counts[0, pair, 1 - int(value)] += 1
    whole = fit(found.pairs, counts, arms)
    order = np.argsort(-estimates.value, kind="stable")
    made = []
    for arm in order:
        value, low, high = estimates.at(int(arm))
        made.append(Row({"system": Cell(study.name(int(arm))), "strength": Cell(value, low, high)}))
    times = "a system that is stronger by 1 is preferred 2.7 times as often as the other"
    notes = [f"Strength: log worth in Davidson's model, with mean 0; {times}. Tie parameter {whole.tie[0]:.2f}."]
    if whole.penalized[0]:
        notes.append(
            "One side of a pair was never preferred: half a preference of each kind was added to each pair, and the "
            "strengths are shrunk towards each other."
        )
    columns = (
        TableColumn("system"),
        TableColumn("strength", kind="difference", better="higher", digits=2, interval=True, beside=True),
    )
    return Table("readers-strengths", "Strengths (Bradley-Terry with ties)", columns, tuple(made), tuple(notes))


def _mark(low: float | None, high: float | None, chance: float) -> str:
    return "" if low is None or high is None or low <= chance <= high else "*"


def preference_sentences(study: MergedStudy) -> list[str]:
    """What each pair came to, one sentence each."""
    table = _pairs(preferences_of(study))
    said = []
    for row in table.rows:
        first, second, cell = row.cells["first"].value, row.cells["second"].value, row.cells["share"]
        numbers = f"{_percent(cell.value)}{_interval(cell)} of {row.cells['n'].value} readings, ties half"
        if not cell.mark:
            said.append(f"No preference between {first} and {second} is shown: {first} has {numbers}.")
        else:
            better = first if float(cell.value or 0) > 0.5 else second
            other = second if better == first else first
            said.append(f"Readers prefer {better} to {other}: {first} has {numbers}.")
    return said


def _percent(value: object) -> str:
    return f"{float(value):.0%}" if isinstance(value, int | float) else "no share"


def _interval(cell: Cell) -> str:
    return f" [{cell.low:.0%}, {cell.high:.0%}]" if cell.low is not None and cell.high is not None else ""
