"""Raters as a ceiling: each against the others, and a metric against the same others.

No rater votes for himself: the mean or majority that he is held against is that of the others, and a metric that stands
beside the raters is held against the same, over the same items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.validation.ratings import Order, Ratings

Agreement = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""(items,) and (items,) values, (resamples, items) weights -> (resamples,) agreement."""
Weighted = Callable[[FloatArray], FloatArray]
"""(resamples, items) weights -> (resamples,) values."""


@dataclass(frozen=True)
class _Rater:
    """One rater, and the mean of the others, (items,); 0 where either is unknown."""

    own: FloatArray
    others: FloatArray
    known: FloatArray


def _raters(ratings: Ratings, rating: str) -> list[_Rater]:
    scores = ratings.scores[rating] * (-1 if ratings.better[rating] == "lower" else 1)
    found = []
    for rater in range(scores.shape[1]):
        others = np.delete(scores, rater, axis=1)
        count = np.isfinite(others).sum(axis=1)
        mean = np.where(count > 0, np.nansum(others, axis=1) / np.maximum(1, count), np.nan)
        known = np.isfinite(scores[:, rater]) & np.isfinite(mean)
        if known.sum() > 1:
            own = np.where(known, scores[:, rater], 0.0)
            found.append(_Rater(own, np.where(known, mean, 0.0), known.astype(np.float64)))
    return found


def ceiling(ratings: Ratings, rating: str, agree: Agreement) -> Weighted:
    """Mean over raters of the agreement of each with the mean of the others, over the items that both rated."""
    raters = _raters(ratings, rating)
    return lambda weights: _mean([agree(r.own, r.others, weights * r.known) for r in raters], weights)


def less_raters(ratings: Ratings, rating: str, agree: Agreement, values: FloatArray) -> Weighted:
    """How much better a metric agrees with the mean of all raters but one than that one does; mean over raters."""
    defined = np.isfinite(values)
    metric = np.where(defined, values, 0.0)
    raters = [r for r in _raters(ratings, rating) if (r.known * defined).sum() > 1]

    def value(weights: FloatArray) -> FloatArray:
        parts = []
        for r in raters:
            same = weights * r.known * defined
            parts.append(agree(metric, r.others, same) - agree(r.own, r.others, same))
        return _mean(parts, weights)

    return value


def _mean(parts: Sequence[FloatArray], weights: FloatArray) -> FloatArray:
    if not parts:
        return np.full(len(weights), np.nan)
    mean: FloatArray = np.sum(parts, axis=0) / len(parts)
    return mean


def sides(orders: Sequence[Order], leads: FloatArray | None = None) -> FloatArray:
    """(orders,) share of raters on the side of the others' majority, or of a metric that ``leads`` so; a tie is half.

    Raters whose others are split count for nothing; nan where none is left. With ``leads``, (orders,) positive where
    the metric prefers the first, the metric takes the place of each rater in turn.
    """
    found = np.full(len(orders), np.nan)
    for at, order in enumerate(orders):
        votes = np.array(order.votes)
        if len(votes) < 2:
            continue
        others = (votes.sum() - votes) / (len(votes) - 1)
        decided = np.abs(others - 0.5) > 1e-12
        if not decided.any() or (leads is not None and not np.isfinite(leads[at])):
            continue
        mine = votes if leads is None else np.full(len(votes), (np.sign(_flat(leads[at])) + 1) / 2)
        found[at] = np.where(others > 0.5, mine, 1 - mine)[decided].mean()
    return found


def _flat(lead: float) -> float:
    return 0.0 if abs(lead) < 1e-12 else float(lead)
