"""Differences between systems over the same patients: intervals, tests, effect sizes, all from shared resamples.

Systems are *arms*. An arm is one run, or several runs of one question (samples, prompts), whose values are averaged.
Every arm holds the same patients in the same order; a resample draws, or swaps, whole patients in all arms at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics.bootstrap import (
    LEVEL,
    RESAMPLES,
    SEED,
    Method,
    StatisticsPart,
    bca,
    formula,
    percentile,
)
from mmrad_eval.results.statistics.multiplicity import holm, max_t
from mmrad_eval.results.statistics.weights import Factor, bootstrap_weights, swaps

IntArray = np.ndarray[tuple[int], np.dtype[np.intp]]
Arm = Sequence[FloatArray]
"""(patients, K) sums of each run of an arm."""

POWER = 0.8
_NORMAL = NormalDist()
_ROWS = 4096  # patients whose own values are held at once
_CLOSE = 1e-12  # differences this near to the observed one count as reaching it: sums in another order differ so much


@dataclass(frozen=True)
class Differences:
    """Second arm minus first, (columns,) each; nan where undefined or where there are too few patients."""

    first: FloatArray
    second: FloatArray
    difference: FloatArray
    low: FloatArray
    high: FloatArray
    error: FloatArray
    """Standard error: the standard deviation of the resampled difference."""
    p: FloatArray
    """Two-sided, paired approximate randomisation, (k + 1) / (n + 1)."""
    effect: FloatArray
    """The difference in standard deviations of one patient's influence on it (Cohen's d_z for a mean)."""
    wins: FloatArray
    """Patients whose value is higher in the second arm."""
    losses: FloatArray
    ties: FloatArray
    patients: int
    randomised: FloatArray
    """(resamples, columns): the difference when patients change sides at random; for max-T over several comparisons."""
    replicated: FloatArray
    """(resamples, columns): the difference in each bootstrap resample; for equivalence."""

    def detectable(self, alpha: float = 0.05, power: float = POWER) -> FloatArray:
        """(columns,) the smallest true difference that a test of this size would find with chance ``power``."""
        return (_NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(power)) * self.error

    def equivalent(self, margin: FloatArray | float) -> FloatArray:
        """(columns,) p of the claim that the difference lies within +-``margin``: the larger of two one-sided tests."""
        margin = np.broadcast_to(np.asarray(margin, dtype=np.float64), self.difference.shape)
        n = len(self.replicated)
        with np.errstate(invalid="ignore"):  # undefined stays undefined
            above = 1 + np.count_nonzero(~(self.replicated < margin), axis=0)
            below = 1 + np.count_nonzero(~(self.replicated > -margin), axis=0)
        p = np.maximum(above, below) / (n + 1)
        return np.where(np.isfinite(self.error), np.minimum(p, 1.0), np.nan)


def compare(
    first: Arm,
    second: Arm,
    parts: Sequence[StatisticsPart],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
    method: Method = "percentile",
) -> Differences:
    """Compare two arms over the same patients.

    Where arms hold several runs, runs are drawn with replacement too (a two-way bootstrap), together when both arms
    hold equally many (the same prompts, in the same order), and each on its own otherwise.
    """
    patients = len(first[0])
    a, b = (
        _mean([formula(parts, run.sum(axis=0)) for run in first]),
        _mean([formula(parts, s.sum(axis=0)) for s in second]),
    )
    difference = b - a
    nothing = np.full(difference.shape, np.nan)
    wins, losses, ties = _outcomes(first, second, parts)
    if patients < 2 or resamples < 1:
        none = np.full((0, len(difference)), np.nan)
        return Differences(a, b, difference, *(nothing,) * 5, wins, losses, ties, patients, none, none)
    replicated = _replicates(first, second, parts, resamples, seed)
    if method == "bca":
        low, high = bca(replicated, difference, _left_out(first, second, parts), level)
    else:
        low, high = percentile(replicated, level)
    error = deviation(replicated)
    randomised = _randomised(first, second, parts, resamples, seed)
    with np.errstate(all="ignore"):  # no spread: no effect size
        effect = np.where(error > 0, difference / (error * np.sqrt(patients)), np.nan)
    return Differences(
        a,
        b,
        difference,
        low,
        high,
        error,
        randomisation_p(difference, randomised),
        effect,
        wins,
        losses,
        ties,
        patients,
        randomised,
        replicated,
    )


def randomisation_p(difference: FloatArray, randomised: FloatArray) -> FloatArray:
    """Share of random sides whose difference is at least as large, the observed one counted among them.

    An undefined random difference counts as large, so that it can never make anything significant.
    """
    if not len(randomised):
        return np.full(difference.shape, np.nan)
    size = np.abs(difference)
    with np.errstate(invalid="ignore"):
        reached = np.count_nonzero(~(np.abs(randomised) < size * (1 - _CLOSE) - 1e-300), axis=0)
    return np.where(np.isfinite(difference), (reached + 1) / (len(randomised) + 1), np.nan)


@dataclass(frozen=True)
class Family:
    """Adjusted p-values of several comparisons, (comparisons, columns) each; nan for the primary one."""

    holm: FloatArray
    max_t: FloatArray
    members: int
    """Comparisons that were adjusted for: a column that equals another one in every resample counts once."""


def family(comparisons: Sequence[Differences], primary: tuple[int, int] | None = None) -> Family:
    """Adjust for all comparisons and columns at once, the declared primary (comparison, column) left out of both."""
    p = np.stack([found.p for found in comparisons])
    observed = np.stack([found.difference for found in comparisons])
    if primary is not None:
        p[primary] = np.nan
        observed[primary] = np.nan
    lengths = {len(found.randomised) for found in comparisons}
    resampled = (
        np.concatenate([found.randomised for found in comparisons], axis=1)
        if len(lengths) == 1
        else np.empty((0, observed.size))
    )
    flat, same = p.ravel(), _same_as(comparisons)
    once = np.where(same == np.arange(len(same)), flat, np.nan)
    adjusted = np.where(np.isfinite(flat), holm(once)[same], np.nan)
    members = int(np.isfinite(once).sum())
    return Family(adjusted.reshape(p.shape), max_t(observed.ravel(), resampled).reshape(p.shape), members)


def _same_as(comparisons: Sequence[Differences]) -> IntArray:
    """(comparisons * columns,) the first member of the family that equals each one in all that was drawn."""
    first: dict[tuple[bytes, ...], int] = {}
    places: list[int] = []
    for found in comparisons:
        for column in range(len(found.p)):
            drawn = (found.randomised[:, column], found.replicated[:, column], found.difference[column : column + 1])
            rounded = tuple((np.round(part, 10) + 0.0).tobytes() for part in drawn)  # equal sums differ by less
            places.append(first.setdefault(rounded, len(places)))
    return np.array(places, dtype=np.intp)


def sign_stability(first: Arm, second: Arm, parts: Sequence[StatisticsPart]) -> tuple[FloatArray, int]:
    """(columns,) share of paired runs (prompts) whose difference has the sign of the mean one, and how many there are.

    Arms of unequal length have no pairs: nan, 0.
    """
    if len(first) != len(second):
        return np.full(len(formula(parts, first[0].sum(axis=0))), np.nan), 0
    each = np.stack(
        [formula(parts, b.sum(axis=0)) - formula(parts, a.sum(axis=0)) for a, b in zip(first, second, strict=True)]
    )
    mean = each.mean(axis=0)
    share = (np.sign(each) == np.sign(mean)).mean(axis=0)
    return np.where(np.isfinite(mean), share, np.nan), len(each)


def _mean(values: Sequence[FloatArray]) -> FloatArray:
    total: FloatArray = np.mean(np.stack(values), axis=0)
    return total


def _replicates(first: Arm, second: Arm, parts: Sequence[StatisticsPart], resamples: int, seed: int) -> FloatArray:
    """(resamples, columns) differences in bootstrap resamples of patients, and of runs where there are several."""
    both = Factor(np.concatenate([*first, *second], axis=1))  # one matrix product for all runs
    k = first[0].shape[1]
    runs = run_weights(len(first), len(second), resamples, seed)
    out = np.empty((resamples, len(formula(parts, first[0].sum(axis=0)))))
    for rows, drawn in both.resampled(bootstrap_weights(len(first[0]), resamples, seed)):
        sums = drawn.reshape(len(drawn), -1, k)
        out[rows] = sum(runs[rows, r, None] * formula(parts, sums[:, r]) for r in range(sums.shape[1]))
    return out


def run_weights(first: int, second: int, resamples: int, seed: int) -> FloatArray:
    """(resamples, first + second) weight of each run in the difference: they add up to -1 and to 1."""

    def drawn(n: int, offset: int) -> FloatArray:
        if n == 1:
            return np.ones((resamples, 1))
        return np.concatenate(list(bootstrap_weights(n, resamples, seed + offset))) / n

    a = drawn(first, 1)
    b = a if first == second else drawn(second, 2)
    return np.concatenate([-a, b], axis=1)


def _randomised(first: Arm, second: Arm, parts: Sequence[StatisticsPart], resamples: int, seed: int) -> FloatArray:
    """(resamples, columns) differences when each patient changes sides in all runs with chance 1/2.

    Only arms of equally many runs can change sides; otherwise there is nothing: (0, columns).
    """
    columns = len(formula(parts, first[0].sum(axis=0)))
    if len(first) != len(second):
        return np.empty((0, columns))
    moved = Factor(np.concatenate([b - a for a, b in zip(first, second, strict=True)], axis=1))
    k = first[0].shape[1]
    totals = [(a.sum(axis=0), b.sum(axis=0)) for a, b in zip(first, second, strict=True)]
    out = np.empty((resamples, columns))
    for rows, drawn in moved.resampled(swaps(len(first[0]), resamples, seed)):
        change = drawn.reshape(len(drawn), -1, k)
        each = (formula(parts, b - change[:, r]) - formula(parts, a + change[:, r]) for r, (a, b) in enumerate(totals))
        out[rows] = sum(each) / len(totals)
    return out


def _left_out(first: Arm, second: Arm, parts: Sequence[StatisticsPart]) -> FloatArray:
    """(patients, columns) the difference without one patient."""
    sides = [_mean([formula(parts, run.sum(axis=0) - run) for run in arm]) for arm in (first, second)]
    return sides[1] - sides[0]


def _outcomes(first: Arm, second: Arm, parts: Sequence[StatisticsPart]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Patients whose own value is higher, lower or the same in the second arm; undefined ones count in none."""
    counts = np.zeros((3, len(formula(parts, first[0].sum(axis=0)))))
    for start in range(0, len(first[0]), _ROWS):
        rows = slice(start, start + _ROWS)
        a, b = (_mean([formula(parts, run[rows]) for run in arm]) for arm in (first, second))
        with np.errstate(invalid="ignore"):  # undefined compares as false
            close = np.abs(b - a) <= _CLOSE * np.maximum(1.0, np.abs(a))
            higher, lower = (b > a) & ~close, (b < a) & ~close
        counts += [np.count_nonzero(outcome, axis=0) for outcome in (higher, lower, close)]
    return counts[0], counts[1], counts[2]


def deviation(replicated: FloatArray) -> FloatArray:
    """Standard deviation of the resamples in which a column is defined; nan where it never is."""
    defined = np.isfinite(replicated)
    enough = defined.sum(axis=0) > 1
    out = np.full(replicated.shape[1], np.nan)
    out[enough] = [np.std(replicated[defined[:, c], c], ddof=1) for c in np.flatnonzero(enough)]
    return out
