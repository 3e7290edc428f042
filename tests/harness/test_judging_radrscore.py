"""RadRScore over HTTP: its five questions, the second try, and the numbers of replies of which a third is malformed."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Example, Report, Step, Study, Trace
from mmrad_eval.harness.judging import JudgeAccount, put_questions
from mmrad_eval.harness.requester import Requester
from mmrad_eval.metrics import Suite, suite
from mmrad_eval.metrics.judged.radrscore import RadRScore
from mmrad_eval.metrics.judged.radrscore_prompts import read_radrscore
from tests.harness.loopback_judge import Body, loopback_judge
from tests.metrics.judge_checkouts import RADRSCORE, SYSTEM, write_radrscore

RequesterOf = Callable[..., Requester]
BAD = ("Error", "", "Sure {}", '{"a": ', "[]", '{"x": 1}', '"text"', "null", "12")
UNREAD = BAD[:4]


class Script:
    """Replies that follow from the question and from how often it was asked."""

    def __init__(self, seed: int, malformed: float) -> None:
        self.seed, self.malformed = seed, malformed
        self.asked: Counter[str] = Counter()

    def __call__(self, body: Body) -> str:
        question = body["messages"][1]["content"]
        self.asked[question] += 1
        return self.reply(question, self.asked[question] - 1)

    def reply(self, question: str, time: int) -> str:
        chooser = random.Random(f"{self.seed} {time} {hashlib.sha256(question.encode()).hexdigest()}")
        if chooser.random() < self.malformed:
            return chooser.choice(BAD)
        count = chooser.choice((0, 1, 2, 3))
        kinds: dict[str, dict[str, Any]] = {
            "F": {"key_conclusion": [{"observation": f"o{n}", "status": "it's"} for n in range(count)]},
            "R": {"recalled_findings": [], "recalled_count": chooser.choice((0, 1, 2, "2", 1.5))},
            "P": {"correct_steps": [], "correct_count": chooser.choice((0, 1, 3))},
            "E": {"effective_count": count, "ineffective_count": chooser.choice((0, 1, None))},
        }
        text = json.dumps(kinds[question.strip()[0]])
        return chooser.choice(("{}", "```json\n{}\n```", "  {} ")).replace("{}", text)

    def final(self, question: str) -> tuple[Any, int]:
        """What upstream works with after at most two tries, and how many it took."""
        for time in (0, 1):
            text = self.reply(question, time)
            if text not in UNREAD:
                return json.loads(text.strip().replace("```json", "").replace("```", "")), time + 1
        return {"reason_steps": text.strip(), "refined_steps": [], "final_conclusion": ""}, 2


def expected(script: Script, example: Example) -> tuple[list[float], bool, int]:
    """Terms that upstream adds for a study, whether it is valid, and calls."""
    trace = example.study.trace
    assert trace is not None
    steps = [f"{step.region}: {step.text}" for step in trace.steps]
    written = (
        "\n".join([*(step.text for step in example.answer.trace.steps), example.candidate])
        if example.answer.trace
        else ""
    )
    asked: dict[str, Any] = {}
    calls = 0

    def final(name: str, question: str) -> None:
        nonlocal calls
        asked[name], took = script.final(question)
        calls += took

    head = '\n            FINDINGS of {} as {{"key_conclusion": []}}\n            '
    final("gt", head.format(steps))
    final("pred", head.format(written))
    final("recall", f"RECALL of {asked['gt']} | in {asked['pred']}")
    final("precision", f"PRECISION {example.reference} | of {asked['pred']}")
    final("efficiency", f"EFFICIENCY {steps} | of {written}")
    terms = [0.0, 0.0, 0.0]
    try:
        whole = len(asked["gt"]["key_conclusion"])
        if whole > 0:
            terms[0] = asked["recall"]["recalled_count"] / whole
        whole = len(asked["pred"]["key_conclusion"])
        if whole > 0:
            terms[1] = asked["precision"]["correct_count"] / whole
        effective = asked["efficiency"]["effective_count"]
        whole = effective + asked["efficiency"]["ineffective_count"]
        if whole > 0:
            terms[2] = effective / whole
    except (KeyError, TypeError):
        return terms, False, calls
    return terms, True, calls


def invented(count: int) -> list[Example]:
    examples = []
    for number in range(count):
        trace = Trace((Step("heart", text=f"Size {number}."), Step("lungs", text="Clear.")))
        study = Study(f"s{number}", reference=Report(findings=f"Reference {number}."), trace=trace)
        answer = Answer(
            study.id, "ok", report=Report(text=f"Report {number}."), trace=Trace((Step(text=f"I look {number}."),))
        )
        examples.append(Example(study, answer))
    return examples


async def scored(
    checkout: Path, profile: Literal["upstream", "strict"], examples: list[Example], script: Script, of: RequesterOf
) -> tuple[Any, Any, list[Body], list[str]]:
    lines: list[str] = []
    asked = Suite([RadRScore(f"radrscore@{profile}", profile, read_radrscore(checkout))])
    with loopback_judge(script) as (url, bodies):
        (metric,) = await put_questions(asked, examples, {"": JudgeAccount(of(url))}, 1, lines.append)
    context = metric.fit(Corpus([one.study for one in examples]))
    return metric, metric.measure(examples, context), bodies, lines


async def test_a_thousand_replies_give_upstreams_sums_and_calls(tmp_path: Path, requester_of: RequesterOf) -> None:
    script, examples = Script(4, malformed=1 / 3), invented(220)
    metric, rows, bodies, _ = await scored(write_radrscore(tmp_path / "c"), "upstream", examples, script, requester_of)
    found = [expected(script, one) for one in examples]
    assert rows[:, 6].sum() == sum(calls for _, _, calls in found)
    assert 1000 < len(bodies) <= rows[:, 6].sum()  # equal questions of two studies are sent once
    assert rows[:, [0, 2, 4]] == pytest.approx(np.array([terms for terms, _, _ in found]))
    assert rows[:, 1].tolist() == [float(valid) for _, valid, _ in found]
    valid = sum(valid for _, valid, _ in found)
    assert 20 < valid < 200
    means = np.array([terms for terms, _, _ in found]).sum(axis=0) / valid
    total = metric.reduce(rows.sum(axis=0))
    assert total[:4] == pytest.approx([means.mean(), *means])
    assert 0.6 < total[4] < 0.9


async def test_strictly_no_study_is_left_out_and_no_ratio_exceeds_one(
    tmp_path: Path, requester_of: RequesterOf
) -> None:
    examples = invented(60)
    metric, rows, _, lines = await scored(
        write_radrscore(tmp_path / "c"), "strict", examples, Script(4, malformed=1 / 3), requester_of
    )
    assert rows[:, [3, 5]].tolist() == [[1.0, 1.0]] * 60
    assert rows[:, [0, 2, 4]].max() <= 1.0
    assert (metric.reduce(rows.sum(axis=0))[:4] <= 1.0).all()
    assert "degraded" in lines[-1]


@pytest.mark.parametrize("profile", ["upstream", "strict"])
@pytest.mark.parametrize("said", ["{}", "null", "[]", '{"x": 1}', "12"])
async def test_json_that_holds_nothing_of_what_was_asked_is_unread_and_no_number(
    tmp_path: Path, requester_of: RequesterOf, profile: Literal["upstream", "strict"], said: str
) -> None:
    script = Script(1, malformed=0.0)
    script.reply = lambda *_: said  # type: ignore[method-assign]  # whatever is asked
    checkout = write_radrscore(tmp_path / "c")
    metric, rows, _, lines = await scored(checkout, profile, invented(3), script, requester_of)
    assert lines[-1].endswith("0 read, 0 degraded, 3 unread")
    *scores, read = metric.reduce(rows.sum(axis=0))
    assert np.isnan(scores).all()
    assert read == 0.0


async def test_questions_are_the_checkouts_with_pythons_words_for_what_was_read(
    tmp_path: Path, requester_of: RequesterOf
) -> None:
    script = Script(1, malformed=0.0)
    _, _, bodies, _ = await scored(write_radrscore(tmp_path / "c"), "upstream", invented(1), script, requester_of)
    assert [body["messages"][0]["content"] for body in bodies] == [SYSTEM] * 5
    assert not any({"temperature", "seed", "max_tokens"} & body.keys() for body in bodies)
    first, second, recall, precision, efficiency = (body["messages"][1]["content"] for body in bodies)
    steps = "['heart: Size 0.', 'lungs: Clear.']"
    assert first == f'\n            FINDINGS of {steps} as {{"key_conclusion": []}}\n            '
    assert "FINDINGS of I look 0.\nReport 0. as" in second
    assert recall.startswith("RECALL of {'key_conclusion': [")
    assert precision.startswith("PRECISION Reference 0. | of {'key_conclusion': [")
    assert efficiency == f"EFFICIENCY {steps} | of I look 0.\nReport 0."


async def test_a_study_without_a_reference_trace_asks_nothing(tmp_path: Path, requester_of: RequesterOf) -> None:
    study = Study("a", reference=Report(findings="Clear."))
    example = Example(study, Answer("a", "ok", report=Report(text="Clear.")))
    metric, rows, bodies, _ = await scored(
        write_radrscore(tmp_path / "c"), "strict", [example], Script(1, malformed=0.0), requester_of
    )
    assert bodies == []
    assert np.isnan(metric.reduce(rows.sum(axis=0))).all()


def test_another_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cal_recall does not use pred, reason_steps"):
        read_radrscore(write_radrscore(tmp_path / "c", RADRSCORE.replace("| in {pred}", "| in {other}")))


def test_without_a_checkout_the_table_says_what_brings_it() -> None:
    assert all("radrscore.checkout=FOLDER" in one.remedy for one in suite(["radrscore"]).missing)
