"""Resampling weights: how often each cluster is drawn in each resample, the same on every machine.

A resample draws as many clusters as there are, with replacement. Its weights are the counts of the draws. They come
from the raw stream of PCG64 (O'Neill 2014), which numpy promises to keep bit for bit (NEP 19), mapped to indices with
integer arithmetic of our own, so neither numpy's version nor the machine nor the size of a block changes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray

_ENTRIES = 1 << 19  # numbers of one block of weights: 4 MiB, small enough to stay near the processor


def rows_of_block(clusters: int) -> int:
    """Resamples that one block holds."""
    return max(1, _ENTRIES // max(1, clusters))


def bootstrap_weights(clusters: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Blocks of (rows, clusters) whole numbers as float64, ``resamples`` rows in all; each row sums to ``clusters``."""
    stream = np.random.PCG64(np.random.SeedSequence(seed))
    words = (clusters + 1) // 2  # two draws of 32 bits from each word of the stream
    rows = rows_of_block(clusters)
    for start in range(0, resamples, rows):
        b = min(rows, resamples - start)
        halves = stream.random_raw(b * words).astype("<u8", copy=False).view("<u4").reshape(b, 2 * words)
        # floor(u * clusters / 2**32): the bias against any cluster is below clusters / 2**32
        draws = ((halves[:, :clusters].astype(np.uint64) * np.uint64(clusters)) >> np.uint64(32)).view(np.int64)
        draws += np.arange(b, dtype=np.int64)[:, None] * clusters
        counts = np.bincount(draws.reshape(-1), minlength=b * clusters)
        yield counts.reshape(b, clusters).astype(np.float64)


def cluster_index(clusters: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Names of the distinct clusters, sorted, and for each study (n,) the position of its cluster in them."""
    names = sorted(set(clusters))
    position = {name: i for i, name in enumerate(names)}
    return names, np.fromiter((position[c] for c in clusters), np.intp, len(clusters))


def cluster_sums(statistics: FloatArray, index: NDArray[np.intp], clusters: int) -> FloatArray:
    """(n, k) statistics of studies, (n,) positions -> (clusters, k) sums; a cluster without a study is zero."""
    sums = np.zeros((clusters, statistics.shape[1]))
    if len(index) == 0:
        return sums
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sums[ordered[starts]] = np.add.reduceat(statistics[order], starts, axis=0)
    return sums
