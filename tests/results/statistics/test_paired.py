"""Paired differences: against scipy on means, against plain loops on corpus ratios, and by simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics.bootstrap import (
    StatisticsPart,
    bca,
    bootstrap,
    formula,
    jackknife,
    percentile,
    replicates,
)
from mmrad_eval.results.statistics.multiplicity import holm, max_t
from mmrad_eval.results.statistics.paired import compare, family, randomisation_p, sign_stability
from mmrad_eval.results.statistics.weights import bootstrap_weights, swaps


def ratio(sums: FloatArray) -> FloatArray:
    """(..., 2 m) pairs of numerator and denominator -> (..., m)."""
    return sums[..., 0::2] / sums[..., 1::2]


def parts(k: int) -> list[StatisticsPart]:
    return [StatisticsPart(range(k), ratio)]


def values(mean: float, n: int = 200, seed: int = 0, spread: float = 1.0) -> FloatArray:
    """(n, 2) one value a patient, and its count."""
    return np.stack([np.random.default_rng(seed).normal(mean, spread, n), np.ones(n)], axis=1)


def test_the_interval_of_a_mean_difference_is_scipys() -> None:
    a, b = values(0, seed=1), values(0.3, seed=2)
    found = compare([a], [b], parts(2))
    difference = b[:, 0] - a[:, 0]
    theirs = stats.bootstrap((difference,), np.mean, n_resamples=10_000, method="percentile", rng=1)
    assert found.difference[0] == pytest.approx(difference.mean())
    assert found.error[0] == pytest.approx(theirs.standard_error, rel=0.03)
    assert found.low[0] == pytest.approx(theirs.confidence_interval.low, abs=0.01)
    assert found.high[0] == pytest.approx(theirs.confidence_interval.high, abs=0.01)


def test_bca_of_a_skewed_mean_is_scipys() -> None:
    skewed = np.stack([np.random.default_rng(5).lognormal(0, 1, 60), np.ones(60)], axis=1)
    low, high = bca(replicates(skewed, parts(2), 20_000, 1), ratio(skewed.sum(axis=0)), jackknife(skewed, parts(2)))
    theirs = stats.bootstrap((skewed[:, 0],), np.mean, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    plain = percentile(replicates(skewed, parts(2), 20_000, 1))
    assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high), abs=0.03)
    assert high[0] > plain[1][0] + 0.03  # the correction moves an interval of skewed values up


def test_the_randomisation_p_of_a_mean_is_scipys() -> None:
    a, b = values(0, n=60, seed=1), values(0.25, n=60, seed=2)
    theirs = stats.permutation_test(
        (b[:, 0], a[:, 0]), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=10_000, rng=1
    )
    assert compare([a], [b], parts(2)).p[0] == pytest.approx(theirs.pvalue, abs=0.015)


def test_a_randomisation_p_tends_to_the_exact_one() -> None:
    a, b = values(0, n=9, seed=3), values(0.8, n=9, seed=4)
    moved = b[:, 0] - a[:, 0]
    signs = np.array(list(itertools.product([1, -1], repeat=9)))
    exact = (np.abs(signs @ moved) >= abs(moved.sum()) - 1e-12).mean()
    assert compare([a], [b], parts(2), resamples=40_000).p[0] == pytest.approx(exact, abs=0.01)


def test_no_p_is_ever_zero() -> None:
    found = compare([values(0, seed=1)], [values(50, seed=2)], parts(2), resamples=999)
    assert found.p[0] == pytest.approx(1 / 1000)


def test_two_copies_of_one_system_differ_in_nothing() -> None:
    a = values(0)
    found = compare([a], [a], parts(2))
    assert (found.difference[0], found.low[0], found.high[0], found.p[0]) == (0, 0, 0, 1)
    assert (found.wins[0], found.losses[0], found.ties[0]) == (0, 0, 200)
    assert np.isnan(found.effect[0])


def test_every_resample_is_what_a_loop_over_patients_gives() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.gamma(2, 1, (30, 6)), rng.gamma(2, 1, (30, 6))
    found = compare([a], [b], parts(6), resamples=50, seed=9)
    drawn = np.concatenate(list(bootstrap_weights(30, 50, 9)))
    sides = np.concatenate(list(swaps(30, 50, 9)))
    for row in range(50):
        index = np.repeat(np.arange(30), drawn[row].astype(int))
        expected = ratio(b[index].sum(axis=0)) - ratio(a[index].sum(axis=0))
        assert found.replicated[row] == pytest.approx(expected, abs=1e-9)
        flip = sides[row].astype(bool)[:, None]
        one, two = np.where(flip, b, a), np.where(flip, a, b)
        assert found.randomised[row] == pytest.approx(ratio(two.sum(axis=0)) - ratio(one.sum(axis=0)), abs=1e-9)


def test_sides_are_fair_coins_of_every_patient() -> None:
    drawn = np.concatenate(list(swaps(70, 20_000, 1)))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert abs(drawn.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(20_000)
    assert next(swaps(5, 2, 1)).tolist() == [[0.0, 0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0, 1.0]]


def test_an_undefined_random_difference_counts_against_the_claim() -> None:
    assert randomisation_p(np.array([0.5]), np.array([[np.nan], [0.1], [0.2]]))[0] == pytest.approx(2 / 4)


def test_one_patient_has_a_difference_and_nothing_else() -> None:
    found = compare([values(0, n=1)], [values(1, n=1, seed=1)], parts(2))
    assert np.isfinite(found.difference[0])
    assert np.isnan([found.low[0], found.p[0], found.error[0], found.effect[0]]).all()
    assert np.isnan(found.equivalent(0.1)[0])
    adjusted = family([found])
    assert np.isnan([adjusted.holm[0, 0], adjusted.max_t[0, 0]]).all()


def test_the_effect_of_a_mean_is_cohens_d_of_the_differences() -> None:
    a, b = values(0, seed=1), values(0.5, seed=2)
    difference = b[:, 0] - a[:, 0]
    assert compare([a], [b], parts(2)).effect[0] == pytest.approx(difference.mean() / difference.std(), rel=0.03)


def test_equivalence_is_claimed_only_within_the_margin() -> None:
    a = values(0, n=2000, seed=1)
    b = a + np.random.default_rng(2).normal(0, 0.1, (2000, 1)) * [1, 0]
    found = compare([a], [b], parts(2))
    assert found.equivalent(0.05)[0] < 0.001
    assert found.equivalent(0.0001)[0] > 0.3
    assert found.equivalent(np.array([0.05]))[0] == found.equivalent(0.05)[0]


def test_holm_is_the_textbook_example() -> None:
    # p-values of Holm's procedure worked by hand: 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.04 * 1, made monotone
    assert holm(np.array([0.02, 0.01, 0.04, 0.03])) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm(np.array([np.nan, 0.5, 0.6]))[1:] == pytest.approx([1.0, 1.0])


def test_max_t_of_one_column_is_its_own_p_and_of_copies_no_more() -> None:
    rng = np.random.default_rng(0)
    null = rng.normal(0, 1, (4999, 1))
    own = randomisation_p(np.array([2.2]), null)[0]
    assert max_t(np.array([2.2]), null)[0] == pytest.approx(own)
    assert max_t(np.full(10, 2.2), np.repeat(null, 10, axis=1)) == pytest.approx([own] * 10)  # Holm would give 10 times


def test_max_t_of_independent_columns_is_close_to_sidak_and_ordered_by_evidence() -> None:
    null = np.random.default_rng(0).normal(0, 3, (20_000, 5))
    adjusted = max_t(np.array([9.0, 7.5, 6.0, 3.0, 0.0]), null)
    p = 2 * stats.norm.sf(3.0)
    assert adjusted[0] == pytest.approx(1 - (1 - p) ** 5, abs=0.004)
    assert (np.diff(adjusted) >= 0).all()


def test_max_t_ignores_columns_that_say_nothing() -> None:
    null = np.random.default_rng(0).normal(0, 1, (999, 2))
    null[:, 1] = 0
    adjusted = max_t(np.array([2.0, 0.0]), null)
    assert adjusted[0] < 0.1
    assert adjusted[1] == 1
    assert np.isnan(max_t(np.array([np.nan, 1.0]), np.full((9, 2), np.nan))).all()


def test_the_primary_comparison_is_not_adjusted_for_the_rest() -> None:
    a, rng = values(0, seed=1), np.random.default_rng(3)
    others = [np.stack([rng.normal(0.15, 1, 200), np.ones(200)], axis=1) for _ in range(6)]
    found = [compare([a], [other], parts(2)) for other in others]
    whole, declared = family(found), family(found, primary=(0, 0))
    assert np.isnan(declared.max_t[0, 0])
    assert (declared.max_t[1:] <= whole.max_t[1:] + 1e-12).all()
    assert (whole.max_t >= np.stack([f.p for f in found]) - 1e-12).all()


def test_several_prompts_widen_the_interval_by_their_own_spread() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(0, 1, 400)
    shifts = rng.normal(0.3, 0.3, 8)
    ones = np.ones(400)
    first = [np.stack([base, ones], axis=1)] * 8
    second = [np.stack([base + rng.normal(s, 0.2, 400), ones], axis=1) for s in shifts]
    many = compare(first, second, parts(2))
    single = compare(first[:1], second[:1], parts(2))
    assert many.difference[0] == pytest.approx(shifts.mean(), abs=0.01)
    # resampling 8 prompts adds the variance of their mean, shifts.std() ** 2 / 8
    assert many.error[0] == pytest.approx(np.hypot(shifts.std() / np.sqrt(8), 0.2 / np.sqrt(400 * 8)), rel=0.1)
    assert many.error[0] > 5 * single.error[0]


def test_sign_stability_is_the_share_of_prompts_that_agree() -> None:
    a = values(0)
    arms = [a + np.array([shift, 0]) for shift in (0.1, 0.2, 0.3, -0.1)]
    share, n = sign_stability([a] * 4, arms, parts(2))
    assert (share[0], n) == (0.75, 4)
    assert sign_stability([a], arms, parts(2))[1] == 0


def test_arms_of_unequal_length_have_an_interval_and_no_randomisation_p() -> None:
    a = values(0)
    found = compare([a], [a + np.array([0.1, 0]), a + np.array([0.3, 0])], parts(2), resamples=500)
    assert found.difference[0] == pytest.approx(0.2)
    assert found.low[0] < 0.2 < found.high[0]
    assert np.isnan(found.p[0])


@pytest.mark.parametrize("patients", [100, 1000])
@pytest.mark.parametrize("kind", ["mean", "corpus"])
def test_intervals_cover_and_tests_err_as_often_as_they_say(patients: int, kind: str) -> None:
    """Simulate many pairs of equal systems; all share the resamples, which is what makes it quick."""
    repeats, resamples = 4000, 999
    rng = np.random.default_rng(patients)
    if kind == "mean":
        one = np.ones((patients, repeats))
        shared = rng.normal(0, 1, (patients, repeats))
        sides: list[tuple[FloatArray, FloatArray]] = [
            (rng.gamma(2, 1, (patients, repeats)) + shared, one) for _ in range(2)
        ]
        truth = 2.0
    else:  # matched and possible n-grams, as BLEU sums them: long reports count more, and match less
        length = rng.poisson(40, (patients, repeats)).astype(np.float64) + 5
        skill = rng.beta(6, 9, (patients, repeats)) * np.minimum(1, 40 / length)
        sides = [(rng.binomial(length.astype(int), skill).astype(np.float64), length) for _ in range(2)]
        truth = float(sides[0][0].sum() / length.sum())
    arms = []
    for top, bottom in sides:
        arm = np.empty((patients, 2 * repeats))
        arm[:, 0::2], arm[:, 1::2] = top, bottom
        arms.append(arm)
    both = parts(2 * repeats)
    low, high = percentile(replicates(arms[0], both, resamples, 1))
    assert 0.93 <= ((low <= truth) & (truth <= high)).mean() <= 0.97
    found = compare([arms[0]], [arms[1]], both, resamples=resamples)
    assert 0.93 <= ((found.low <= 0) & (found.high >= 0)).mean() <= 0.97
    assert 0.04 <= (found.p <= 0.05).mean() <= 0.06


def test_the_family_errs_as_often_as_it_says_when_nothing_differs() -> None:
    rng = np.random.default_rng(0)
    rejected = {"max-T": 0, "Holm": 0}
    for _ in range(200):
        shared = rng.normal(0, 1, (60, 1))
        arms = [
            np.stack([shared + rng.normal(0, 0.5, (60, 8)), np.ones((60, 8))], axis=2).reshape(60, 16) for _ in "ab"
        ]
        adjusted = family([compare([arms[0]], [arms[1]], parts(16), resamples=199)])
        rejected["max-T"] += bool((adjusted.max_t <= 0.05).any())
        rejected["Holm"] += bool((adjusted.holm <= 0.05).any())
    # binomial: 200 families at 5 % give 10, standard deviation 3.1
    assert 2 <= rejected["max-T"] <= 20
    assert rejected["Holm"] <= rejected["max-T"]


def test_a_column_that_equals_another_one_counts_once_in_the_family() -> None:
    rng = np.random.default_rng(5)
    first = np.stack([rng.normal(0, 1, 40), np.ones(40)], axis=1)
    second = first + np.array([0.45, 0.0])
    other = rng.normal(0.1, 1, (40, 1))
    twice = [np.hstack([arm, arm, extra, np.ones((40, 1))]) for arm, extra in ((first, 0 * other), (second, other))]
    once = [np.hstack([arm, extra, np.ones((40, 1))]) for arm, extra in ((first, 0 * other), (second, other))]

    doubled = family([compare([twice[0]], [twice[1]], parts(6), resamples=300)])
    single = family([compare([once[0]], [once[1]], parts(4), resamples=300)])

    assert (doubled.members, single.members) == (2, 2)
    assert doubled.holm[0].tolist() == [single.holm[0, 0], *single.holm[0].tolist()]


def test_formulas_of_several_metrics_stand_side_by_side() -> None:
    found = formula([StatisticsPart([0, 1], ratio), StatisticsPart([2, 0], ratio)], np.array([4.0, 2.0, 8.0]))
    assert found.tolist() == [2.0, 2.0]


def test_numbers_are_these_on_every_machine() -> None:
    # made once with numpy 2.4 and OpenBLAS on x86-64; the random bits are exact, sums may round in another order
    i = np.arange(50.0)
    first, second = (np.stack([i % n + shift, i % 5 + 9], axis=1) for n, shift in ((7, 1.0), (6, 1.5)))
    alone = bootstrap(first, [f"p{int(x) % 20}" for x in i], parts(2), resamples=500, seed=4)
    both = compare([first], [second], parts(2), resamples=500, seed=4, method="bca")
    assert [alone.low[0], alone.high[0]] == pytest.approx([0.3002483887132169, 0.41643148855961043], abs=1e-9)
    assert [both.low[0], both.high[0]] == pytest.approx([-0.07584013594957108, 0.05681471082959303], abs=1e-9)
    assert both.p[0] == pytest.approx(489 / 501, abs=1e-9)
