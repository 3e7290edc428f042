"""Resampling weights: how often each cluster is drawn, or whether it changes sides, the same on every machine.

The random bits are the raw stream of PCG64 (O'Neill 2014), which numpy promises to keep bit for bit (NEP 19). What is
made of them is integer arithmetic of our own, so neither numpy's version nor the machine nor the size of a block
changes a weight.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray

_ENTRIES, _DRAWS = 1 << 19, 1 << 16
"""Numbers of one block of weights (4 MiB), and of those drawn at once: small enough to stay near the processor."""
_FEWEST_ROWS = 128
"""Of one block, however many clusters: a product of fewer rows reads all statistics again for each few resamples."""
_MANY, _EXACT = 4096, 2**24
"""Clusters from which on single precision is worth its copies, and blocks of weights are worth a thread; whole numbers
below which single precision is exact."""
_AT_ONCE = 1024
"""Resamples whose sums are given to a formula together: of few, most of its time is not spent on numbers."""
_COLUMNS = 64
_ALONE, _NARROW, _FEWEST = 1_000_000, 48, 4
"""Multiplications that OpenBLAS gives to one thread; columns up to which, rows from which on that is best."""
_MOST_THREADS = 4
_BOOTSTRAP, _SWAPS = 0, 1  # the two uses of one seed draw from streams of their own


def bootstrap_weights(clusters: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Blocks of (rows, clusters) whole numbers as float64, ``resamples`` rows in all; each row sums to ``clusters``.

    A row is a resample: as many clusters as there are, drawn with replacement, and counted.
    """
    return _ahead(_drawn(clusters, resamples, seed), clusters)


def swaps(clusters: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Blocks of (rows, clusters) zeros and ones as float64: whether a cluster changes sides, each with chance 1/2."""
    return _ahead(_sides(clusters, resamples, seed), clusters)


def _drawn(clusters: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    stream = np.random.PCG64(np.random.SeedSequence([seed, _BOOTSTRAP]))
    words = (clusters + 1) // 2  # two draws of 32 bits from each word of the stream
    for block in _blocks(_ENTRIES, clusters, resamples, _FEWEST_ROWS):
        counts = np.empty((block, clusters))
        start = 0
        for b in _blocks(_DRAWS, clusters, block):
            halves = stream.random_raw(b * words).astype("<u8", copy=False).view("<u4").reshape(b, 2 * words)
            # floor(u * clusters / 2**32): the bias against any cluster is below clusters / 2**32
            draws = np.multiply(halves[:, :clusters], np.uint64(clusters), dtype=np.uint64)
            draws >>= np.uint64(32)
            if b > 1:
                draws += np.arange(b, dtype=np.uint64)[:, None] * np.uint64(clusters)
            drawn = np.bincount(draws.view(np.int64).reshape(-1), minlength=b * clusters)
            counts[start : start + b] = drawn.reshape(b, clusters)
            start += b
        yield counts


def _sides(clusters: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    stream = np.random.PCG64(np.random.SeedSequence([seed, _SWAPS]))
    words = (clusters + 63) // 64
    for b in _blocks(_ENTRIES, clusters, resamples, _FEWEST_ROWS):
        raw = stream.random_raw(b * words).astype("<u8", copy=False).view(np.uint8).reshape(b, 8 * words)
        yield np.unpackbits(raw, axis=1, count=clusters).astype(np.float64)


def _ahead(blocks: Iterator[FloatArray], clusters: int) -> Iterator[FloatArray]:
    """The same blocks; where they are large, a thread makes the next one while one is multiplied."""
    if clusters < _MANY:
        yield from blocks
        return
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = maker.submit(next, blocks, None)
            yield block


def cluster_index(clusters: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Names of the distinct clusters, sorted, and for each study (n,) the position of its cluster in them."""
    names = sorted(set(clusters))
    position = {name: i for i, name in enumerate(names)}
    return names, np.fromiter((position[c] for c in clusters), np.intp, len(clusters))


def cluster_sums(
    statistics: FloatArray, index: NDArray[np.intp], clusters: int, *, in_place: bool = False
) -> FloatArray:
    """(n, k) statistics of studies, (n,) positions -> (clusters, k) sums; a cluster without a study is zero.

    ``in_place``: the sums take the place of the statistics, which are as large and are lost.
    """
    if len(index) == 0:
        return np.zeros((clusters, statistics.shape[1]))
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    every = len(starts) == clusters  # so that no row is left with a study's own statistics
    sums = statistics[:clusters] if in_place and every else np.zeros((clusters, statistics.shape[1]))
    for left in range(0, statistics.shape[1], _COLUMNS):  # some columns at a time: the sorted copy stays small
        some = slice(left, left + _COLUMNS)
        sorted_ = statistics[order, some]
        sums[ordered[starts], some] = np.add.reduceat(sorted_, starts, axis=0) if len(starts) < len(order) else sorted_
    return sums


def product(weights: FloatArray, sums: FloatArray) -> FloatArray:
    """(rows, clusters) @ (clusters, K); narrow sums some rows at a time.

    A product of few columns gains nothing from the threads of the matrix library, which wait for each other at full
    speed: beside other work it took twenty times the processor time.
    """
    rows = _ALONE // max(1, sums.size)
    if sums.shape[1] > _NARROW or not _FEWEST <= rows < len(weights):
        return weights @ sums
    out = np.empty((len(weights), sums.shape[1]))
    for start in range(0, len(weights), rows):
        np.matmul(weights[start : start + rows], sums, out=out[start : start + rows])
    return out


class Factor:
    """(clusters, K) sums, ready for many products with weights.

    Of many clusters, whole numbers are multiplied in single precision, which takes half the time: as long as no sum can
    reach 2**24, every one of them is exact there, as it is in double precision.
    """

    def __init__(self, sums: FloatArray) -> None:
        self._sums = sums
        self._whole = np.zeros(sums.shape[1], np.bool_)
        if len(sums) >= _MANY:
            parts = [sums[start : start + _MANY] for start in range(0, len(sums), _MANY)]
            largest = np.max([np.abs(part).max(axis=0) for part in parts], axis=0)
            whole = np.all([(part == np.rint(part)).all(axis=0) for part in parts], axis=0)
            self._whole = whole & (largest * len(sums) < _EXACT)
        if self._whole.any():
            self._single, self._sums = sums[:, self._whole].astype(np.float32), sums[:, ~self._whole]

    def resampled(self, blocks: Iterable[FloatArray]) -> Iterator[tuple[slice, FloatArray]]:
        """For blocks of weights: their place among all resamples, and their (rows, K) sums.

        Of many clusters, whose blocks are small, many resamples at a time. Of fewer each block is given as it is: the
        last digit of a logarithm or power hangs on how many numbers are computed together.
        """
        least = _AT_ONCE if len(self._sums) >= _MANY else 1
        held: list[FloatArray] = []
        start = rows = 0
        for drawn in self._products(blocks):
            held.append(drawn)
            rows += len(drawn)
            if rows >= least:
                yield slice(start, start + rows), held[0] if len(held) == 1 else np.concatenate(held)
                start, rows, held = start + rows, 0, []
        if held:
            yield slice(start, start + rows), np.concatenate(held)

    def _products(self, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """The sums of each block in turn; of many clusters, several blocks are multiplied side by side.

        A thread for a block rather than threads within one product: those wait for each other at full speed, which
        beside other work takes several times the processor time.
        """
        if len(self._sums) < _MANY:
            yield from map(self.drawn, blocks)
            return
        with ThreadPoolExecutor(_threads()) as multipliers:
            coming: deque[Future[FloatArray]] = deque()
            for weights in blocks:
                coming.append(multipliers.submit(self.drawn, weights))
                if len(coming) > _threads():
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()

    def drawn(self, weights: FloatArray) -> FloatArray:
        """(rows, clusters) whole-number weights, each row of at most as many as there are clusters -> (rows, K)."""
        if not self._whole.any():
            return product(weights, self._sums)
        out = np.empty((len(weights), len(self._whole)))
        out[:, self._whole] = weights.astype(np.float32) @ self._single
        out[:, ~self._whole] = weights @ self._sums
        return out


def _threads() -> int:
    """Blocks that are multiplied at once: as many as there are processors for this process, each takes 75 MB."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(ours, _MOST_THREADS)


def _blocks(entries: int, clusters: int, resamples: int, fewest: int = 1) -> Iterator[int]:
    """Rows of each block: at most ``entries`` numbers, but never few rows."""
    rows = max(fewest, entries // max(1, clusters))
    for start in range(0, resamples, rows):
        yield min(rows, resamples - start)
