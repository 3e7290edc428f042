"""Pairs of texts to the numbers of a metric, the way a run is scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from mmrad_eval.core.contracts import Corpus, FloatArray, Metric
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite

Pair = tuple[str, str | None]


@dataclass
class Scored:
    """What a metric says about pairs."""

    metric: Metric
    rows: FloatArray
    signature: str

    @property
    def total(self) -> FloatArray:
        """(columns,) over all studies."""
        return self.metric.reduce(self.rows.sum(axis=0))

    @property
    def studies(self) -> FloatArray:
        """(n, columns)."""
        return self.metric.reduce(self.rows)


def example(candidate: str, reference: str | None, number: int = 0) -> Example:
    """A study with these findings and an answer without sections."""
    report = None if reference is None else Report(findings=reference)
    study = Study(id=f"s{number}", reference=report)
    return Example(study, Answer(study=study.id, status="ok", report=Report(text=candidate)))


@pytest.fixture(scope="session")
def score() -> Callable[..., Scored]:
    """``score(name, pairs, options, train)``: pairs are (candidate, reference)."""

    def scored(
        name: str, pairs: Sequence[Pair], options: Mapping[str, Any] | None = None, train: Sequence[str] = ()
    ) -> Scored:
        (metric,) = suite([name], options=options)
        examples = [example(candidate, reference, number) for number, (candidate, reference) in enumerate(pairs)]
        corpus = Corpus(
            [one.study for one in examples if one.reference is not None],
            [Study(id=f"t{number}", reference=Report(findings=text)) for number, text in enumerate(train)],
        )
        context = metric.fit(corpus)
        return Scored(metric, metric.measure(examples, context), metric.signature(context))

    return scored
