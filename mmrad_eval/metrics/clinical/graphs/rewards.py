"""F1 between two graphs, at the levels and in the versions that papers report.

Precision and recall are shares of a *set*: what a report says twice counts once. Definitions read in radgraph 0.1.18
(``rewards.py``) and, for the combination, in CXR-Report-Metric (``radgraph_evaluate_model.py``).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal, NamedTuple

from mmrad_eval.metrics.clinical.graphs.graph import Graph

Case = Literal["0.1.18", "lower"]
"""``0.1.18`` lower-cases the relation tuples of *complete* alone; ``lower``, as the package since July 2026, all."""

CASES: tuple[Case, ...] = ("0.1.18", "lower")


class Rewards(NamedTuple):
    """F1 of one pair of graphs, each in [0, 1]."""

    simple: float
    """Entities as (words, label)."""
    partial: float
    """(words, label), with a mark for entities that point to another: RG_ER, the one that most papers report."""
    complete: float
    """(words, label, relation, words of the target) for each relation; (words, label) of entities without any."""
    entities: float
    """CXR-Report-Metric: F1 of (words, label); equal to *simple* where both graphs have entities."""
    relations: float
    """CXR-Report-Metric: F1 of ((words, label), (words, label), relation)."""

    @property
    def combined(self) -> float:
        """The mean of both: RadGraph on the ReXrank board, and RadCliQ's input."""
        return (self.entities + self.relations) / 2


def rewards(candidate: Graph, reference: Graph, case: Case = "0.1.18") -> Rewards:
    """All levels of one pair. A side without entities gives 0 at every level, even when both have none."""
    a, b = _facts(candidate, case), _facts(reference, case)
    return Rewards(*(f1(x, y) for x, y in zip(a, b, strict=True)))


def f1(candidate: set[Hashable], reference: set[Hashable]) -> float:
    """F1 of two sets; an empty denominator counts as 0."""
    common = len(candidate & reference)
    precision = common / len(candidate) if candidate else 0.0
    recall = common / len(reference) if reference else 0.0
    return 2 * precision * recall / (precision + recall) if common else 0.0


def _facts(graph: Graph, case: Case) -> tuple[set[Hashable], ...]:
    """The five sets that are compared, in the order of Rewards."""
    simple: set[Hashable] = set()
    partial: set[Hashable] = set()
    complete: set[Hashable] = set()
    entities: set[Hashable] = set()
    relations: set[Hashable] = set()
    for entity in graph.entities:
        words = entity.tokens.lower() if case == "lower" else entity.tokens
        simple.add((words, entity.label))
        partial.add((words, entity.label, True) if entity.relations else (words, entity.label))
        if not entity.relations:
            complete.add((words, entity.label))
        entities.add((entity.tokens, entity.label))
        for name, index in entity.relations:
            target = graph.entities[index]
            complete.add((entity.tokens.lower(), entity.label, name, target.tokens.lower()))
            relations.add(((entity.tokens, entity.label), (target.tokens, target.label), name))
    return simple, partial, complete, entities, relations
