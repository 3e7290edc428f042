"""Alignment of two lists of steps that keeps their order, by dynamic programming, and without order beside it.

    D[i, j] = max(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1] + M[i, j])

for similarities M of reference step i and predicted step j: one to one, steps of either side may be skipped (StepSTEM,
arXiv 2604.19697, whose code divides by the number of reference steps, and so do we, so that omissions cost).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.metrics.grounding.boxes import assign

VERSION = 1


class Aligned(NamedTuple):
    """The best alignment."""

    total: float
    """The sum of the similarities of its pairs."""
    pairs: tuple[tuple[int, int], ...]
    """(reference step, predicted step), in order; of equal sums the one that keeps the last pairs, and of these the one
    with the earlier reference steps."""


def aligned(similarity: FloatArray) -> Aligned:
    """The best alignment in order of (m, n) similarities in [0, 1]."""
    m, n = similarity.shape
    best = np.zeros((m + 1, n + 1))
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            best[i, j] = max(best[i - 1, j], best[i, j - 1], best[i - 1, j - 1] + similarity[i - 1, j - 1])
    pairs = []
    i, j = m, n
    while i and j:
        if similarity[i - 1, j - 1] > 0 and best[i, j] == best[i - 1, j - 1] + similarity[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            j -= 1
    return Aligned(float(best[m, n]), tuple(reversed(pairs)))


def unordered(similarity: FloatArray) -> float:
    """The largest sum of similarities of pairs in any order."""
    return float(sum(similarity[pair] for pair in assign(similarity)))
