"""Several servers of one model: the least loaded first, one that is lost, one that comes back as another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from mmrad_eval.core.errors import Stopped
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Request
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.model_registry.vllm import VllmClient

Question = Callable[..., Request]
QUICK = Retry(first=0.01, longest=0.05, patience=5.0)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[MockServer, MockServer]]:
    """Two servers of the same model."""
    async with MockServer(delay=0.02) as one, MockServer(delay=0.02) as other:
        yield one, other


def requester(journal: Journal, *urls: str, at_once: int = 8) -> Requester:
    client = ChatClient(Card(provider="openai", id="rehearsal"), urls)
    return Requester(client, journal, pace=Pace.fixed(at_once), retry=QUICK)


async def test_servers_share_the_work(
    pair: tuple[MockServer, MockServer], journal: Journal, question: Question
) -> None:
    one, other = pair
    asking = requester(journal, one.url, other.url)
    await asyncio.gather(*(asking.ask(question(f"study-{number}")) for number in range(80)))
    await asking.close()

    assert one.requests + other.requests == 80
    assert min(one.requests, other.requests) >= 30


async def test_a_slow_server_gets_less_of_it(journal: Journal, question: Question) -> None:
    async with MockServer(delay=0.01) as quick, MockServer(delay=0.2) as slow:
        asking = requester(journal, slow.url, quick.url)
        await asyncio.gather(*(asking.ask(question(f"study-{number}")) for number in range(80)))
        await asking.close()

        assert quick.requests > 3 * slow.requests


async def test_a_lost_server_costs_only_what_was_under_way_there(
    pair: tuple[MockServer, MockServer], journal: Journal, question: Question
) -> None:
    one, other = pair
    asking = requester(journal, one.url, other.url)
    asks = [asyncio.create_task(asking.ask(question(f"study-{number}"))) for number in range(120)]
    await asyncio.sleep(0.1)
    await other.stop()
    answers = await asyncio.gather(*asks)
    await asking.close()

    assert len({asked.key for asked in answers}) == 120
    assert asking.counts.failed == 0
    assert asking.counts.retries <= 8 + 4  # those under way, and a look now and then whether it is back


async def test_a_server_that_breaks_at_once_does_not_draw_all_requests_to_itself(
    journal: Journal, question: Question
) -> None:
    """It answers faster than the sound one, and so is always the least loaded."""
    async with MockServer(delay=0.02) as sound, MockServer(faults={"study": "500"}) as broken:
        asking = requester(journal, sound.url, broken.url)
        answers = await asyncio.gather(
            *(asking.ask(question(f"study-{number}")) for number in range(60)), return_exceptions=True
        )
        await asking.close()

        assert not any(isinstance(answer, BaseException) for answer in answers)
        assert broken.requests < 30


async def test_a_server_that_comes_back_as_another_is_noticed(journal: Journal, question: Question) -> None:
    first = MockServer(facts={"root": "/models/a", "max_model_len": 4096})
    url = await first.start()
    asking = Requester(VllmClient(Card(provider="vllm", id="rehearsal"), (url,)), journal, retry=QUICK)
    before = await asking.ask(question("study-1"))
    await first.stop()
    again = asyncio.create_task(asking.ask(question("study-2")))
    await asyncio.sleep(0.5)
    second = MockServer(facts={"root": "/models/b", "max_model_len": 8192})
    await second.start(int(url.removesuffix("/v1").rpartition(":")[2]))
    after = await again
    await asking.close()
    await second.stop()

    assert (before.reply.served.root, before.reply.served.context) == ("/models/a", 4096)
    assert (after.reply.served.root, after.reply.served.context) == ("/models/b", 8192)
    assert len(asking.counts.served) == 2


async def test_a_model_that_is_not_served_ends_the_run_and_says_what_is(
    server: MockServer, journal: Journal, question: Question
) -> None:
    asking = Requester(VllmClient(Card(provider="vllm", id="org/other"), (server.url,)), journal, retry=QUICK)
    with pytest.raises(Stopped, match="serves rehearsal, not org/other"):
        await asking.ask(question("study"))
    await asking.close()

    assert "serves rehearsal" in asking.signal.reason
    assert server.requests == 0
