"""Agreement of readers, against published examples and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics import agreement
from mmrad_eval.results.statistics.agreement import How, once

N = np.nan
FOUR_OBSERVERS = np.array(
    [
        *([1, 1, N, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4]),
        *([4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [N, 5, 5, 5], [N, N, 1, 1], [N, N, 3, N]),
    ]
)
"""Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), example C; also Gwet's ``cac.raw4raters``."""
LEVELS = np.arange(1.0, 6.0)
FOUR_JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
"""Shrout and Fleiss, Psychol Bull 1979, table 2."""


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombe(successes: int, n: int, low: float, high: float) -> None:
    # Newcombe, Stat Med 1998, 17:857, table I, method 3
    assert agreement.wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_a_share_of_nothing_has_no_interval() -> None:
    assert np.isnan(agreement.wilson(0, 0)).all()


@pytest.mark.parametrize(("how", "expected"), [("nominal", 0.77544), ("quadratic", 0.91400)])
def test_gwet_equals_the_printed_values_of_irrcac(how: How, expected: float) -> None:
    # Gwet's package irrCAC prints .77544 (AC1) and .914 (AC2, quadratic) for this data
    found = agreement.gwet(FOUR_OBSERVERS, once(FOUR_OBSERVERS), LEVELS, how)

    assert found[0] == pytest.approx(expected, abs=5e-6)


@pytest.mark.parametrize(("scale", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_equals_krippendorffs_example(scale: str, expected: float) -> None:
    found = agreement.krippendorff(FOUR_OBSERVERS, once(FOUR_OBSERVERS), LEVELS, scale)  # type: ignore[arg-type]

    assert found[0] == pytest.approx(expected, abs=5e-4)


def test_the_intraclass_correlation_equals_that_of_shrout_and_fleiss() -> None:
    assert agreement.intraclass(FOUR_JUDGES, once(FOUR_JUDGES))[0] == pytest.approx(0.29, abs=5e-3)  # table 4, ICC(2,1)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=40))
def test_kappa_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    both = np.array(pairs, float)
    with np.errstate(invalid="ignore"):
        for how, weights in (("nominal", None), ("linear", "linear"), ("quadratic", "quadratic")):
            ours = agreement.kappa(both, once(both), LEVELS, how)[0]  # type: ignore[arg-type]
            levels = range(1, 6)
            if len(np.unique(both)) > 1:
                theirs = cohen_kappa_score(both[:, 0], both[:, 1], labels=list(levels), weights=weights)
                assert ours == pytest.approx(theirs, nan_ok=True)
            else:
                assert np.isnan(ours)


def test_kappa_and_ac1_of_shares_near_one_part_ways() -> None:
    # 500 cases, 455 and 470 of them good, 440 by both: kappa .35 and AC1 .90 at a raw agreement of .91
    pairs = [(1, 1)] * 440 + [(1, 0)] * 15 + [(0, 1)] * 30 + [(0, 0)] * 15
    both, levels = np.array(pairs, float), np.array([0.0, 1.0])

    assert agreement.raw_agreement(both, once(both))[0] == pytest.approx(0.91)
    assert agreement.kappa(both, once(both), levels)[0] == pytest.approx(0.35, abs=5e-3)
    assert agreement.gwet(both, once(both), levels)[0] == pytest.approx(0.90, abs=5e-3)


def test_a_case_that_weighs_twice_counts_as_two() -> None:
    weights = np.array([[2.0, *[1.0] * (len(FOUR_OBSERVERS) - 1)]])
    doubled = np.vstack([FOUR_OBSERVERS[:1], FOUR_OBSERVERS])

    for find in (
        lambda x, w: agreement.gwet(x, w, LEVELS),
        lambda x, w: agreement.kappa(x, w, LEVELS, "linear"),
        agreement.raw_agreement,
    ):
        assert find(FOUR_OBSERVERS, weights)[0] == pytest.approx(find(doubled, once(doubled))[0])


def test_the_scale_of_weights_changes_nothing() -> None:
    def all_of(x: FloatArray, w: FloatArray) -> list[float]:
        found = (
            agreement.gwet(x, w, LEVELS, "linear"),
            agreement.kappa(x, w, LEVELS),
            agreement.krippendorff(x, w, LEVELS),
            agreement.intraclass(x, w),
        )
        return [float(value[0]) for value in found]

    weights = np.linspace(0.5, 2, len(FOUR_OBSERVERS))[None]
    assert all_of(FOUR_OBSERVERS, weights) == pytest.approx(all_of(FOUR_OBSERVERS, 7 * weights))


def test_more_readers_have_the_mean_kappa_of_their_pairs() -> None:
    x = FOUR_OBSERVERS[:9, 1:]
    pairs = [agreement.kappa(x[:, [a, b]], once(x), LEVELS)[0] for a, b in ((0, 1), (0, 2), (1, 2))]

    assert agreement.kappa(x, once(x), LEVELS)[0] == pytest.approx(np.mean(pairs))
