"""Servers on loopback and requests for the tests of asking."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Decoding, Image, Message, Request, Text
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.openai_chat import ChatClient

QUICK = Retry(faults=3, timeouts=2, throttled=5, first=0.01, longest=0.05, patience=0.6)


@pytest.fixture
async def server() -> AsyncIterator[MockServer]:
    """A server that keeps what it is sent."""
    async with MockServer(keep=True, own_words=True) as running:
        yield running


@pytest.fixture
def judge() -> Iterator[str]:
    """The address of a mock server in a process of its own, whose replies no judge would give."""
    command = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    with Journal(tmp_path / "replies") as made:
        yield made


@pytest.fixture
async def requester_of(journal: Journal) -> AsyncIterator[Callable[..., Requester]]:
    """Makes requesters, and closes them in the end."""
    made: list[Requester] = []

    def make(
        url: str, *, timeout: float = 5.0, at_once: int = 8, retry: Retry = QUICK, fresh: bool = False
    ) -> Requester:
        card = Card(provider="openai", id="rehearsal")
        client = ChatClient(card, (url,), timeout=timeout)
        made.append(Requester(client, journal, pace=Pace.fixed(at_once), retry=retry, fresh=fresh))
        return made[-1]

    yield make
    for requester in made:
        await requester.close()


@pytest.fixture
def question() -> Callable[..., Request]:
    """Makes requests of one user message: strings and images in order."""

    def make(*parts: str | Image, decoding: Decoding | None = None, sample: int = 0) -> Request:
        content = tuple(Text(part) if isinstance(part, str) else part for part in parts)
        return Request(
            provider="openai",
            model="rehearsal",
            messages=(Message("user", content),),
            decoding=decoding or Decoding(max_tokens=64),
            sample=sample,
        )

    return make
