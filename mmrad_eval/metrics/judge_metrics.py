"""Metrics that let a judge model read each example: what they are before and after the judge was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Column, Corpus, FloatArray, JudgeMetric, Metric
    from mmrad_eval.core.values import Example

WHAT, REMEDY = "it asks a judge model", "name one with `mmrad-eval run --judge MODEL`"
"""Why such a metric is missing where nobody was asked, and the way out."""


def asks(metric: object) -> TypeGuard[JudgeMetric]:
    """Whether a metric puts questions to a judge."""
    return callable(getattr(metric, "question", None)) and callable(getattr(metric, "judged", None))


class JudgedMetric:
    """A metric with all that its judge wrote; its signature names the judge."""

    def __init__(self, metric: JudgeMetric, said: Mapping[str, str], judge: str) -> None:
        """``said``: the judge's text by study id; ``judge``: who wrote it, without blanks or ``|``."""
        self._metric: Metric = metric.judged(said)
        self._judge = judge
        self.name: str = self._metric.name
        self.columns: Sequence[Column] = self._metric.columns
        self.statistics: Sequence[str] = self._metric.statistics
        self.requires: Sequence[str] = self._metric.requires

    def fit(self, corpus: Corpus) -> Any:
        """The metric's own."""
        return self._metric.fit(corpus)

    def signature(self, context: Any) -> str:
        """The metric's own, and who judged before its version."""
        words, mark, version = self._metric.signature(context).rpartition("|")
        return f"{words}{mark}judge:{self._judge}|{version}"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """The metric's own."""
        return self._metric.measure(examples, context)

    def reduce(self, sums: FloatArray) -> FloatArray:
        """The metric's own."""
        return self._metric.reduce(sums)
