"""CIDEr-D: the likeness of n-grams, each weighted by how rare it is among the references.

Vedantam et al., CVPR 2015, as pycocoevalcap computes it. The package counts rarity over whatever references it is
given, so its value depends on the company a pair is scored in; here rarity is counted once, over the references of
the whole selection, and stays as it is under resampling, in shards and for every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.lexical.mean import means, reduce_means
from mmrad_eval.metrics.lexical.ngrams import MAX_ORDER, Counted, Ints, SharedNgrams, TokenIds, total
from mmrad_eval.metrics.lexical.profiles import BY_PROFILE, Convention, TextCache, TextReader, text_cache

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

_AT_ONCE = 1024  # references whose n-grams are held at once while rarity is counted

SIGMA = 6.0
SCALE = 10.0
"""pycocoevalcap, cider/cider.py and cider/cider_scorer.py."""


def cider(setup: Setup) -> Cider:
    """CIDEr-D under the profile of the name, such as ``cider@r2gen-iu``."""
    profile = setup.name.partition("@")[2]
    return Cider(profile, Convention.of(setup, BY_PROFILE[profile]), text_cache(setup))


@dataclass(frozen=True)
class Rarity:
    """In how many references each n-gram is."""

    reader: TextReader
    documents: int
    frequencies: tuple[Ints, ...]
    """Orders 1 to 4: number of the n-gram -> references that have it."""
    name: str
    """Digest of the references that were counted, in any order."""

    def known(self, order: int, grams: Ints) -> NDArray[np.bool_]:
        """Whether some reference has the n-gram."""
        counts = self.frequencies[order - 1]
        found = np.zeros(len(grams), np.bool_)
        inside = grams < len(counts)
        found[inside] = counts[grams[inside]] > 0
        return found

    def idf(self, order: int, grams: Ints) -> FloatArray:
        """log(references / references with the n-gram), that of one reference where none has it."""
        known = self.frequencies[order - 1]
        seen = np.ones(len(grams), np.int64)
        inside = grams < len(known)
        seen[inside] = np.maximum(1, known[grams[inside]])
        rarity: FloatArray = np.log(max(1, self.documents)) - np.log(seen)
        return rarity


class Cider:
    """Mean CIDEr-D.

    Statistics of a study: its score, and 1. The best score is 10 only where the reference has n-grams of all four
    orders that not every reference has; a selection of one study scores 0.
    """

    statistics = ("score", "studies")
    requires: Sequence[str] = ()

    def __init__(self, profile: str, convention: Convention, readers: TextCache) -> None:
        self.name = f"cider@{profile}"
        self.columns = (Column("CIDEr-D", profile),)
        self._convention, self._readers = convention, readers

    def fit(self, corpus: Corpus) -> Rarity:
        """Count in how many references of the selection each n-gram is."""
        reader = self._readers.reader(self._convention, corpus)
        texts = reader.references(corpus)
        counts = tuple(np.zeros(0, dtype=np.int64) for _ in range(MAX_ORDER))
        for start in range(0, len(texts), _AT_ONCE):
            block = reader.block(texts[start : start + _AT_ONCE])
            counts = tuple(
                _plus(c, np.bincount(counted.grams)) for c, counted in zip(counts, block.counted, strict=True)
            )
        name = sha256(b"".join(sorted(sha256(text.encode()).digest() for text in texts))).hexdigest()[:8]
        return Rarity(reader, len(texts), counts, name)

    def signature(self, context: Rarity) -> str:
        """How the words were made, over which references rarity was counted, then the formula."""
        rarity = f"df:{context.documents}-{context.name}"
        return f"cider|{context.reader.signature}|level:sentence|order:{MAX_ORDER}|sigma:{SIGMA:g}|{rarity}|v1"

    def measure(self, examples: Sequence[Example], context: Rarity) -> FloatArray:
        """(n, 2) score and count."""
        pairs = context.reader.pairs(examples)
        likeness = np.zeros(len(pairs))
        for order, shared in enumerate(pairs.shared, 1):
            product = _products(shared, context.idf(order, shared.grams), len(pairs))
            norms = _norms(pairs.candidates, order, context) * _norms(pairs.references, order, context)
            likeness += product / np.where(norms > 0, norms, 1)
        longer = pairs.candidates.possible(2) - pairs.references.possible(2)
        """Pairs of words stand for length in the package."""
        penalty = np.exp(-(longer.astype(np.float64) ** 2) / (2 * SIGMA**2))
        return means(examples, SCALE * penalty * likeness / MAX_ORDER)

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 2) to (..., 1): the mean; nan over no studies."""
        return reduce_means(sums)


def _plus(counts: Ints, more: Ints) -> Ints:
    """The sum of counts by number, of which one may know more numbers than the other."""
    longer, shorter = (more, counts) if len(more) > len(counts) else (counts, more)
    longer[: len(shorter)] += shorter
    return longer


def _products(shared: SharedNgrams, idf: FloatArray, n: int) -> FloatArray:
    """(n,) dot product of the weights, the candidate's clipped to the reference's."""
    candidate, reference = shared.candidate * idf, shared.reference * idf
    return total(shared.rows, np.minimum(candidate, reference) * reference, n)


def _norms(block: TokenIds, order: int, context: Rarity) -> FloatArray:
    counted: Counted = block.counted[order - 1]
    known = context.known(order, counted.grams)
    weights = counted.counts[known] * context.idf(order, counted.grams[known])
    squares = total(counted.rows[known], weights**2, len(block))
    if not known.all():  # whole numbers first: their sum is the same in whatever order the n-grams were numbered
        of_others = total(counted.rows[~known], counted.counts[~known] ** 2, len(block))
        squares += of_others * np.log(max(1, context.documents)) ** 2
    return np.sqrt(squares)
