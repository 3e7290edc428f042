"""A decoding without a limit on the answer: what each format sends, and the keys of requests that have one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mmrad_eval.core.canonical import request_key, request_value
from mmrad_eval.core.contracts import Client, PreparedRequest, is_client
from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Decoding, Message, Request, Text
from mmrad_eval.model_registry import providers, resolve
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.model_cards import settled
from mmrad_eval.model_registry.providers import reply_form

MESSAGES = (Message("user", (Text("a"),)),)


@pytest.mark.parametrize(
    ("model", "field", "sent"),
    [
        ("openai:m", "max_tokens", None),
        ("vllm:rehearsal", "max_tokens", None),
        ("gemini:gemini-9", "maxOutputTokens", None),
        ("anthropic:claude-9", "max_tokens", 8192),
    ],
)
async def test_a_limit_that_is_unset_is_sent_only_where_one_must_be(model: str, field: str, sent: int | None) -> None:
    async with MockServer(keep=True) as server:
        client = resolve(model, base_url=(server.url,), key_needed=False)
        assert is_client(client)
        decoding = settled(client, Decoding(max_tokens=None, seed=42 if sent is None else None), ())
        assert decoding.max_tokens == sent
        await _generate(client, decoding)
    body = server.bodies[-1]
    assert (body | body.get("generationConfig", {})).get(field) == sent


async def _generate(client: Client, decoding: Decoding) -> None:
    request = Request(client.card.provider, client.card.id, MESSAGES, decoding)
    try:
        made: Any = client.generate(PreparedRequest(request, {}, "key"))
        await made
    except TransportError:  # the server speaks one format; what was sent is what counts
        pass
    closed = client.close()
    if closed is not None:
        await asyncio.wait_for(closed, 5)


SCHEMA = {"type": "json_schema", "json_schema": {"name": "out", "schema": {"type": "object"}}}


@pytest.mark.parametrize(
    ("provider", "fields", "plain"),
    [
        ("openai", {"response_format": SCHEMA}, {"response_format": {"type": "json_object"}}),
        ("vllm", {"response_format": SCHEMA}, {"response_format": {"type": "json_object"}}),
        ("anthropic", {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}, {}),
    ],
)
def test_the_form_of_a_reply_is_asked_for_in_the_provider_s_own(
    provider: str, fields: dict[str, Any], plain: dict[str, Any]
) -> None:
    assert reply_form(providers.find(provider), SCHEMA) == fields
    assert reply_form(providers.find(provider), {"type": "json_object"}) == plain


def test_keys_of_requests_with_a_limit_are_what_they_were() -> None:
    value = request_value(Request("openai", "m", MESSAGES, Decoding(max_tokens=64)), {})
    assert value["decoding"] == {"max_tokens": 64, "temperature": 0.0, "top_p": None, "seed": None, "stop": ()}
    assert request_key(value) == "f4bb6b37d8dcc4c82b75b7f3175fd560c37d82a22d6767aa2be6fe9101da5074"
    unset = request_value(Request("openai", "m", MESSAGES, Decoding(max_tokens=None)), {})
    assert unset["decoding"]["max_tokens"] is None
