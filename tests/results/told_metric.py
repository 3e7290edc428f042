"""A judged metric that only holds what it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from mmrad_eval.core.contracts import Column, FloatArray
from mmrad_eval.core.judge_contracts import JudgingMetric, Verdict
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.judge_metrics import JudgedMetric


class Told:
    """A metric of what it was told: the share of studies that were read."""

    columns: Sequence[Column] = (Column("Told", "test"),)
    statistics: Sequence[str] = ("read", "studies")
    requires: Sequence[str] = ()

    def __init__(self, name: str = "told@test", said: Mapping[str, Verdict] | None = None) -> None:
        self.name, self.said = name, said or {}

    def judged(self, said: Mapping[str, Verdict]) -> Told:
        return Told(self.name, said)

    def fit(self, corpus: Any) -> None:
        del corpus

    def signature(self, context: Any) -> str:
        del context
        return f"{self.name}|v1"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        del context
        return np.array([[self.said[one.study.id].state == "read", 1.0] for one in examples], np.float64)

    def reduce(self, sums: FloatArray) -> FloatArray:
        return sums[..., :1] / sums[..., 1:]


def told(*said: Mapping[str, Verdict], name: str = "told@test", judge: str = "one") -> Any:
    return JudgedMetric(cast("JudgingMetric", Told(name)), said, judge)
