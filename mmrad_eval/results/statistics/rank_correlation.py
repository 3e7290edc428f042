"""Agreement of two orders: Kendall's tau-b and Spearman's rho, with whole-number weights so that resamples are cheap.

A case that a resample draws twice ties with itself, in both orders, which is what the unweighted formulas give on the
resampled list. Kendall, Biometrika 1945 (tau-b); Spearman, 1904 (rank correlation, mean ranks for ties).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mmrad_eval.core.contracts import FloatArray


def kendall(x: ArrayLike, y: ArrayLike) -> float:
    """Tau-b over the places where both have a value; nan where one of them orders nothing."""
    a, b = _both(x, y)
    return float(kendall_weighted(a, b, np.ones((1, len(a))))[0])


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Rho over the places where both have a value; nan where one of them orders nothing."""
    a, b = _both(x, y)
    return float(spearman_weighted(a, b, np.ones((1, len(a))))[0])


def kendall_weighted(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """(n,) and (n,) values, (resamples, n) weights -> (resamples,) tau-b."""
    signs, others = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    agree, ordered, ordered_too = (
        ((weights @ pairs) * weights).sum(axis=1) for pairs in (signs * others, signs**2, others**2)
    )
    return _ratio(agree, np.sqrt(ordered * ordered_too))


def spearman_weighted(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """(n,) and (n,) values, (resamples, n) weights -> (resamples,) rho."""
    total = weights.sum(axis=1, keepdims=True)
    first, second = (
        ranks - (weights * ranks).sum(axis=1, keepdims=True) / np.maximum(total, 1)
        for ranks in (_ranks(x, weights), _ranks(y, weights))
    )
    together, alone, alone_too = (
        (weights * a * b).sum(axis=1) for a, b in ((first, second), (first, first), (second, second))
    )
    return _ratio(together, np.sqrt(alone * alone_too))


def _ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """(resamples, n) mean ranks, from 0.5."""
    below = (values[:, None] < values).astype(np.float64)  # [j, i]: j stands below i
    level = (values[:, None] == values).astype(np.float64)
    ranks: FloatArray = weights @ below + 0.5 * (weights @ level)
    return ranks


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    tiny = 1e-12
    return np.where(below > tiny, above / np.where(below > tiny, below, 1), np.nan)


def _both(x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    known = np.isfinite(a) & np.isfinite(b)
    return a[known], b[known]
