"""Models of a user's own behind the requester: plain functions, broken ones, slow starters, painters."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable

import msgspec
import pytest

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import Failed
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Reply, Request
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester

Question = Callable[..., Request]


class Plain:
    """A model of a user's own that knows nothing of coroutines."""

    card = Card(provider="mine", id="plain")

    def __init__(self) -> None:
        self.together = threading.Barrier(4)

    def generate(self, sent: PreparedRequest) -> Reply:
        self.together.wait(20)  # a real one computes here; this one till four are at it
        return Reply(text=sent.request.model)


class Broken:
    card = Card(provider="mine", id="broken")

    async def generate(self, sent: PreparedRequest) -> Reply:
        raise RuntimeError(f"out of memory at {sent.request.model}")


class Odd:
    card = Card(provider="mine", id="odd")

    async def generate(self, sent: PreparedRequest) -> str:
        return sent.key


class Textless:
    card = Card(provider="mine", id="textless")

    async def generate(self, sent: PreparedRequest) -> Reply:
        return Reply(text=None, why=sent.key)  # type: ignore[arg-type]  # as an unchecked `message.content` is


class Starting:
    """A model whose server takes a while to be found."""

    card = Card(provider="mine", id="starting")

    def __init__(self) -> None:
        self.found = asyncio.Event()

    async def prepare(self) -> None:
        await self.found.wait()

    async def generate(self, sent: PreparedRequest) -> Reply:
        return Reply(text=sent.key)


async def test_what_waits_for_its_server_is_not_counted_as_sent(journal: Journal, question: Question) -> None:
    model = Starting()
    requester = Requester(model, journal, pace=Pace.fixed(2))  # type: ignore[arg-type]  # no close, as is allowed
    asking = asyncio.gather(*(requester.ask(question(f"study-{i}")) for i in range(2)))
    await asyncio.sleep(0.05)
    assert (requester.counts.sent, requester.counts.in_flight) == (0, 0)
    model.found.set()
    await asking
    assert (requester.counts.sent, requester.counts.in_flight) == (2, 0)


async def test_a_plain_function_runs_in_threads_beside_each_other(journal: Journal, question: Question) -> None:
    requester = Requester(Plain(), journal, pace=Pace.fixed(4))  # type: ignore[arg-type]  # a plain def and no close, as is allowed
    replies = await asyncio.gather(*(requester.ask(question(f"study-{i}")) for i in range(4)))

    assert {asked.reply.text for asked in replies} == {"rehearsal"}
    await requester.close()


@pytest.mark.parametrize(
    ("model", "words"), [(Broken(), "out of memory"), (Odd(), "returned str"), (Textless(), "text is NoneType")]
)
async def test_a_model_that_breaks_costs_the_study_and_not_the_run(
    journal: Journal, question: Question, model: object, words: str
) -> None:
    requester = Requester(model, journal, retry=Retry())  # type: ignore[arg-type]  # breaks the contract on purpose
    with pytest.raises(Failed, match=words):
        await requester.ask(question("study"))
    assert len(journal) == 0


class Painter:
    """A model that makes images."""

    card = Card(provider="mine", id="painter")

    async def generate(self, sent: PreparedRequest) -> Reply:
        uri = "data:image/png;base64," + base64.b64encode(b"pixels" * 100).decode()
        return Reply(text=sent.request.model, images=(uri,), raw=msgspec.Raw(msgspec.json.encode({"image": uri})))


async def test_images_that_a_model_made_become_files_of_their_own(journal: Journal, question: Question) -> None:
    asked = await Requester(Painter(), journal).ask(question("draw"))  # type: ignore[arg-type]  # no close, as is allowed

    [name] = asked.reply.images
    assert (journal.folder / name).read_bytes() == b"pixels" * 100
    assert b"data]" in bytes(asked.reply.raw)
    assert len(journal.get(asked.key) or b"") < 600
