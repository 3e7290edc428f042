"""Chat completions in OpenAI's format: vLLM, OpenAI itself, and every host that speaks it.

The body holds what the request says and nothing else: no stop sequence, no sampling value, no field of our own.
"""

from __future__ import annotations

import binascii
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from mmrad_eval.core.contracts import Sent, TransportError
from mmrad_eval.core.errors import ModelError
from mmrad_eval.core.values import Card, Decoding, Finish, Message, Reply, Served, Text, Usage
from mmrad_eval.model_registry import Connection
from mmrad_eval.model_registry.bodies import count_of, field, read_json, text_of
from mmrad_eval.model_registry.faults import read_fault
from mmrad_eval.model_registry.secrets import Secret, find_key
from mmrad_eval.model_registry.transport import Response, Transport, base_urls

OPENAI_URL = "https://api.openai.com/v1"
_PATH = "/chat/completions"
_ENCODER = msgspec.json.Encoder()
_FINISHES: Mapping[str, Finish] = {"length": "length", "content_filter": "refusal"}
_UNFINISHED = frozenset({"abort", "error"})  # vLLM and OpenRouter: the server gave up, not the model


def openai(card: Card, how: Connection) -> ChatClient:
    """``openai:ID``: OpenAI itself, or with ``--base-url`` any host of the same format.

    OPENAI_API_KEY goes to OpenAI alone; another host's key is named by ``--api-key-env`` or ``--api-key-file``.
    """
    given = how.base_url or listed(card.base_url)
    own = how.api_key_env or card.api_key_env
    secret = find_key(own or (None if given else "OPENAI_API_KEY"), how.api_key_file, required=not given)
    return ChatClient(card, base_urls(given, OPENAI_URL), secret, timeout=how.timeout, limit_field=_limit_field(given))


def _limit_field(given: tuple[str, ...]) -> str:
    # OpenAI's reasoning models refuse `max_tokens`; other hosts may know nothing else
    return "max_tokens" if given else "max_completion_tokens"


def listed(urls: str | None) -> tuple[str, ...]:
    """Addresses that are written in one string, separated by commas."""
    return tuple(filter(None, (url.strip() for url in (urls or "").split(","))))


class ChatClient:
    """One model behind one or several servers of the chat completions format."""

    def __init__(
        self,
        card: Card,
        urls: tuple[str, ...],
        secret: Secret | None = None,
        *,
        timeout: float | None = None,
        limit_field: str = "max_tokens",
    ) -> None:
        """``limit_field`` is the body's name for the token limit."""
        self.card = card
        headers = {"Authorization": f"Bearer {secret.reveal()}"} if secret else {}
        self.transport = Transport(urls, headers=headers, secret=secret, timeout=timeout)
        self._limit_field = limit_field

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The addresses that this client sends to."""
        return self.transport.urls

    async def generate(self, sent: Sent) -> Reply:
        """Ask once; TransportError where infrastructure failed."""
        reply, _ = await self.exchange(sent)
        return reply

    async def exchange(self, sent: Sent) -> tuple[Reply, str]:
        """Send and read; returns the reply and the address of the server that gave it."""
        body = encode(sent, self._limit_field)
        seconds = self.transport.time_allowed(sent.request.decoding.max_tokens)
        start = time.perf_counter()
        response = await self.transport.post(_PATH, body, seconds=seconds)
        reply = read(response, self.transport.secret)
        return msgspec.structs.replace(reply, latency=round(time.perf_counter() - start, 6)), response.base

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()


def encode(sent: Sent, limit_field: str = "max_tokens") -> bytes:
    """The body of a request: its messages in order, its decoding, and its extra fields."""
    request = sent.request
    body: dict[str, Any] = {"model": request.model, "messages": messages_value(sent)}
    body |= _decoding(request.decoding, limit_field)
    clash = body.keys() & request.extra.keys()
    if clash:
        raise ModelError(f"the task sets {', '.join(sorted(clash))} as extra fields; they are the run's to set")
    body |= request.extra
    return _ENCODER.encode(body)


def messages_value(sent: Sent) -> list[dict[str, Any]]:
    """The conversation as the body holds it."""
    return [_message(message, sent.images) for message in sent.request.messages]


def _message(message: Message, images: Mapping[Any, tuple[str, bytes]]) -> dict[str, Any]:
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text):  # many hosts take a system prompt as a plain string only
        return {"role": message.role, "content": parts[0].text}
    return {
        "role": message.role,
        "content": [
            {"type": "text", "text": part.text}
            if isinstance(part, Text)
            else {"type": "image_url", "image_url": {"url": data_uri(*images[part])}}
            for part in parts
        ],
    }


def _decoding(decoding: Decoding, limit_field: str) -> dict[str, Any]:
    fields: dict[str, Any] = {limit_field: decoding.max_tokens}
    if decoding.temperature is not None:
        fields["temperature"] = decoding.temperature
    if decoding.top_p is not None:
        fields["top_p"] = decoding.top_p
    if decoding.seed is not None:
        fields["seed"] = decoding.seed
    if decoding.stop:
        fields["stop"] = decoding.stop
    return fields


def data_uri(media_type: str, data: bytes) -> msgspec.Raw:
    """A data URI as a JSON string that is encoded already: nothing in it needs escaping."""
    encoded = binascii.b2a_base64(data, newline=False)
    return msgspec.Raw(b"".join((b'"data:', media_type.encode(), b";base64,", encoded, b'"')))


def read(response: Response, secret: Secret | None = None) -> Reply:
    """What a response says, before anything is read into it."""
    if response.status != 200:
        return read_fault(response, secret)
    value, raw = read_json(response.body, secret)
    error = field(value, "error")
    if error:  # some routers answer 200 and say in the body what went wrong upstream
        status = field(error, "code")
        status = status if isinstance(status, int) and 400 <= status < 600 else 502
        return read_fault(Response(status, response.body, response.headers, response.base), secret)
    choices = field(value, "choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = field(choice, "message")
    if not isinstance(message, dict):
        raise TransportError(f"the reply of {response.base} has no message", retry=True)
    ended = text_of(field(choice, "finish_reason"))
    if ended in _UNFINISHED:
        raise TransportError(f"{response.base} ended the reply with finish_reason {ended!r}", retry=True)
    finish, why = _FINISHES.get(ended, "stop"), ended if ended in _FINISHES else ""
    refusal = text_of(message.get("refusal"))
    if refusal:
        finish, why = "refusal", refusal
    return Reply(
        text=_content(message.get("content")),
        finish=finish,
        why=why,
        reasoning=text_of(message.get("reasoning_content")) or text_of(message.get("reasoning")),
        images=_images(message),
        usage=_usage(field(value, "usage")),
        served=Served(
            id=text_of(field(value, "model")) or None,
            version=text_of(field(value, "provider")) or None,  # a router names the host that it chose
            fingerprint=text_of(field(value, "system_fingerprint")) or None,
        ),
        raw=raw,
    )


def _content(content: Any) -> str:
    """The text: a string, null, or a list of parts of which some are text."""
    if isinstance(content, list):
        return "".join(text_of(field(part, "text")) for part in content)
    return text_of(content)


def _images(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Images that the model made, as the data URIs that hosts of this format send beside or inside the content."""
    content = message.get("content")
    parts = [*(message.get("images") or ()), *(content if isinstance(content, list) else ())]
    urls = (text_of(field(part, "image_url", "url")) for part in parts)
    return tuple(url for url in urls if url.startswith("data:image/"))


def _usage(usage: Any) -> Usage:
    return Usage(
        prompt=count_of(field(usage, "prompt_tokens")),
        completion=count_of(field(usage, "completion_tokens")),
        reasoning=count_of(field(usage, "completion_tokens_details", "reasoning_tokens")),
        cached=count_of(field(usage, "prompt_tokens_details", "cached_tokens")),
    )
