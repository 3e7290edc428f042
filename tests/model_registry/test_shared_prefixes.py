"""Prompt caching: what a provider is told of a shared beginning, which changes no key, and what cached tokens cost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mmrad_eval.core.canonical import request_key, request_value
from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.values import Card, Decoding, Image, Message, Request, Text, Usage
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.anthropic import AnthropicClient
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.model_registry.prefixes import sharing
from mmrad_eval.results.run.spent import cost, spent_of

FILM = Image("film.png")
MESSAGES = (
    Message("system", (Text("You read films."),)),
    Message("user", (Text("Frontal view: "), FILM, Text("Write the report."))),
)


def prepared(messages: tuple[Message, ...] = MESSAGES) -> PreparedRequest:
    request = Request("anthropic", "claude", messages, Decoding(temperature=None))
    value = request_value(request, {FILM: ("0" * 64, "")})
    return PreparedRequest(request, {FILM: ("image/png", b"pixels")}, request_key(value))


def marks(body: dict[str, Any]) -> list[tuple[int, int]]:
    """(turn, block) of each mark."""
    return [
        (i, j)
        for i, turn in enumerate(body["messages"])
        for j, block in enumerate(turn["content"] if isinstance(turn["content"], list) else ())
        if "cache_control" in block
    ]


@pytest.mark.parametrize(("shared", "where"), [(0, []), (1, []), (2, [(0, 0)]), (3, [(0, 1)]), (4, [(0, 2)]), (9, [])])
def test_anthropic_is_told_where_the_shared_part_ends(shared: int, where: list[tuple[int, int]]) -> None:
    client = AnthropicClient(Card(provider="anthropic", id="claude"), ("http://127.0.0.1:9/v1",))
    with sharing("s1", shared):
        assert marks(client.body(prepared())) == where
    assert marks(client.body(prepared())) == []


def test_a_later_turn_keeps_the_mark_where_it_was_and_a_turn_of_words_alone_gets_none() -> None:
    client = AnthropicClient(Card(provider="anthropic", id="claude"), ("http://127.0.0.1:9/v1",))
    later = (*MESSAGES, Message("assistant", (Text("The heart."),)), Message("user", (Text("More: "), FILM)))
    with sharing("s1", 3):
        assert marks(client.body(prepared(later))) == [(0, 1)]
    with sharing("s1", 5):
        assert marks(client.body(prepared(later))) == []
    with sharing("s1", 7):
        assert marks(client.body(prepared(later))) == [(2, 1)]


def test_a_key_says_nothing_of_what_is_shared() -> None:
    alone = prepared().key
    with sharing("s1", 3):
        assert prepared().key == alone


def test_openai_s_own_host_gets_a_name_for_a_study_that_does_not_tell_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")
    own = resolve("openai:gpt-6.2-sol")
    other = resolve("openai:gpt-6.2-sol", base_url=("http://127.0.0.1:9/v1",))
    assert isinstance(own, ChatClient)
    assert isinstance(other, ChatClient)
    with sharing("patient-17-study-3"):
        named = own.body(prepared())["prompt_cache_key"]
        assert "prompt_cache_key" not in other.body(prepared())
    with sharing("another"):
        assert own.body(prepared())["prompt_cache_key"] != named
    assert "patient" not in named
    assert "prompt_cache_key" not in own.body(prepared())


def test_cached_tokens_cost_what_the_card_says() -> None:
    card = Card(provider="anthropic", id="claude", price=(10.0, 50.0))
    usage = Usage(prompt=1_000_000, completion=100_000, cached=800_000)
    assert cost(usage, card) == pytest.approx(15.0)
    cheaper = msgspec.structs.replace(card, cached_price=1.0)
    assert cost(usage, cheaper) == pytest.approx(2.0 + 0.8 + 5.0)
    assert cost(spent_of([usage, usage]), cheaper) == pytest.approx(2 * 7.8)
    assert cost(Usage(prompt=10, cached=99), cheaper) == pytest.approx(10 * 1.0 / 1e6)
    assert card.behavior() == cheaper.behavior()
