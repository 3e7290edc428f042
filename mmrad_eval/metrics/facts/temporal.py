"""Temporal F1: which words of change a report shares with its reference.

44 words (Bannur et al., CVPR 2023, arXiv 2301.04558), found as whole words in cleaned text, and an F1 of the two sets
(Zhang et al., Libra; radeval 2.2.1, ``f1temporal.py``). Upstream unites them with the entities of stanza's radiology
model that equal one of these words. Those add a word only beside a character that cleaning deletes, as in
``stable/unchanged``, which becomes one word; this profile reads the words alone. Negation is not read: "no new
effusion" and "new effusion" are equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example, Target
from mmrad_eval.metrics.lexical.mean import has_reference
from mmrad_eval.metrics.sums import nan_ratio

KEYWORDS = frozenset(
    (
        *("bigger", "change", "cleared", "constant", "decrease", "decreased", "decreasing", "elevated", "elevation"),
        *("enlarged", "enlargement", "enlarging", "expanded", "greater", "growing", "improved", "improvement"),
        *("improving", "increase", "increased", "increasing", "larger", "new", "persistence", "persistent"),
        *("persisting", "progression", "progressive", "reduced", "removal", "resolution", "resolved", "resolving"),
        *("smaller", "stability", "stable", "stably", "unaltered", "unchanged", "unfolded", "worse", "worsen"),
        *("worsened", "worsening"),
    )
)
EPSILON = 1e-10
"""Upstream's guard against a division by zero; it stays in the value."""

_KEYWORD = re.compile(rf"\b(?:{'|'.join(sorted(KEYWORDS))})\b")
_DELETED = re.compile(r"[^\w\s.,:;()-]")


def temporal_words(text: str) -> frozenset[str]:
    """The words of change in a text, lower-cased."""
    blanks = re.sub(r"[_-]+", " ", text.replace("\n", " "))
    return frozenset(_KEYWORD.findall(_DELETED.sub("", blanks).lower()))


def temporal_f1(candidate: AbstractSet[str], reference: AbstractSet[str]) -> float:
    """F1 of two sets of words: 1 where both are empty, EPSILON where only the reference is."""
    if not reference:
        return EPSILON if candidate else 1.0
    shared = len(candidate & reference) + EPSILON
    precision, recall = shared / (len(candidate) + EPSILON), shared / (len(reference) + EPSILON)
    return 2 * precision * recall / (precision + recall + EPSILON)


class Temporal:
    """Means over studies: of all, and of those whose reference has a word of change.

    Statistics of a study, (4,) float64: F1, the same where the reference has such a word, 1 where it has, 1.
    """

    name = "temporal@keywords"
    columns: Sequence[Column] = (
        Column("Temporal F1", "keywords", best=1.0),
        Column("Temporal F1 defined", "keywords", best=1.0),
        Column("Temporal coverage", "keywords", better=""),
    )
    statistics: Sequence[str] = ("f1", "f1 where defined", "defined", "studies")
    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})

    def fit(self, corpus: Corpus) -> Target:
        """Nothing is learnt."""
        return corpus.target

    def signature(self, context: Target) -> str:
        """The words and upstream's guard."""
        return f"temporal|target:{context}|words:{len(KEYWORDS)}|entities:none|epsilon:1e-10|v1"

    def measure(self, examples: Sequence[Example], context: Target) -> FloatArray:
        """(n, 4) F1, F1 where defined, defined, studies; zeros for a study without a reference."""
        rows = []
        for example in examples:
            reference = temporal_words(example.reference or "")
            score, defined = temporal_f1(temporal_words(example.candidate), reference), float(bool(reference))
            rows.append([score, score * defined, defined, 1.0])
        return np.array(rows, np.float64).reshape(-1, 4) * has_reference(examples)[:, None]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 4) sums to (..., 3) columns; nan where no study counts."""
        sums = np.asarray(sums, np.float64)
        return nan_ratio(sums[..., :3], sums[..., [3, 2, 3]])
