"""One answer that asks to wait holds one study, never the run; whatever it asks for, the wait is bounded."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mmrad_eval.core.errors import Failed, Stopped
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Request
from mmrad_eval.harness.holds import FIRST_HOLD, Holds
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.model_registry import waits
from mmrad_eval.model_registry.openai_chat import ChatClient

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
Question = Callable[..., Request]
Answer = Callable[[str], tuple[int, dict[str, str], Any]]


def tomorrow() -> str:
    return email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(days=1))


def google(delay: object) -> dict[str, Any]:
    return {"error": {"code": 429, "message": "quota", "details": [{"@type": "RetryInfo", "retryDelay": delay}]}}


def fine() -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"model": "m", "choices": [{"message": {"content": "FINDINGS: Clear."}, "finish_reason": "stop"}]}


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[str, list[str]]]:
    """A server on loopback whose answer is a function of the question; its address, and what it was asked."""
    seen: list[str] = []

    async def reply(request: web.Request) -> web.Response:
        content = (await request.json())["messages"][-1]["content"]
        text = content if isinstance(content, str) else json.dumps(content)
        seen.append(text)
        status, headers, body = answer(text)
        return web.json_response(body, status=status, headers=headers)

    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", reply)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/v1", seen
    finally:
        await runner.cleanup()


def requester(journal: Journal, *urls: str, retry: Retry | None = None, at_once: int = 2) -> Requester:
    client = ChatClient(Card(provider="openai", id="rehearsal"), urls)
    return Requester(client, journal, pace=Pace.fixed(at_once), retry=retry or Retry(first=0.01, longest=0.05))


async def within(seconds: float, work: Awaitable[Any]) -> Any:
    async with asyncio.timeout(seconds):
        return await work


LONG = [
    ({"Retry-After": "86400"}, {}),
    ({"Retry-After": tomorrow()}, {}),
    ({"Retry-After": "9" * 400}, {}),
    ({"Retry-After": "1e400"}, {}),
    ({"retry-after-ms": "inf"}, {}),
    ({"retry-after-ms": "1" + "0" * 300}, {}),
    ({"Retry-After": "soon"}, google("90000s")),
    ({}, google("Infinitys")),
    ({}, google("9" * 150 + "s")),
    ({}, [google("86400.5s")]),
]


@pytest.mark.parametrize(("headers", "body"), LONG)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_beyond_all_patience_fails_its_study_at_once_and_no_other(
    journal: Journal, question: Question, headers: dict[str, str], body: Any, status: int
) -> None:
    async with serving(lambda text: (status, headers, body) if "study-7" in text else fine()) as (url, seen):
        asking = requester(journal, url, at_once=1)
        outcomes = await within(
            20, asyncio.gather(*(asking.ask(question(f"study-{i}")) for i in range(6, 40)), return_exceptions=True)
        )
        await asking.close()

    failed = [str(outcome) for outcome in outcomes if isinstance(outcome, Failed)]
    assert len(failed) == 1
    assert "asks us to wait" in failed[0]
    assert len(failed[0]) < 300
    assert sum("study-7" in text for text in seen) == 1
    assert asking.signal.stop is None


async def test_a_daily_quota_ends_the_run_after_a_few_studies_and_does_not_wait_for_tomorrow(
    journal: Journal, question: Question
) -> None:
    async with serving(lambda _: (429, {"Retry-After": "86400"}, {})) as (url, seen):
        asking = requester(journal, url)
        work = asyncio.gather(*(asking.ask(question(f"study-{i}")) for i in range(60)), return_exceptions=True)
        await within(20, work)
        await asking.close()

    assert len(seen) <= 14
    assert "requests in a row failed permanently" in asking.signal.reason


@pytest.mark.parametrize("after", ["20", "599", "86400", "9" * 400])
async def test_with_two_addresses_the_one_that_does_not_ask_to_wait_gets_the_requests(
    journal: Journal, question: Question, after: str
) -> None:
    async with (
        serving(lambda _: (429, {"Retry-After": after}, {})) as (busy, refused),
        serving(lambda _: fine()) as (url, answered),
    ):
        asking = requester(journal, busy, url)
        await within(15, asyncio.gather(*(asking.ask(question(f"study-{i}")) for i in range(30))))
        await asking.close()

    assert len(answered) == 30
    assert len(refused) <= 2
    assert asking.counts.failed == 0


async def test_a_dead_address_does_not_end_a_run_whose_other_address_asks_to_wait(
    journal: Journal, question: Question
) -> None:
    asks: Iterator[tuple[int, dict[str, str], Any]] = iter([(429, {"Retry-After": "1.5"}, {})])
    async with serving(lambda _: next(asks, fine())) as (url, _):
        asking = requester(journal, "http://127.0.0.1:9/v1", url, retry=Retry(first=0.01, first_patience=0.3))
        await within(20, asyncio.gather(*(asking.ask(question(f"study-{i}")) for i in range(4))))
        await asking.close()

    assert asking.signal.stop is None


def test_one_answer_holds_its_address_for_half_a_minute_and_two_in_a_row_for_as_long_as_they_ask() -> None:
    holds = Holds()
    holds.name(["a", "b"])

    def held(address: str) -> float:
        return holds._addresses[address].free_at(time.monotonic()) - time.monotonic()

    holds.hold("a", 500.0)
    assert held("a") == pytest.approx(FIRST_HOLD, abs=1)
    assert (holds.ready("a"), holds.ready("b"), holds.wait()) == (False, True, None)
    holds.replied("a")
    holds.hold("a", 400.0)
    assert held("a") == pytest.approx(FIRST_HOLD, abs=1)
    holds.hold("a", 400.0)
    assert held("a") == pytest.approx(400, abs=1)
    holds.hold("b", 5.0)
    wait = holds.wait()
    assert wait is not None
    assert wait.reason == "b asks to wait"


@pytest.mark.parametrize("reset", ["9" * 400 + "s", "9999h", "1e300", "9999-12-31T23:59:59Z", "inf", "-5s", "nan"])
async def test_an_account_without_end_lets_a_request_through_after_a_minute(reset: str) -> None:
    holds = Holds()
    headers = {
        f"x-ratelimit-{part}-requests": value
        for part, value in zip(("limit", "remaining", "reset"), ("60", "0", reset), strict=True)
    }
    holds.told("", headers, tokens=100.0, in_flight=1)
    holds.take()

    wait = holds.wait()
    assert wait is None or wait.until - time.monotonic() <= 60


@pytest.mark.parametrize("tool", ["a hold of the server", "a wait of one study", "a server that is not there"])
@pytest.mark.parametrize("draining", [True, False])
async def test_a_stop_of_any_kind_ends_any_wait(
    journal: Journal, question: Question, tool: str, *, draining: bool
) -> None:
    async with serving(lambda _: (429, {"Retry-After": "300"}, {})) as (url, _):
        asking = requester(journal, "http://127.0.0.1:9/v1" if "not there" in tool else url)
        n = 1 if "one study" in tool else 9
        work = asyncio.gather(*(asking.ask(question(f"study-{i}")) for i in range(n)), return_exceptions=True)
        async with asyncio.timeout(20):
            while (wait := asking.sender.waiting()) is None:
                await asyncio.sleep(0.01)
        asking.signal.set(Stop("--max-time: 5 s have passed" if draining else "interrupted", draining=draining))
        outcomes = await within(5, work)
        await asking.close()

    assert wait.until > time.monotonic()
    assert "127.0.0.1" in wait.reason
    assert {type(outcome) for outcome in outcomes} == {Stopped}


ABSURD = [
    ("nan", None),
    ("-1", None),
    ("-inf", None),
    ("-5s", None),
    ("inf", waits.LONGEST),
    ("1e308", waits.LONGEST),
    ("9" * 400, waits.LONGEST),
    ("9" * 400 + "h", waits.LONGEST),
    ("9999-12-31T23:59:59-23:59", waits.LONGEST),
    ("0001-01-01T00:00:00+23:59", 0.0),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ("Fri, 31 Dec 9999 23:59:59 GMT", waits.LONGEST),
    ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ("\N{SUPERSCRIPT TWO}", None),
    ("\N{ARABIC-INDIC DIGIT FIVE}s", None),
    ("", None),
    ("1.2.3", None),
]


@pytest.mark.parametrize(("text", "expected"), ABSURD)
def test_absurd_waits_are_bounded_or_ask_for_nothing(text: str, expected: float | None) -> None:
    assert waits.seconds(text) == expected
    assert waits.asked_wait({"Retry-After": text}) == expected


async def test_max_time_ends_a_wait_and_the_line_of_progress_says_what_is_waited_for(tmp_path: Path) -> None:
    async with serving(lambda _: (429, {"Retry-After": "300"}, {})) as (url, _):
        words = [
            COMMAND,
            "--model",
            "openai:rehearsal",
            "--no-look-check",
            "--base-url",
            url,
            "--task",
            "direct",
            "--limit",
            "8",
        ]
        start = time.monotonic()
        ended = await asyncio.to_thread(
            subprocess.run,
            [*words, "--metrics", "bleu@raw", "--max-time", "3s", "--out", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        took = time.monotonic() - start

    assert ended.returncode == 3, ended.stderr
    assert took < 40
    assert "waiting until " in ended.stderr
    assert f"{url} asks to wait" in ended.stderr
    assert "--max-time: 3 s have passed" in ended.stderr
    assert "8 of 8 studies" in ended.stderr
