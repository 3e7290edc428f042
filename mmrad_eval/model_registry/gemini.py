"""Google Gemini, by ``generateContent`` of the Gemini API (v1)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import (
    TOKENS,
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
from mmrad_eval.datasets.raw_text import BLOCKED_UNEXPLAINED, reported_failure
from mmrad_eval.model_registry.bodies import arguments, count_of, field, read_json, text_of
from mmrad_eval.model_registry.connect import connect
from mmrad_eval.model_registry.http_errors import failed_beside, read_fault
from mmrad_eval.model_registry.providers import Connection
from mmrad_eval.model_registry.secrets import Secret
from mmrad_eval.model_registry.transport import HttpResponse, Transport
from mmrad_eval.model_registry.wire import Base64, WireClient, asking_for, split_system

MAX_IMAGES = 3000
"""Images of one prompt (cloud.google.com/vertex-ai/generative-ai/docs/multimodal, November 2026)."""
MAX_BYTES = 7 * 1000 * 1000
"""Bytes of one image in the request (the same page's limit for inline files)."""
MAX_TOGETHER = 19 * 1000 * 1000 * 3 // 4
"""20 MB of a request (firebase.google.com/docs/ai-logic/input-file-requirements, 2026), less one for its words."""

_FINISHES: Mapping[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(
        (
            *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION"),
            *("MODEL_ARMOR", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
        ),
        "refusal",
    ),
}
"""``OTHER`` and ``IMAGE_OTHER`` are "all other reasons" (ai.google.dev/api/generate-content), and so no policy."""
_ACCOUNT = "PUP_LIMITED_DISABLED"  # the account is limited, whatever the study


def gemini(card: Card, how: Connection) -> GeminiClient:
    """``gemini:ID``; GEMINI_API_KEY goes to Google alone."""
    urls, secret = connect(card, how)
    if card.max_images is None:
        card = msgspec.structs.replace(card, max_images=MAX_IMAGES)
    return GeminiClient(card, urls, secret, timeout=how.timeout)


class GeminiClient(WireClient):
    """One Gemini model."""

    max_bytes = MAX_BYTES
    max_together = MAX_TOGETHER
    reasoning = frozenset({"effort", TOKENS})

    def __init__(
        self, card: Card, urls: tuple[str, ...], secret: Secret | None = None, *, timeout: float | None = None
    ) -> None:
        headers = {"x-goog-api-key": secret.reveal()} if secret else {}
        super().__init__(card, Transport(urls, headers=headers, secret=secret, timeout=timeout))

    def adapt(self, request: Request) -> Request:
        """The request, which asks for pictures where the card says that the model draws."""
        if not self.card.draws:
            return request
        return asking_for(request, "generationConfig", {"responseModalities": ["TEXT", "IMAGE"]})

    def path(self, request: Request) -> str:
        """The model is part of the address."""
        return f"/models/{request.model}:generateContent"

    def body(self, sent: PreparedRequest) -> dict[str, Any]:
        """System text apart, then the turns; a model's turns have the role ``model``."""
        system, turns = split_system(sent.request.messages)
        body: dict[str, Any] = {
            "contents": [_content(turn, sent.images) for turn in turns],
            "generationConfig": _decoding(sent.request.decoding),
        }
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}], "role": "user"}
        return body

    def read(self, response: HttpResponse) -> Reply:
        """Parts that are marked as thoughts are the reasoning."""
        if response.status != 200:
            return read_fault(response, self.transport.secret, policy=self.policy)
        value, raw = read_json(response.body, self.transport.secret)
        if failure := reported_failure(value):
            raise failed_beside(response.base, failure)
        served = Served(id=text_of(field(value, "modelVersion")) or None)
        usage = _usage(field(value, "usageMetadata"))
        candidates = field(value, "candidates")
        candidate = candidates[0] if isinstance(candidates, list) and candidates else None
        blocked = text_of(field(value, "promptFeedback", "blockReason"))
        if candidate is None and blocked:
            why = text_of(field(value, "promptFeedback", "blockReasonMessage")) or blocked
            if blocked in BLOCKED_UNEXPLAINED:
                raise TransportError(f"{response.base} does not say why it blocked the prompt ({why:.200})", retry=True)
            return Reply(finish="refusal", why=why, usage=usage, served=served, raw=raw)
        if candidate is None:
            raise TransportError(f"the reply from {response.base} has no candidate", retry=True)
        reason = text_of(field(candidate, "finishReason"))
        if reason not in _FINISHES:  # none among them, and MALFORMED_RESPONSE
            why = f"{response.base} does not say how the reply ended (finishReason {reason or None!r:.80})"
            raise TransportError(why, retry=reason != _ACCOUNT)
        parts = field(candidate, "content", "parts")
        parts = parts if isinstance(parts, list) else []
        finish = _FINISHES[reason]
        return Reply(
            parts=_parts(parts),
            finish=finish,
            why="" if finish == "stop" else text_of(field(candidate, "finishMessage")) or reason,
            usage=usage,
            served=served,
            raw=raw,
        )


def _parts(parts: list[Any]) -> tuple[ReplyPart, ...]:
    """The parts in order; pieces of one text, or of one thought, are joined.

    A signature belongs to its own part, which may have no words, so that signed words stay apart
    (ai.google.dev/gemini-api/docs/thought-signatures, 2025). Those of thoughts and calls are not kept: neither is sent
    back as such.
    """
    made: list[ReplyPart] = []
    for part in parts:
        text, call, inline = text_of(field(part, "text")), field(part, "functionCall"), field(part, "inlineData")
        thought, signature = field(part, "thought"), text_of(field(part, "thoughtSignature"))
        last = made[-1] if made else None
        if thought and text and isinstance(last, Reasoning):
            made[-1] = Reasoning(last.text + text)
        elif thought and text:
            made.append(Reasoning(text))
        elif signature and not thought and call is None and inline is None:
            made.append(Text(text, signature))
        elif text and isinstance(last, Text) and not last.signature:
            made[-1] = Text(last.text + text)
        elif text:
            made.append(Text(text))
        if isinstance(inline, dict) and not field(part, "thought"):  # a picture in a thought is a draft
            made.append(OutputImage(_uri(inline)))
        if isinstance(call, dict):
            made.append(ToolCall(text_of(call.get("name")), arguments(call.get("args")), text_of(call.get("id"))))
    return tuple(made)


def _content(message: Message, images: Mapping[Any, tuple[str, bytes]]) -> dict[str, Any]:
    parts = [_text(part) if isinstance(part, Text) else _picture(*images[part]) for part in message.parts]
    return {"role": "model" if message.role == "assistant" else "user", "parts": parts}


def _text(part: Text) -> dict[str, str]:
    return {"text": part.text, **({"thoughtSignature": part.signature} if part.signature else {})}


def _picture(media_type: str, data: bytes) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": Base64("", data)}}


def _uri(inline: Mapping[str, Any]) -> str:
    """An image that the model made, as a data URI; its base64 may be of the kind for addresses."""
    data = base64.b64decode(text_of(inline.get("data")).replace("-", "+").replace("_", "/") + "==")
    return f"data:{text_of(inline.get('mimeType'))};base64,{base64.b64encode(data).decode()}"


def _decoding(decoding: Decoding) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if decoding.max_tokens is not None:
        fields["maxOutputTokens"] = decoding.max_tokens
    if decoding.temperature is not None:
        fields["temperature"] = decoding.temperature
    if decoding.top_p is not None:
        fields["topP"] = decoding.top_p
    if decoding.seed is not None:
        fields["seed"] = decoding.seed
    if decoding.stop:
        fields["stopSequences"] = decoding.stop
    if isinstance(decoding.reasoning, int):
        fields["thinkingConfig"] = {"thinkingBudget": decoding.reasoning}
    elif decoding.reasoning is not None:  # a budget of 0 turns thinking off, which no level does
        off = decoding.reasoning == "none"
        fields["thinkingConfig"] = {"thinkingBudget": 0} if off else {"thinkingLevel": decoding.reasoning.upper()}
    return fields


def _usage(usage: Any) -> Usage:
    """Google counts thoughts beside the candidate's tokens; here completion holds both, as with the others."""
    details = field(usage, "promptTokensDetails")
    kinds = {field(one, "modality"): count_of(field(one, "tokenCount")) for one in details or ()}
    written, thought = count_of(field(usage, "candidatesTokenCount")), count_of(field(usage, "thoughtsTokenCount"))
    return Usage(
        prompt=count_of(field(usage, "promptTokenCount")),
        completion=None if written is None and thought is None else (written or 0) + (thought or 0),
        reasoning=thought,
        cached=count_of(field(usage, "cachedContentTokenCount")),
        image=kinds.get("IMAGE", 0) if kinds else None,
    )
