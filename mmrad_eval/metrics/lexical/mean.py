"""Means over studies, as additive statistics: the values, then how many studies there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import Example


def means(examples: Sequence[Example], *scores: ArrayLike) -> FloatArray:
    """(n, s + 1) s scores of each study, and 1; zeros for a study without a reference, which counts nowhere."""
    scored = has_reference(examples)
    return np.column_stack([*(np.asarray(score, np.float64) * scored for score in scores), scored])


def reduce_means(sums: FloatArray) -> FloatArray:
    """(..., s + 1) summed scores and count to (..., s) means; nan over no studies."""
    sums = np.asarray(sums, np.float64)
    count = sums[..., -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, sums[..., :-1] / count, np.nan)


def has_reference(examples: Sequence[Example]) -> FloatArray:
    """(n,) 1 where there is something to score against, else 0."""
    return np.array([float(example.reference is not None) for example in examples])
