"""Columns in subgroups of studies, and contrasts between subgroups, from one set of resamples of patients.

Patients are drawn from all studies, not within a subgroup: a patient whose studies lie in several subgroups moves them
all, so that differences between subgroups have the right variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.statistics.bootstrap import (
    DEFINED,
    LEVEL,
    RESAMPLES,
    SEED,
    Estimates,
    StatisticsPart,
    formula,
    percentile,
)
from mmrad_eval.results.statistics.multiplicity import max_t
from mmrad_eval.results.statistics.paired import deviation
from mmrad_eval.results.statistics.weights import bootstrap_weights, cluster_index, cluster_sums, product


@dataclass(frozen=True)
class Grouped:
    """Columns of one run in each subgroup, and in all other studies whose subgroup is known."""

    value: FloatArray
    """(2, groups, columns): within the subgroup, outside of it."""
    replicated: FloatArray
    """(resamples, 2, groups, columns); equal numbers of clusters and resamples draw the same patients."""


@dataclass(frozen=True)
class Contrasts(Estimates):
    """Differences that were looked at together, (m,) each, with the percentile interval of each by itself."""

    p: FloatArray
    """Adjusted for all of them: bootstrap max-T (Westfall and Young 1993), resamples centred on the difference."""


def grouped(
    statistics: FloatArray,
    clusters: Sequence[str],
    members: NDArray[np.bool_],
    parts: Sequence[StatisticsPart],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Grouped:
    """From (n, K) statistics of studies, their clusters' names (n,), and (groups, n) who is in which subgroup."""
    names, index = cluster_index(clusters)
    known = members.any(axis=0)
    total = cluster_sums(statistics[known], index[known], len(names))
    within = [_sums(statistics[inside], index[inside], len(names)) for inside in members]
    everything = total.sum(axis=0)
    sums = np.stack([part.sum(axis=0) for _, part in within])
    value = formula(parts, np.stack([sums, everything - sums]))
    out = np.empty((resamples, *value.shape))
    start = 0
    for weights in bootstrap_weights(len(names), resamples, seed):
        rows = slice(start, start + len(weights))
        start += len(weights)
        whole = product(weights, total)
        for group, (where, part) in enumerate(within):
            drawn = product(np.ascontiguousarray(weights[:, where]), part)
            out[rows, 0, group] = formula(parts, drawn)
            out[rows, 1, group] = formula(parts, whole - drawn)
    return Grouped(value, out)


def _sums(statistics: FloatArray, index: NDArray[np.intp], clusters: int) -> tuple[NDArray[np.intp], FloatArray]:
    """The clusters that have a study in the subgroup, and the sums of those."""
    where = np.unique(index)
    place = np.zeros(clusters, np.intp)
    place[where] = np.arange(len(where))
    return where, cluster_sums(statistics, place[index], len(where))


def contrasts(value: FloatArray, replicated: FloatArray, patients: FloatArray, *, level: float = LEVEL) -> Contrasts:
    """(m,) differences, (resamples, m) the same in each resample, drawn jointly, (m,) patients of the smaller side.

    The resamples know a standard error as if it were exact, which finds too much in small subgroups; so a difference
    counts as the normal deviate that is as rare as its t, with one degree of freedom less than there are patients.
    """
    low, high = percentile(replicated, level)
    with np.errstate(all="ignore"):  # undefined stays undefined
        centred = replicated - value
        defined = np.isfinite(centred)
        t = value / np.sqrt(np.square(np.where(defined, centred, 0.0)).sum(axis=0) / defined.sum(axis=0))
        shrunk = np.where(t == 0, value, value * normal_of_t(np.abs(t), patients - 1) / np.abs(t))
    return Contrasts(value, low, high, max_t(shrunk, centred))


def simultaneous(
    value: FloatArray, replicated: FloatArray, patients: FloatArray, *, level: float = LEVEL
) -> tuple[FloatArray, FloatArray]:
    """Ends of intervals that hold for all (m,) differences together, so also for one that was chosen for its size.

    The half-width is the ``level`` quantile of the largest studentised deviation, as a t of the patients of the smaller
    side, times each standard error.
    """
    nothing = np.full(value.shape, np.nan)
    error = deviation(replicated)
    some = np.isfinite(value) & (error > 0) & (np.isfinite(replicated).mean(axis=0) >= DEFINED)
    if not some.any():
        return nothing, nothing
    with np.errstate(invalid="ignore"):
        t = np.abs(replicated[:, some] - value[some]) / error[some]
    largest = np.where(np.isfinite(t), t, 0.0).max(axis=1)
    half = np.where(some, t_of_normal(float(np.quantile(largest, level)), patients - 1) * error, np.nan)
    return value - half, value + half


def normal_of_t(t: FloatArray, freedom: FloatArray) -> FloatArray:
    """The normal deviate that is as rare as a t >= 0 (Wallace 1959, Ann Math Stat 30:1124).

    Within 0.01 from 9 degrees of freedom on, for t up to 5.
    """
    out: FloatArray = (8 * freedom + 1) / (8 * freedom + 3) * np.sqrt(freedom * np.log1p(np.square(t) / freedom))
    return out


def t_of_normal(z: float, freedom: FloatArray) -> FloatArray:
    """The inverse of ``normal_of_t``."""
    out: FloatArray = np.sqrt(freedom * np.expm1(np.square(z * (8 * freedom + 3) / (8 * freedom + 1)) / freedom))
    return out
