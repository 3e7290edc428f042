"""RadGraph F1 as a metric: the graphs of candidate and reference, compared study by study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.clinical.graphs.graph import Graph
from mmrad_eval.metrics.clinical.graphs.rewards import Case, rewards
from mmrad_eval.metrics.clinical.graphs.words import Model
from mmrad_eval.metrics.lexical.mean import has_reference

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup


@dataclass(frozen=True)
class RadGraphProfile:
    """Which model makes the graphs, and which F1 is shown."""

    name: str
    model: Model
    case: Case = "0.1.18"
    combined: bool = False
    """ReXrank's mean of entity and relation F1 instead of the three levels."""


PROFILES = {
    profile.name: profile
    for profile in (
        RadGraphProfile("xl", "radgraph-xl"),
        RadGraphProfile("v1", "radgraph"),
        RadGraphProfile("xl-lower", "radgraph-xl", "lower"),
        RadGraphProfile("v1-lower", "radgraph", "lower"),
        RadGraphProfile("rexrank", "radgraph", combined=True),
    )
}

STATISTICS = ("simple", "partial", "complete", "combined", "with entities", "studies")
"""Of a study: F1 at each level, ReXrank's combination, 1 if the reference has an entity, 1 if it has a reference."""

GraphsOf = Callable[[Sequence[Example]], list[tuple[Graph, Graph]]]
"""(candidate, reference) graphs of examples."""


@dataclass(frozen=True)
class RadGraphFit:
    """Where graphs come from, and of what text."""

    graphs: GraphsOf
    source: str
    target: str


class RadGraph:
    """F1 of two graphs, the mean over studies. A reference without entities gives 0, as the package, and is counted.

    Statistics of a study: ``STATISTICS``, (6,) float64.
    """

    statistics: Sequence[str] = STATISTICS
    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})

    def __init__(self, name: str, profile: RadGraphProfile, source: Callable[[], tuple[GraphsOf, str]]) -> None:
        """``source`` gives the graphs and the signature of what makes them; called when the metric is fitted."""
        self.name, self._profile, self._source = name, profile, source
        labels = ("RadGraph",) if profile.combined else ("RadGraph-simple", "RadGraph-partial", "RadGraph-complete")
        self.columns = (
            *(Column(label, profile.name, best=1.0) for label in labels),
            Column("RadGraph coverage", profile.name, better=""),
        )

    def fit(self, corpus: Corpus) -> RadGraphFit:
        """Find the weights; nothing is learnt."""
        graphs, source = self._source()
        return RadGraphFit(graphs, source, corpus.target)

    def signature(self, context: RadGraphFit) -> str:
        """The engine and weights, then the reward and its version."""
        reward = "combined" if self._profile.combined else f"levels|case:{self._profile.case}"
        return f"radgraph|target:{context.target}|{context.source}|reward:{reward}|empty:0|v1"

    def measure(self, examples: Sequence[Example], context: RadGraphFit) -> FloatArray:
        """(n, 6) rewards and counts."""
        rows = np.zeros((len(examples), len(STATISTICS)))
        for row, (candidate, reference) in zip(rows, context.graphs(examples), strict=True):
            found = rewards(candidate, reference, self._profile.case)
            row[:4] = found.simple, found.partial, found.complete, found.combined
            row[4] = bool(reference.entities)
        rows[:, 5] = has_reference(examples)
        return rows * rows[:, 5:]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 6) to (..., columns): means over studies, then the share of references that have an entity."""
        sums = np.asarray(sums, np.float64)
        shown = (3, 4) if self._profile.combined else (0, 1, 2, 4)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(sums[..., 5:] > 0, sums[..., list(shown)] / sums[..., 5:], np.nan)


def radgraph(setup: Setup) -> RadGraph:
    """``radgraph@PROFILE`` with the engine and weights of the suite."""
    from mmrad_eval.metrics.clinical.engines import engines

    shared = engines(setup)
    profile = PROFILES[setup.name.partition("@")[2]]
    shared.available("radgraph", profile.model)

    def source() -> tuple[GraphsOf, str]:
        graphs = shared.graphs(profile.model)

        def of(examples: Sequence[Example]) -> list[tuple[Graph, Graph]]:
            texts = [text for example in examples for text in (example.candidate, example.reference or "")]
            said = [text for text in texts if text.strip()]  # an empty text has no graph, whatever a model would say
            found = dict(zip(said, (one.graph for one in graphs(said)), strict=True))
            empty = Graph()
            pairs = [found.get(text, empty) for text in texts]
            return list(zip(pairs[::2], pairs[1::2], strict=True))

        return of, graphs.signature

    return RadGraph(setup.name, profile, source)
