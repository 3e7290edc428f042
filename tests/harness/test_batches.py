"""Provider batches over HTTP: lines that go wrong, batches that nobody told us of, and processes killed at any call."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import mmrad_eval
from mmrad_eval.core.errors import GateError, UsageError
from mmrad_eval.core.values import Report, Study
from mmrad_eval.harness.evaluate import Evaluation
from tests.model_registry.batch_server import WORDS, BatchServer

KINDS = ["openai", "anthropic", "gemini"]
N = 6
REPORT = Report("Heart large.", findings="Heart large.")


def studies(n: int = N) -> mmrad_eval.Dataset:
    return mmrad_eval.Dataset("mine", tuple(Study(f"s{number}", reference=REPORT) for number in range(n)), "open")


def user(words: str) -> mmrad_eval.Message:
    return mmrad_eval.Message("user", (mmrad_eval.Text(words),))


@mmrad_eval.task("one-turn", needs=())
async def one_turn(study: Study, context: mmrad_eval.TaskContext) -> mmrad_eval.Answer:
    """A question that names the study."""
    return mmrad_eval.read_answer(await context.ask([user(f"The report of {study.id}, please.")]), context.target)


def ask(server: BatchServer, out: Path, task: object = one_turn, data: object = None, **more: Any) -> Evaluation:
    return mmrad_eval.evaluate(
        f"{server.kind}:m",
        task,
        data or studies(),
        "bleu@raw",
        base_url=server.url,
        out=out,
        batch=True,
        **more,
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_a_batch_answers_a_run_and_the_next_command_sends_nothing(kind: str, tmp_path: Path) -> None:
    async with BatchServer(kind) as server:
        run = await asyncio.to_thread(ask, server, tmp_path)
        calls = len(server.calls)
        again = await asyncio.to_thread(ask, server, tmp_path)

    assert run.complete
    assert {answer.report.text for answer in run.answers() if answer.report} == {WORDS}
    assert all(one["batch"] for one in run.run.served)
    assert set(server.asked.values()) == {1}
    assert (len(server.made), len(server.asked)) == (1, N)
    assert len(server.calls) == calls
    assert again.complete


@pytest.mark.parametrize("kind", KINDS)
async def test_only_what_a_batch_did_not_answer_is_asked_again(kind: str, tmp_path: Path) -> None:
    fates = {0: "expired", 1: "lost", 2: "busy", 3: "torn", 4: "doubled"}
    async with BatchServer(kind, fates=fates) as server:
        run = await asyncio.to_thread(ask, server, tmp_path)
        first = {answer.study: (answer.status, answer.why) for answer in run.answers()}
        whole = await asyncio.to_thread(ask, server, tmp_path)

    assert [status for status, _ in first.values()] == ["failed"] * 4 + ["ok"] * 2
    assert all(why for status, why in first.values() if status == "failed")
    assert whole.complete
    assert [len(batch["requests"]) for batch in server.made.values()] == [N, 4]
    assert sorted(server.asked.values()) == [1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_batch_that_was_made_without_our_being_told_is_found_and_not_made_again(
    kind: str, tmp_path: Path
) -> None:
    async with BatchServer(kind) as server:
        server.made["b0"] = {"requests": {"f" * 64: {}}, "looks": 0, "time": 1e9, "metadata": {}, "display": "other"}
        server.silent_create = 1
        run = await asyncio.to_thread(ask, server, tmp_path)

    assert run.complete
    assert set(server.asked.values()) == {1}


SCRIPT = """
import sys
from pathlib import Path
from tests.harness.test_batches import ask, studies
from tests.model_registry.batch_server import BatchServer
server = BatchServer(sys.argv[1]); server.url = sys.argv[2]
ask(server, Path(sys.argv[3]))
"""


CALLS = {"openai": 6, "anthropic": 4, "gemini": 3}
"""Upload, creation, looks and pages of results of a batch that is in progress once; Gemini's last look has them."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
async def test_killed_at_any_call_nothing_is_paid_twice_and_nothing_is_lost(
    kind: str, when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmrad_eval.harness.batching._SHOWN_WITHIN", 1.0)
    for call in range(CALLS[kind]):
        async with BatchServer(kind) as server:
            out = tmp_path / str(call)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", SCRIPT, kind, server.url, str(out)),
                cwd=Path(__file__).parents[2],
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
                stderr=-1,
            )
            server.kill = (call, when, process.pid)
            _, said = await asyncio.wait_for(process.communicate(), 120)
            server.kill = None
            assert process.returncode == -9, said.decode()
            run = await asyncio.to_thread(ask, server, out)
        assert run.complete, server.calls
        assert set(server.asked.values()) == {1}, (call, when, server.calls)


async def test_turns_that_follow_are_batches_of_their_own(tmp_path: Path) -> None:
    async def converse(study: Study, context: mmrad_eval.TaskContext) -> mmrad_eval.Answer:
        first = await context.ask([user(f"Think about {study.id}.")])
        second = await context.ask([user(f"{study.id}: {first.text} Now the report.")])
        return mmrad_eval.read_answer(second, context.target)

    two = mmrad_eval.task("two-turns", needs=())(converse)
    async with BatchServer("openai") as server:
        run = await asyncio.to_thread(ask, server, tmp_path, two)

    assert run.complete
    assert [len(batch["requests"]) for batch in server.made.values()] == [N, N]


async def test_a_page_that_holds_state_and_results_is_read_once_after_its_batch_has_ended(tmp_path: Path) -> None:
    async with BatchServer("gemini", looks=1) as server:
        assert (await asyncio.to_thread(ask, server, tmp_path)).complete
    assert server.calls.count("GET /v1/batches/b0") == 2  # one look while it was in progress


async def test_many_requests_are_parted_into_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmrad_eval.model_registry.openai_batches.OpenAIBatches.lines", 4)
    async with BatchServer("openai") as server:
        run = await asyncio.to_thread(ask, server, tmp_path, data=studies(10))

    assert run.complete
    assert sorted(len(batch["requests"]) for batch in server.made.values()) == [2, 4, 4]
    assert set(server.asked.values()) == {1}


async def test_a_provider_that_takes_no_batch_ends_the_run_with_its_words(tmp_path: Path) -> None:
    async with BatchServer("openai") as server:
        server.errors["/v1/batches"] = [400] * 3
        run = await asyncio.to_thread(ask, server, tmp_path)

    assert not run.complete
    assert "accepts no batch" in run.outcome.stopped
    assert not server.made


async def test_looks_at_a_batch_are_made_again_where_they_fail(tmp_path: Path) -> None:
    async with BatchServer("openai") as server:
        server.errors["/v1/batches/b0"] = [503, 500]
        run = await asyncio.to_thread(ask, server, tmp_path)

    assert run.complete


def test_credentialed_data_needs_an_attestation_that_speaks_of_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    closed = mmrad_eval.Dataset("mine", studies().studies, "credentialed")
    stated = {"provider": "OpenAI", "retention": "zero", "who": "A. Reader"}
    with pytest.raises(GateError, match="keeps requests and replies of batches"):
        mmrad_eval.evaluate("openai:gpt-5.5", one_turn, closed, batch=True, attestation=stated, out=tmp_path)


def test_what_has_no_batches_and_budgets_that_could_not_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no batch API that is supported here"):
        mmrad_eval.evaluate("vllm:m", one_turn, studies(), base_url="http://127.0.0.1:9/v1", batch=True, out=tmp_path)
    with pytest.raises(UsageError, match="leave --budget"):
        mmrad_eval.evaluate("openai:m", one_turn, studies(), budget="2usd", batch=True, out=tmp_path)
