"""RaTEScore as a metric: means over studies, and what an empty side did to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.lexical.mean import has_reference
from mmrad_eval.metrics.sums import nan_ratio

if TYPE_CHECKING:
    from mmrad_eval.metrics.clinical.entities.records import RateScored
    from mmrad_eval.metrics.suites import Setup

Scores = Callable[[list[tuple[str, str]]], "list[RateScored]"]
"""(candidate, reference) pairs to scores."""


@dataclass(frozen=True)
class RateFit:
    """Where scores come from, and of what text."""

    scores: Scores
    source: str
    target: str


class RateScore:
    """RaTEScore as the package defines it, and with silence scored as silence.

    Statistics of a study, (4,) float64: the score; the score where the reference has an entity, 0 where the candidate
    then has none; 1 where the reference has an entity; 1.
    """

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = ("score", "strict", "defined", "studies")

    def __init__(self, name: str, source: Callable[[], tuple[Scores, str]]) -> None:
        """``source`` gives the scores and the signature of what makes them; called when the metric is fitted."""
        self.name, self._source = name, source
        self._profile = name.partition("@")[2]
        self.columns: Sequence[Column] = (
            Column("RaTEScore", self._profile, best=1.0),
            Column("RaTEScore strict", self._profile, best=1.0),
            Column("RaTEScore coverage", self._profile, better=""),
        )

    def fit(self, corpus: Corpus) -> RateFit:
        """Find the weights; nothing is learnt."""
        return RateFit(*self._source(), corpus.target)

    def signature(self, context: RateFit) -> str:
        """The weights and what splits sentences, then the table of affinities and the rule for an empty side."""
        made = f"ratescore|target:{context.target}|{context.source}"
        return f"{made}|affinity:{self._profile}|no-entity:0.5|strict:0|aligned|v1"

    def measure(self, examples: Sequence[Example], context: RateFit) -> FloatArray:
        """(n, 4) score, strict score, defined, studies; zeros for a study without a reference."""
        found = context.scores([(example.candidate, example.reference or "") for example in examples])
        rows = []
        for one in found:
            score, defined = one.long if self._profile == "long" else one.short, float(one.reference > 0)
            rows.append([score, score * defined if one.candidate else 0.0, defined, 1.0])
        return np.array(rows, np.float64).reshape(-1, 4) * has_reference(examples)[:, None]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 4) sums to (..., 3) columns; nan where no study counts."""
        sums = np.asarray(sums, np.float64)
        return nan_ratio(sums[..., :3], sums[..., [3, 2, 3]])


def ratescore(setup: Setup) -> RateScore:
    """``ratescore@long`` and ``ratescore@short``: one set of entities and vectors, two tables of affinities."""
    from mmrad_eval.metrics.clinical.engines import engines

    shared = engines(setup)
    shared.available("ratescore", "rate-ner", "biolord")

    def source() -> tuple[Scores, str]:
        rates = shared.rates()

        def scores(pairs: list[tuple[str, str]]) -> list[RateScored]:
            if shared.engine == "own" and not shared.noting:  # of all texts first: then either model is loaded once
                shared.entities()(list(dict.fromkeys(text for pair in pairs for text in pair)))
            return rates(pairs)

        return scores, rates.signature

    return RateScore(setup.name, source)
