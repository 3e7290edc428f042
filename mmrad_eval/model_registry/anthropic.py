"""Claude, by Anthropic's messages format (``POST /v1/messages``).

Version 2026-10-21 of the API knows no temperature, top_p or top_k; a run that states one of them speaks the version
before, 2023-06-01, which older models still take them in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError
from mmrad_eval.core.values import (
    TOKENS,
    Card,
    Decoding,
    Finish,
    Message,
    Reasoning,
    Reply,
    ReplyPart,
    Request,
    Served,
    Text,
    ToolCall,
    Usage,
)
from mmrad_eval.datasets.raw_text import reported_failure
from mmrad_eval.model_registry.bodies import arguments, count_of, field, read_json, text_of
from mmrad_eval.model_registry.connect import connect
from mmrad_eval.model_registry.http_errors import failed_beside, read_fault
from mmrad_eval.model_registry.prefixes import shared_prefix
from mmrad_eval.model_registry.providers import Connection
from mmrad_eval.model_registry.secrets import Secret
from mmrad_eval.model_registry.transport import HttpResponse, Transport
from mmrad_eval.model_registry.wire import Base64, WireClient, split_system

VERSION, SAMPLING_VERSION = "2026-10-21", "2023-06-01"
MAX_IMAGES = 100
"""Images of one request (200,000-token models; platform.claude.com/docs/en/build-with-claude/vision, November 2026)."""
MAX_EDGE, MANY_IMAGES, MANY_EDGE = 8000, 20, 2000
"""Pixels of a side, and in requests of more than 20 images (the same page)."""
MAX_BYTES = 5 * 1000 * 1000 * 3 // 4
"""An image of 5 MB in base64 (the same page's limit per image, counted as it travels)."""
LEAST_THINKING = 1024
"""Tokens of the smallest budget of extended thinking (platform.claude.com, extended thinking; anthropic 2.13.0)."""
MAX_TOGETHER = 31 * 1000 * 1000 * 3 // 4
"""The same page's 32 MB of a request, less one for its words."""

_FINISHES: Mapping[str, Finish] = {
    **dict.fromkeys(("end_turn", "stop_sequence", "tool_use"), "stop"),
    "max_tokens": "length",
    "refusal": "refusal",
    "model_context_window_exceeded": "too long",
}


def anthropic(card: Card, how: Connection) -> AnthropicClient:
    """``anthropic:ID``; ANTHROPIC_API_KEY goes to Anthropic alone."""
    urls, secret = connect(card, how)
    if card.max_images is None:
        card = msgspec.structs.replace(card, max_images=MAX_IMAGES)
    return AnthropicClient(card, urls, secret, timeout=how.timeout)


class AnthropicClient(WireClient):
    """One Claude model."""

    unasked = frozenset({"temperature", "top_p", "seed"})
    unset_max_tokens = Decoding(max_tokens=None).expected_tokens
    reasoning = frozenset({"effort", TOKENS})
    max_edge = MAX_EDGE
    max_bytes = MAX_BYTES
    max_together = MAX_TOGETHER

    def __init__(
        self, card: Card, urls: tuple[str, ...], secret: Secret | None = None, *, timeout: float | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {secret.reveal()}"} if secret else {}
        super().__init__(card, Transport(urls, headers=headers, secret=secret, timeout=timeout))

    def edge_for(self, images: int) -> int | None:
        """Less where a request holds many images."""
        return MANY_EDGE if images > MANY_IMAGES else MAX_EDGE

    def path(self, request: Request) -> str:
        """The same for every request."""
        return "/messages"

    def headers(self, request: Request) -> dict[str, str]:
        """The version that knows all that the request says."""
        return {"anthropic-version": _version(request.decoding)}

    def body(self, sent: PreparedRequest) -> dict[str, Any]:
        """System text apart, then the turns."""
        request = sent.request
        system, turns = split_system(request.messages)
        apart = sum(len(message.parts) for message in request.messages if message.role == "system")
        messages = [_message(turn, sent.images) for turn in turns]
        body: dict[str, Any] = {"model": request.model, "messages": messages}
        _mark(messages, shared_prefix().parts - apart)
        if system:
            body["system"] = system
        return body | _decoding(request.decoding, self.card)

    def read(self, response: HttpResponse) -> Reply:
        """Text blocks are the text, thinking blocks the reasoning."""
        if response.status != 200:
            return read_fault(response, self.transport.secret, policy=self.policy)
        value, raw = read_json(response.body, self.transport.secret)
        if failure := reported_failure(value):
            raise failed_beside(response.base, failure)
        blocks = field(value, "content")
        if not isinstance(blocks, list):
            raise TransportError(f"the reply from {response.base} has no content", retry=True)
        reason = field(value, "stop_reason")
        finish = _FINISHES.get(reason) if isinstance(reason, str) else None
        if finish is None:  # `pause_turn` among them: the server's own tools want another request
            why = f"{response.base} does not say how the reply ended (stop_reason {reason!r:.80})"
            raise TransportError(why, retry=True)
        details = field(value, "stop_details")
        told = text_of(field(details, "explanation")) or text_of(field(details, "category")) or str(reason)
        return Reply(
            parts=tuple(part for block in blocks for part in _part(block)),
            finish=finish,
            why="" if finish == "stop" else told,
            usage=_usage(field(value, "usage")),
            served=Served(id=text_of(field(value, "model")) or None),
            raw=raw,
        )


def _part(block: Any) -> Iterator[ReplyPart]:
    kind, text, thought = field(block, "type"), text_of(field(block, "text")), text_of(field(block, "thinking"))
    if kind == "text" and text:
        yield Text(text)
    if kind == "thinking" and thought:
        yield Reasoning(thought)
    if kind == "tool_use":
        yield ToolCall(text_of(field(block, "name")), arguments(field(block, "input")), text_of(field(block, "id")))


def _version(decoding: Decoding) -> str:
    return VERSION if decoding.temperature is None and decoding.top_p is None else SAMPLING_VERSION


def _message(message: Message, images: Mapping[Any, tuple[str, bytes]]) -> dict[str, Any]:
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text):
        return {"role": message.role, "content": parts[0].text}
    blocks = [
        {"type": "text", "text": part.text} if isinstance(part, Text) else _picture(*images[part]) for part in parts
    ]
    return {"role": message.role, "content": blocks}


def _mark(messages: Sequence[Mapping[str, Any]], shared: int) -> None:
    """Let the provider keep what ends with the ``shared``-th part, or find it kept; words alone have no mark."""
    for message in messages:
        blocks = message["content"] if isinstance(message["content"], list) else [{}]
        if 0 < shared <= len(blocks):
            blocks[shared - 1]["cache_control"] = {"type": "ephemeral"}
        shared -= len(blocks)


def _picture(media_type: str, data: bytes) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": Base64("", data)}}


def _decoding(decoding: Decoding, card: Card) -> dict[str, Any]:
    if decoding.seed is not None:
        raise ModelError(f"{card.label} does not accept a seed; leave --seed out")
    fields: dict[str, Any] = {"max_tokens": decoding.expected_tokens}
    if decoding.temperature is not None:
        fields["temperature"] = decoding.temperature
    if decoding.top_p is not None:
        fields["top_p"] = decoding.top_p
    if decoding.stop:
        fields["stop_sequences"] = decoding.stop
    return fields | _thinking(decoding, card)


def _thinking(decoding: Decoding, card: Card) -> dict[str, Any]:
    """A number of tokens is a budget of extended thinking, an effort goes beside thinking that adapts to it."""
    how = decoding.reasoning
    if how is None:
        return {}
    if decoding.temperature is not None or decoding.top_p is not None:
        raise ModelError(f"{card.label} accepts neither --temperature nor --top-p with --reasoning; leave them out")
    if how in {"none", 0}:
        return {"thinking": {"type": "disabled"}}
    if isinstance(how, int):
        if how < LEAST_THINKING:
            raise ModelError(f"--reasoning {how}: {card.label} needs {LEAST_THINKING:,} tokens or more")
        return {"thinking": {"type": "enabled", "budget_tokens": how}}
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": how}}


def _usage(usage: Any) -> Usage:
    """``input_tokens`` are those that neither came from a cache nor went to one."""
    fresh, read, written = (
        count_of(field(usage, name))
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return Usage(
        prompt=None if fresh is None else fresh + (read or 0) + (written or 0),
        completion=count_of(field(usage, "output_tokens")),
        reasoning=count_of(field(usage, "output_tokens_details", "thinking_tokens")),
        cached=read,
    )
