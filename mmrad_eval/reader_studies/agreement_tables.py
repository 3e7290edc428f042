"""How far readers agree: with each other, and with themselves where a reading was shown twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.reader_studies.merged import MergedReading, MergedStudy
from mmrad_eval.results.statistics import agreement
from mmrad_eval.results.statistics.crossed import CrossedReadings
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn

Coefficient = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""(items, readers) ratings, (resamples, items) weights, levels -> (resamples,)."""
RESAMPLES = 500
_NO_SCATTER = 1e-9

EQUAL: tuple[str, Coefficient] = ("equal answers", lambda x, w, _: agreement.raw_agreement(x, w))
NOMINAL: tuple[tuple[str, Coefficient], ...] = (
    EQUAL,
    ("Cohen's kappa", agreement.kappa),
    ("Gwet's AC1", agreement.gwet),
)
WEIGHTED: tuple[tuple[str, Coefficient], ...] = (
    ("weighted kappa, linear", lambda x, w, levels: agreement.kappa(x, w, levels, "linear")),
    ("weighted kappa, quadratic", lambda x, w, levels: agreement.kappa(x, w, levels, "quadratic")),
)
ALPHA: tuple[str, Coefficient] = ("Krippendorff's alpha, ordinal", agreement.krippendorff)
ICC: tuple[str, Coefficient] = ("ICC(A,1)", lambda x, w, _: agreement.intraclass(x, w))


@dataclass(frozen=True)
class Judged:
    """One number that readings give, and how agreement about it is measured."""

    name: str
    value: Callable[[MergedReading], float]
    coefficients: Sequence[tuple[str, Coefficient]]
    levels: Sequence[float] = ()
    """Every level that could be given; empty: those that were."""


def agreement_table(study: MergedStudy, judged: Sequence[Judged]) -> Table | None:
    """Coefficients between readers and within them, with intervals over cases; None where nothing was judged twice."""
    rows: list[Row] = []
    for one in judged:
        for words, matrix, cases, heading in (
            ("between", *_between(study, one), f"{one.name}: between readers"),
            ("within", *_within(study, one), f"{one.name}: one reader twice"),
        ):
            if not len(matrix):
                continue
            made = _rows(study, one, matrix, cases, words)
            rows += [Row({**made[0].cells}, heading=heading), *made[1:]]
    if not rows:
        return None
    columns = (
        TableColumn("coefficient"),
        TableColumn("of", media="data"),
        TableColumn("n", title="readings twice or more", kind="count"),
        TableColumn("value", kind="score", interval=True, beside=True),
    )
    notes = [
        f"95 % intervals over cases, from {RESAMPLES} resamples; kappa of several readers: the mean over their pairs."
    ]
    if not any(row.cells["of"].value == "within" for row in rows):
        notes.append("No reading was shown twice, so intra-reader agreement is unknown.")
    if study.readers < 2:
        notes.append("One reader: no inter-reader agreement.")
    return Table("readers-agreement", "How far readers agree", columns, tuple(rows), tuple(notes))


def _rows(study: MergedStudy, one: Judged, matrix: FloatArray, cases: Sequence[int], of: str) -> list[Row]:
    levels = np.array(sorted(one.levels)) if one.levels else np.unique(matrix[np.isfinite(matrix)])
    drawn = CrossedReadings(
        study.clusters(cases),
        ["all"] * len(cases),
        study.case_weights[list(cases)],
        resamples=RESAMPLES,
        seed=study.seed,
    )
    found = drawn.estimate(
        lambda weights: np.stack([find(matrix, weights, levels) for _, find in one.coefficients], axis=1)
    )
    rows = []
    for column, (name, _) in enumerate(one.coefficients):
        value, low, high = found.at(column)
        least = 0.0 if name == EQUAL[0] else -1.0
        low, top = None if low is None else max(least, low), None if high is None else min(1.0, high)
        if low is not None and top is not None and top - low < _NO_SCATTER:  # all draws agree: they bound nothing
            low = top = None
        if name == EQUAL[0] and value is not None and not study.key.weighted:
            pairs = int((np.isfinite(matrix).sum(axis=1) > 1).sum())
            if matrix.shape[1] == 2:  # a share of independent pairs
                low, top = agreement.wilson(value * pairs, pairs)
        rows.append(
            Row(
                {"coefficient": Cell(name), "of": Cell(of), "n": Cell(_several(matrix)), "value": Cell(value, low, top)}
            )
        )
    return rows


def _several(matrix: FloatArray) -> int:
    return int((np.isfinite(matrix).sum(axis=1) > 1).sum())


def _between(study: MergedStudy, one: Judged) -> tuple[FloatArray, list[int]]:
    """(items, readers), and the case of each item: what two readers or more judged."""
    readers = sorted({row.reader for row in study.readings})
    items = sorted({(row.case, tuple(sorted(row.arms))) for row in study.readings})
    matrix = np.full((len(items), len(readers)), np.nan)
    place = {item: number for number, item in enumerate(items)}
    for row in study.readings:
        matrix[place[row.case, tuple(sorted(row.arms))], readers.index(row.reader)] = one.value(row)
    several = np.isfinite(matrix).sum(axis=1) > 1
    return matrix[several], [case for (case, _), kept in zip(items, several, strict=True) if kept]


def _within(study: MergedStudy, one: Judged) -> tuple[FloatArray, list[int]]:
    """(readings shown twice, 2), and their cases."""
    pairs = [(one.value(first), one.value(again), first.case) for first, again in study.repeats]
    known = [pair for pair in pairs if np.isfinite(pair[:2]).all()]
    return np.array([pair[:2] for pair in known]).reshape(-1, 2), [pair[2] for pair in known]
