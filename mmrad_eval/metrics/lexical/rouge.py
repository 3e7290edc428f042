"""ROUGE: what of the reference a candidate has, in its words (1), pairs of words (2) or in order (L).

Lin, ACL workshop 2004. Two packages, two metrics: pycocoevalcap weighs recall over precision, rouge-score compares
stems and weighs both alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.lexical.mean import means, reduce_means
from mmrad_eval.metrics.lexical.ngrams import Ints
from mmrad_eval.metrics.lexical.profiles import BY_PROFILE, SPACES, STEMS, Convention, TextCache, TextReader, text_cache

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

BETA = 1.2
"""pycocoevalcap, rouge/rouge.py."""


def coco_rouge(setup: Setup) -> CocoRouge:
    """ROUGE-L as pycocoevalcap, under the profile of the name, such as ``rouge@r2gen-iu``."""
    profile = setup.name.partition("@")[2]
    return CocoRouge(
        profile, Convention.of(setup, SPACES if profile == "raw" else BY_PROFILE[profile]), text_cache(setup)
    )


def google_rouge(setup: Setup) -> GoogleRouge:
    """ROUGE-1, 2 and L as RadEval calls rouge-score."""
    return GoogleRouge(Convention.of(setup, STEMS), text_cache(setup))


class CocoRouge:
    """Mean ROUGE-L with beta 1.2.

    Statistics of a study: its score, and 1.
    """

    statistics = ("score", "studies")
    requires: Sequence[str] = ()

    def __init__(self, profile: str, convention: Convention, readers: TextCache) -> None:
        self.name = f"rouge@{profile}"
        self.columns = (Column("ROUGE-L", profile, best=1.0),)
        self._convention, self._readers = convention, readers

    def fit(self, corpus: Corpus) -> TextReader:
        """The vocabulary of the training split, where the profile has one."""
        return self._readers.reader(self._convention, corpus)

    def signature(self, context: TextReader) -> str:
        """How the words were made, then the formula."""
        return f"rouge|{context.signature}|level:sentence|type:L|beta:{BETA}|v1"

    def measure(self, examples: Sequence[Example], context: TextReader) -> FloatArray:
        """(n, 2) score and count."""
        pairs = context.pairs(examples)
        common = pairs.subsequences
        precision = common / np.maximum(1, pairs.candidates.lengths)
        recall = common / np.maximum(1, pairs.references.lengths)
        return means(examples, _f(precision, recall, BETA))

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 2) to (..., 1): the mean; nan over no studies."""
        return reduce_means(sums)


class GoogleRouge:
    """Mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L over stems.

    Statistics of a study: the three scores, and 1.
    """

    name = "rouge@radeval"
    columns = tuple(Column(name, "radeval", best=1.0) for name in ("ROUGE-1", "ROUGE-2", "ROUGE-L"))
    statistics = ("rouge1", "rouge2", "rougeL", "studies")
    requires: Sequence[str] = ()

    def __init__(self, convention: Convention, readers: TextCache) -> None:
        self._convention, self._readers = convention, readers

    def fit(self, corpus: Corpus) -> TextReader:
        """Nothing is learnt."""
        return self._readers.reader(self._convention, corpus)

    def signature(self, context: TextReader) -> str:
        """How the words were made, then the formula."""
        return f"rouge|{context.signature}|level:sentence|type:1,2,L|beta:1|v1"

    def measure(self, examples: Sequence[Example], context: TextReader) -> FloatArray:
        """(n, 4) three scores and count."""
        pairs = context.pairs(examples)
        one, two = (
            _f1(pairs.matched[order - 1], pairs.candidates.possible(order), pairs.references.possible(order))
            for order in (1, 2)
        )
        longest = _f1(pairs.subsequences, pairs.candidates.lengths, pairs.references.lengths)
        return means(examples, one, two, longest)

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 4) to (..., 3): the means; nan over no studies."""
        return reduce_means(sums)


def _f1(common: Ints, candidate: Ints, reference: Ints) -> FloatArray:
    return _f(common / np.maximum(1, candidate), common / np.maximum(1, reference), 1.0)


def _f(precision: FloatArray, recall: FloatArray, beta: float) -> FloatArray:
    """F of precision and recall, 0 where either is."""
    weight = beta**2
    below = recall + weight * precision
    return np.where(below > 0, (1 + weight) * precision * recall / np.where(below > 0, below, 1), 0.0)
