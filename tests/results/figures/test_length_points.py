"""Scores by length of the report: the column itself, with an interval by patient."""

from __future__ import annotations

import numpy as np
import pytest

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.figures.read import fifths
from mmrad_eval.results.statistics.bootstrap import StatisticsPart


def ratio(sums: FloatArray) -> FloatArray:
    """A column of counts that is no mean of per-study values."""
    made: FloatArray = sums[..., :1] / sums[..., 1:2]
    return made


PARTS = [StatisticsPart(range(2), ratio)]


def test_a_point_is_the_column_of_its_studies_and_its_interval_stays_in_the_possible_range() -> None:
    rng = np.random.default_rng(3)
    possible = rng.integers(1, 6, 50).astype(np.float64)
    statistics = np.column_stack([rng.binomial(possible.astype(int), 0.95), possible]).astype(np.float64)

    points = fifths(range(50), statistics, [f"p{i}" for i in range(50)], PARTS, 0)

    assert [point.studies for point in points] == [10] * 5
    for i, point in enumerate(points):
        hits, all_of_them = statistics[10 * i : 10 * i + 10].sum(axis=0)
        assert point.value == pytest.approx(hits / all_of_them)
        assert 0 <= point.low <= point.value <= point.high <= 1


def test_studies_of_one_patient_make_no_interval() -> None:
    points = fifths(range(10), np.ones((10, 2)), ["p"] * 10, PARTS, 0)

    assert all(np.isnan(point.low) and np.isnan(point.high) for point in points)
