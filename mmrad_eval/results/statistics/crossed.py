"""Intervals for readings of several cases by several readers, where cases and readers are both samples.

Whole cases and whole readers are drawn with replacement. Drawing both at once counts the scatter of single readings
three times (Owen, Ann Appl Stat 2007, theorem 1), so three bootstraps are combined: C, R and S are the variances of a
value when cases are drawn, when readers are, and when what single readings add to both is. C and R each hold S once,
so the variance is C + R - S, and no less than S. Under five readers nothing can be said about other readers: only cases
are drawn, and what is found is about these readers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from statistics import NormalDist
from typing import Literal

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.statistics.bootstrap import DEFINED, LEVEL, Estimates
from mmrad_eval.results.statistics.weights import bootstrap_weights, cluster_index

RESAMPLES, SEED = 2000, 20_260_527
FEW_READERS = 5
"""Below this number, readers are taken as they are."""
_GRID = 8001
_STEP = 0.1
"""How far the product of both draws moves a weight: little enough that none becomes negative."""

Of = Callable[[FloatArray], FloatArray]
"""(resamples, readings) weights -> (resamples, values)."""
Scale = Literal["plain", "share", "count"]
"""Where an interval is symmetrical: in the value itself, in its log odds (0 to 1), in 1 / sqrt(value) (0 and more)."""


class CrossedReadings:
    """Readings by case and reader, each with its weight; the same draws for every number."""

    def __init__(
        self,
        cases: Sequence[str],
        readers: Sequence[str],
        weights: FloatArray | None = None,
        *,
        resamples: int = RESAMPLES,
        seed: int = SEED,
        level: float = LEVEL,
    ) -> None:
        case_names, self._case = cluster_index(cases)
        reader_names, self._reader = cluster_index(readers)
        self.cases, self.readers = len(case_names), len(reader_names)
        self._weights = np.ones(len(cases)) if weights is None else weights
        self._resamples, self._seed, self._level = resamples, seed, level
        self._drawn: dict[str, FloatArray] = {}

    @property
    def readers_fixed(self) -> bool:
        """Whether the intervals are about these readers alone."""
        return self.readers < FEW_READERS

    def estimate(self, value: Of, scale: Scale = "plain") -> Estimates:
        """Values with their intervals."""
        middle = value(self._weights[None])[0]
        if self.cases < 2 or self._resamples < 2:
            nothing = np.full(middle.shape, np.nan)
            return Estimates(middle, nothing, nothing)
        error, freedom = self._error(value)
        half = np.array([student(f, self._level) for f in freedom]) * error
        if scale == "plain":
            return Estimates(middle, middle - half, middle + half)
        end = self._share if scale == "share" else self._count
        ends = [end(m, h) for m, h in zip(middle, half, strict=True)]
        return Estimates(middle, *np.array(ends, dtype=np.float64).reshape(-1, 2).T)

    def _share(self, share: float, half: float) -> tuple[float, float]:
        if not np.isfinite(half):
            return np.nan, np.nan
        if not 1e-9 < share < 1 - 1e-9:  # no scatter was seen: the cases alone bound it
            return wilson(share * self.cases, self.cases, self._level)
        centre, half = log(share / (1 - share)), half / (share * (1 - share))
        return _logistic(centre - half), _logistic(centre + half)

    def _count(self, mean: float, half: float) -> tuple[float, float]:
        if not np.isfinite(half):
            return np.nan, np.nan
        if mean <= 1e-9:  # none was seen: what a Poisson count of 0 over the cases leaves possible
            return 0.0, -log((1 - self._level) / 2) / self.cases
        return mean * _times(-half / mean), mean * _times(half / mean)

    def _error(self, value: Of) -> tuple[FloatArray, FloatArray]:
        """Standard errors and their degrees of freedom (Satterthwaite, Biometrics 1946)."""
        n, m = self.cases, self.readers
        by_case = self._variance(value, "cases") * n / (n - 1)
        freedom = self._case_freedom(value)
        if self.readers_fixed:
            return np.sqrt(by_case), freedom
        by_reader = self._variance(value, "readers") * m / (m - 1)
        single = self._variance(value, "single") / _STEP**2 * n * m / ((n - 1) * (m - 1))
        total = np.maximum(by_case + by_reader - single, single)
        # where readers scatter no more than single readings do, nothing was learned about them, and cases alone count
        scatter = by_case**2 / freedom + np.where(by_reader > single, by_reader**2 / (m - 1), 0)
        few = np.where(scatter > 0, total**2 / np.where(scatter > 0, scatter, 1), np.inf)
        return np.sqrt(total), np.where(by_reader > single, few, freedom)

    def _case_freedom(self, value: Of) -> FloatArray:
        """Degrees of freedom of the variance over cases, fewer where few cases make most of it.

        A variance of n draws varies by 2 / (n - 1) + k / n of its square, k being the excess kurtosis: here that of
        the jackknife's values, by an estimate without bias in normal samples (G2 of Joanes and Gill, The Statistician
        1998).
        """
        n = self.cases
        left_out = value(self._weights * (self._case != np.arange(n)[:, None]))
        freedom = np.full(left_out.shape[1], n - 1.0)
        if n < 4:
            return freedom
        apart = left_out - left_out.mean(axis=0)
        square = (apart**2).mean(axis=0)
        known = np.isfinite(square) & (square > 0)
        sample = (apart[:, known] ** 4).mean(axis=0) / square[known] ** 2
        excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (sample - 3) + 6)
        freedom[known] = 2 / (2 / (n - 1) + np.maximum(excess, 0) / n)
        return freedom

    def _variance(self, value: Of, of: str) -> FloatArray:
        found = value(self._draws(of))
        known = np.isfinite(found)
        enough = known.sum(axis=0) >= DEFINED * len(found)
        variance = np.full(found.shape[1], np.nan)
        for column in np.flatnonzero(enough):
            variance[column] = found[known[:, column], column].var(ddof=1)
        return variance

    def _draws(self, of: str) -> FloatArray:
        if of not in self._drawn:
            drawn = np.broadcast_to(self._weights, (self._resamples, len(self._weights)))
            case = _counts(self.cases, self._resamples, self._seed)[:, self._case] if of != "readers" else 0.0
            reader = _counts(self.readers, self._resamples, self._seed + 1)[:, self._reader] if of != "cases" else 0.0
            factor = {"cases": case, "readers": reader, "single": 1 + _STEP * (case - 1) * (reader - 1)}[of]
            drawn = drawn * factor
            self._drawn[of] = drawn
        return self._drawn[of]


def mean_of(values: FloatArray) -> Of:
    """(readings, k) numbers, nan where there is none -> the weighted mean of each."""
    known = np.isfinite(values)
    filled, counted = np.where(known, values, 0.0), known.astype(np.float64)

    def mean(weights: FloatArray) -> FloatArray:
        below = weights @ counted
        return np.where(below > 0, weights @ filled / np.where(below > 0, below, 1), np.nan)

    return mean


def difference_of(first: FloatArray, second: FloatArray) -> Of:
    """Two columns of numbers, (readings,) each -> the difference of their weighted means, second minus first."""
    mean = mean_of(np.stack([first, second], axis=1))
    return lambda weights: np.diff(mean(weights), axis=1)


def student(freedom: float, level: float = LEVEL) -> float:
    """The two-sided quantile of Student's t.

    With t = sqrt(f) tan(a) the density becomes cos(a) ** (f - 1), which is summed over a fine grid.
    """
    if not np.isfinite(freedom) or freedom > 1e6:
        return NormalDist().inv_cdf((1 + level) / 2)
    freedom = max(1.0, freedom)
    angle = np.linspace(0, np.pi / 2, _GRID)
    density = np.cos(angle) ** (freedom - 1)
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return float(np.sqrt(freedom) * np.tan(np.interp(level * below[-1], below, angle)))


def _times(relative: float) -> float:
    """The factor to the end of an interval that is symmetrical in 1 / sqrt(value), so many half widths of 1 away.

    Counts are skewed: where a sample's mean is low, so is its standard error, and an interval that is symmetrical in
    the logarithm still ends too early above. From one half width on, the end goes on in logarithms, so that there is
    one.
    """
    if relative > 1:
        return 4 * exp(min(700.0, 2 * (relative - 1)))
    return 1 / (1 - relative / 2) ** 2


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-max(-700.0, min(700.0, value))))


def _counts(clusters: int, resamples: int, seed: int) -> FloatArray:
    return np.concatenate(list(bootstrap_weights(clusters, resamples, seed)))
