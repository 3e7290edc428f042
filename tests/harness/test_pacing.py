"""Pacing: how many at once, how long to wait, what providers' headers ask for."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import Stopped
from mmrad_eval.core.values import Request
from mmrad_eval.harness import ratelimits
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.model_registry import waits
from mmrad_eval.model_registry.mock_server import MockServer

NOW = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC)


@given(tries=st.integers(1, 1000), after=st.none() | st.floats(0, 100))
def test_a_wait_grows_to_its_limit_and_is_never_less_than_asked_for(tries: int, after: float | None) -> None:
    retry = Retry(first=0.5, longest=30.0)
    waited = retry.wait(tries, after)

    assert waited >= max(after or 0.0, min(0.25 * 2.0 ** min(tries - 1, 20), 15.0))
    assert waited <= max(after or 0.0, 0.5 * 2.0 ** min(tries - 1, 20), 0.5)
    assert waited <= max(after or 0.0, 30.0)


async def test_the_limit_doubles_while_latency_holds_and_stops_where_it_does_not() -> None:
    pace = Pace(limit=4, most=64)
    for _ in range(4 + 8 + 16):
        pace.replied(0.1)
    assert pace.limit == 32
    for _ in range(200):
        pace.replied(0.5)
    assert pace.limit == 32


async def test_the_limit_halves_once_for_a_burst_and_grows_slowly_after() -> None:
    pace = Pace(limit=32, most=64)
    for _ in range(20):
        pace.throttled(None)
    assert pace.limit == 16
    for _ in range(16):
        pace.replied(0.1)
    assert pace.limit == 17


async def test_single_faults_among_many_replies_are_no_overload() -> None:
    pace = Pace(limit=32, most=64)
    for _ in range(100):
        for _ in range(9):
            pace.replied(0.1)
        pace.troubled()
    assert pace.limit == 64
    for _ in range(400):
        pace.troubled()
    assert pace.limit == 32


async def test_the_limit_never_falls_under_one() -> None:
    pace = Pace(limit=1, most=8)
    pace.throttled(None)
    assert pace.limit == 1
    await pace.enter()


async def test_places_are_given_in_order_and_a_cancelled_wait_takes_none() -> None:
    pace = Pace.fixed(1)
    await pace.enter()
    order: list[int] = []

    async def visit(number: int) -> None:
        await pace.enter()
        order.append(number)
        pace.leave()

    visits = [asyncio.create_task(visit(number)) for number in range(5)]
    await asyncio.sleep(0)
    visits[1].cancel()
    pace.leave()
    await asyncio.gather(*visits, return_exceptions=True)

    assert order == [0, 2, 3, 4]
    assert pace.in_flight == 0


async def test_a_place_that_was_given_to_a_cancelled_wait_is_not_lost() -> None:
    pace = Pace.fixed(1)
    await pace.enter()
    waiting = asyncio.create_task(pace.enter())
    await asyncio.sleep(0)
    pace.leave()  # gives the place
    waiting.cancel()  # and in the same moment
    await asyncio.gather(waiting, return_exceptions=True)

    assert pace.in_flight == 0


async def test_a_hold_ends_by_itself() -> None:
    pace = Pace.fixed(4)
    pace.throttled(0.2)
    start = time.monotonic()
    await pace.enter()
    assert time.monotonic() - start >= 0.2


async def test_stopping_wakes_those_who_wait() -> None:
    pace = Pace.fixed(1)
    await pace.enter()
    waiting = asyncio.create_task(pace.enter())
    await asyncio.sleep(0)
    pace.stop(Stop("enough"))
    with pytest.raises(Stopped, match="enough"):
        await waiting
    with pytest.raises(Stopped):
        await pace.enter()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1m30s250ms", 90.25),
        ("2.5", 2.5),
        ("2026-11-25T12:00:30Z", 30.0),
        ("2026-11-25T11:00:00+00:00", 0.0),
        ("soon", None),
        ("", None),
        ("2026-11-25T12:00:30", None),
    ],
)
def test_resets_are_read_in_each_of_their_forms(text: str, expected: float | None) -> None:
    assert waits.seconds(text, NOW) == expected


def openai(kind: str, limit: object, remaining: object, reset: str) -> dict[str, str]:
    names = ("limit", "remaining", "reset")
    return {f"x-ratelimit-{name}-{kind}": str(v) for name, v in zip(names, (limit, remaining, reset), strict=True)}


def anthropic(kind: str, limit: object, remaining: object, reset: str) -> dict[str, str]:
    names = ("limit", "remaining", "reset")
    return {f"anthropic-ratelimit-{kind}-{n}": str(v) for n, v in zip(names, (limit, remaining, reset), strict=True)}


IN_A_MINUTE = "2026-11-25T12:01:00Z"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        (openai("requests", 60, 5, "55s"), (5, 1, 60)),
        (openai("requests", 60, 0, "1m0s"), (0, 1, 60)),
        (openai("requests", 60, 60, "0s"), None),
        (openai("tokens", 10000, 400, "57.6s"), (0.4, 1 / 6, 10)),
        (openai("requests", 60, 5, "55s") | openai("tokens", 10000, 400, "57.6s"), (0.4, 1 / 6, 10)),
        (anthropic("requests", 50, 0, IN_A_MINUTE), (0, 50 / 60, 50)),
        (anthropic("input-tokens", 2000, 0, IN_A_MINUTE), (0, 2 / 60, 2)),
        (openai("requests", "many", "none", "later"), None),
    ],
)
def test_headers_tell_what_is_left_and_how_fast_more_comes(
    headers: dict[str, str], expected: tuple[float, float, float] | None
) -> None:
    """A request takes 1,000 tokens; limits refill at a constant rate until the reset."""
    told = ratelimits.account(headers, tokens=1000.0, now=NOW)
    assert told == (None if expected is None else pytest.approx(expected))


async def test_a_place_that_becomes_free_between_two_looks_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock passes the end of the hold after it was found closed, and before the next look is arranged."""
    pace = Pace.fixed(4)
    pace.throttled(10.0)
    wait = pace.holds.wait()
    assert wait is not None
    until = wait.until
    looks = iter([until - 0.001])
    clock = SimpleNamespace(monotonic=lambda: next(looks, until + 0.001))
    for module in ("pacing", "holds"):
        monkeypatch.setattr(f"mmrad_eval.harness.{module}.time", clock)

    async with asyncio.timeout(10):
        await pace.enter()

    assert pace.in_flight == 1


async def test_a_server_s_limit_a_minute_is_kept_without_a_single_429(
    requester_of: Callable[..., Requester], question: Callable[..., Request]
) -> None:
    """The server lets 20 requests through at once and refills 50 a second; who asks faster gets 429."""
    async with MockServer(bucket=(20, 50.0)) as server:
        requester = requester_of(server.url, at_once=4)
        start = time.monotonic()
        await asyncio.gather(*(requester.ask(question(f"study-{i}")) for i in range(60)))
        took = time.monotonic() - start

    assert requester.counts.retries <= 3
    assert took >= 0.7
