"""Intervals where cases and readers are both samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.reader_studies import simulate
from mmrad_eval.core.contracts import FloatArray
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


def half_width(values: FloatArray) -> float:
    """From the mean squares of a two-way layout, with Satterthwaite's degrees of freedom (both from textbooks)."""
    n, m = values.shape
    by_case, by_reader = values.mean(axis=1), values.mean(axis=0)
    rest = values - by_case[:, None] - by_reader + values.mean()
    single = (rest**2).sum() / (n - 1) / (m - 1) / n / m
    cases, readers = by_case.var(ddof=1) / n, by_reader.var(ddof=1) / m
    variance = max(cases + readers - single, single)
    freedom = 2 / (2 / (n - 1) + max(stats.kurtosis(by_case, bias=False), 0) / n)
    if readers > single:
        freedom = variance**2 / (cases**2 / freedom + readers**2 / (m - 1))
    return float(stats.t.ppf(0.975, freedom) * np.sqrt(variance))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("apart", [0.0, 0.3])
def test_the_variance_is_that_of_a_two_way_layout_whether_readers_differ_or_not(seed: int, apart: float) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(0, 1, (30, 6)) + random.exponential(1, (30, 1)) + random.normal(0, apart, (1, 6))
    names = [(f"c{i}", f"r{j}") for i in range(30) for j in range(6)]
    drawn = CrossedReadings([c for c, _ in names], [r for _, r in names], resamples=8000)
    found = drawn.estimate(mean_of(values.reshape(-1, 1)))

    assert (found.high[0] - found.low[0]) / 2 == pytest.approx(half_width(values), rel=0.06)


def test_the_layouts_of_that_test_hold_readers_on_both_sides_of_the_scatter_of_readings() -> None:
    def readers_add(seed: int) -> bool:
        random = np.random.default_rng(seed)
        values = random.normal(0, 1, (30, 6)) + random.exponential(1, (30, 1)) + random.normal(0, 0.0, (1, 6))
        rest = values - values.mean(axis=1)[:, None] - values.mean(axis=0) + values.mean()
        return bool(values.mean(axis=0).var(ddof=1) / 6 > (rest**2).sum() / 29 / 5 / 180)

    assert {readers_add(seed) for seed in range(5)} == {True, False}


def test_one_case_of_many_errors_costs_degrees_of_freedom() -> None:
    """19 cases of one error and one of nine: excess kurtosis 20, so 2 / (2 / 19 + 20 / 20) degrees in place of 19."""
    values = np.ones((20, 2))
    values[0] = 9
    found = crossed(20, 2).estimate(mean_of(values.reshape(-1, 1)))

    assert (found.high[0] - found.low[0]) / 2 == pytest.approx(student(2 / (2 / 19 + 1)) * 0.4, rel=0.05)


def test_an_interval_of_counts_is_symmetrical_in_the_reciprocal_root() -> None:
    values = np.random.default_rng(2).poisson(0.8, (40, 3)).reshape(-1, 1).astype(np.float64)
    plain, found = (crossed(40, 3).estimate(mean_of(values), scale) for scale in ("plain", "count"))
    low, middle, high = (float(x[0]) ** -0.5 for x in (found.low, found.value, found.high))

    assert low - middle == pytest.approx(middle - high)
    assert low - middle == pytest.approx(middle * (plain.high[0] / plain.value[0] - 1) / 2)


def test_an_interval_of_few_counts_has_an_end() -> None:
    values = np.array([[0.0], [0.0], [5.0]])
    found = CrossedReadings(["a", "b", "c"], ["r"] * 3).estimate(mean_of(values), "count")

    assert 0 < found.low[0] < found.value[0] < found.high[0] < np.inf


@pytest.mark.parametrize(("name", "studies"), [("share", 300), ("strengths", 40), ("errors", 200)])
def test_intervals_of_simulated_studies_hold_the_truth(name: str, studies: int) -> None:
    """``benchmarks/reader_studies/simulate.py`` does it with 2,000 studies a setting; within four errors of these."""
    held, below, above = simulate.coverage(name, simulate.Design(40, 5), studies)
    error = 4 * np.sqrt(0.95 * 0.05 / studies)

    assert (abs(held - 0.95) < error).all(), held
    assert (abs(below - above) < 2 * error).all(), (below, above)
