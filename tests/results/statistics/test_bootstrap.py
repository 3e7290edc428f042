"""Resampling: the weights, the sums over patients, the intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics import weights as module
from mmrad_eval.results.statistics.bootstrap import StatisticsPart, bootstrap, percentile
from mmrad_eval.results.statistics.weights import bootstrap_weights, cluster_index, cluster_sums, swaps


def mean(sums: FloatArray) -> FloatArray:
    """(..., 2) sum and count -> (..., 1)."""
    return sums[..., :1] / sums[..., 1:]


MEAN = [StatisticsPart([0, 1], mean)]


def test_each_resample_draws_as_many_clusters_as_there_are() -> None:
    drawn = np.concatenate(list(bootstrap_weights(7, 1000, 3)))
    assert drawn.shape == (1000, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.min() == 0


def test_every_cluster_is_drawn_as_often_as_every_other() -> None:
    drawn = np.concatenate(list(bootstrap_weights(50, 20_000, 1)))
    # the mean weight of a cluster has standard error sqrt((1 - 1/50) / 20,000) = 0.007
    assert abs(drawn.mean(axis=0) - 1).max() < 5 * 0.007
    # the variance of a weight is 1 - 1/50, its standard error about 0.01 (kurtosis of a Poisson count)
    assert abs(drawn.var(axis=0) - 0.98).max() < 0.06


def test_weights_are_these_on_every_machine_and_numpy() -> None:
    # the definition, in Python's own integers: index = floor(32-bit half of a word * 5 / 2**32)
    stream = np.random.PCG64(np.random.SeedSequence([1, 0]))
    words = [int(word) for word in stream.random_raw(3)]
    halves = [half for word in words for half in (word & 0xFFFFFFFF, word >> 32)][:5]
    expected = np.bincount([half * 5 >> 32 for half in halves], minlength=5)
    assert next(bootstrap_weights(5, 1, 1)).tolist() == [expected.tolist()]
    assert next(bootstrap_weights(5, 2, 1)).tolist() == [[1.0, 0.0, 2.0, 1.0, 1.0], [0.0, 2.0, 0.0, 0.0, 3.0]]


def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(bootstrap_weights(11, 100, 5)))
    monkeypatch.setattr(module, "_ENTRIES", 70)
    monkeypatch.setattr(module, "_FEWEST_ROWS", 1)
    blocks = list(bootstrap_weights(11, 100, 5))
    assert len(blocks) > 10
    assert (np.concatenate(blocks) == whole).all()


def test_blocks_that_a_thread_makes_ahead_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [list(bootstrap_weights(300, 500, 5)), list(swaps(300, 500, 5))]
    monkeypatch.setattr(module, "_MANY", 300)
    ahead = [list(bootstrap_weights(300, 500, 5)), list(swaps(300, 500, 5))]
    for before, after in zip(alone, ahead, strict=True):
        assert (np.concatenate(before) == np.concatenate(after)).all()


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(-9, 9)), max_size=30))
def test_sums_over_clusters_are_what_a_loop_gives(pairs: list[tuple[str, int]]) -> None:
    names, index = cluster_index([name for name, _ in pairs])
    statistics = np.array([[float(v), 1.0] for _, v in pairs]).reshape(-1, 2)
    sums = cluster_sums(statistics, index, len(names))
    assert names == sorted({name for name, _ in pairs})
    assert sums.tolist() == [
        [sum(v for n, v in pairs if n == name), sum(n == name for n, _ in pairs)] for name in names
    ]
    assert cluster_sums(statistics, index, len(names), in_place=True).tolist() == sums.tolist()
    if pairs:
        gaps = cluster_sums(np.ones((len(pairs), 1)), index + 1, len(names) + 1, in_place=True)
        assert gaps[0] == 0
        assert gaps.sum() == len(pairs)


def test_the_interval_of_a_mean_is_that_of_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(10, 2, 400)
    found = bootstrap(np.stack([values, np.ones(400)], axis=1), [str(i) for i in range(400)], MEAN)
    half = 1.96 * values.std() / 20
    assert found.value[0] == pytest.approx(values.mean())
    assert found.low[0] == pytest.approx(values.mean() - half, abs=0.02)
    assert found.high[0] == pytest.approx(values.mean() + half, abs=0.02)


def test_studies_of_one_patient_are_drawn_together() -> None:
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 50), 8)  # eight alike studies each
    statistics = np.stack([values, np.ones(400)], axis=1)
    by_patient = bootstrap(statistics, [str(i // 8) for i in range(400)], MEAN)
    by_study = bootstrap(statistics, [str(i) for i in range(400)], MEAN)
    ratio = (by_patient.high[0] - by_patient.low[0]) / (by_study.high[0] - by_study.low[0])
    assert ratio == pytest.approx(np.sqrt(8), rel=0.05)


def test_one_patient_has_a_value_and_no_interval() -> None:
    found = bootstrap(np.array([[3.0, 1.0], [5.0, 1.0]]), ["p", "p"], MEAN)
    assert found.value[0] == 4.0
    assert np.isnan([found.low[0], found.high[0]]).all()


def test_no_study_has_neither() -> None:
    found = bootstrap(np.empty((0, 2)), [], MEAN)
    assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()


def test_an_interval_is_given_only_where_nearly_every_resample_has_a_value() -> None:
    often = np.linspace(0, 1, 1000)
    rarely = often.copy()
    often[:40] = np.nan
    rarely[:60] = np.nan
    low, high = percentile(np.stack([often, rarely], axis=1))
    assert low[0] == pytest.approx(np.quantile(often[40:], 0.025))
    assert high[0] == pytest.approx(np.quantile(often[40:], 0.975))
    assert np.isnan([low[1], high[1]]).all()


def test_whole_numbers_of_many_clusters_are_summed_exactly_whatever_the_precision() -> None:
    chance = np.random.default_rng(8)
    whole = chance.integers(-60, 60, (5000, 9)).astype(float)
    large = whole[:, :1] * 1e6  # too large for single precision
    broken = chance.random((5000, 2))
    sums = np.concatenate([whole, broken, large], axis=1)
    weights = next(bootstrap_weights(5000, 20, 1))

    drawn = module.Factor(sums).drawn(weights)

    np.testing.assert_array_equal(drawn[:, [*range(9), 11]], (weights @ sums)[:, [*range(9), 11]])
    np.testing.assert_allclose(drawn, weights @ sums, rtol=1e-13)
