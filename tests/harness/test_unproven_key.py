"""Where a key goes with the requests, few leave until one was answered: a wrong key must not cost a burst."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mmrad_eval.core.errors import Failed, Stopped
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Request
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.model_registry.secrets import Secret

Question = Callable[..., Request]


def requester_of(server: MockServer, journal: Journal, at_once: int, *, timeout: float | None = None) -> Requester:
    card, key = Card(provider="openai", id="rehearsal"), Secret("planted", "a test")
    client = ChatClient(card, (server.url,), key, timeout=timeout)
    return Requester(client, journal, pace=Pace.fixed(at_once), retry=Retry(first=0.01, longest=0.05, timeouts=1))


@pytest.mark.parametrize("fault", ["401", "404", "302"])
async def test_a_key_that_no_reply_has_proven_costs_a_few_requests_however_many_may_leave(
    server: MockServer, journal: Journal, question: Question, fault: str
) -> None:
    server.faults = {"study": fault}
    server.delay = 0.05
    requester = requester_of(server, journal, 64)
    asks = [asyncio.create_task(requester.ask(question(f"study-{i}"))) for i in range(200)]
    outcomes = await asyncio.gather(*asks, return_exceptions=True)
    await requester.close()

    assert 3 <= server.requests <= 5
    assert {type(outcome) for outcome in outcomes} == {Failed, Stopped}


async def test_after_the_first_reply_all_may_leave(server: MockServer, journal: Journal, question: Question) -> None:
    server.faults = {"study-0": "400", "study-1": "400"}  # which prove nothing, and fail
    server.delay = 0.05
    requester = requester_of(server, journal, 20)
    first = [asyncio.create_task(requester.ask(question(f"study-{i}"))) for i in range(2)]
    failed = await asyncio.gather(*first, return_exceptions=True)
    few = requester.pace.few
    await asyncio.gather(*(requester.ask(question(f"study {i}")) for i in range(60)))
    await requester.close()

    assert {type(one) for one in failed} == {Failed}
    assert (few, requester.pace.few) == (3, None)
    assert server.most_at_once == 20


async def test_requests_that_are_not_answered_do_not_hold_up_the_others(
    server: MockServer, journal: Journal, question: Question
) -> None:
    server.faults = {"study-stuck": "hang"}
    requester = requester_of(server, journal, 20, timeout=0.5)
    stuck = [asyncio.create_task(requester.ask(question(f"study-stuck {i}"))) for i in range(3)]
    asks = [asyncio.create_task(requester.ask(question(f"study {i}"))) for i in range(20)]
    outcomes = await asyncio.gather(*stuck, *asks, return_exceptions=True)
    await requester.close()

    assert [type(outcome) for outcome in outcomes[:3]] == [Failed] * 3
    assert not any(isinstance(outcome, BaseException) for outcome in outcomes[3:])


async def test_without_a_key_nothing_waits(server: MockServer, journal: Journal) -> None:
    client = ChatClient(Card(provider="openai", id="rehearsal"), (server.url,))
    assert Requester(client, journal).pace.few is None
    await client.close()
