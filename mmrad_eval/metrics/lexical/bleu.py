"""BLEU: the share of a candidate's n-grams that its reference has, with a penalty for brevity.

Papineni et al., ACL 2002. The corpus form sums counts over studies before it divides; the mean form averages the score
of each study.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.lexical.mean import has_reference, means, reduce_means
from mmrad_eval.metrics.lexical.ngrams import MAX_ORDER
from mmrad_eval.metrics.lexical.profiles import BY_PROFILE, REXRANK, Convention, TextCache, TextReader, text_cache

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

TINY, SMALL = 1e-15, 1e-9
"""What pycocoevalcap adds to numerators and denominators (bleu/bleu_scorer.py), so that nothing divides by zero."""

EPSILON = 0.1
"""NLTK's smoothing method1, and fast-bleu's: the matches of an order that has none (nltk/translate/bleu_score.py)."""

ORDERS = range(1, MAX_ORDER + 1)


def corpus_bleu(setup: Setup) -> CorpusBleu:
    """Corpus BLEU under the profile of the name, such as ``bleu@r2gen-iu``."""
    profile = setup.name.partition("@")[2]
    return CorpusBleu(profile, Convention.of(setup, BY_PROFILE[profile]), text_cache(setup))


def sentence_bleu(setup: Setup) -> SentenceBleu:
    """Mean BLEU-2 as ReXrank's boards print it."""
    return SentenceBleu(Convention.of(setup, REXRANK), text_cache(setup))


class CorpusBleu:
    """Corpus BLEU-1..4 as pycocoevalcap computes it.

    Statistics of a study: candidate length, reference length, then matched and possible n-grams of each order.
    """

    requires: Sequence[str] = ()

    def __init__(self, profile: str, convention: Convention, readers: TextCache) -> None:
        self.name = f"bleu@{profile}"
        self.columns = tuple(Column(f"BLEU-{order}", profile, best=1.0) for order in ORDERS)
        self.statistics = (
            "candidate words",
            "reference words",
            *(f"{kind} {order}-grams" for order in ORDERS for kind in ("matched", "possible")),
        )
        self._convention, self._readers = convention, readers

    def fit(self, corpus: Corpus) -> TextReader:
        """The vocabulary of the training split, where the profile has one."""
        return self._readers.reader(self._convention, corpus)

    def signature(self, context: TextReader) -> str:
        """How the words were made, then the formula; ``guards:coco`` are pycocoevalcap's."""
        return f"bleu|{context.signature}|level:corpus|order:{MAX_ORDER}|smooth:none|guards:coco|v1"

    def measure(self, examples: Sequence[Example], context: TextReader) -> FloatArray:
        """(n, 10) counts."""
        pairs = context.pairs(examples)
        rows = np.empty((len(pairs), 2 + 2 * MAX_ORDER))
        rows[:, 0], rows[:, 1] = pairs.candidates.lengths, pairs.references.lengths
        rows[:, 2::2] = pairs.matched.T
        for order in ORDERS:
            rows[:, 1 + 2 * order] = pairs.candidates.possible(order)
        return rows * has_reference(examples)[:, None]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 10) summed counts to (..., 4) scores in [0, 1]; nan without a word of reference."""
        sums = np.asarray(sums, np.float64)
        candidate, reference = sums[..., 0, None], sums[..., 1, None]
        precision = (sums[..., 2::2] + TINY) / (sums[..., 3::2] + SMALL)
        shortness = (reference + SMALL) / (candidate + TINY)
        brevity = np.exp(np.minimum(0.0, 1.0 - shortness))
        score = brevity * np.cumprod(precision, axis=-1) ** (1.0 / np.arange(1, MAX_ORDER + 1))
        return np.where(reference > 0, score, np.nan)


class SentenceBleu:
    """Mean BLEU-2 of each study, smoothed by NLTK's method1: the BLEU of ReXrank and RadCliQ.

    Statistics of a study: its score, and 1.
    """

    name = "bleu@rexrank"
    columns = (Column("BLEU-2", "rexrank", best=1.0),)
    statistics = ("score", "studies")
    requires: Sequence[str] = ()

    def __init__(self, convention: Convention, readers: TextCache) -> None:
        self._convention, self._readers = convention, readers

    def fit(self, corpus: Corpus) -> TextReader:
        """Nothing is learnt."""
        return self._readers.reader(self._convention, corpus)

    def signature(self, context: TextReader) -> str:
        """How the words were made, then the formula."""
        return f"bleu|{context.signature}|level:sentence|order:2|smooth:method1|v1"

    def measure(self, examples: Sequence[Example], context: TextReader) -> FloatArray:
        """(n, 2) score and count."""
        pairs = context.pairs(examples)
        candidate, reference = pairs.candidates.lengths, pairs.references.lengths
        precisions = [
            np.where(matched > 0, matched, EPSILON) / np.maximum(1, pairs.candidates.possible(order))
            for order, matched in enumerate(pairs.matched[:2], 1)
        ]
        brevity = np.exp(np.minimum(0.0, 1.0 - reference / np.maximum(1, candidate)))
        scores = brevity * np.sqrt(precisions[0] * precisions[1])
        scores[pairs.matched[0] == 0] = 0.0  # no word in common: 0 before any smoothing
        return means(examples, scores)

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 2) to (..., 1): the mean; nan over no studies."""
        return reduce_means(sums)
