"""Many comparisons at once: Holm's step-down for p-values, Westfall and Young's max-T for resampled statistics."""

from __future__ import annotations

import numpy as np

from mmrad_eval.core.contracts import FloatArray


def holm(p: FloatArray) -> FloatArray:
    """(m,) p-values -> adjusted ones (Holm 1979, Scand J Stat 6:65). nan stays nan and is no member of the family."""
    adjusted = np.full(p.shape, np.nan)
    members = np.flatnonzero(np.isfinite(p))
    order = members[np.argsort(p[members], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return adjusted


def max_t(observed: FloatArray, resampled: FloatArray) -> FloatArray:
    """Step-down adjusted p-values (Westfall and Young 1993, algorithm 4.1, with the studentised maximum).

    ``observed`` (m,) statistics whose size is evidence; ``resampled`` (resamples, m) the same under the null
    hypothesis, drawn jointly. Both are divided by the resampled standard deviation, so that columns of different scales
    compete fairly. A column that is undefined gets nan; one that never varies from 0 gets 1; neither is a member.
    """
    adjusted = np.where(observed == 0, 1.0, np.nan)
    defined = np.isfinite(resampled)
    with np.errstate(all="ignore"):  # columns without spread are left out below
        scale = np.sqrt(np.square(np.where(defined, resampled, 0.0)).sum(axis=0) / defined.sum(axis=0))
        t = np.abs(observed) / scale
    members = np.flatnonzero(np.isfinite(t) & (scale > 0))
    order = members[np.argsort(-t[members], kind="stable")]
    if not len(order):
        return adjusted
    counts = np.zeros(len(order))
    running = np.zeros(len(resampled))
    for position in range(len(order) - 1, -1, -1):  # from the weakest: the maximum over those not yet rejected
        column = order[position]
        here = np.abs(resampled[:, column]) / scale[column]
        running = np.maximum(running, np.where(np.isfinite(here), here, np.inf))
        counts[position] = np.count_nonzero(running >= t[column] * (1 - 1e-12))
    p = (counts + 1) / (len(resampled) + 1)
    adjusted[order] = np.maximum.accumulate(p)
    return adjusted
