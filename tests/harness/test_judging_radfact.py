"""RadFact over HTTP: what the judges are sent, and the numbers of replies of which a third is malformed."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.harness.judging import JudgeAccount, put_questions
from mmrad_eval.harness.requester import Requester
from mmrad_eval.metrics import Suite
from mmrad_eval.metrics.judged.radfact import RadFact
from mmrad_eval.metrics.judged.radfact_prompts import RadFactPrompts, read_prompts, yaml_module
from mmrad_eval.metrics.judged.radfact_replies import normalized
from tests.harness.loopback_judge import Body, loopback_judge
from tests.metrics.radfact_checkout import write_checkout, write_wheel
from tests.metrics.radfact_script import entail_reply, phrase, split_reply

yaml = yaml_module()
RequesterOf = Callable[..., Requester]
FOREIGN = "Evidence from nowhere."


@pytest.fixture
def prompts(tmp_path: Path) -> RadFactPrompts:
    return read_prompts(write_checkout(tmp_path / "checkout"), write_wheel(tmp_path / "core.whl"))


class Script:
    """Replies that follow from the question alone, and what is expected of each."""

    def __init__(self, seed: int, malformed: float) -> None:
        self.seed, self.malformed = seed, malformed
        self.phrases: dict[str, list[str]] = {}
        """Report to its phrases."""

    def __call__(self, body: Body) -> str:
        asked = body["messages"][-1]["content"]
        if asked in self.phrases:
            return self.split(asked)[0]
        question = yaml.safe_load(asked)
        return self.entail(question["hypothesis"], question["reference"])[0]

    def split(self, report: str) -> tuple[str, list[str] | None]:
        chooser = self._chooser(report)
        return split_reply(chooser, self.phrases[report], bad=chooser.random() < self.malformed / 4)

    def entail(self, hypothesis: str, others: list[str]) -> tuple[str, Any]:
        chooser = self._chooser(json.dumps([hypothesis, others]))
        foreign = chooser.random() < 0.02
        given = [FOREIGN] if foreign else others
        return entail_reply(chooser, hypothesis, given, bad=chooser.random() < self.malformed)

    def _chooser(self, text: str) -> random.Random:
        return random.Random(f"{self.seed} {hashlib.sha256(text.encode()).hexdigest()}")


def expected(script: Script, candidate: str, reference: str) -> tuple[float | None, float | None] | None:
    """Precision and recall by RadFact's rules; None for a study that it drops."""
    sides = [script.split(text)[1] if text else [] for text in (candidate, reference)]
    if None in sides:
        return None
    shares: list[float | None] = []
    for own, other in ((sides[0], sides[1]), (sides[1], sides[0])):
        assert own is not None
        assert other is not None
        states: dict[str, bool] = {}
        for one in own:
            said = script.entail(one, other)[1] if other else None
            if said is not None and not {normalized(e) for e in said[1]} <= {normalized(o) for o in other}:
                return None
            states.setdefault(normalized(one), bool(said and said[0]))
        counted = [states[normalized(one)] for one in own]
        shares.append(sum(counted) / len(counted) if counted else None)
    return shares[0], shares[1]


def invented(script: Script, count: int) -> list[Example]:
    chooser = random.Random(script.seed)
    examples = []
    for number in range(count):
        reports = []
        for side in range(2):
            phrases = [phrase(chooser) for _ in range(chooser.randint(1, 6))]
            report = "" if side == 0 and number % 15 == 7 else f"Study {number} {side}. " + " ".join(phrases)
            script.phrases[report] = phrases
            reports.append(report)
        study = Study(f"s{number}", reference=Report(findings=reports[1]))
        examples.append(Example(study, Answer(study.id, "ok", report=Report(text=reports[0]))))
    return examples


async def scored(
    prompts: RadFactPrompts, profile: Literal["upstream", "strict"], examples: list[Example], url: str, of: RequesterOf
) -> tuple[RadFact, Any, list[str]]:
    lines: list[str] = []
    metrics = Suite([RadFact(f"radfact@{profile}", profile, prompts)])
    (metric,) = await put_questions(metrics, examples, {"": JudgeAccount(of(url))}, 1, lines.append)
    context = metric.fit(Corpus([one.study for one in examples]))
    return metric, metric.measure(examples, context), lines  # type: ignore[return-value]  # with its verdicts


async def test_a_thousand_replies_give_upstreams_values(prompts: RadFactPrompts, requester_of: RequesterOf) -> None:
    script = Script(5, malformed=1 / 3)
    examples = invented(script, 160)
    with loopback_judge(script) as (url, bodies):
        metric, rows, lines = await scored(prompts, "upstream", examples, url, requester_of)
    assert len(bodies) > 1000
    assert len(bodies) == len({json.dumps(body["messages"]) for body in bodies})
    found = [expected(script, one.candidate, one.reference or "") for one in examples]
    for row, values in zip(rows, found, strict=True):
        if values is None:
            assert row[:5].tolist() == [0.0] * 5
        else:
            assert row[:5] == pytest.approx([x for v in values for x in (v or 0.0, float(v is not None))] + [1.0])
    kept = [values for values in found if values is not None]
    assert 10 < len(kept) < len(examples) - 10
    precision, recall = (
        sum(v[n] or 0.0 for v in kept) / sum(v[n] is not None for v in kept)  # as nanmean
        for n in (0, 1)
    )
    total = metric.reduce(rows.sum(axis=0))
    assert total[:4] == pytest.approx(
        [precision, recall, 2 * precision * recall / (precision + recall), len(kept) / len(examples)]
    )
    assert 0.6 < total[4] < 0.9
    assert lines[-1].startswith("radfact@upstream: ")


async def test_what_is_sent_is_radfacts(prompts: RadFactPrompts, requester_of: RequesterOf) -> None:
    script = Script(1, malformed=0.0)
    examples = invented(script, 3)
    with loopback_judge(script) as (url, bodies):
        await scored(prompts, "upstream", examples, url, requester_of)
    for body in bodies:
        assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.0, 1.0, 1024)
        assert not {"response_format", "seed", "stop"} & body.keys()
    splits = [body for body in bodies if body["messages"][-1]["content"] in script.phrases]
    assert len(splits) == 6
    entails = [body for body in bodies if body not in splits]
    for some, before in ((splits, prompts.split), (entails, prompts.entail)):
        assert all([(m["role"], m["content"]) for m in body["messages"][:-1]] == list(before) for body in some)
    sent = {body["messages"][-1]["content"] for body in entails}
    for one in examples:
        own, other = (script.split(text)[1] or [] for text in (one.candidate, one.reference or ""))
        asked = [(p, other) for p in own] + [(p, own) for p in other]
        sent -= {yaml.dump({"reference": o, "hypothesis": p}, sort_keys=False) for p, o in asked}
    assert not sent


async def test_a_judge_that_is_cut_off_has_said_nothing_strictly(
    prompts: RadFactPrompts, requester_of: RequesterOf
) -> None:
    script = Script(2, malformed=0.0)
    examples = invented(script, 6)
    with loopback_judge(script, finish="length") as (url, _):
        metric, rows, lines = await scored(prompts, "strict", examples, url, requester_of)
    total = metric.reduce(rows.sum(axis=0))
    assert lines[-1] == "radfact@strict: 0 read, 0 degraded, 6 unread"
    assert total[4] == 0.0
    assert total[:3].tolist() != total[:3].tolist()  # nan: no number


async def test_a_second_profile_asks_nothing_again(prompts: RadFactPrompts, requester_of: RequesterOf) -> None:
    script = Script(3, malformed=1 / 3)
    examples = invented(script, 20)
    with loopback_judge(script) as (url, bodies):
        _, rows, _ = await scored(prompts, "upstream", examples, url, requester_of)
        before = len(bodies)
        _, strict, _ = await scored(prompts, "strict", examples, url, requester_of)
    assert len(bodies) == before
    assert strict[:, 4].sum() == 20
    assert strict[:, 0].sum() <= rows[:, 0].sum() + 1e-9 or rows[:, 4].sum() < 20
