"""Models that return pictures: how they are asked, and how each form of reply is read, as vendors' types have it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import asdict

from mmrad_eval.core.canonical import request_key, request_value
from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError
from mmrad_eval.core.values import Card, Decoding, OutputImage, Reasoning, Reply, Text
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.gemini import GeminiClient
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.openai_chat import UNDRAWN, ChatClient
from mmrad_eval.model_registry.openai_responses import ResponsesClient
from mmrad_eval.model_registry.providers import BUILTIN, Provider
from mmrad_eval.model_registry.transport import HttpResponse
from mmrad_eval.model_registry.vllm import VllmClient
from mmrad_eval.model_registry.wire import WireClient
from mmrad_eval.tasks.answers import read_answer
from tests.model_registry.test_wire_formats import CONVERSATIONS, normal, plain

Make = Callable[..., PreparedRequest]
ROOT = Path(__file__).resolve().parents[2]
PNG = base64.b64encode(b"\x89PNG a picture").decode()
URI = f"data:image/png;base64,{PNG}"
DRAWN = {"type": "image_url", "image_url": {"url": URI}, "stage_durations": {}, "peak_memory_mb": 0.0}
CHAT = ChatClient(Card(provider="openrouter", id="x", draws=True), ("http://a/v1",))
OMNI = VllmClient(Card(provider="vllm", id="x", draws=True), ("http://v/v1",))
GEMINI = GeminiClient(Card(provider="gemini", id="x", draws=True), ("http://g/v1",))
RESPONSES = ResponsesClient(Card(provider="openai", id="x", draws=True), ("http://o/v1",), None, timeout=None)


def read(client: WireClient, body: Any, status: int = 200) -> Reply:
    return client.read(HttpResponse(status, json.dumps(body).encode(), {}, "http://server/v1"))


def choice(content: Any, reason: str = "stop", **more: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": content, **more}}


def chat(*choices: dict[str, Any]) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "x", "choices": list(choices)}


def response(*output: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 9,
        "output_tokens": 8,
        "total_tokens": 17,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    asked = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "object": "response"}
    told = {"id": "r", "created_at": 1, "model": "x-1", "status": status, "output": output, "usage": usage}
    return asked | told | more


def cut(reason: str) -> dict[str, Any]:
    return response(said(text("FINDINGS:")), status="incomplete", incomplete_details={"reason": reason})


def said(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": list(content)}


def text(words: str) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": []}


def image(**more: Any) -> dict[str, Any]:
    return {"type": "image_generation_call", "id": "i", "status": "completed", "result": PNG, **more}


TURNS = response(
    {"type": "reasoning", "id": "t", "summary": [{"type": "summary_text", "text": "Where is the heart?"}]},
    said(text("First the heart.")),
    image(revised_prompt="the heart, enlarged", output_format="png"),
    said(text("It is large. "), text("FINDINGS: Cardiomegaly.")),
)
GEMINI_TURNS = {
    "candidates": [
        {
            "finishReason": "STOP",
            "content": {
                "role": "model",
                "parts": [
                    {"text": "planning", "thought": True},
                    {"inlineData": {"mimeType": "image/png", "data": PNG}, "thought": True},
                    {"text": "First the heart."},
                    {"inlineData": {"mimeType": "image/png", "data": PNG}, "thoughtSignature": "c2ln"},
                    {"text": "FINDINGS: Cardiomegaly."},
                ],
            },
        }
    ],
    "modelVersion": "x-1",
}
ROUTED = chat(choice("FINDINGS: Clear.", images=[{"type": "image_url", "image_url": {"url": URI}}]))


def test_openai_s_output_is_read_in_order() -> None:
    reply = read(RESPONSES, TURNS)
    assert reply.parts == (
        Reasoning("Where is the heart?"),
        Text("First the heart."),
        Reasoning("the heart, enlarged"),
        OutputImage(URI),
        Text("It is large. "),
        Text("FINDINGS: Cardiomegaly."),
    )
    assert (reply.finish, reply.unordered, reply.served.id) == ("stop", False, "x-1")
    assert (reply.usage.prompt, reply.usage.completion, reply.usage.reasoning, reply.usage.cached) == (9, 8, 3, 4)


def test_a_picture_that_moderation_kept_back_is_no_refusal_of_the_study() -> None:
    blocked = image(status="failed", result=None, error={"code": "moderation_blocked", "message": "no", "param": None})
    reply = read(RESPONSES, response(blocked, said(text("FINDINGS: Clear."))))
    assert (reply.finish, reply.text, reply.images) == ("stop", "FINDINGS: Clear.", ())
    assert reply.why == "an image was not drawn: moderation_blocked"


@pytest.mark.parametrize(
    ("body", "finish", "why"),
    [
        (response(said({"type": "refusal", "refusal": "I can't."})), "refusal", "I can't."),
        (
            cut("max_output_tokens"),
            "length",
            "max_output_tokens",
        ),
        (cut("content_filter"), "refusal", "content_filter"),
    ],
)
def test_openai_s_ways_to_end(body: Any, finish: str, why: str) -> None:
    reply = read(RESPONSES, body)
    assert (reply.finish, reply.why) == (finish, why)


@pytest.mark.parametrize(
    "body",
    [
        response(status="failed", error={"code": "server_error", "message": "oops"}),
        response(status="in_progress"),
        cut("a new one"),
        {"object": "response"},
        {"status": "completed", "output": None},
    ],
)
def test_what_openai_did_not_complete_leaves_the_study_open(body: Any) -> None:
    with pytest.raises(TransportError, match="did not complete"):
        read(RESPONSES, body)


def test_gemini_s_pictures_are_read_in_order_and_drafts_are_none() -> None:
    reply = read(GEMINI, GEMINI_TURNS)
    assert reply.parts == (
        Reasoning("planning"),
        Text("First the heart."),
        OutputImage(URI),
        Text("FINDINGS: Cardiomegaly."),
    )
    assert not reply.unordered


def test_all_choices_of_vllm_omni_are_read_and_their_order_is_unknown() -> None:
    body = chat(choice("I look at the heart. FINDINGS: Cardiomegaly.", "length"), choice([DRAWN, DRAWN]))
    reply = read(OMNI, body)
    assert reply.images == (URI, URI)
    assert reply.text == "I look at the heart. FINDINGS: Cardiomegaly."
    assert (reply.unordered, reply.finish) == (True, "length")
    assert read(OMNI, chat(choice([DRAWN]), choice("FINDINGS: Clear."))).unordered


def test_the_stock_sentence_in_the_place_of_pictures_is_no_report() -> None:
    stock = choice([{"type": "text", "text": UNDRAWN}])
    assert read(OMNI, chat(stock)).parts == ()
    reply = read(OMNI, chat(choice("FINDINGS: Clear."), stock))
    assert (reply.parts, reply.unordered) == ((Text("FINDINGS: Clear."),), False)
    assert read_answer(read(OMNI, chat(stock)), "findings").status == "empty"


def test_pictures_that_a_router_puts_beside_the_words_are_in_no_order() -> None:
    reply = read(CHAT, ROUTED)
    assert (reply.text, reply.images, reply.unordered) == ("FINDINGS: Clear.", (URI,), True)
    assert not read(CHAT, chat(choice([{"type": "text", "text": "Here:"}, DRAWN]))).unordered


def test_words_around_pictures_of_unknown_order_announce_nothing() -> None:
    words = "Let me look at the heart. It is large. FINDINGS: Cardiomegaly."
    known = read_answer(read(CHAT, chat(choice([{"type": "text", "text": words[:25]}, DRAWN, words[25:]]))), "findings")
    loose = read_answer(read(OMNI, chat(choice(words), choice([DRAWN]))), "findings")
    assert known.trace is not None
    assert loose.trace is not None
    assert known.trace.steps[0].region
    assert [(step.region, step.text, step.image is not None) for step in loose.trace.steps] == [("", "", True)]
    assert loose.report.findings == known.report.findings == "Cardiomegaly."
    assert loose.events["pictures in unknown order"] == 1
    assert "pictures in unknown order" not in known.events


@pytest.fixture
def sdks() -> Path:
    """The Python of the environment that holds the providers' own clients; skips where it is not made."""
    python = ROOT / ".envs/sdks/bin/python"
    if not python.exists():
        pytest.skip("no .envs/sdks: run scripts/env-sdks")
    return python


def test_these_replies_are_of_the_vendors_own_types(sdks: Path) -> None:
    script = """
import json, sys
from openai.types.responses import Response
from google.genai.types import GenerateContentResponse
from openrouter.components import ChatResult
turns, gemini, routed = json.load(sys.stdin)
made = Response.model_validate(turns)
print([item.type for item in made.output], made.output[2].revised_prompt, len(made.output[2].result) > 4)
parts = GenerateContentResponse.model_validate(gemini).candidates[0].content.parts
print([(bool(part.thought), part.inline_data is not None) for part in parts])
print(len(ChatResult.model_validate(routed).choices[0].message.images))
"""
    body = json.dumps([TURNS, GEMINI_TURNS, ROUTED | {"system_fingerprint": None}])
    told = subprocess.run([str(sdks), "-c", script], input=body, capture_output=True, text=True, check=False)
    assert told.stderr == ""
    assert told.stdout.splitlines() == [
        "['reasoning', 'message', 'image_generation_call', 'message'] the heart, enlarged True",
        "[(True, False), (True, True), (False, False), (False, True), (False, False)]",
        "1",
    ]


FORMS: Mapping[str, tuple[str, str, str]] = {
    "openai": ("gpt-x", "/v1", "OPENAI_API_KEY"),
    "openrouter": ("vendor/model-x", "/v1", "OPENROUTER_API_KEY"),
    "gemini": ("gemini-x", "", "GEMINI_API_KEY"),
}


def drawing(server: MockServer, provider: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> WireClient:
    model, after, key = FORMS[provider]
    monkeypatch.setenv(key, "planted")
    card = folder / f"{provider}.toml"
    card.write_text(f'provider = "{provider}"\nid = "{model}"\ndraws = true\n')
    url = server.url.removesuffix("/v1") + after
    monkeypatch.setitem(cast("dict[str, Provider]", BUILTIN), provider, replace(BUILTIN[provider], url=url))
    client = resolve(str(card))
    assert isinstance(client, WireClient)
    return client


@pytest.mark.parametrize("provider", FORMS)
async def test_a_model_that_draws_is_asked_as_the_provider_s_own_client_asks(
    sdks: Path, sent_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    decodings = (Decoding(max_tokens=300, temperature=None), Decoding(max_tokens=300, temperature=0.5, top_p=0.9))
    model, after, _ = FORMS[provider]
    asked = [sent_of(*talk, decoding=d, model=model, provider=provider) for talk in CONVERSATIONS for d in decodings]
    async with MockServer(keep=True) as server:
        client = drawing(server, provider, tmp_path, monkeypatch)
        for sent in asked:
            with contextlib.suppress(TransportError):  # the server answers in one format; what was sent counts
                await client.generate(replace(sent, request=client.adapt(sent.request)))
        await client.close()
        questions = [
            {
                "provider": provider,
                "base_url": server.url.removesuffix("/v1") + after,
                "model": model,
                "draws": True,
                "decoding": {name: value for name, value in asdict(sent.request.decoding).items() if value},
                "messages": plain(sent),
            }
            for sent in asked
        ]
        script = str(Path(__file__).with_name("sdk_oracle.py"))
        oracle = await asyncio.create_subprocess_exec(sdks, script, stdin=subprocess.PIPE)
        await oracle.communicate(json.dumps(questions).encode())
        n = len(asked)
        assert len(server.bodies) == 2 * n
        for number in range(n):
            assert server.bodies[number] == normal(server.bodies[n + number])
            assert server.paths[number] == server.paths[n + number]


def test_asking_for_pictures_is_part_of_the_key_and_of_the_run_and_changes_no_other(sent_of: Make) -> None:
    request = sent_of(("user", "a")).request
    silent = ChatClient(Card(provider="openrouter", id="x"), ("http://a/v1",))
    assert silent.adapt(request) == request
    assert request_key(request_value(CHAT.adapt(request), {})) != request_key(request_value(request, {}))
    assert "draws" not in silent.card.behavior()
    assert CHAT.card.behavior()["draws"] is True


def test_a_form_that_a_task_asks_for_stays_beside_pictures(sent_of: Make) -> None:
    extra = {"generationConfig": {"responseMimeType": "application/json"}}
    adapted = GEMINI.adapt(sent_of(("user", "a"), extra=extra).request)
    assert json.loads(bytes(adapted.extra["generationConfig"])) == {
        "responseModalities": ["TEXT", "IMAGE"],
        "responseMimeType": "application/json",
    }


def test_what_responses_can_not_say_is_refused(sent_of: Make) -> None:
    with pytest.raises(ModelError, match="has no stop"):
        RESPONSES.body(sent_of(("user", "a"), decoding=Decoding(stop=("END",))))
    with pytest.raises(ModelError, match="accepts no images in the model's own turns"):
        RESPONSES.body(sent_of(("assistant", "a", ("image/png", b"x"))))
