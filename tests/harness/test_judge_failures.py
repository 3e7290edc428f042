"""Whatever keeps a judge from judging leaves its metric out; only what it wrote is a judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from mmrad_eval import Column, Decoding, Message, Text
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.harness.judging import JudgeAccount, put_questions
from mmrad_eval.harness.requester import Requester
from mmrad_eval.metrics import Suite
from mmrad_eval.metrics.judge_metrics import JudgedMetric
from mmrad_eval.model_registry.mock_server import MockServer

FAILURES = (
    *("500", "503", "401", "404", "400", "413", "302", "html200", "html400", "html502", "memory", "engine", "day"),
    *("policy", "azure", "moderation", "long", "llama", "sglang", "refusal", "filter"),
    *("malformed", "cut", "nested", "nofinish", "abort", "disconnect", "saidstatus", "saidbody", "saidpage"),
)


class Verdict:
    """A metric that asks a judge for one number a study."""

    name = "verdict@test"
    columns = (Column("Verdict", "test"),)
    statistics = ("words", "studies")
    requires = ()
    decoding = Decoding(max_tokens=40)

    def __init__(self, said: Mapping[str, str] | None = None) -> None:
        self.said = said or {}

    def question(self, example: Example) -> Sequence[Message]:
        return (Message("user", (Text(f"JUDGE {example.study.id}"),)),)

    def judged(self, said: Mapping[str, str]) -> Verdict:
        return Verdict(said)

    def fit(self, corpus: object) -> None: ...

    def signature(self, context: object) -> str:
        return "verdict|v1"

    def measure(self, examples: Sequence[Example], context: object) -> Any:
        return np.array([[float(len(self.said[one.study.id])), 1.0] for one in examples])

    def reduce(self, sums: Any) -> Any:
        return sums[..., :1] / sums[..., 1:]


EXAMPLES = [
    Example(Study(name, reference=Report("Clear.")), Answer(name, "ok", report=Report("Clear."))) for name in "abcd"
]


async def judged(server: MockServer, requester_of: Callable[..., Requester]) -> Suite:
    requester = requester_of(server.url, timeout=2.0, at_once=1)
    return await put_questions(Suite([Verdict()]), EXAMPLES, {"": JudgeAccount(requester)})


@pytest.mark.parametrize("fault", FAILURES)
async def test_a_question_without_a_judgement_leaves_the_metric_out(
    fault: str, server: MockServer, requester_of: Callable[..., Requester]
) -> None:
    server.faults = {"JUDGE b": fault}
    suite = await judged(server, requester_of)
    assert list(suite) == []
    (missing,) = suite.missing
    assert missing.what.startswith("1 of its questions to openai:rehearsal have no answer (")
    assert not missing.what.endswith("()")


async def test_what_a_judge_wrote_is_its_judgement_however_little(
    server: MockServer, requester_of: Callable[..., Requester]
) -> None:
    server.faults = {"JUDGE b": "length", "JUDGE c": "empty"}
    suite = await judged(server, requester_of)
    (metric,) = suite
    assert isinstance(metric, JudgedMetric)
    assert [row[0] > 0 for row in metric.measure(EXAMPLES, None)] == [True, True, False, True]


async def test_a_judge_that_passes_through_trouble_is_asked_again(
    server: MockServer, requester_of: Callable[..., Requester]
) -> None:
    server.faults = {"JUDGE a": "500:1", "JUDGE b": "saidenvoy:1", "JUDGE c": "malformed:1", "JUDGE d": "429:0:1"}
    assert len(await judged(server, requester_of)) == 1
