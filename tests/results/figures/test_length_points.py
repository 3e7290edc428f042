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
    possible = rng.integers(1, 6, 100).astype(np.float64)
    statistics = np.column_stack([rng.binomial(possible.astype(int), 0.95), possible]).astype(np.float64)

    points = fifths(range(100), statistics, [f"p{i}" for i in range(100)], PARTS, 0)

    assert [point.studies for point in points] == [20] * 5
    for i, point in enumerate(points):
        hits, all_of_them = statistics[20 * i : 20 * i + 20].sum(axis=0)
        assert point.value == pytest.approx(hits / all_of_them)
        assert 0 <= point.low <= point.value <= point.high <= 1


def test_studies_of_one_patient_make_no_interval() -> None:
    points = fifths(range(40), np.ones((40, 2)), ["p"] * 40, PARTS, 0)

    assert len(points) == 2
    assert all(np.isnan(point.low) and np.isnan(point.high) for point in points)


def test_no_point_rests_on_few_studies_and_a_single_one_makes_no_line() -> None:
    patients = [f"p{i}" for i in range(65)]
    assert [point.studies for point in fifths(range(65), np.ones((65, 2)), patients, PARTS, 0)] == [22, 22, 21]
    assert not fifths(range(39), np.ones((39, 2)), patients[:39], PARTS, 0)
