"""What formulas over summed statistics share: statistics by name, and ratios with a stated value for nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmrad_eval.core.contracts import FloatArray


def by_name(statistics: Sequence[str], sums: FloatArray) -> Callable[..., FloatArray]:
    """A function from names of statistics to their (...) sums; of several names, to the sum of these."""
    at = {name: i for i, name in enumerate(statistics)}

    def named(*names: str) -> FloatArray:
        total: FloatArray = sums[..., [at[name] for name in names]].sum(-1)
        return total

    return named


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part of whole, 0 where the whole is 0."""
    return _divided(part, whole, 0.0)


def nan_ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part of whole, nan where the whole is 0."""
    return _divided(part, whole, np.nan)


def _divided(part: FloatArray, whole: FloatArray, empty: float) -> FloatArray:
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    share: FloatArray = np.divide(part, whole, out=np.full(shape, empty), where=np.broadcast_to(whole, shape) > 0)
    return share
