"""Strengths from preferences: a published example, separation, and what a resample may lack."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import optimize

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics.bradley_terry import fit, strengths_of

PUDDINGS = np.array(
    [
        *([1, 2, 19, 16, 22], [1, 3, 16, 12, 19], [2, 3, 19, 10, 19], [1, 4, 18, 13, 23], [2, 4, 23, 9, 19]),
        *([3, 4, 19, 15, 20], [1, 5, 13, 18, 19], [2, 5, 16, 12, 20], [3, 5, 16, 17, 15], [4, 5, 17, 16, 14]),
        *([1, 6, 18, 12, 21], [2, 6, 22, 12, 20], [3, 6, 13, 10, 18], [4, 6, 14, 18, 19], [5, 6, 11, 12, 21]),
    ]
)
"""Davidson, J Am Stat Assoc 1970, example 2: brands i and j, preferences for i, ties, preferences for j."""


def test_the_worths_of_davidsons_puddings_are_those_that_r_finds() -> None:
    # PlackettLuce's overview prints these after seven iterations, at which it says that it has not converged
    expected = [0.1388005, 0.1729985, 0.1617420, 0.1653930, 0.1586805, 0.2023855]
    found = fit([(i - 1, j - 1) for i, j in PUDDINGS[:, :2]], PUDDINGS[None, :, 2:].astype(float), 6)

    worths = np.exp(found.strength[0])
    assert worths / worths.sum() == pytest.approx(expected, abs=3e-5)
    assert found.tie[0] == pytest.approx(0.7468147, abs=2e-5)
    assert not found.penalized[0]


def test_they_are_where_scipy_finds_the_maximum_of_the_likelihood() -> None:
    def loss(at: FloatArray) -> float:
        worths, nu = np.exp(np.append(at[:5], 0)), np.exp(at[5])
        total = 0.0
        for i, j, first, tied, second in PUDDINGS:
            p, q = worths[i - 1], worths[j - 1]
            chances = np.array([p, nu * np.sqrt(p * q), q])
            total -= float(np.array([first, tied, second]) @ np.log(chances / chances.sum()))
        return total

    best = optimize.minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-6}).x
    found = fit([(i - 1, j - 1) for i, j in PUDDINGS[:, :2]], PUDDINGS[None, :, 2:].astype(float), 6)

    assert found.strength[0, :5] - found.strength[0, 5] == pytest.approx(best[:5], abs=1e-5)
    assert np.log(found.tie[0]) == pytest.approx(best[5], abs=1e-5)


def test_two_systems_without_ties_have_the_log_odds_of_their_counts() -> None:
    found = fit([(0, 1)], np.array([[[30.0, 0.0, 10.0]]]), 2)

    assert found.strength[0, 0] - found.strength[0, 1] == pytest.approx(np.log(3))
    assert found.tie[0] == 0


@pytest.mark.parametrize("outcomes", [(12, 0, 0), (10, 2, 0), (0, 9, 0)])
def test_where_nobody_prefers_one_side_strengths_stay_finite_and_say_so(outcomes: tuple[int, int, int]) -> None:
    found = fit([(0, 1)], np.array([[outcomes]], float), 2)

    assert found.penalized[0]
    assert np.isfinite(found.strength).all()
    assert np.abs(found.strength).max() < 5
    lead = found.strength[0, 0] - found.strength[0, 1]
    assert lead > 1 if outcomes[0] else lead == pytest.approx(0)


def test_a_resample_is_fitted_as_if_it_were_alone() -> None:
    pairs = list(combinations(range(3), 2))
    outcomes = np.random.default_rng(1).integers(0, 9, (40, 3, 3)).astype(float)
    together = fit(pairs, outcomes, 3)

    for alone, strength in zip(outcomes, together.strength, strict=True):
        if alone[:, 1].any():
            assert fit(pairs, alone[None], 3).strength[0] == pytest.approx(strength, abs=1e-6)


def test_weights_of_readings_are_counts() -> None:
    values = np.array([[1.0], [0.0], [-1.0], [1.0]])
    of = strengths_of([(0, 1)], np.zeros((4, 1), np.int64), values, 2)

    assert of(np.array([[2.0, 1.0, 1.0, 1.0]]))[0] == pytest.approx(
        fit([(0, 1)], np.array([[[3.0, 1.0, 1.0]]]), 2).strength[0]
    )
