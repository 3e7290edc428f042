"""Chat completions in OpenAI's format: OpenAI itself, Azure, and every host that speaks it.

The body holds what the request says and nothing else: no stop sequence, no sampling value, no field of our own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError
from mmrad_eval.core.values import (
    Card,
    Decoding,
    Finish,
    Message,
    OutputImage,
    Reasoning,
    Reply,
    ReplyPart,
    Request,
    Served,
    Text,
    ToolCall,
    Usage,
)
from mmrad_eval.datasets.raw_text import end_beside, read_choice, reported_failure
from mmrad_eval.model_registry.bodies import arguments, count_of, field, read_json, text_of
from mmrad_eval.model_registry.connect import connect
from mmrad_eval.model_registry.http_errors import failed_beside, read_fault
from mmrad_eval.model_registry.live_tokens import taken_apart
from mmrad_eval.model_registry.openai_responses import ResponsesClient
from mmrad_eval.model_registry.prefixes import shared_prefix
from mmrad_eval.model_registry.providers import Connection
from mmrad_eval.model_registry.raw_prompts import PATH as RAW_PATH
from mmrad_eval.model_registry.raw_prompts import is_raw, prompt_of, without_mark
from mmrad_eval.model_registry.rejections import STRICT, RejectionPolicy
from mmrad_eval.model_registry.secrets import Secret
from mmrad_eval.model_registry.transport import HttpResponse, Transport
from mmrad_eval.model_registry.wire import Base64, WireClient, asking_for, encoded

AZURE_VERSION = "2024-10-21"
"""The newest version of Azure's chat completions that is not a preview, as of Azure's API lifecycle page."""

AZURE_BYTES = 20 * 1024 * 1024
"""Bytes of one image that Azure takes, as its own refusal of larger ones says ("cannot exceed 20971520 bytes")."""
OPENAI_TOGETHER = 49 * 1000 * 1000 * 3 // 4
"""50 MB of a request (OpenAI's guide to vision; unchecked since 2025), less one for its words."""

_REASONING = re.compile(r"o\d|gpt-[5-9](?!.*chat)")
"""OpenAI's reasoning models answer 400 to a temperature."""

_FINISHES: Mapping[str, Finish] = {
    **dict.fromkeys(("stop", "tool_calls", "function_call"), "stop"),
    **dict.fromkeys(("eos", "eos_token", "stop_sequence", "end_turn", "STOP"), "stop"),  # TGI, Together, gateways
    **dict.fromkeys(("length", "max_tokens", "model_length", "MAX_TOKENS"), "length"),  # Mistral, gateways
    **dict.fromkeys(("content_filter", "refusal", "SAFETY", "PROHIBITED_CONTENT"), "refusal"),
}
"""What ends a reply, in the words of the format and of gateways that pass on another's."""
_THOUGHTS = frozenset({"thinking", "reasoning"})
_BESIDE_WORDS = ("images", "tool_calls", "function_call")
"""Fields of a message that hold parts beside its content; most have none."""


UNDRAWN = "Image generation completed but no images were produced."
"""What vLLM-Omni writes in the place of pictures (``entrypoints/openai/serving_chat.py``); no words of the model."""


def hosted(card: Card, how: Connection) -> ChatClient | ResponsesClient:
    """``openai:ID``, ``openrouter:ID``, ``together:ID``; with ``--base-url`` any host of the same format.

    A provider's key goes to its own address alone; ``--api-key-env`` or ``--api-key-file`` name another host's.
    """
    urls, secret = connect(card, how)
    # OpenAI's reasoning models refuse `max_tokens`; other hosts may know nothing else
    own_host = card.provider == "openai" and not (how.base_url or card.base_url)
    if own_host and card.draws:  # its chat completions hold no pictures
        return ResponsesClient(card, urls, secret, timeout=how.timeout)
    limit = "max_completion_tokens" if own_host else "max_tokens"
    client = ChatClient(card, urls, secret, timeout=how.timeout, limit_field=limit)
    if own_host:
        client.max_together = OPENAI_TOGETHER
        client.routes_prefixes = True
    if own_host and _REASONING.match(card.id):
        client.unasked = frozenset({"temperature", "top_p"})
    return client


def azure(card: Card, how: Connection) -> AzureClient:
    """``azure:DEPLOYMENT`` at ``--base-url`` or AZURE_OPENAI_ENDPOINT, in the version that OPENAI_API_VERSION names."""
    urls, secret = connect(card, how, suffix="/openai")
    return AzureClient(card, urls, secret, timeout=how.timeout)


class ChatClient(WireClient):
    """One model behind one or several servers of the chat completions format."""

    reasoning: AbstractSet[str] = frozenset({"effort"})
    routes_prefixes = False
    """Whether the host takes a name by which requests that begin alike reach the same cache: OpenAI's own does."""

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
        headers = self.authorization(secret) if secret else {}
        super().__init__(card, Transport(urls, headers=headers, secret=secret, timeout=timeout))
        self._limit_field = limit_field

    @staticmethod
    def authorization(secret: Secret) -> dict[str, str]:
        """The header that carries the key."""
        return {"Authorization": f"Bearer {secret.reveal()}"}

    def adapt(self, request: Request) -> Request:
        """The request, which asks for pictures where the card says that the model draws."""
        if is_raw(request):
            return taken_apart(request)
        return asking_for(request, "modalities", ["text", "image"]) if self.card.draws else request

    def path(self, request: Request) -> str:
        """That of conversations, or of prompts as they are written."""
        return RAW_PATH if is_raw(request) else "/chat/completions"

    def encode(self, sent: PreparedRequest) -> bytes:
        """The bytes that are sent."""
        if not is_raw(sent.request):
            return super().encode(sent)
        whole = {"model": sent.request.model, "prompt": prompt_of(sent.request)}
        whole |= _decoding(sent.request.decoding, "max_tokens")
        extra = without_mark(sent.request).extra
        if taken := sorted(whole.keys() & extra.keys()):
            raise ModelError(f"{', '.join(taken)} can't be an extra field of a raw prompt: only the run may set it")
        return encoded(whole | extra)

    def body(self, sent: PreparedRequest) -> dict[str, Any]:
        """Model, messages in order, decoding."""
        body = {"model": sent.request.model, "messages": messages_value(sent)}
        if self.routes_prefixes and (name := shared_prefix().name):
            body["prompt_cache_key"] = name
        return body | _decoding(sent.request.decoding, self._limit_field) | self.thinking(sent.request.decoding)

    def thinking(self, decoding: Decoding) -> dict[str, Any]:
        """The fields that say how much the model may think."""
        return {} if decoding.reasoning is None else {"reasoning_effort": decoding.reasoning}

    def read(self, response: HttpResponse) -> Reply:
        """What a response says, before anything is read into it."""
        return read(response, self.transport.secret, self.policy)


class AzureClient(ChatClient):
    """The same format at an Azure OpenAI resource: the deployment stands in the address, the key in its own header."""

    max_bytes = AZURE_BYTES

    @staticmethod
    def authorization(secret: Secret) -> dict[str, str]:
        """The header that carries the key."""
        return {"api-key": secret.reveal()}

    def path(self, request: Request) -> str:
        """The deployment and the version of the format."""
        return f"/deployments/{request.model}/chat/completions?api-version={azure_version()}"


def azure_version() -> str:
    """The version of Azure's format."""
    return os.environ.get("OPENAI_API_VERSION", AZURE_VERSION)


def messages_value(sent: PreparedRequest) -> list[dict[str, Any]]:
    """The conversation as the body holds it."""
    return [_message(message, sent.images) for message in sent.request.messages]


def _message(message: Message, images: Mapping[Any, tuple[str, bytes]]) -> dict[str, Any]:
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text):  # many hosts take a system prompt as a plain string only
        return {"role": message.role, "content": parts[0].text}
    return {
        "role": message.role,
        "content": [
            {"type": "text", "text": part.text} if isinstance(part, Text) else _picture(*images[part]) for part in parts
        ],
    }


def _picture(media_type: str, data: bytes) -> dict[str, Any]:
    uri = Base64(f"data:{media_type};base64,", data)
    return {"type": "image_url", "image_url": {"url": uri}}


def _decoding(decoding: Decoding, limit_field: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if decoding.max_tokens is not None:
        fields[limit_field] = decoding.max_tokens
    if decoding.temperature is not None:
        fields["temperature"] = decoding.temperature
    if decoding.top_p is not None:
        fields["top_p"] = decoding.top_p
    if decoding.seed is not None:
        fields["seed"] = decoding.seed
    if decoding.stop:
        fields["stop"] = decoding.stop
    return fields


def read(response: HttpResponse, secret: Secret | None = None, policy: RejectionPolicy = STRICT) -> Reply:
    """What a response says, before anything is read into it."""
    if response.status != 200:
        return read_fault(response, secret, policy=policy)
    value, raw = read_json(response.body, secret)
    choices = field(value, "choices")
    choices = choices if isinstance(choices, list) else []
    if field(value, "object") == "text_completion":  # of a raw prompt: a text in the place of a message
        choices = [
            {**one, "message": {"content": one["text"]}} if isinstance(field(one, "text"), str) else one
            for one in choices
        ]
    choice = read_choice({"choices": choices})
    error = field(value, "error") or field(choice, "error")
    if error:  # some routers answer 200 and say in the body, or beside half an answer, what went wrong upstream
        status = field(error, "code")
        status = status if isinstance(status, int) and 400 <= status < 600 else 502
        body = response.body if field(value, "error") else msgspec.json.encode({"error": error})
        return read_fault(HttpResponse(status, body, response.headers, response.base), secret, policy=policy)
    if failure := reported_failure(value):
        raise failed_beside(response.base, failure)
    message = field(choice, "message")
    if not isinstance(message, dict):
        raise TransportError(f"the reply from {response.base} has no message", retry=True)
    if not isinstance(message.get("content"), str | list | dict | None):
        raise TransportError(f"the content of the reply from {response.base} is neither text nor parts", retry=True)
    refusal = text_of(message.get("refusal"))
    finish, why = _finish("refusal" if refusal else field(choice, "finish_reason"), response.base)
    if finish == "stop":
        finish, why = end_beside(value, choice)
    parts, unordered = _parts_of_all(choices)
    usage = _usage(field(value, "usage"))
    if finish == "length" and not parts and usage.completion == 0:  # InternLM/lmdeploy issues 550 and 1589
        what = (
            "ended at the limit before its first token: the prompt fills the context that the server was started with"
        )
        raise TransportError(f"the reply from {response.base} {what}", retry=False)
    return Reply(
        parts=parts,
        unordered=unordered,
        finish=finish,
        why=refusal or why,
        usage=usage,
        served=Served(
            id=text_of(field(value, "model")) or None,
            version=text_of(field(value, "provider")) or None,  # a router names the host that it chose
            fingerprint=text_of(field(value, "system_fingerprint")) or None,
        ),
        raw=raw,
    )


def _finish(ended: Any, base: str) -> tuple[Finish, str]:
    """Why the reply ended and what is to be said of it; one that a server broke off, or does not say, is none."""
    finish = _FINISHES.get(ended) if isinstance(ended, str) else None
    if finish is None:  # such as `abort` of vLLM and `error` of OpenRouter
        raise TransportError(f"{base} does not say how the reply ended (finish_reason {ended!r:.80})", retry=True)
    return finish, "" if finish == "stop" else str(ended)


def _parts_of_all(choices: list[Any]) -> tuple[tuple[ReplyPart, ...], bool]:
    """The parts of all choices, and whether the order of pictures among the words is unknown.

    We ask for one choice. vLLM-Omni returns one for each stage of the model that made something, in the order of the
    stages and not of the thought; a router puts pictures beside the words.
    """
    messages = [message for one in choices if isinstance(message := field(one, "message"), dict)]
    parts = [part for message in messages if not _undrawn(message) for part in parts_of(message)]
    drawn = any(isinstance(part, OutputImage) for part in parts)
    said = any(isinstance(part, Text) for part in parts)
    apart = len(messages) > 1 or any(message.get("images") for message in messages)
    return tuple(parts), drawn and said and apart


def _undrawn(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and len(content) == 1 and field(content[0], "text") == UNDRAWN


def parts_of(message: Mapping[str, Any]) -> tuple[ReplyPart, ...]:
    """The parts of a message: thoughts, then its content in order, then images and calls in fields of their own."""
    thoughts = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))
    parts: list[ReplyPart] = [Reasoning(thoughts)] if thoughts else []
    content = message.get("content")
    if isinstance(content, str) and not any(map(message.get, _BESIDE_WORDS)):
        return (*parts, Text(content)) if content else tuple(parts)
    for part in [*(content if isinstance(content, list) else (content,)), *(message.get("images") or ())]:
        parts += _part(part)
    calls = message.get("tool_calls")
    functions = calls if isinstance(calls, list) else [{"function": message.get("function_call")}]
    parts += (
        ToolCall(text_of(field(call, "function", "name")), arguments(field(call, "function", "arguments")), _id(call))
        for call in functions
        if field(call, "function", "name") is not None
    )
    return tuple(parts)


def _part(part: Any) -> Iterator[ReplyPart]:
    """One part of the content: a text, a thought (Mistral's hold parts of their own), an image as a data URI."""
    if isinstance(part, str):
        yield from (Text(part),) if part else ()
        return
    kind = field(part, "type")
    if kind in _THOUGHTS:
        inner = field(part, "thinking") or field(part, "text") or field(part, "reasoning")
        pieces = inner if isinstance(inner, list) else [inner]
        thought = "".join(text_of(piece) or text_of(field(piece, "text")) for piece in pieces)
        yield from (Reasoning(thought),) if thought else ()
        return
    text, url = text_of(field(part, "text")), text_of(field(part, "image_url", "url"))
    if text:
        yield Text(text)
    if url.startswith("data:image/"):
        yield OutputImage(url)


def _id(call: Any) -> str:
    return text_of(field(call, "id"))


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    return Usage(
        prompt=count_of(usage.get("prompt_tokens")),
        completion=count_of(usage.get("completion_tokens")),
        reasoning=count_of(field(usage, "completion_tokens_details", "reasoning_tokens")),
        cached=count_of(field(usage, "prompt_tokens_details", "cached_tokens")),
        image=count_of(field(usage, "prompt_tokens_details", "image_tokens")),
    )
