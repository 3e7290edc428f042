"""The chat completions format: what is written into a body, and what is read out of a reply."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError
from mmrad_eval.core.values import Card, Reply, Usage
from mmrad_eval.model_registry.openai_chat import ChatClient, read
from mmrad_eval.model_registry.secrets import Secret
from mmrad_eval.model_registry.transport import HttpResponse
from mmrad_eval.model_registry.waits import asked_wait

Make = Callable[..., PreparedRequest]
encode = ChatClient(Card(provider="openai", id="some-model"), ("http://127.0.0.1:9/v1",)).encode


def test_a_conversation_keeps_its_turns_and_parts_in_order(sent_of: Make) -> None:
    sent = sent_of(
        ("system", "You are a radiologist."),
        ("user", "Image 1:", ("image/jpeg", b"\xff\xd8one"), "Image 2:", ("image/png", b"\x89PNGtwo"), "Report."),
        ("assistant", "I look."),
        ("user", ("image/jpeg", b"\xff\xd8three")),
    )
    messages = json.loads(encode(sent))["messages"]

    assert messages[0] == {"role": "system", "content": "You are a radiologist."}
    assert messages[1]["content"] == [
        {"type": "text", "text": "Image 1:"},
        {
            "type": "image_url",
            "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8one").decode()},
        },
        {"type": "text", "text": "Image 2:"},
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64," + base64.b64encode(b"\x89PNGtwo").decode()},
        },
        {"type": "text", "text": "Report."},
    ]
    assert messages[2] == {"role": "assistant", "content": "I look."}
    assert [part["type"] for part in messages[3]["content"]] == ["image_url"]


def test_extra_fields_go_into_the_body_and_may_not_undo_the_run_s_own(sent_of: Make) -> None:
    body = json.loads(encode(sent_of(("user", "Hi"), extra={"response_format": {"type": "json_object"}})))
    assert body["response_format"] == {"type": "json_object"}
    with pytest.raises(ModelError, match="max_tokens"):
        encode(sent_of(("user", "Hi"), extra={"max_tokens": 5}))


def test_words_of_every_script_survive(sent_of: Make) -> None:
    text = 'Größe "quoted" \\ \u2028 字 \x01 line\nbreak'
    assert json.loads(encode(sent_of(("user", text))))["messages"][0]["content"] == text


def response(body: Any, status: int = 200, **headers: str) -> HttpResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status, data, headers, "http://server/v1")


def completion(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "model": "m-2026",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        **more,
    }


@pytest.mark.parametrize(
    ("message", "finish", "expected"),
    [
        ({"content": "Clear."}, "stop", ("Clear.", "stop", "")),
        ({"content": None}, "stop", ("", "stop", "")),
        ({}, "stop", ("", "stop", "")),
        ({"content": "The hea"}, "length", ("The hea", "length", "length")),
        ({"content": ""}, "content_filter", ("", "refusal", "content_filter")),
        ({"content": None, "refusal": "I can't."}, "stop", ("", "refusal", "I can't.")),
        (
            {"content": [{"type": "text", "text": "Clear"}, {"type": "text", "text": "."}]},
            "stop",
            ("Clear.", "stop", ""),
        ),
        ({"content": None, "tool_calls": [{"id": "1"}]}, "tool_calls", ("", "stop", "")),
    ],
)
def test_every_finish_is_read(message: dict[str, Any], finish: str | None, expected: tuple[str, str, str]) -> None:
    reply = read(response(completion(message, finish)))
    assert (reply.text, reply.finish, reply.why) == expected


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_comes_apart_from_the_text(name: str) -> None:
    reply = read(response(completion({"content": "Clear.", name: "I see no opacity."})))
    assert (reply.text, reply.reasoning) == ("Clear.", "I see no opacity.")


def test_usage_and_identity_are_read() -> None:
    usage = {
        "prompt_tokens": 900,
        "completion_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 512},
        "completion_tokens_details": {"reasoning_tokens": 64},
    }
    reply = read(response(completion({"content": "x"}, usage=usage, system_fingerprint="fp_1", provider="Host B")))

    assert reply.usage == Usage(900, 120, 64, 512)
    assert (reply.served.id, reply.served.fingerprint, reply.served.version) == ("m-2026", "fp_1", "Host B")


def test_images_that_the_model_made_are_found() -> None:
    uri = "data:image/png;base64,aGk="
    picture = {"type": "image_url", "image_url": {"url": uri}}
    assert read(response(completion({"content": "see", "images": [picture]}))).images == (uri,)
    assert read(response(completion({"content": [picture]}))).images == (uri,)


def test_a_body_is_kept_word_for_word_on_one_line() -> None:
    body = json.dumps(completion({"content": "a\nb"}), indent=2).encode()
    raw = bytes(read(response(body)).raw)

    assert b"\n" not in raw
    assert json.loads(raw) == json.loads(body)


@pytest.mark.parametrize("broken", [rb"\ud83d", b"\xff"])
def test_text_that_is_no_unicode_is_mended_and_not_lost(broken: bytes) -> None:
    body = b'{"choices": [{"message": {"content": "Clear ' + broken + b' lungs"}, "finish_reason": "stop"}]}'
    reply = read(response(body))

    assert reply.text.startswith("Clear ")
    assert reply.text.endswith(" lungs")
    json.loads(bytes(reply.raw))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b'{"choices": [',
        b"{}",
        b"[]",
        b"null",
        b'"text"',
        b'{"choices": []}',
        b'{"choices": [null]}',
    ],
)
def test_what_is_no_completion_is_asked_again(body: bytes) -> None:
    with pytest.raises(TransportError) as error:
        read(response(body))
    assert error.value.retry


@pytest.mark.parametrize("finish", ["abort", "error"])
def test_a_server_that_gave_up_is_asked_again(finish: str) -> None:
    with pytest.raises(TransportError, match=finish) as error:
        read(response(completion({"content": "The"}, finish)))
    assert error.value.retry


def test_a_prompt_that_fills_the_context_of_the_server_is_no_reply_that_was_cut() -> None:
    """InternLM/lmdeploy issue 550: a reply without a token that ends by its length."""
    usage = {"prompt_tokens": 9000, "completion_tokens": 0, "total_tokens": 9000}
    with pytest.raises(TransportError, match="fills the context") as error:
        read(response(completion({"content": ""}, "length", usage=usage)))
    assert not error.value.retry
    cut = read(response(completion({"content": ""}, "length", usage=usage | {"completion_tokens": 5})))
    assert cut.finish == "length"


def test_half_an_answer_beside_an_error_is_no_reply() -> None:
    """openrouter.ai/docs/api/reference/errors-and-debugging: a choice may hold the error of its provider."""
    broken = completion({"content": "upstream connect"}, "stop")
    broken["choices"][0]["error"] = {"code": 502, "message": "Provider disconnected"}
    with pytest.raises(TransportError, match="Provider disconnected"):
        read(response(broken))


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


LONG = "This model's maximum context length is 4096 tokens. However, your prompt has 5000."
FILTERED = "The response was filtered due to the prompt triggering content management policy"
FLAGGED = "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
INPUT_FAULTS: list[tuple[int, Any, str]] = [
    (400, error(LONG, code="context_length_exceeded"), "too long"),
    (400, error(f"{LONG[:-1]} input tokens. x (parameter=input_tokens)", param="input_tokens", code=400), "too long"),
    (413, b"<html>Request Entity Too Large</html>", "rejected"),
    (400, error("Range of input length should be [1, 6000]"), "too long"),
    (400, error(FILTERED, code="content_filter"), "refusal"),
    (400, error(FLAGGED, code="invalid_prompt"), "refusal"),
    (
        403,
        error("Your input was flagged", code=403, metadata={"reasons": ["violence"], "flagged_input": "x"}),
        "refusal",
    ),
    (400, error("cannot identify image file", param=None), "rejected"),
    (422, {"detail": [{"loc": ["body", "messages", 0], "msg": "Input should be a valid string"}]}, "rejected"),
    (400, error("The model `x` does not exist", param="model", code="model_not_found"), "rejected"),
    (400, error("Unsupported value: 'temperature' does not support 0", param="temperature"), "rejected"),
    (400, error("max_tokens must be at most 4096", param="max_tokens"), "rejected"),
    (400, error("At most 8 image(s) may be provided in one prompt.", param="image"), "rejected"),
    (400, error("API key not valid. Please pass a valid API key."), "rejected"),
    (400, error("Your credit balance is too low to access the API."), "rejected"),
]


@pytest.mark.parametrize(("status", "body", "finish"), INPUT_FAULTS)
def test_a_rejected_input_is_read_by_its_cause(status: int, body: Any, finish: str) -> None:
    reply = read(response(body, status))

    assert reply.finish == finish
    assert reply.text == ""
    assert reply.why.startswith(f"HTTP {status} from http://server/v1: ")


INFRASTRUCTURE: list[tuple[int, Any, bool, str]] = [
    (401, {"error": "Unauthorized"}, False, "Unauthorized"),
    (401, error("Incorrect API key provided"), False, "Incorrect API key"),
    (403, error("Country not supported"), False, "Country"),
    (404, error("The model `x` does not exist.", param="model", code=404), False, "does not exist"),
    (400, error("The server is overloaded, please try again later"), True, "overloaded"),
    (402, error("Insufficient credits"), False, "Insufficient"),
    (408, b"", True, "no message"),
    (409, error("conflict"), True, "conflict"),
    (429, error("Rate limit reached"), True, "Rate limit"),
    (429, error("You exceeded your current quota", code="insufficient_quota"), False, "quota"),
    (500, error("EngineCore encountered an issue"), True, "EngineCore"),
    (500, error("image input is not supported - hint: you may need the mmproj"), False, "takes no images"),
    (502, b"<html>Bad gateway</html>", True, "Bad gateway"),
    (503, b"", True, "503"),
    (529, error("Overloaded", type="overloaded_error"), True, "Overloaded"),
]


@pytest.mark.parametrize(("status", "body", "retry", "words"), INFRASTRUCTURE)
def test_what_the_input_did_not_cause_leaves_the_study_open(status: int, body: Any, *, retry: bool, words: str) -> None:
    with pytest.raises(TransportError, match=words) as caught:
        read(response(body, status))
    assert caught.value.retry is retry


def test_a_router_s_error_inside_a_200_is_an_error() -> None:
    with pytest.raises(TransportError, match="429") as caught:
        read(response(error("upstream is busy", code=429)))
    assert caught.value.kind == "throttled"
    with pytest.raises(TransportError, match="upstream died"):
        read(response(error("upstream died")))


def test_neither_key_nor_pixels_of_an_echo_are_kept() -> None:
    pixels = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 4).decode()
    body = {"detail": [{"loc": ["body"], "msg": "bad planted-key", "input": {"url": pixels}}]}
    reply = read(response(body, 422), Secret("planted-key", "here"))

    assert "body: bad [key] (rejected" in reply.why
    assert b"planted" not in bytes(reply.raw)
    assert b"[data]" in bytes(reply.raw)
    kept = read(response(completion({"content": "your key is planted-key"})), Secret("planted-key", "here"))
    assert b"planted" not in bytes(kept.raw)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers) == seconds


def test_a_reply_equals_what_was_read() -> None:
    assert isinstance(read(response(completion({"content": "x"}))), Reply)
