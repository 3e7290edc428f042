"""Agreement of readers: kappa, Gwet's AC, Krippendorff's alpha, intraclass correlation, and Wilson's interval.

Ratings are (items, readers), nan where a reader rated nothing. Weights are (resamples, items), such as how often a
resample drew each item, or an item's sampling weight; every coefficient comes out as (resamples,), nan where it is
undefined. Agreement that chance explains is estimated from the same weighted items.
"""

from __future__ import annotations

from itertools import combinations
from statistics import NormalDist
from typing import Literal

import numpy as np

from mmrad_eval.core.contracts import FloatArray

How = Literal["nominal", "linear", "quadratic"]
"""What a disagreement costs: all the same, its distance in levels, the square of it."""
_TINY = 1e-12


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of a share (Wilson, J Am Stat Assoc 1927); nan without observations."""
    if n <= 0:
        return float("nan"), float("nan")
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, extra = successes / n, z * z / n
    half = z * np.sqrt(p * (1 - p) / n + extra / (4 * n))
    centre = p + extra / 2
    return max(0.0, float((centre - half) / (1 + extra))), min(1.0, float((centre + half) / (1 + extra)))


def once(ratings: FloatArray) -> FloatArray:
    """(1, items) weights that count each item once."""
    return np.ones((1, len(ratings)))


def raw_agreement(ratings: FloatArray, weights: FloatArray) -> FloatArray:
    """The share of pairs of ratings of one item that are equal, items weighing alike."""
    levels = _levels(ratings)
    return _observed(_counts(ratings, levels), np.eye(len(levels)), weights)


def kappa(ratings: FloatArray, weights: FloatArray, levels: FloatArray, how: How = "nominal") -> FloatArray:
    """Cohen's kappa (1960) or weighted kappa (1968) of two readers; of more, the mean over pairs (Light 1971).

    Undefined where chance alone explains everything, as where both readers used one and the same level.
    """
    cost = 1.0 - _weights(levels, how)
    found = [_kappa(ratings[:, [a, b]], weights, levels, cost) for a, b in combinations(range(ratings.shape[1]), 2)]
    return np.mean(found, axis=0) if found else np.full(len(weights), np.nan)


def gwet(ratings: FloatArray, weights: FloatArray, levels: FloatArray, how: How = "nominal") -> FloatArray:
    """Gwet's AC1, or with costs AC2 (Handbook of Inter-Rater Reliability, 2014): stays near the raw agreement where
    nearly all ratings are alike, which pulls kappa to zero.
    """
    alike = _weights(levels, how)
    counts, q = _counts(ratings, levels), len(levels)
    rated = counts.sum(axis=1)
    shares = counts / np.maximum(rated, 1)[:, None]
    pi = _ratio(weights @ shares, (weights @ (rated > 0))[:, None])
    chance = alike.sum() / (q * (q - 1)) * (pi * (1 - pi)).sum(axis=1) if q > 1 else np.zeros(len(weights))
    return _ratio(_observed(counts, alike, weights) - chance, 1 - chance)


def krippendorff(
    ratings: FloatArray,
    weights: FloatArray,
    levels: FloatArray,
    scale: Literal["nominal", "ordinal", "interval"] = "ordinal",
) -> FloatArray:
    """Krippendorff's alpha (Computing Krippendorff's Alpha-Reliability, 2011), for any number of readers and gaps."""
    counts = _counts(ratings, levels)
    rated = counts.sum(axis=1)
    counts, rated = counts[rated > 1], rated[rated > 1]
    weights = weights[:, np.isfinite(ratings).sum(axis=1) > 1]
    total = weights.sum(axis=1, keepdims=True)
    weights = weights * _ratio(np.full_like(total, len(rated)), total)  # "n - 1" counts items, not their weights
    pairs = (counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(levels))) / (
        rated - 1 if len(rated) else np.ones(0)
    )[:, None, None]
    together = np.einsum("bi,ijk->bjk", weights, pairs)
    margin = together.sum(axis=2)
    apart = _apart(margin, levels, scale)
    observed = (together * apart).sum(axis=(1, 2))
    expected = (margin[:, :, None] * margin[:, None, :] * apart).sum(axis=(1, 2))
    return 1 - _ratio((margin.sum(axis=1) - 1) * observed, expected)


def intraclass(ratings: FloatArray, weights: FloatArray) -> FloatArray:
    """ICC(A,1), Shrout and Fleiss's ICC(2,1): absolute agreement of single ratings by readers drawn at random.

    Over the items that every reader rated (McGraw and Wong, Psychol Methods 1996, table 4).
    """
    whole = np.isfinite(ratings).all(axis=1)
    x, w = ratings[whole], weights[:, whole]
    n, k = x.shape
    if n < 2 or k < 2:
        return np.full(len(weights), np.nan)
    total = w.sum(axis=1, keepdims=True)
    w = w * _ratio(np.full_like(total, n), total)
    items, readers = x.mean(axis=1), w @ x / n  # (items,), (resamples, readers)
    grand = readers.mean(axis=1)
    rows = k * (w * (items - grand[:, None]) ** 2).sum(axis=1) / (n - 1)
    columns = n * ((readers - grand[:, None]) ** 2).sum(axis=1) / (k - 1)
    rest = x[None] - items[None, :, None] - readers[:, None, :] + grand[:, None, None]
    error = (w[:, :, None] * rest**2).sum(axis=(1, 2)) / ((n - 1) * (k - 1))
    return _ratio(rows - error, rows + (k - 1) * error + k * (columns - error) / n)


def _kappa(pair: FloatArray, weights: FloatArray, levels: FloatArray, cost: FloatArray) -> FloatArray:
    both = np.isfinite(pair).all(axis=1)
    w = weights[:, both]
    first, second = ((pair[both, i, None] == levels).astype(np.float64) for i in (0, 1))
    size = np.maximum(w.sum(axis=1), _TINY)[:, None]
    joint = np.einsum("bi,ij,ik->bjk", w, first, second) / size[:, :, None]
    a, b = w @ first / size, w @ second / size
    observed = (joint * cost).sum(axis=(1, 2))
    expected = (a[:, :, None] * b[:, None, :] * cost).sum(axis=(1, 2))
    return 1 - _ratio(observed, expected)


def _weights(levels: FloatArray, how: How) -> FloatArray:
    """(levels, levels) how much two levels agree: 1 alike, 0 as far apart as can be."""
    if how == "nominal" or len(levels) < 2:
        return np.eye(len(levels))
    place = np.arange(len(levels)) / (len(levels) - 1)
    away = np.abs(place[:, None] - place)
    return 1 - (away if how == "linear" else away**2)


def _levels(ratings: FloatArray) -> FloatArray:
    return np.unique(ratings[np.isfinite(ratings)])


def _counts(ratings: FloatArray, levels: FloatArray) -> FloatArray:
    """(items, levels) how many readers chose each level."""
    counts: FloatArray = (ratings[:, :, None] == levels).sum(axis=1).astype(np.float64)
    return counts


def _observed(counts: FloatArray, alike: FloatArray, weights: FloatArray) -> FloatArray:
    """Agreement of pairs of ratings of an item, over the items that two readers or more rated."""
    rated = counts.sum(axis=1)
    several = rated > 1
    found = (counts * (counts @ alike - 1)).sum(axis=1)[several] / (rated * (rated - 1))[several]
    w = weights[:, several]
    return _ratio(w @ found, w.sum(axis=1))


def _apart(margin: FloatArray, levels: FloatArray, scale: str) -> FloatArray:
    """(resamples, levels, levels) squared difference of two levels; of an ordinal scale, by how many lie between."""
    if scale == "nominal":
        return np.broadcast_to(1 - np.eye(len(levels)), (len(margin), len(levels), len(levels)))
    if scale == "interval":
        return np.broadcast_to((levels[:, None] - levels) ** 2, (len(margin), len(levels), len(levels)))
    middle = np.cumsum(margin, axis=1) - margin / 2
    return (middle[:, :, None] - middle[:, None, :]) ** 2


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.where(np.abs(below) > _TINY, above / np.where(np.abs(below) > _TINY, below, 1), np.nan)
