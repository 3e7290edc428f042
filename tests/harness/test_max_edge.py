"""`--max-edge`: pictures are shrunk on their way out, never enlarged, and the run knows it."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Image, Reply, Request
from mmrad_eval.harness.images import limits_of
from mmrad_eval.harness.pacing import Pace
from mmrad_eval.harness.plan import RunOptions, make_plan
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.openai_chat import ChatClient


@pytest.fixture
async def small(server: MockServer, journal: Journal) -> AsyncIterator[Requester]:
    client = ChatClient(Card(provider="openai", id="rehearsal"), (server.url,))
    requester = Requester(client, journal, pace=Pace.fixed(2), max_edge=64)
    yield requester
    await requester.close()


async def test_larger_pictures_arrive_smaller_and_small_ones_untouched(
    server: MockServer, small: Requester, question: Callable[..., Request], tmp_path: Path
) -> None:
    for name, size in (("large", (256, 128)), ("little", (40, 30))):
        Pillow.new("L", size, 90).save(tmp_path / f"{name}.png")
    images = [Image(path=str(tmp_path / f"{name}.png"), name=name) for name in ("large", "little")]
    await small.ask(question(*images))
    sent = [p["image_url"]["url"] for p in server.bodies[-1]["messages"][0]["content"] if p["type"] == "image_url"]
    pixels = [base64.b64decode(uri.split(",", 1)[1]) for uri in sent]
    assert Pillow.open(io.BytesIO(pixels[0])).size == (64, 32)
    assert pixels[1] == Path(images[1].path).read_bytes()


def test_the_smaller_of_the_runs_and_the_clients_limit_counts() -> None:
    class Small(Client):
        card = Card(provider="mine", id="small")
        max_edge: int | None = 100

        def generate(self, sent: PreparedRequest) -> Reply:
            return Reply(text=sent.key)

    class Any(Small):
        max_edge = None

    assert limits_of(Small(), 1).max_edge == 100
    assert limits_of(Small(), 1, 64).max_edge == 64
    assert limits_of(Small(), 1, 640).max_edge == 100
    assert limits_of(Any(), 1, 640).max_edge == 640


def test_another_longest_side_is_another_run_and_none_is_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmrad_eval import datasets, tasks

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    demo, direct = datasets.load("demo"), tasks.load("direct")
    client = ChatClient(Card(provider="openai", id="rehearsal"), ("http://127.0.0.1:9",))
    ids = {edge: make_plan(client, direct, demo, RunOptions(max_edge=edge)).identity.id() for edge in (None, 64, 128)}
    assert len(set(ids.values())) == 3
    assert make_plan(client, direct, demo, RunOptions()).identity.id() == ids[None]
    with pytest.raises(UsageError, match="--max-edge 8: write at least 28 pixels"):
        make_plan(client, direct, demo, RunOptions(max_edge=8))


def test_a_model_that_counts_pixels_of_its_own_resize_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmrad_eval import datasets, tasks

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    card = Card(provider="openai", id="rehearsal", box_frame="multiples_28:3136-12845056")
    client = ChatClient(card, ("http://127.0.0.1:9",))
    with pytest.raises(UsageError, match="pixels of its own resize"):
        make_plan(client, tasks.load("direct"), datasets.load("demo"), RunOptions(max_edge=512))


def test_the_option_is_there() -> None:
    command = [str(Path(sys.executable).with_name("mmrad-eval")), "run", "--help"]
    assert "--max-edge" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
