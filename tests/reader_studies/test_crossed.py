"""Intervals where cases and readers are both samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.reader_studies import simulate
from mmrad_eval.reader_studies.simulation import Scatter
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.statistics.crossed import CrossedReadings, difference_of, mean_of, student


def crossed(cases: int, readers: int) -> CrossedReadings:
    names = [(f"c{i}", f"r{j}") for i in range(cases) for j in range(readers)]
    return CrossedReadings([c for c, _ in names], [r for _, r in names], resamples=1000)


@pytest.mark.parametrize("freedom", [1.0, 1.7, 2.0, 4.0, 11.3, 300.0])
def test_quantiles_of_t_equal_scipy(freedom: float) -> None:
    assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-5)


def test_one_reader_has_the_interval_of_a_mean_over_cases() -> None:
    values = np.random.default_rng(3).normal(2, 1, 60)
    found = crossed(60, 1).estimate(mean_of(values[:, None]))
    expected = stats.t.interval(0.95, 59, values.mean(), stats.sem(values))

    assert (found.low[0], found.high[0]) == pytest.approx(expected, abs=0.03)


def test_readers_who_differ_widen_the_interval_from_five_readers_on() -> None:
    effect = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    noise = np.random.default_rng(1).normal(0, 0.3, (50, 5))

    def width(readers: int) -> float:
        found = crossed(50, readers).estimate(mean_of((effect + noise)[:, :readers].reshape(-1, 1)))
        return float(found.high[0] - found.low[0])

    assert width(4) < 0.2
    assert width(5) == pytest.approx(2 * student(4) * effect.std(ddof=1) / np.sqrt(5), rel=0.1)


def test_a_share_without_scatter_is_bounded_by_the_number_of_cases() -> None:
    found = crossed(20, 2).estimate(mean_of(np.ones((40, 1))), "share")

    assert (found.low[0], found.high[0]) == wilson(20, 20)


def test_no_error_at_all_leaves_a_mean_that_a_poisson_count_allows() -> None:
    found = crossed(20, 2).estimate(mean_of(np.zeros((40, 1))), "count")

    assert (found.low[0], found.high[0]) == pytest.approx((0, stats.chi2.ppf(0.975, 2) / 2 / 20))


def test_one_case_says_nothing_about_other_cases() -> None:
    assert np.isnan(crossed(1, 6).estimate(mean_of(np.arange(6.0)[:, None])).low[0])


def test_a_weight_is_how_much_a_reading_stands_for() -> None:
    weighted = CrossedReadings(["a", "b"], ["r", "r"], np.array([3.0, 1.0]), resamples=10)

    assert weighted.estimate(mean_of(np.array([[1.0], [0.0]]))).value[0] == 0.75


def test_a_difference_is_that_of_the_means() -> None:
    first, second = np.array([1.0, np.nan, 3.0, np.nan]), np.array([np.nan, 4.0, np.nan, 6.0])

    assert crossed(2, 2).estimate(difference_of(first, second)).value[0] == 3.0


@pytest.mark.parametrize(("name", "quantity"), simulate.QUANTITIES)
def test_intervals_of_simulated_studies_hold_the_truth(name: str, quantity: object) -> None:
    """``benchmarks/reader_studies/simulate.py`` does it with 2,000 studies a setting; the error of 150 is .018."""
    covered = simulate.coverage(quantity, 40, 5, Scatter(0.8, 0.4), 150)  # type: ignore[arg-type]

    assert (covered > 0.89).all(), name
    assert (covered < 0.995).all(), name
