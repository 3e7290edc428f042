"""Three extractors of one shape: texts to facts, by rules, from RadGraph's graphs, or from CheXbert's labels.

What they say is never mixed in one column; each has a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mmrad_eval.metrics.facts.extract import VERSION, Fact, extract
from mmrad_eval.metrics.facts.from_graph import graph_facts
from mmrad_eval.metrics.facts.from_labels import label_facts

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

Name = Literal["rules", "radgraph", "chexbert"]
NAMES: tuple[Name, ...] = ("rules", "radgraph", "chexbert")


@dataclass(frozen=True)
class Extractor:
    """Texts to facts; equal texts are read once by whoever stands behind it."""

    name: Name
    signature: str
    """Name and version, and for models which weights."""
    read: Callable[[Sequence[str]], list[tuple[Fact, ...]]]

    def __call__(self, texts: Sequence[str]) -> list[tuple[Fact, ...]]:
        """The facts of each text, in order; a text without words has none and reaches no model."""
        said = [text for text in texts if text.strip()]
        found = iter(self.read(said))
        return [next(found) if text.strip() else () for text in texts]


def rules() -> Extractor:
    """The rules of this package: no weights, side and zone."""
    return Extractor("rules", VERSION, lambda texts: [extract(text) for text in texts])


def extractor(name: str, setup: Setup) -> Extractor:
    """The extractor of that name; MissingError where its weights or its extra are not here."""
    if name == "rules":
        return rules()
    from mmrad_eval.metrics.clinical.engines import engines

    shared = engines(setup)
    if name == "radgraph":
        shared.available("radgraph", "radgraph-xl")
        graphs = shared.graphs("radgraph-xl")
        return Extractor("radgraph", graphs.signature, lambda texts: [graph_facts(f.graph) for f in graphs(texts)])
    shared.available("chexbert", "chexbert", "bert-base-uncased")
    labels = shared.labels()
    return Extractor("chexbert", labels.signature, lambda texts: [label_facts(one.classes) for one in labels(texts)])
