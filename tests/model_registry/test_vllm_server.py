"""A real vLLM server: who is served, what fits, what counts, what repeats."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Decoding, Image, Reply
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.secrets import Secret
from mmrad_eval.model_registry.serving import Server
from mmrad_eval.model_registry.vllm import VllmClient
from mmrad_eval.traces import rendering

pytestmark = pytest.mark.vllm

Make = Callable[..., PreparedRequest]
SHORT = Decoding(max_tokens=16)


@pytest.fixture
async def client(vllm_server: Server) -> AsyncIterator[VllmClient]:
    made = VllmClient(vllm_server.card, (vllm_server.url,), vllm_server.secret)
    yield made
    await made.close()


def png(seed: int, size: tuple[int, int] = (224, 224)) -> tuple[str, bytes]:
    """Noise that no other seed makes."""
    target = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0]), dtype=np.uint8)
    Pillow.fromarray(pixels).save(target, "PNG")
    return "image/png", target.getvalue()


def ask(client: VllmClient, sent_of: Make, *messages: tuple[Any, ...], **more: Any) -> Any:
    sent = sent_of(*messages, provider="vllm", model=client.card.id, **({"decoding": SHORT} | more))
    return client.generate(sent)


async def test_what_decides_a_reply_is_recorded(client: VllmClient, sent_of: Make, tiny_model: Path) -> None:
    reply: Reply = await ask(client, sent_of, ("user", "Report."))

    assert reply.served.id == reply.served.root == str(tiny_model)
    assert reply.served.context == 4096
    assert reply.served.version
    assert (reply.served.fingerprint or "").startswith(f"vllm-{reply.served.version}")
    assert len(reply.served.template or "") == 12
    assert reply.latency > 0


async def test_a_model_that_is_not_served_is_refused_with_what_is(vllm_server: Server, tiny_model: Path) -> None:
    client = VllmClient(Card(provider="vllm", id="org/other"), (vllm_server.url,), vllm_server.secret)
    with pytest.raises(ModelError, match=f"serves {tiny_model}, tiny-adapter, not org/other"):
        await client.prepare()
    await client.close()


async def test_a_wrong_key_is_refused_before_anything_is_asked(vllm_server: Server) -> None:
    client = VllmClient(vllm_server.card, (vllm_server.url,), Secret("wrong", "a test"))
    with pytest.raises(ModelError, match="the server refused the key"):
        await client.prepare()
    await client.close()


async def test_an_adapter_is_a_model_of_its_own(
    vllm_server: Server, client: VllmClient, sent_of: Make, tiny_model: Path
) -> None:
    adapter = VllmClient(Card(provider="vllm", id="tiny-adapter"), (vllm_server.url,), vllm_server.secret)
    own: Reply = await ask(adapter, sent_of, ("user", "Report."))
    base: Reply = await ask(client, sent_of, ("user", "Report."))
    await adapter.close()

    assert own.text != base.text
    assert own.served.root == f"{tiny_model.with_name('adapter')} on {tiny_model}"
    assert own.served.context == 4096


async def test_images_count_as_tokens_and_their_order_matters(client: VllmClient, sent_of: Make) -> None:
    one, two = png(1), png(2)
    first: Reply = await ask(client, sent_of, ("user", "A", one, "B", two, "Report."))
    again: Reply = await ask(client, sent_of, ("user", "A", one, "B", two, "Report."))
    swapped: Reply = await ask(client, sent_of, ("user", "A", two, "B", one, "Report."))
    single: Reply = await ask(client, sent_of, ("user", one, "Report."))
    none: Reply = await ask(client, sent_of, ("user", "Report."))

    assert first.text == again.text != swapped.text
    assert first.usage.prompt == swapped.usage.prompt
    assert (single.usage.prompt or 0) - (none.usage.prompt or 0) == 64 + 2  # 8 x 8 tokens, and two marks around them


async def test_temperature_zero_and_a_seed_repeat_alone_or_beside_others(client: VllmClient, sent_of: Make) -> None:
    warm = Decoding(max_tokens=16, temperature=1.0, seed=5)
    alone: list[Reply] = [
        await ask(client, sent_of, ("user", "Report."), decoding=decoding) for decoding in (SHORT, warm)
    ]
    for decoding, reply in zip((SHORT, warm), alone, strict=True):
        together = await asyncio.gather(
            *(ask(client, sent_of, ("user", "Report."), decoding=decoding) for _ in range(32))
        )
        assert {one.text for one in together} == {reply.text}
    other: Reply = await ask(
        client, sent_of, ("user", "Report."), decoding=Decoding(max_tokens=16, temperature=1.0, seed=6)
    )
    assert other.text != alone[1].text


async def test_a_stop_sequence_is_heard(client: VllmClient, sent_of: Make) -> None:
    free: Reply = await ask(client, sent_of, ("user", "Report."))
    letter = free.text[3]
    stopped: Reply = await ask(client, sent_of, ("user", "Report."), decoding=Decoding(max_tokens=16, stop=(letter,)))
    assert stopped.text == free.text[: free.text.index(letter)]
    assert stopped.finish == "stop"


@pytest.mark.parametrize(
    ("words", "max_tokens"),
    [(9000, 16), (4070, 16), (3500, 1000)],
    ids=["prompt far too long", "prompt too long", "no room for the answer"],
)
async def test_what_can_t_fit_is_known_before_it_is_sent(
    client: VllmClient, sent_of: Make, words: int, max_tokens: int
) -> None:
    reply: Reply = await ask(client, sent_of, ("user", "heart " * words), decoding=Decoding(max_tokens=max_tokens))
    assert reply.finish == "too long"
    assert "exceed the context of 4096" in reply.why
    assert bytes(reply.raw) == b"null"  # no reply of the server


async def test_images_are_reckoned_before_they_are_sent(client: VllmClient, sent_of: Make) -> None:
    large = [png(seed, (448, 448)) for seed in range(8)]  # 256 tokens each
    fits: Reply = await ask(client, sent_of, ("user", *large[:3], "Report."), decoding=Decoding(max_tokens=1000))
    misfit: Reply = await ask(client, sent_of, ("user", *large, "Report."), decoding=Decoding(max_tokens=2300))

    assert fits.finish in ("length", "stop")
    assert misfit.finish == "too long"


async def test_an_answer_that_the_context_cut_is_not_called_truncated(client: VllmClient, sent_of: Make) -> None:
    """The last safety: what the reckoning let through is told by the tokens that came back."""
    sent = sent_of(("user", "heart " * 3500), model=client.card.id, decoding=Decoding(max_tokens=1000))
    await client.prepare()
    reply, base = await client.exchange(sent)
    read = client._clipped(reply, sent, 4096)

    assert base == client.transport.urls[0]
    assert reply.finish == "length"
    assert (reply.usage.completion or 0) < 1000
    assert read.finish == "too long"
    assert read.text == reply.text


async def test_more_tokens_than_the_context_can_t_be_asked_for(client: VllmClient, sent_of: Make) -> None:
    with pytest.raises(ModelError, match="leaves no room for a prompt"):
        await ask(client, sent_of, ("user", "Report."), decoding=Decoding(max_tokens=5000))


async def test_more_images_than_the_server_takes_leave_the_study_open(client: VllmClient, sent_of: Make) -> None:
    reply = await ask(client, sent_of, ("user", *(png(seed, (56, 56)) for seed in range(9))))
    assert reply.finish == "rejected"  # never stored and never scored
    assert "At most 8 image" in reply.why


async def test_a_field_that_would_be_ignored_is_refused_and_one_that_counts_is_heard(
    client: VllmClient, sent_of: Make
) -> None:
    with pytest.raises(ModelError, match="would silently ignore the field guided_choice"):
        await ask(client, sent_of, ("user", "Report."), extra={"guided_choice": ["a", "b"]})
    chosen: Reply = await ask(
        client, sent_of, ("user", "Report."), extra={"structured_outputs": {"choice": ["FINDINGS: Clear."]}}
    )
    assert chosen.text == "FINDINGS: Clear."


async def test_a_placeholder_in_a_report_s_words_is_words(client: VllmClient, sent_of: Make) -> None:
    text = "Compared with <|image_pad|> and <|vision_start|>."
    sent = sent_of(("user", text), model=client.card.id, decoding=SHORT)
    adapted = client.adapt(sent.request)
    await client.prepare()
    base = client.transport.urls[0]
    live = await client._tokens(base, [{"role": "user", "content": text}])
    harmless = await client._tokens(base, [{"role": "user", "content": adapted.messages[0].parts[0].text}])  # type: ignore[union-attr]  # a text, as made above

    assert live is not None
    assert harmless is not None
    special = set(live) & set(range(510, 530))
    assert len(special - set(harmless)) >= 2


async def test_a_16_bit_radiograph_is_not_sent_as_white(client: VllmClient, sent_of: Make, tmp_path: Path) -> None:
    shades = np.linspace(300, 4000, 224, dtype=np.uint16)  # 12 bits in 16, as radiographs are stored
    path = tmp_path / "deep.png"
    Pillow.fromarray(np.tile(shades, (224, 1))).save(path)
    made = rendering.load(Image(path=str(path)))
    white = io.BytesIO()
    Pillow.new("L", (224, 224), 255).save(white, "PNG")

    def shown(data: bytes) -> Any:
        return ask(client, sent_of, ("user", ("image/png", data), "Report."))

    untouched, sent, blank = [(await shown(data)).text for data in (path.read_bytes(), made.data, white.getvalue())]
    assert "16-bit" in made.how
    assert untouched == blank != sent


def broken_png() -> bytes:
    whole = png(7)[1]
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    "picture",
    [("image/png", b"hello"), ("image/png", broken_png()), ("image/jpeg", b"%PDF-1.7 no picture"), ("image/png", b"")],
    ids=["words", "half a file", "another format", "nothing"],
)
async def test_a_file_that_is_no_image_is_the_study_s_own_fault(
    client: VllmClient, sent_of: Make, picture: tuple[str, bytes]
) -> None:
    reply: Reply = await ask(client, sent_of, ("user", picture, "Report."))
    assert reply.finish == "rejected"


async def test_what_the_reckoning_would_have_let_through_is_read_from_the_server_s_own_words(
    client: VllmClient, sent_of: Make
) -> None:
    await client.prepare()
    long, _ = await client.exchange(sent_of(("user", "heart " * 9000), model=client.card.id, decoding=SHORT))
    assert long.finish == "too long"
    assert "HTTP 400" in long.why
    for more in ({"decoding": Decoding(max_tokens=5000)}, {"decoding": SHORT, "extra": {"n": 2}}):
        reply, _ = await client.exchange(sent_of(("user", "Report."), model=client.card.id, **more))
        assert reply.finish == "rejected"  # every study would get it
        assert "HTTP 400" in reply.why


async def test_a_conversation_without_words_is_refused_where_the_server_would_answer(
    client: VllmClient, sent_of: Make
) -> None:
    with pytest.raises(ModelError, match="empty"):
        await ask(client, sent_of)


async def test_of_two_servers_one_that_is_away_costs_nothing(
    vllm_server: Server, sent_of: Make, tmp_path: Path
) -> None:
    client = VllmClient(vllm_server.card, ("http://127.0.0.1:9/v1", vllm_server.url), vllm_server.secret)
    with Journal(tmp_path) as journal:
        requester = Requester(client, journal, pace=Pace.fixed(4), retry=Retry(first=0.01))
        sent = [
            sent_of(("user", f"Report {n}."), provider="vllm", model=client.card.id, decoding=SHORT) for n in range(8)
        ]
        replies = await asyncio.gather(*(requester.ask(one.request) for one in sent))
        await requester.close()
    assert {asked.reply.served.root for asked in replies} == {client.card.id}
    assert requester.counts.failed == 0
