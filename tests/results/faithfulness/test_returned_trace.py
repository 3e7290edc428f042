"""What the interventions do to a model's own trace."""

from __future__ import annotations

import pytest

from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.values import Card, Message, Reply, Text
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.tasks.donors import Donors
from mmrad_eval.tasks.interventions.returned_trace import EARLY_50, MISTAKEN, turned


def _context(studies: Dataset, replies: list[str], asked: list[list[Message]] | None = None) -> TaskContext:
    async def ask(messages: object, *, extra: object = None) -> Reply:
        assert extra is None
        if asked is not None:
            asked.append(list(messages))  # type: ignore[call-overload]  # the contract's sequence
        return Reply(text=replies.pop(0))

    return TaskContext(ask, Card(provider="x", id="x"), "findings", EARLY_50.prompt(), Donors(studies.studies))


TRACE = "Step 1: the heart: The heart is enlarged.\nStep 2: the lungs: There is a small left effusion. No pneumothorax."


@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_one_fact_of_a_trace_is_turned_around_and_the_rest_stays(seed: str) -> None:
    after, fact = turned(TRACE, seed)
    assert fact is not None
    assert fact.status == "present"
    before_said = {f.concept: f.status for f in extract(TRACE)}
    after_said = {f.concept: f.status for f in extract(after)}
    assert after_said.pop(fact.concept) == "absent"
    before_said.pop(fact.concept)
    assert after_said == before_said


def test_a_trace_of_denials_has_one_asserted_and_one_without_facts_stays() -> None:
    after, fact = turned("No effusion.", "s")
    assert fact is not None
    assert [(f.concept, f.status) for f in extract(after)] == [("pleural_effusion", "present")]
    assert turned("Step 1: all is as it was.", "s") == ("Step 1: all is as it was.", None)


async def test_half_of_the_trace_comes_back_in_a_second_turn(studies: Dataset) -> None:
    asked: list[list[Message]] = []
    context = _context(studies, [f"{TRACE}\n\nFINDINGS: x.", "FINDINGS: The heart is enlarged."], asked)
    answer = await EARLY_50.converse(studies.studies[0], context)
    assert asked[1][: len(asked[0])] == asked[0]  # the first request is that of tcot-self
    back = asked[1][len(asked[0])]
    assert back.role == "assistant"
    assert isinstance(back.parts[0], Text)
    words = back.parts[0].text
    assert 0.3 * len(TRACE) < len(words) < 0.6 * len(TRACE)
    assert TRACE.startswith(words.rstrip())
    assert answer.report.findings == "The heart is enlarged."
    assert answer.shown is not None
    assert answer.trace is not None


async def test_without_a_trace_the_first_answer_stands(studies: Dataset) -> None:
    context = _context(studies, ["FINDINGS: The heart is enlarged."])
    answer = await MISTAKEN.converse(studies.studies[0], context)
    assert answer.shown is None
    assert answer.report.findings == "The heart is enlarged."


async def test_what_was_turned_around_is_kept_with_the_answer(studies: Dataset) -> None:
    context = _context(studies, [f"{TRACE}\n\nFINDINGS: x.", "FINDINGS: No effusion."])
    answer = await MISTAKEN.converse(studies.studies[0], context)
    assert answer.shown is not None
    assert answer.shown.steps[0].region in {"cardiomegaly", "pleural_effusion"}
