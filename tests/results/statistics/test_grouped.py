"""Subgroups: exact values, joint resamples, and tests that find what is there and little else."""

from __future__ import annotations

import numpy as np
import pytest

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics.bootstrap import StatisticsPart, replicates
from mmrad_eval.results.statistics.grouped import contrasts, grouped, normal_of_t, simultaneous, t_of_normal
from mmrad_eval.results.statistics.weights import cluster_index, cluster_sums

MEAN = [StatisticsPart(range(2), lambda sums: sums[..., :1] / sums[..., 1:])]


def data(n: int, patients: int, groups: int, gap: float, seed: int) -> tuple[FloatArray, list[str], np.ndarray]:
    """Values of studies that agree within a patient; those of the first group are lower by ``gap``."""
    rng = np.random.default_rng(seed)
    patient, group = rng.integers(patients, size=n), rng.integers(groups, size=n)
    value = rng.normal(0, 0.5, patients)[patient] + rng.exponential(1, n) - gap * (group == 0)
    members = group == np.arange(groups)[:, None]
    return np.column_stack([value, np.ones(n)]), [f"p{i}" for i in patient], members


def test_a_group_and_the_rest_have_the_values_of_their_own_studies() -> None:
    statistics, clusters, members = data(120, 50, 3, 0.4, 1)
    found = grouped(statistics, clusters, members, MEAN, resamples=10)
    for i, inside in enumerate(members):
        assert found.value[0, i, 0] == pytest.approx(statistics[inside, 0].mean())
        assert found.value[1, i, 0] == pytest.approx(statistics[~inside, 0].mean())


def test_a_group_of_all_studies_is_resampled_as_the_run_is() -> None:
    statistics, clusters, _ = data(120, 50, 3, 0.4, 2)
    names, index = cluster_index(clusters)
    whole = replicates(cluster_sums(statistics, index, len(names)), MEAN, 200, 5)
    found = grouped(statistics, clusters, np.ones((1, 120), np.bool_), MEAN, resamples=200, seed=5)
    assert found.replicated[:, 0, 0] == pytest.approx(whole)
    assert np.isnan(found.value[1]).all()


def test_a_normal_deviate_is_as_rare_as_its_t() -> None:
    """Quantiles of Student's t as published (Fisher and Yates 1938, table III): .975 and .995."""
    for freedom, t975, t995 in ((9, 2.262, 3.250), (20, 2.086, 2.845), (60, 2.000, 2.660)):
        made = normal_of_t(np.array([t975, t995]), np.array(float(freedom)))
        assert made == pytest.approx([1.960, 2.576], abs=0.01)
        assert t_of_normal(1.960, np.array(float(freedom))) == pytest.approx(t975, abs=0.01)


def test_groups_that_do_not_differ_are_rarely_found_to() -> None:
    """Five groups of about 30 skewed values: .05 of 200 data sets, at most .085 with 95 % confidence."""
    found = [_pairs(120, 80, 5, 0.0, seed) for seed in range(200)]
    assert np.mean([p <= 0.05 for p, _ in found]) <= 0.085
    assert np.mean([apart for _, apart in found]) <= 0.085


def test_a_group_that_is_read_worse_is_found() -> None:
    found = [_pairs(300, 200, 3, 1.0, seed) for seed in range(20)]
    assert np.mean([p <= 0.05 and apart for p, apart in found]) >= 0.9


def _pairs(n: int, patients: int, groups: int, gap: float, seed: int) -> tuple[float, bool]:
    """Smallest adjusted p of all pairs, and whether any simultaneous interval is without 0."""
    statistics, clusters, members = data(n, patients, groups, gap, seed)
    every = grouped(statistics, clusters, members, MEAN, resamples=400, seed=seed)
    first, second = np.triu_indices(groups, 1)
    value = (every.value[0][second] - every.value[0][first])[:, 0]
    replicated = (every.replicated[:, 0][:, second] - every.replicated[:, 0][:, first])[..., 0]
    sizes = np.array([len({c for c, here in zip(clusters, inside, strict=True) if here}) for inside in members], float)
    smaller = np.minimum(sizes[first], sizes[second])
    low, high = simultaneous(value, replicated, smaller)
    return float(np.nanmin(contrasts(value, replicated, smaller).p)), bool(((low > 0) | (high < 0)).any())
