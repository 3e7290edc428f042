"""Each kind of failure as each closed API writes it, over HTTP to the end: a status of the study, or a study left open.

The bodies are hand-made after the providers' own pages of errors and their clients' types, as of November 2026.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mmrad_eval.core.errors import Failed
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Decoding, Message, Reply, Request, Text
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry import resolve

PROVIDERS = ("openai", "azure", "openrouter", "together", "anthropic", "gemini")
KEY = "sk-planted-0123456789"
QUICK = Retry(faults=2, timeouts=1, throttled=2, first=0.01, longest=0.02)
ONCE, AGAIN = "open, not asked again", "open, asked again"


def says(message: str, **more: Any) -> dict[str, Any]:
    """OpenAI's error, and that of those who follow it."""
    return {"error": {"message": message, "type": None, "param": None, "code": None} | more}


def routed(code: int, message: str, **metadata: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message} | ({"metadata": metadata} if metadata else {})}


def claude(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def google(code: int, status: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": []}}


def completion(text: str | None, finish: str, **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text} | message, "finish_reason": finish}
    return {"id": "c", "model": "m-2026", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}


def message(text: str, reason: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text}] if text else []
    head = {"id": "msg", "type": "message", "role": "assistant", "model": "m-2026", "content": content}
    return head | {"stop_reason": reason, "usage": {"input_tokens": 9, "output_tokens": 3}} | more


def candidate(text: str, reason: str) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": text}] if text else []}
    return {"candidates": [{"content": content, "finishReason": reason}], "modelVersion": "m-2026"}


LONG = "The input token count exceeds the maximum number of tokens allowed (1048576)."
NET = "Access denied due to Virtual Network/Firewall rules."
FILTERED = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
FILTER = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"violence": {"filtered": True}}}
TGI = (
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 50 "
    "`max_new_tokens`"
)
FLAGGED = "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again."
PROMPT = "prompt is too long: 205000 tokens > 200000 maximum"
ROUTED = (
    "This endpoint's maximum context length is 8192 tokens. However, you requested about 9050 tokens (9000 of text "
    'input, 50 in the output). Please reduce the length of either one, or use the "middle-out" transform to compress '
    "your prompt automatically."
)
WAIT = {"Retry-After": "0.01"}
Case = tuple[str, int, Any, Mapping[str, str], str]
"""What happens, HTTP status, body, headers, what becomes of the study."""

CASES: dict[str, list[Case]] = {
    "openai": [
        ("a reply", 200, completion("Clear.", "stop"), {}, "stop"),
        ("cut", 200, completion("Cle", "length"), {}, "length"),
        ("declined", 200, completion(None, "stop", refusal="I can't help with that."), {}, "refusal"),
        ("filtered", 200, completion("", "content_filter"), {}, "refusal"),
        ("wrong key", 401, says(f"Incorrect API key provided: {KEY}.", code="invalid_api_key"), {}, ONCE),
        ("unknown model", 404, says("The model `m` does not exist", code="model_not_found"), {}, ONCE),
        ("no right", 403, says("Country, region, or territory not supported"), {}, ONCE),
        ("too fast", 429, says("Rate limit reached", code="rate_limit_exceeded"), WAIT, AGAIN),
        ("no money", 429, says("You exceeded your current quota", code="insufficient_quota"), {}, ONCE),
        ("broken", 500, says("The server had an error while processing your request"), {}, AGAIN),
        ("overloaded", 503, says("The engine is currently overloaded"), {}, AGAIN),
        ("too long", 400, says("maximum context length is 8192", code="context_length_exceeded"), {}, "too long"),
        ("flagged", 400, says(FLAGGED, code="invalid_prompt"), {}, "refusal"),
        ("bad picture", 400, says("You uploaded an unsupported image.", code="invalid_image_format"), {}, ONCE),
        ("bad setting", 400, says("Unsupported value: 'temperature'", param="temperature"), {}, ONCE),
    ],
    "azure": [
        ("a reply", 200, completion("Clear.", "stop", refusal=None), {}, "stop"),
        ("cut", 200, completion("Cle", "length"), {}, "length"),
        ("filtered reply", 200, completion("", "content_filter"), {}, "refusal"),
        ("filtered prompt", 400, says(FILTERED, code="content_filter", innererror=FILTER), {}, "refusal"),
        ("wrong key", 401, says("Access denied due to invalid subscription key", code="401"), {}, ONCE),
        ("no deployment", 404, says("The API deployment does not exist.", code="DeploymentNotFound"), {}, ONCE),
        ("wrong address", 404, says("Resource not found", code="404"), {}, ONCE),
        ("no right", 403, says(NET, code="403"), {}, ONCE),
        ("too fast", 429, says("Please retry after 1 second.", code="429"), {"retry-after-ms": "10"}, AGAIN),
        ("broken", 500, says("An error occurred", code="InternalServerError"), {}, AGAIN),
        ("too long", 400, says("maximum context length", code="context_length_exceeded"), {}, "too long"),
        ("bad picture", 400, says("Invalid image data", code="BadRequest"), {}, ONCE),
    ],
    "openrouter": [
        ("a reply", 200, completion("Clear.", "stop") | {"provider": "Some Host"}, {}, "stop"),
        ("cut", 200, completion("Cle", "length"), {}, "length"),
        ("filtered", 200, completion("", "content_filter"), {}, "refusal"),
        ("host gave up", 200, completion("Cle", "error"), {}, AGAIN),
        ("error in a 200", 200, routed(502, "Provider returned error", raw="died"), {}, AGAIN),
        ("too fast in a 200", 200, routed(429, "Provider returned error", raw="slow down"), {}, AGAIN),
        ("wrong key", 401, routed(401, "User not found."), {}, ONCE),
        ("no money", 402, routed(402, "Insufficient credits"), {}, ONCE),
        ("too much at once", 402, routed(402, "In-flight budget", limit_source="in_flight"), WAIT, AGAIN),
        ("unknown model", 400, routed(400, "vendor/m is not a valid model ID"), {}, ONCE),
        ("no host for it", 404, routed(404, "No endpoints found that support image input"), {}, ONCE),
        ("flagged", 403, routed(403, "Input was flagged", reasons=["violence"], flagged_input="x"), {}, "refusal"),
        ("guardrail", 403, routed(403, "Request blocked: sensitive info"), {}, ONCE),
        ("too fast", 429, routed(429, "Rate limit exceeded: free-models-per-min."), WAIT, AGAIN),
        ("no host now", 503, routed(503, "No available model provider"), WAIT, AGAIN),
        ("too long", 400, routed(400, ROUTED), {}, "too long"),
        ("bad picture", 400, routed(400, "Provider returned error", raw="Could not process image"), {}, ONCE),
    ],
    "together": [
        ("a reply", 200, completion("Clear.", "eos", reasoning="I look."), {}, "stop"),
        ("cut", 200, completion("Cle", "length"), {}, "length"),
        ("wrong key", 401, says("Invalid API key provided.", code="invalid_api_key"), {}, ONCE),
        ("no money", 402, says("Credit limit exceeded", type="credit_limit"), {}, ONCE),
        ("unknown model", 404, says("Unable to access model m.", param="model", code="model_not_available"), {}, ONCE),
        ("too fast", 429, says("You have reached the rate limit of this model"), WAIT, AGAIN),
        ("overloaded", 503, says("The server is overloaded or not ready yet.", code="service_unavailable"), {}, AGAIN),
        ("gateway gave up", 524, b"<html>A timeout occurred</html>", {}, AGAIN),
        ("too long", 422, says(TGI, type="invalid_request_error"), {}, "too long"),
        ("too large", 413, b"<html>Request Entity Too Large</html>", {}, ONCE),
        ("bad picture", 400, says("Failed to load the image", type="invalid_request_error"), {}, ONCE),
    ],
    "anthropic": [
        ("a reply", 200, message("Clear.", "end_turn"), {}, "stop"),
        ("cut", 200, message("Cle", "max_tokens"), {}, "length"),
        ("context ended", 200, message("Cle", "model_context_window_exceeded"), {}, "too long"),
        ("declined", 200, message("", "refusal"), {}, "refusal"),
        ("wrong key", 401, claude("authentication_error", f"invalid x-api-key {KEY}"), {}, ONCE),
        ("no right", 403, claude("permission_error", "no permission"), {}, ONCE),
        ("unknown model", 404, claude("not_found_error", "model: m"), {}, ONCE),
        ("no money", 400, claude("invalid_request_error", "Your credit balance is too low"), {}, ONCE),
        ("too fast", 429, claude("rate_limit_error", "This request would exceed"), WAIT, AGAIN),
        ("broken", 500, claude("api_error", "Internal server error"), {}, AGAIN),
        ("overloaded", 529, claude("overloaded_error", "Overloaded"), {}, AGAIN),
        ("too long", 400, claude("invalid_request_error", PROMPT), {}, "too long"),
        ("too large", 413, claude("request_too_large", "Request exceeds the maximum size"), {}, ONCE),
        ("filtered", 400, claude("invalid_request_error", "Output blocked by content filtering policy"), {}, "refusal"),
        ("bad picture", 400, claude("invalid_request_error", "Could not process image"), {}, ONCE),
        ("bad setting", 400, claude("invalid_request_error", "`temperature` is deprecated"), {}, ONCE),
    ],
    "gemini": [
        ("a reply", 200, candidate("Clear.", "STOP"), {}, "stop"),
        ("cut", 200, candidate("Cle", "MAX_TOKENS"), {}, "length"),
        ("blocked reply", 200, candidate("", "SAFETY"), {}, "refusal"),
        ("blocked prompt", 200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, {}, "refusal"),
        ("wrong key", 400, google(400, "INVALID_ARGUMENT", "API key not valid."), {}, ONCE),
        ("no right", 403, google(403, "PERMISSION_DENIED", "denied"), {}, ONCE),
        ("unknown model", 404, google(404, "NOT_FOUND", "models/m is not found"), {}, ONCE),
        ("wrong place", 400, google(400, "FAILED_PRECONDITION", "User location is not supported"), {}, ONCE),
        ("too fast", 429, google(429, "RESOURCE_EXHAUSTED", "quota"), WAIT, AGAIN),
        ("broken", 500, google(500, "INTERNAL", "An internal error"), {}, AGAIN),
        ("overloaded", 503, google(503, "UNAVAILABLE", "The model is overloaded."), {}, AGAIN),
        ("too slow", 504, google(504, "DEADLINE_EXCEEDED", "too slow"), {}, AGAIN),
        ("too long", 400, google(400, "INVALID_ARGUMENT", LONG), {}, "too long"),
        ("bad picture", 400, google(400, "INVALID_ARGUMENT", "Unable to process input image."), {}, ONCE),
    ],
}  # fmt: skip

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Canned:
    """A server that answers every request in one way."""

    def __init__(self) -> None:
        self.url, self.requests = "", 0
        self.answer: Answer

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        self.requests += 1
        return await self.answer(request)

    def says(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def answer(_: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=status, body=data, headers=headers, content_type="application/json")

        self.answer = answer


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    server = Canned()
    runner = web.ServerRunner(web.Server(server.handle, access_log=None), shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


async def asked(
    provider: str, server: Canned, folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float = 5
) -> tuple[str, Reply | None, str]:
    """What became of one question: how its reply ended or that it stays open, the reply, and the reason."""
    monkeypatch.setenv("PLANTED", KEY)
    client: Any = resolve(f"{provider}:m", base_url=[server.url], api_key_env="PLANTED", timeout=seconds)
    request = Request(provider, "m", (Message("user", (Text("Report."),)),), Decoding(max_tokens=50, temperature=None))
    with Journal(folder / "replies") as journal:
        requester = Requester(client, journal, pace=Pace.fixed(4), retry=QUICK)
        try:
            reply = (await requester.ask(request)).reply
        except Failed as failure:
            assert len(journal) == 0
            return AGAIN if server.requests > 1 else ONCE, None, str(failure)
        finally:
            await requester.close()
    assert server.requests == 1
    return reply.finish, reply, reply.why


@pytest.mark.parametrize(
    ("provider", "case"),
    [pytest.param(name, case, id=f"{name}: {case[0]}") for name, cases in CASES.items() for case in cases],
)
async def test_each_way_to_end_has_its_own_outcome(
    canned: Canned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, case: Case
) -> None:
    _, status, body, headers, expected = case
    canned.says(status, body, headers)
    outcome, reply, why = await asked(provider, canned, tmp_path, monkeypatch)

    assert outcome == expected, why
    assert bool(why) is (expected != "stop")
    assert KEY not in why
    assert KEY not in "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    if reply is not None and status == 200 and reply.text:
        assert (reply.served.id, reply.text[:3]) == ("m-2026", "Cle")


def test_every_closed_provider_has_its_cases() -> None:
    assert set(CASES) == set(PROVIDERS)
    for cases in CASES.values():
        assert {"a reply", "cut", "wrong key", "too fast", "too long", "bad picture"} <= {case[0] for case in cases}


async def broken_off(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def half(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=b'{"choices": [{"mess', content_type="application/json")


async def elsewhere(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/v1"})


async def never(_: web.BaseRequest) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "broken",
    [
        (broken_off, AGAIN, "broke"),
        (half, AGAIN, "not JSON"),
        (elsewhere, ONCE, "redirects are not followed"),
        (never, ONCE, "no reply from"),  # a time-out is tried once here
    ],
    ids=["broken connection", "half a body", "redirect", "no answer"],
)
async def test_what_is_no_answer_at_all_leaves_the_study_open(
    canned: Canned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, broken: tuple[Answer, str, str]
) -> None:
    canned.answer, outcome, words = broken
    found, _, why = await asked(provider, canned, tmp_path, monkeypatch, seconds=0.5)

    assert found == outcome
    assert words in why
