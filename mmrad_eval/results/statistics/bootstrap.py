"""Patient-clustered bootstrap: intervals of every column of every metric from one set of resamples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics.weights import bootstrap_weights, cluster_index, cluster_sums

RESAMPLES = 10_000
SEED = 20_260_527
LEVEL = 0.95
DEFINED = 0.95
"""Share of resamples in which a column must be defined for its interval to be given."""


@dataclass(frozen=True)
class Part:
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


def formula(parts: Sequence[Part], sums: FloatArray) -> FloatArray:
    """(..., K) shared sums -> (..., columns): all parts' columns, side by side."""
    with np.errstate(all="ignore"):  # an undefined column is nan, by contract
        return np.concatenate([np.asarray(part.reduce(sums[..., list(part.columns)])) for part in parts], axis=-1)


def bootstrap(
    statistics: FloatArray,
    clusters: Sequence[str],
    parts: Sequence[Part],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> Estimates:
    """Percentile intervals of all columns from (n, K) statistics of studies and their clusters' names, (n,)."""
    value = formula(parts, statistics.sum(axis=0))
    names, index = cluster_index(clusters)
    if len(names) < 2 or resamples < 1:  # one patient says nothing about other patients
        nothing = np.full(value.shape, np.nan)
        return Estimates(value, nothing, nothing)
    low, high = percentile(replicates(cluster_sums(statistics, index, len(names)), parts, resamples, seed), level)
    return Estimates(value, low, high)


def replicates(sums: FloatArray, parts: Sequence[Part], resamples: int, seed: int) -> FloatArray:
    """(clusters, K) sums -> (resamples, columns): each column in each resample."""
    blocks = [formula(parts, weights @ sums) for weights in bootstrap_weights(len(sums), resamples, seed)]
    return np.concatenate(blocks)


def percentile(replicated: FloatArray, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
    """(resamples, columns) -> lower and upper ends, (columns,) each; nan where a column is too often undefined."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    defined = np.isfinite(replicated)
    ends = np.full((2, replicated.shape[1]), np.nan)
    whole = defined.all(axis=0)
    ends[:, whole] = np.quantile(replicated[:, whole], tails, axis=0)
    for column in np.flatnonzero(~whole & (defined.mean(axis=0) >= DEFINED)):
        ends[:, column] = np.quantile(replicated[defined[:, column], column], tails)
    return ends[0], ends[1]
