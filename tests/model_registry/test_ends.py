# ruff: noqa: E501 (bodies stand in one line, as servers send them)
"""Ends that only a field beside ``finish_reason: stop`` tells, in the forms of routers, engines and clouds.

Forms: docs.litellm.ai/docs/completion/output and BerriAI/litellm 21348, 40064; earendil-works/pi 8511 (OpenRouter);
api-docs.deepseek.com; ibm.github.io/watsonx-ai-node-sdk; docs.oracle.com, CohereChatResponse; LM Studio's stats;
llama.cpp tools/server/README.md; sgl-project/sglang 2956; docs.aws.amazon.com, Converse; openai 3.57.0, Responses.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.values import Card, Reply
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.datasets.raw_text.ends import meaning
from mmrad_eval.model_registry.openai_responses import ResponsesClient
from mmrad_eval.model_registry.stored_replies import read_stored
from mmrad_eval.model_registry.transport import HttpResponse
from tests.model_registry.test_gateway_bodies import chat
from tests.model_registry.test_rejections import Endpoint, asked
from tests.model_registry.test_rejections import endpoint as endpoint  # noqa: PLC0414 (the fixture)

HALF = "The lungs are"


def native(word: Any, content: str | None = HALF) -> Any:
    return chat(content, choice={"native_finish_reason": word})


def kept(word: str, content: str | None = HALF) -> Any:
    return chat(content, choice={"provider_specific_fields": {"native_finish_reason": word}})


BROKEN: dict[str, Any] = {
    "OpenRouter, DeepSeek without resources": native("insufficient_system_resource"),
    "OpenRouter, a network error, nothing written": native("network_error", ""),
    "OpenRouter, a hyphen": native("network-error"),
    "OpenRouter, overload": native("engine_overloaded"),
    "OpenRouter, a limit of time": native("time_limit"),
    "OpenRouter, a word that nobody knows": native("ragnarok"),
    "OpenRouter, Google's, unspecified": native("FINISH_REASON_UNSPECIFIED"),
    "OpenRouter, a connection": native("upstream_disconnected"),
    "OpenRouter, cut for another": native("preempted"),
    "OpenRouter, at the limit and aborted": chat(HALF, "length", {"native_finish_reason": "server_shutdown"}),
    "LiteLLM, an error": kept("error"),
    "LiteLLM, DeepSeek": kept("insufficient_system_resource"),
    "LiteLLM, overload": kept("server_overloaded"),
    "LiteLLM, Gemini's call": kept("MALFORMED_FUNCTION_CALL", ""),
    "LiteLLM, Bedrock's output": kept("malformed_model_output"),
    "LiteLLM, of the message": chat(choice={"message": {"content": HALF, "provider_specific_fields": {"native_finish_reason": "aborted"}}}),
    "SGLang's meta_info": chat(HALF, choice={"meta_info": {"finish_reason": {"type": "abort", "message": "Aborted", "status_code": 503}}}),
    "an engine's stop_reason": chat(HALF, choice={"stop_reason": "abort"}),
    "watsonx, cancelled": chat(HALF, choice={"stop_reason": "cancelled"}),
    "watsonx, time": chat(HALF, choice={"stop_reason": "time_limit"}),
    "watsonx, not finished": chat(HALF, stop_reason="not_finished"),
    "LM Studio, unloaded": chat(HALF, stats={"tokens_per_second": 51.4, "stop_reason": "modelUnloaded"}),
    "LM Studio, failed": chat(HALF, stats={"stop_reason": "failed"}),
    "LM Studio, stopped by its user": chat(HALF, stats={"stop_reason": "userStopped"}),
    "llama.cpp, in between": chat(HALF, __verbose={"stop_type": "none", "truncated": False}),
    "llama.cpp, shifted": chat(HALF, __verbose={"stop_type": "eos", "truncated": True}),
    "llama.cpp, shifted, older": chat(HALF, truncated=True),
    "Ollama, unloaded": chat("", done_reason="unload"),
    "Oracle, the user": chat(HALF, choice={"finishReason": "USER_CANCEL"}),
    "Oracle, a limit": chat(HALF, choice={"finishReason": "ERROR_LIMIT"}),
    "a proxy before Bedrock": chat(HALF, stopReason="malformed_tool_use"),
    "a bridge from Responses": chat(HALF, status="incomplete"),
    "a bridge from Responses, going on": chat(HALF, status="in_progress"),
    "Groq": chat(HALF, x_groq={"id": "req_1", "error": "over capacity"}),
    "OpenAI's first vision models": chat(HALF, choice={"finish_details": {"type": "interrupted"}}),
    "the second of two choices": {"choices": [chat(HALF)["choices"][0], native("abort")["choices"][0]]},
}  # fmt: skip

WHOLE: dict[str, Any] = {
    **{word: native(word, "Clear.") for word in ("stop", "STOP", "end_turn", "eos", "completed", "stop_sequence", "</s>", "<|im_end|>", "FINISH_REASON_STOP", "eos_token", "COMPLETE", "tool_use", "done")},
    "no word": native(None, "Clear."),
    "a number": native(1, "Clear."),
    "vLLM, the stop sequence": chat("Clear.", choice={"stop_reason": "\n\nUser:"}),
    "vLLM, the token": chat("Clear.", choice={"stop_reason": 151645}),
    "SGLang, the token": chat("Clear.", choice={"matched_stop": 151645, "meta_info": {"finish_reason": {"type": "stop", "matched": 151645}}}),
    "LM Studio": chat("Clear.", stats={"tokens_per_second": 51.4, "stop_reason": "eosFound"}),
    "LM Studio, a sequence": chat("Clear.", stats={"stop_reason": "stopStringFound"}),
    "llama.cpp": chat("Clear.", __verbose={"stop_type": "eos", "truncated": False}),
    "llama.cpp, a word": chat("Clear.", __verbose={"stop_type": "word", "stopping_word": "User:"}),
    "a state": chat("Clear.", status="active"),
    "Groq": chat("Clear.", x_groq={"id": "req_1"}),
    "an object of stop": chat("Clear.", choice={"finish_details": {"type": "stop", "stop": "<|fim_suffix|>"}}),
}  # fmt: skip

OTHERWISE: dict[str, tuple[Any, str]] = {
    "OpenRouter, the limit": (native("max_tokens"), "length"),
    "OpenRouter, Google's limit": (native("MAX_TOKENS"), "length"),
    "OpenRouter, the safety filter": (native("SAFETY"), "refusal"),
    "LiteLLM, Claude's refusal": (kept("refusal", ""), "refusal"),
    "LiteLLM, Claude's context": (kept("model_context_window_exceeded"), "too long"),
    "LM Studio, the limit": (chat(HALF, stats={"stop_reason": "maxPredictedTokensReached"}), "length"),
    "LM Studio, the context": (chat(HALF, stats={"stop_reason": "contextLengthReached"}), "length"),
    "llama.cpp, the limit": (chat(HALF, __verbose={"stop_type": "limit"}), "length"),
    "watsonx, the limit": (chat(HALF, choice={"stop_reason": "token_limit"}), "length"),
    "a bridge from Responses": (chat(HALF, status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
    "Bedrock's guardrail": (chat(HALF, stopReason="guardrail_intervened"), "refusal"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_what_its_server_did_not_finish_is_no_answer(endpoint: Endpoint, tmp_path: Path, name: str) -> None:
    endpoint.says(200, BROKEN[name])
    outcome = await asked("openai", endpoint, tmp_path)

    assert isinstance(outcome, str), outcome


@pytest.mark.parametrize("name", WHOLE)
async def test_a_hosts_own_word_for_a_whole_reply_changes_nothing(
    endpoint: Endpoint, tmp_path: Path, name: str
) -> None:
    endpoint.says(200, WHOLE[name])
    reply = await asked("openai", endpoint, tmp_path)

    assert isinstance(reply, Reply), reply
    assert (reply.text, reply.finish) == ("Clear.", "stop")


@pytest.mark.parametrize("name", OTHERWISE)
async def test_an_end_that_only_the_hosts_own_word_tells_is_the_replys(
    endpoint: Endpoint, tmp_path: Path, name: str
) -> None:
    body, finish = OTHERWISE[name]
    endpoint.says(200, body)
    reply = await asked("openai", endpoint, tmp_path)

    assert isinstance(reply, Reply), reply
    assert reply.finish == finish
    assert reply.why


@pytest.mark.parametrize("name", BROKEN)
def test_one_that_was_stored_before_counts_no_longer(name: str) -> None:
    stored = {"parts": [{"type": "text", "text": HALF}], "finish": "stop", "raw": BROKEN[name]}
    assert read_stored(msgspec.json.encode(stored)) is None


@pytest.mark.parametrize("name", OTHERWISE)
def test_one_that_was_stored_as_whole_is_read_as_it_ended(name: str) -> None:
    body, finish = OTHERWISE[name]
    stored = {"parts": [{"type": "text", "text": HALF}], "finish": "stop", "raw": body}
    reply = read_stored(msgspec.json.encode(stored))
    assert reply is not None
    assert reply.finish == finish


def _line(body: Any, study: str = "s2") -> str:
    return json.dumps({"custom_id": study, "response": {"status_code": 200, "body": body}, "error": None}) + "\n"


ENDED = {
    **{word: chat(HALF, word) for word in ("insufficient_system_resource", "ERROR_LIMIT", "USER_CANCEL", "network-error", "server_overloaded", "TIMEOUT", "time_limit", "ragnarok")},
    "Claude": {"type": "message", "content": [{"type": "text", "text": HALF}], "stop_reason": "pause_turn"},
    "Bedrock": {"content": [{"type": "text", "text": HALF}], "stop_reason": "malformed_model_output"},
    "Responses, an item": {"status": "completed", "output": [{"type": "message", "status": "incomplete", "content": [{"type": "output_text", "text": HALF}]}]},
    "Responses, going on": {"status": "in_progress", "output": [{"type": "message", "content": [{"type": "output_text", "text": HALF}]}]},
}  # fmt: skip


@pytest.mark.parametrize("name", [*BROKEN, *ENDED])
def test_in_a_file_of_a_batch_it_is_a_request_that_failed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "batch.jsonl"
    path.write_text(_line(chat("Clear."), "s1") + _line({**BROKEN, **ENDED}[name]), encoding="utf-8")

    read = read_predictions(path)

    assert list(read.reports) == ["s1"]
    assert [(problem.kind, problem.study) for problem in read.problems] == [("failed request", "s2")]


@pytest.mark.parametrize("name", OTHERWISE)
def test_in_a_file_of_a_batch_it_is_not_whole(tmp_path: Path, name: str) -> None:
    body, finish = OTHERWISE[name]
    path = tmp_path / "batch.jsonl"
    path.write_text(_line(body, "s1"), encoding="utf-8")

    answer = read_predictions(path).answer("s1")

    assert answer is not None
    assert answer.status == {"length": "truncated", "refusal": "refused"}.get(finish, finish)


@pytest.mark.parametrize("status", ["incomplete", "in_progress"])
def test_a_message_of_responses_that_is_not_complete_is_no_answer(status: str) -> None:
    output = [{"type": "message", "status": status, "content": [{"type": "output_text", "text": HALF}]}]
    body = json.dumps({"status": "completed", "output": output}).encode()
    client = ResponsesClient(Card(provider="openai", id="m", draws=True), ("http://127.0.0.1:9",), None, timeout=1)

    with pytest.raises(Exception, match=f"its message is {status}"):
        client.read(HttpResponse(200, body, {}, "http://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("word", "end"),
    [("tool-calls", "stop"), ("userStopped", "failure"), ("Length", "length"), ("unfinished", "failure"), ("", "unknown"), ("停止", "unknown"), ("not_complete", "failure"), ("stream_end_unexpected", "failure")],
)  # fmt: skip
def test_a_word_is_read_in_any_spelling(word: str, end: str) -> None:
    assert meaning(word) == end
