"""Patient-clustered bootstrap: intervals of every column of every metric from one set of resamples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics.weights import Factor, bootstrap_weights, cluster_index, cluster_sums

RESAMPLES = 10_000
SEED = 20_260_527
LEVEL = 0.95
DEFINED = 0.95
"""Share of resamples in which a column must be defined for its interval to be given."""

Method = Literal["percentile", "bca"]
_NORMAL = NormalDist()


@dataclass(frozen=True)
class StatisticsPart:
    """Where a metric's statistics lie in the shared matrix, and its formula."""

    columns: Sequence[int]
    """Positions of its k statistics; those that it requires of others included."""
    reduce: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Estimates:
    """Values with their intervals, (columns,) each; nan where there is none."""

    value: FloatArray
    low: FloatArray
    high: FloatArray

    def at(self, place: int | tuple[int, ...]) -> tuple[float | None, float | None, float | None]:
        """Value and ends of one column; None where there is none."""
        return finite(self.value[place]), finite(self.low[place]), finite(self.high[place])


def finite(value: float) -> float | None:
    """A number as tables and JSON hold it; None where it is undefined."""
    return float(value) if np.isfinite(value) else None


def formula(parts: Sequence[StatisticsPart], sums: FloatArray) -> FloatArray:
    """(..., K) shared sums -> (..., columns): all parts' columns, side by side."""
    with np.errstate(all="ignore"):  # an undefined column is nan, by contract
        return np.concatenate([np.asarray(part.reduce(sums[..., _index(part.columns)])) for part in parts], axis=-1)


def _index(columns: Sequence[int]) -> slice | list[int]:
    """A slice where the columns are neighbours, so that nothing is copied."""
    if isinstance(columns, range) and columns.step == 1:
        return slice(columns.start, columns.stop)
    return list(columns)


def bootstrap(
    statistics: FloatArray,
    clusters: Sequence[str],
    parts: Sequence[StatisticsPart],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
    method: Method = "percentile",
) -> Estimates:
    """Intervals of all columns from (n, K) statistics of studies and their clusters' names, (n,)."""
    names, index = cluster_index(clusters)
    sums = cluster_sums(statistics, index, len(names))
    return bootstrap_sums(sums, parts, resamples=resamples, seed=seed, level=level, method=method)


def bootstrap_sums(
    sums: FloatArray,
    parts: Sequence[StatisticsPart],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
    method: Method = "percentile",
) -> Estimates:
    """The same from (clusters, K) sums of statistics, clusters in the order of their names."""
    value = formula(parts, sums.sum(axis=0))
    if len(sums) < 2 or resamples < 1:  # one patient says nothing about other patients
        nothing = np.full(value.shape, np.nan)
        return Estimates(value, nothing, nothing)
    replicated = replicates(sums, parts, resamples, seed)
    if method == "bca":
        low, high = bca(replicated, value, jackknife(sums, parts), level)
    else:
        low, high = percentile(replicated, level)
    return Estimates(value, low, high)


def replicates(sums: FloatArray, parts: Sequence[StatisticsPart], resamples: int, seed: int) -> FloatArray:
    """(clusters, K) sums -> (resamples, columns): each column in each resample."""
    out = np.empty((resamples, len(formula(parts, sums.sum(axis=0)))))
    for rows, drawn in Factor(sums).resampled(bootstrap_weights(len(sums), resamples, seed)):
        out[rows] = formula(parts, drawn)
    return out


def jackknife(sums: FloatArray, parts: Sequence[StatisticsPart]) -> FloatArray:
    """(clusters, K) sums -> (clusters, columns): each column without one cluster."""
    return formula(parts, sums.sum(axis=0) - sums)


def percentile(replicated: FloatArray, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
    """(resamples, columns) -> lower and upper ends, (columns,) each; nan where a column is too often undefined."""
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    return _quantiles(replicated, np.broadcast_to(tails[:, None], (2, replicated.shape[1])))


def bca(
    replicated: FloatArray, value: FloatArray, left_out: FloatArray, level: float = LEVEL
) -> tuple[FloatArray, FloatArray]:
    """Bias-corrected and accelerated ends (Efron 1987, J Am Stat Assoc 82:171, eq. 3.8 and 7.3).

    ``replicated`` (resamples, columns); ``value`` (columns,); ``left_out`` (clusters, columns), from ``jackknife``.
    Falls back on the percentile interval where the correction is not finite: every resample on one side of the value,
    or no spread at all.
    """
    defined = np.isfinite(replicated)
    with np.errstate(all="ignore"):  # what is not finite falls back below
        below = ((replicated < value) + 0.5 * (replicated == value)).sum(axis=0) / defined.sum(axis=0)
        z0 = _normal_quantile(below)
        known = np.isfinite(left_out)
        centre = np.where(known, left_out, 0.0).sum(axis=0) / known.sum(axis=0)
        spread = np.where(known, centre - left_out, 0.0)
        acceleration = (spread**3).sum(axis=0) / (6 * (spread**2).sum(axis=0) ** 1.5)
        z = np.array([_NORMAL.inv_cdf((1 - level) / 2), _NORMAL.inv_cdf((1 + level) / 2)])[:, None]
        tails = _normal_share(z0 + (z0 + z) / (1 - acceleration * (z0 + z)))
    plain = np.array([(1 - level) / 2, (1 + level) / 2])[:, None]
    tails = np.where(np.isfinite(tails), tails, plain)
    return _quantiles(replicated, tails)


def _quantiles(replicated: FloatArray, tails: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(resamples, columns), (2, columns) tails -> both ends, (columns,) each."""
    ends = np.full((2, replicated.shape[1]), np.nan)
    for column in range(replicated.shape[1]):
        values = replicated[:, column]
        values = values[np.isfinite(values)]
        if len(values) >= DEFINED * len(replicated):
            ends[:, column] = np.quantile(values, tails[:, column])
    return ends[0], ends[1]


def _normal_quantile(shares: FloatArray) -> FloatArray:
    return np.array([_NORMAL.inv_cdf(p) if 0 < p < 1 else np.nan for p in shares])


def _normal_share(values: FloatArray) -> FloatArray:
    return np.array([_NORMAL.cdf(v) if np.isfinite(v) else np.nan for v in values.ravel()]).reshape(values.shape)
