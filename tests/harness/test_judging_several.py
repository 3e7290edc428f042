"""A metric of several questions to several judges: what is asked, what is open, what enters the number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from mmrad_eval import Column, Decoding, Message, Text, Verdict
from mmrad_eval.core.errors import PluginError, UsageError
from mmrad_eval.core.judge_contracts import AskJudge, declined
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.harness.judge_preview import judge_previews
from mmrad_eval.harness.judges import judges
from mmrad_eval.harness.judging import JudgeAccount, put_questions
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.metrics import Suite
from mmrad_eval.metrics.guarded import guarded
from mmrad_eval.model_registry.mock_server import MockServer

FORMAT = {"response_format": {"type": "json_object"}}


def said(text: str) -> tuple[Message, ...]:
    return (Message("user", (Text(text),)),)


class Phrases:
    """Splits a report by one judge, and asks another one about each phrase beside the others."""

    name = "phrases@test"
    columns = (Column("Phrases", "test"), Column("Phrases read", "test"))
    statistics = ("words", "read", "studies")
    requires = ()
    parts = ("split", "entail")
    decoding = Decoding(max_tokens=None, temperature=0.0)

    def __init__(self, said: Mapping[str, Verdict] | None = None) -> None:
        self.said = said or {}

    def most(self, example: Example) -> int:
        return 3

    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        split = await ask(said(f"SPLIT {example.study.id}"), part="split", extra=FORMAT)
        if why := declined(split):
            return Verdict(state="unread", why=why)
        replies = await asyncio.gather(
            *(
                ask(
                    said(f"ENTAIL {example.study.id} {n} {split.text[:5]}"),
                    part="entail",
                    decoding=Decoding(max_tokens=9),
                )
                for n in range(2)
            )
        )
        return Verdict(sum(len(reply.text.split()) for reply in replies))

    def judged(self, said: Mapping[str, Verdict]) -> Phrases:
        return Phrases(said)

    def fit(self, corpus: object) -> None: ...

    def signature(self, context: object) -> str:
        return "phrases|v1"

    def measure(self, examples: Sequence[Example], context: object) -> Any:
        found = [self.said[one.study.id] for one in examples]
        return np.array([[float(one.value or 0), float(one.state == "read"), 1.0] for one in found])

    def reduce(self, sums: Any) -> Any:
        return sums[..., :2] / sums[..., 2:]


EXAMPLES = [
    Example(Study(name, reference=Report("Clear.")), Answer(name, "ok", report=Report("Clear."))) for name in "abcd"
]
RequesterOf = Callable[..., Requester]


async def judged(accounts: Mapping[str, JudgeAccount], metric: Any = None, repeats: int = 1) -> tuple[Suite, list[str]]:
    lines: list[str] = []
    suite = Suite([guarded(metric or Phrases())])
    return await put_questions(suite, EXAMPLES, accounts, repeats, lines.append), lines


async def test_questions_of_parts_go_to_their_judges_with_their_own_form(
    server: MockServer, requester_of: RequesterOf
) -> None:
    async with MockServer(keep=True, own_words=True) as other:
        accounts = {
            "split": JudgeAccount(requester_of(server.url)),
            "entail": JudgeAccount(requester_of(other.url)),
        }
        suite, lines = await judged(accounts)
        splits, entails = server.bodies, other.bodies
    assert len(splits) == 4
    assert all(b["response_format"] == FORMAT["response_format"] and "max_tokens" not in b for b in splits)
    assert len(entails) == 8
    assert {body["max_tokens"] for body in entails} == {9}
    assert not any("response_format" in body for body in entails)
    assert lines == ["phrases@test: 4 read, 0 degraded, 0 unread"]
    signature = suite[0].signature(suite[0].fit(None))  # type: ignore[arg-type]  # it knows nothing of a corpus
    assert signature.startswith("phrases|judge:split=openai:rehearsal/")
    assert ";entail=openai:rehearsal/" in signature


@pytest.mark.parametrize("fault", ["500", "401", "disconnect", "malformed", "nofinish"])
async def test_one_question_without_an_answer_leaves_the_study_open(
    server: MockServer, requester_of: RequesterOf, fault: str
) -> None:
    server.faults = {"ENTAIL b 1": fault}
    requester = requester_of(server.url, at_once=1)
    suite, _ = await judged({"": JudgeAccount(requester)})
    assert list(suite) == []
    (missing,) = suite.missing
    assert "of its questions to openai:rehearsal have no answer (" in missing.what

    server.faults = {}
    answered = {text for text in texts(server) if not text.startswith("ENTAIL b 1 ")}
    before = len(server.bodies)
    suite, _ = await judged({"": JudgeAccount(requester_of(server.url, at_once=1))})
    assert len(suite) == 1
    later = texts(server)[before:]
    assert any(text.startswith("ENTAIL b 1 ") for text in later)
    assert not answered & set(later)
    assert len(answered | set(later)) == 12


def texts(server: MockServer) -> list[str]:
    return [body["messages"][0]["content"] for body in server.bodies]


@pytest.mark.parametrize("fault", ["policy", "long", "refusal", "filter"])
async def test_a_judge_that_declines_leaves_a_verdict_and_no_gap(
    server: MockServer, requester_of: RequesterOf, fault: str
) -> None:
    server.faults = {"SPLIT c": fault}
    suite, lines = await judged({"": JudgeAccount(requester_of(server.url))})
    (metric,) = suite
    assert lines == ["phrases@test: 3 read, 0 degraded, 1 unread"]
    assert metric.reduce(metric.measure(EXAMPLES, None).sum(axis=0))[1] == 0.75


async def test_repeats_are_other_draws_whose_spread_is_a_column(server: MockServer, requester_of: RequesterOf) -> None:
    accounts = {"": JudgeAccount(requester_of(server.url))}
    suite, lines = await judged(accounts, repeats=3)
    (metric,) = suite
    assert len(server.bodies) == 3 * (4 + 8)
    assert lines == ["phrases@test: 12 read, 0 degraded, 0 unread"]
    assert [c.label for c in metric.columns][2:] == ["Phrases spread @ test", "Phrases read spread @ test"]
    assert len(metric.statistics) == 9
    sums = np.array([10.0, 4, 4, 12.0, 4, 4, 20.0, 4, 4])
    assert metric.reduce(sums) == pytest.approx([3.5, 1.0, np.std([2.5, 3, 5], ddof=1), 0.0])
    assert "|repeats:3|v1" in metric.signature(None)
    before = len(server.bodies)
    await judged({"": JudgeAccount(requester_of(server.url))}, repeats=3)
    assert len(server.bodies) == before


async def test_another_sample_of_one_question_is_another_request(server: MockServer, requester_of: RequesterOf) -> None:
    class Twice(Phrases):
        async def judge(self, example: Example, ask: AskJudge) -> Verdict:
            for sample in (0, 1, 1):
                await ask(said("the same"), sample=sample)
            return Verdict(1)

    await judged({"": JudgeAccount(requester_of(server.url))}, Twice())
    assert len(server.bodies) == 2


async def test_a_budget_stops_between_questions(server: MockServer, requester_of: RequesterOf) -> None:
    requester = requester_of(server.url, at_once=1)

    def spent(begun: int) -> Stop | None:
        return Stop("--max-requests", draining=True) if requester.counts.sent + begun >= 5 else None

    suite, _ = await judged({"": JudgeAccount(requester, spent)})
    assert list(suite) == []
    assert len(server.bodies) <= 5


async def test_a_metric_can_not_turn_a_missing_reply_into_a_verdict(
    server: MockServer, requester_of: RequesterOf
) -> None:
    class Swallows(Phrases):
        async def judge(self, example: Example, ask: AskJudge) -> Verdict:
            try:
                await ask(said(f"SPLIT {example.study.id}"))
            except BaseException:  # noqa: BLE001 (what a careless plugin does)
                return Verdict(99)
            return Verdict(1)

    server.faults = {"SPLIT b": "401"}
    suite, _ = await judged({"": JudgeAccount(requester_of(server.url))}, Swallows())
    assert list(suite) == []


@pytest.mark.parametrize("made", [None, 1.0, Verdict(1, state="good")])  # type: ignore[arg-type]  # a wrong state
async def test_what_is_no_verdict_ends_the_run(server: MockServer, requester_of: RequesterOf, made: Any) -> None:
    class Odd(Phrases):
        async def judge(self, example: Example, ask: AskJudge) -> Verdict:
            await ask(said("x"))
            return made  # type: ignore[no-any-return]

    with pytest.raises(PluginError, match="it must be a Verdict"):
        await judged({"": JudgeAccount(requester_of(server.url))}, Odd())


async def test_an_error_of_the_metric_is_named_with_its_study(server: MockServer, requester_of: RequesterOf) -> None:
    class Broken(Phrases):
        async def judge(self, example: Example, ask: AskJudge) -> Verdict:
            raise KeyError("nothing")

    with pytest.raises(PluginError, match="phrases@test: judge failed for study a: KeyError"):
        await judged({"": JudgeAccount(requester_of(server.url))}, Broken())


async def test_a_metric_that_asks_what_another_does_is_priced_once(
    server: MockServer, requester_of: RequesterOf
) -> None:
    class Again(Phrases):
        name = "again@test"

    class Other(Phrases):
        name = "other@test"

        async def judge(self, example: Example, ask: AskJudge) -> Verdict:
            await ask(said(f"OTHER {example.study.id}"), part="split")
            return Verdict(1)

    clients = {"": requester_of(server.url).client}
    suite = Suite([guarded(one) for one in (Phrases(), Again(), Other())])
    first, again, other = await asyncio.to_thread(judge_previews, suite, clients, EXAMPLES)
    assert str(first).startswith("phrases@test asks openai:rehearsal: at most 12 requests")
    assert str(again) == "again@test shares its requests with phrases@test"
    assert str(other).startswith("other@test asks openai:rehearsal")
    assert server.bodies == []


def test_judges_are_named_by_part() -> None:
    found = judges(
        ["split=vllm:a/b", "openai:m"], ["http://127.0.0.1:1", "split=http://127.0.0.1:2"], ["split=KEY"], repeats=2
    )
    assert found is not None
    assert found.by_part["split"].model == "vllm:a/b"
    assert found.by_part["split"].base_url == ("http://127.0.0.1:2",)
    assert found.by_part[""].base_url == ("http://127.0.0.1:1",)
    assert (found.by_part["split"].api_key_env, found.by_part[""].api_key_env) == ("KEY", None)


@pytest.mark.parametrize(
    ("models", "urls", "message"),
    [
        (["openai:a", "openai:b"], [], "judges all parts already"),
        (["split=vllm:a/b"], [], "no judge is named for the part 'entail' of phrases@test"),
        (["rank=vllm:a/b", "vllm:a/b"], [], "no metric has a part 'rank'; the parts are entail, split"),
        (["vllm:a/b"], ["split=http://127.0.0.1:1"], "name that judge with --judge split=MODEL"),
    ],
)
def test_judges_that_do_not_fit_are_refused(models: list[str], urls: list[str], message: str) -> None:
    def found() -> None:
        named = judges(models, urls)
        assert named is not None
        named.clients(Suite([guarded(Phrases())]), key_needed=False)

    with pytest.raises(UsageError, match=message):
        found()


def test_a_metric_that_lacks_a_part_of_the_contract_is_quoted_back() -> None:
    class Half(Phrases):
        most = None  # type: ignore[assignment]

    from mmrad_eval.core import plugins
    from mmrad_eval.metrics.guarded import kind

    with pytest.raises(PluginError, match="`most` must be a method `most\\(example\\)`"):
        plugins.checked(kind(), Half(), "of a test")
