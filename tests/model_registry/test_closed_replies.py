"""Replies of Anthropic and Google, hand-made for each documented way to end, read into ours."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Card, Usage
from mmrad_eval.model_registry.anthropic import AnthropicClient
from mmrad_eval.model_registry.gemini import GeminiClient
from mmrad_eval.model_registry.secrets import Secret
from mmrad_eval.model_registry.transport import HttpResponse
from mmrad_eval.model_registry.wire import WireClient

KEY = Secret("planted-key", "a test")
CLAUDE = AnthropicClient(Card(provider="anthropic", id="claude-x"), ("http://a/v1",), KEY)
GEMINI = GeminiClient(Card(provider="gemini", id="gemini-x"), ("http://g/v1",), KEY)


def response(body: Any, status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(status, json.dumps(body).encode(), headers, "http://server/v1")


def claude(content: list[dict[str, Any]], reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    message = {"id": "msg", "type": "message", "role": "assistant", "model": "claude-x-20260101"}
    return message | {"content": content, "stop_reason": reason, "usage": usage} | more


def gemini(parts: list[dict[str, Any]], reason: str = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0}
    return {"candidates": [candidate], "modelVersion": "gemini-x-001"} | more


WINDOW = "model_context_window_exceeded"
LONG = "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."
LATER = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
TEXT = [{"type": "text", "text": "FINDINGS: "}, {"type": "text", "text": "Clear."}]


@pytest.mark.parametrize(
    ("body", "text", "finish", "why"),
    [
        (claude(TEXT), "FINDINGS: Clear.", "stop", ""),
        (claude(TEXT, "stop_sequence", stop_sequence="END"), "FINDINGS: Clear.", "stop", ""),
        (claude([], "end_turn"), "", "stop", ""),
        (claude(TEXT, "max_tokens"), "FINDINGS: Clear.", "length", "max_tokens"),
        (claude(TEXT, WINDOW), "FINDINGS: Clear.", "too long", WINDOW),
        (claude([], "refusal"), "", "refusal", "refusal"),
        (claude([], "refusal", stop_details={"type": "refusal", "category": "bio"}), "", "refusal", "bio"),
        (claude([], "refusal", stop_details={"explanation": "Not this."}), "", "refusal", "Not this."),
        (claude([*TEXT, {"type": "tool_use", "id": "t", "input": {}}], "tool_use"), "FINDINGS: Clear.", "stop", ""),
    ],
)  # fmt: skip
def test_claude_s_ways_to_end(body: dict[str, Any], text: str, finish: str, why: str) -> None:
    reply = CLAUDE.read(response(body))

    assert (reply.text, reply.finish, reply.why) == (text, finish, why)
    assert reply.served.id == "claude-x-20260101"


def test_claude_s_thinking_comes_apart_and_tokens_are_counted() -> None:
    blocks = [
        {"type": "thinking", "thinking": "I look at the heart.", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "Clear."},
    ]
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 50,
        "output_tokens": 30,
        "output_tokens_details": {"thinking_tokens": 20},
    }
    reply = CLAUDE.read(response(claude(blocks, usage=usage)))

    assert (reply.text, reply.reasoning) == ("Clear.", "I look at the heart.")
    assert reply.usage == Usage(prompt=160, completion=30, reasoning=20, cached=100)


@pytest.mark.parametrize(
    ("body", "text", "finish", "why"),
    [
        (gemini([{"text": "FINDINGS: "}, {"text": "Clear."}]), "FINDINGS: Clear.", "stop", ""),
        (gemini([{"text": "The hea"}], "MAX_TOKENS"), "The hea", "length", "MAX_TOKENS"),
        ({"candidates": [{"finishReason": "MAX_TOKENS", "content": {"role": "model"}}]}, "", "length", "MAX_TOKENS"),
        (gemini([], "SAFETY"), "", "refusal", "SAFETY"),
        (gemini([], "RECITATION"), "", "refusal", "RECITATION"),
        (gemini([], "PROHIBITED_CONTENT"), "", "refusal", "PROHIBITED_CONTENT"),
        (gemini([], "BLOCKLIST"), "", "refusal", "BLOCKLIST"),
        (gemini([], "SPII"), "", "refusal", "SPII"),
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, "", "refusal", "PROHIBITED_CONTENT"),
        ({"candidates": [{"finishReason": "STOP"}]}, "", "stop", ""),
    ],
)
def test_gemini_s_ways_to_end(body: dict[str, Any], text: str, finish: str, why: str) -> None:
    reply = GEMINI.read(response(body))
    assert (reply.text, reply.finish, reply.why) == (text, finish, why)


def test_gemini_s_thoughts_come_apart_images_are_found_and_tokens_counted() -> None:
    picture = base64.urlsafe_b64encode(b"\xff\xfe pixels").decode()
    parts: list[dict[str, Any]] = [
        {"text": "I look.", "thought": True},
        {"text": "Clear."},
        {"inlineData": {"mimeType": "image/png", "data": picture}},
    ]
    usage = {
        "promptTokenCount": 300,
        "candidatesTokenCount": 40,
        "thoughtsTokenCount": 60,
        "cachedContentTokenCount": 256,
        "totalTokenCount": 400,
    }
    reply = GEMINI.read(response(gemini(parts, usageMetadata=usage)))

    assert (reply.text, reply.reasoning) == ("Clear.", "I look.")
    assert reply.images == ("data:image/png;base64," + base64.b64encode(b"\xff\xfe pixels").decode(),)
    assert reply.usage == Usage(prompt=300, completion=100, reasoning=60, cached=256)
    assert reply.served.id == "gemini-x-001"


@pytest.mark.parametrize(
    ("client", "body", "retry"),
    [
        (CLAUDE, {}, True),
        (CLAUDE, {"content": None}, True),
        (GEMINI, {}, True),
        (GEMINI, gemini([], "MALFORMED_RESPONSE"), True),
        (GEMINI, gemini([], "SOMETHING_NEW"), True),
        (GEMINI, gemini([], "OTHER"), True),
        (GEMINI, gemini([], "IMAGE_OTHER"), True),
        (GEMINI, gemini([], "PUP_LIMITED_DISABLED"), False),
    ],
)
def test_what_is_no_reply_leaves_the_study_open(client: WireClient, body: Any, *, retry: bool) -> None:
    with pytest.raises(TransportError) as error:
        client.read(response(body))
    assert error.value.retry is retry


def fault(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req"}


def google(code: int, status: str, message: str, *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


@pytest.mark.parametrize(
    ("client", "status", "body", "finish"),
    [
        (CLAUDE, 400, fault("invalid_request_error", "prompt is too long: 205000 tokens > 200000 maximum"), "too long"),
        (CLAUDE, 413, fault("request_too_large", "Request exceeds the maximum size"), "rejected"),
        (CLAUDE, 400, fault("invalid_request_error", "messages.0.content.1: Could not process image"), "rejected"),
        (CLAUDE, 400, fault("invalid_request_error", "Output blocked by content filtering policy"), "refusal"),
        (GEMINI, 400, google(400, "INVALID_ARGUMENT", LONG), "too long"),
        (GEMINI, 400, google(400, "INVALID_ARGUMENT", "Unable to process input image."), "rejected"),
        (CLAUDE, 400, fault("invalid_request_error", "Your credit balance is too low"), "rejected"),
        (CLAUDE, 400, fault("invalid_request_error", "temperature: Extra inputs are not permitted"), "rejected"),
        (CLAUDE, 400, fault("invalid_request_error", "`temperature` is deprecated for this model."), "rejected"),
        (GEMINI, 400, google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "rejected"),
        (GEMINI, 400, google(400, "FAILED_PRECONDITION", "User location is not supported."), "rejected"),
    ],
)  # fmt: skip
def test_a_rejected_input_is_read_by_its_cause(client: WireClient, status: int, body: Any, *, finish: str) -> None:
    reply = client.read(response(body, status))
    assert reply.finish == finish
    assert reply.why.startswith(f"HTTP {status}")


@pytest.mark.parametrize(
    ("client", "status", "body", "retry", "after"),
    [
        (CLAUDE, 401, fault("authentication_error", "invalid x-api-key planted-key"), False, None),
        (CLAUDE, 402, fault("billing_error", "Your credit balance is too low"), False, None),
        (CLAUDE, 403, fault("permission_error", "no access"), False, None),
        (CLAUDE, 404, fault("not_found_error", "model: claude-y"), False, None),
        (CLAUDE, 429, fault("rate_limit_error", "slow down"), True, None),
        (CLAUDE, 500, fault("api_error", "internal"), True, None),
        (CLAUDE, 504, fault("timeout_error", "took too long"), True, None),
        (CLAUDE, 529, fault("overloaded_error", "Overloaded"), True, None),
        (GEMINI, 403, google(403, "PERMISSION_DENIED", "denied"), False, None),
        (GEMINI, 404, google(404, "NOT_FOUND", "models/gemini-y is not found"), False, None),
        (GEMINI, 429, google(429, "RESOURCE_EXHAUSTED", "quota", LATER), True, 34.0),
        (GEMINI, 500, google(500, "INTERNAL", "An internal error has occurred."), True, None),
        (GEMINI, 503, google(503, "UNAVAILABLE", "The model is overloaded."), True, None),
    ],
)  # fmt: skip
def test_what_the_input_did_not_cause_leaves_the_study_open(
    client: WireClient, status: int, body: Any, *, retry: bool, after: float | None
) -> None:
    with pytest.raises(TransportError) as error:
        client.read(response(body, status))

    assert (error.value.retry, error.value.after) == (retry, after)
    assert "planted" not in str(error.value)
