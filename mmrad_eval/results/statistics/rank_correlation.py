"""Agreement of two orders: Kendall's tau-b and Spearman's rho, with whole-number weights so that resamples are cheap.

A case that a resample draws twice ties with itself, in both orders, which is what the unweighted formulas give on the
resampled list. Kendall, Biometrika 1945 (tau-b); Spearman, 1904 (rank correlation, mean ranks for ties).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mmrad_eval.core.contracts import FloatArray

_PAIRS = 1 << 22
"""Signs of pairs that are held at once."""


def kendall(x: ArrayLike, y: ArrayLike) -> float:
    """Tau-b over the places where both have a value; nan where one of them orders nothing."""
    a, b = _both(x, y)
    return float(kendall_weighted(a, b, np.ones((1, len(a))))[0])


def kendall_matrix(values: FloatArray) -> FloatArray:
    """(n, columns) values -> (columns, columns) tau-b of each two, over the places where both have a value."""
    n, columns = values.shape
    values = np.where(np.isfinite(values), values, np.nan)
    agree, ordered = np.zeros((2, columns, columns))
    for start in range(0, n, max(1, _PAIRS // max(1, n * columns))):
        rows = values[start : start + max(1, _PAIRS // max(1, n * columns))]
        signs = np.sign(rows.T[:, :, None] - values.T[:, None, :]).reshape(columns, -1)
        known = np.isfinite(signs).astype(np.float64)
        signs = np.nan_to_num(signs)
        agree += signs @ signs.T
        ordered += signs**2 @ known.T  # [i, j]: pairs that column i orders, of those that column j has
    return _ratio(agree, np.sqrt(ordered * ordered.T))


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
