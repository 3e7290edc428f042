# ruff: noqa: E501 (bodies stand in one line, as servers send them)
"""What gateways and engines answer beside the usual: loose codes, wrapped errors, failures with status 200.

Forms are those of public issue threads and of the servers' sources; each is sent over loopback and asked for again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.values import Reply
from mmrad_eval.model_registry.rejections import RejectionPolicy, cause_of
from mmrad_eval.model_registry.stored_replies import read_stored
from tests.model_registry.test_rejections import Endpoint, asked, bare, google, llama, says
from tests.model_registry.test_rejections import endpoint as endpoint  # noqa: PLC0414 (the fixture)

VLLM_10 = "'max_tokens' or 'max_completion_tokens' is too large: {}. This model's maximum context length is 32768 tokens and your request has 31900 input tokens ({} > 32768 - 31900). None"
LITELLM = "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: {}. Received Model Group=m\nAvailable Model Group Fallbacks=None"
FILTERED = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766"
POLICY = "ResponsibleAIPolicyViolation"

LOOSE: dict[str, tuple[int, Any]] = {
    "the run's own limit, wrapped": (400, says(LITELLM.format("Hosted_vllmException - " + VLLM_10.format(40000, 40000)))),
    "the run's own limit, with a code": (400, says("max_tokens is too large: 200000. This model supports at most 16384 completion tokens, whereas you provided 200000.", code="context_length_exceeded")),
    "no deployment": (400, says("litellm.ContextWindowExceededError: No deployments available for selected model, Try again in 60 seconds.")),
    "no deployment for the fallback": (400, says("litellm.ContextWindowExceededError: prompt is too long\n\nError doing the fallback: litellm.BadRequestError: There are no healthy deployments for this model.")),
    "a key, wrapped": (400, says("litellm.ContentPolicyViolationError: AzureException - Access denied due to invalid subscription key or wrong API endpoint.")),
    "a permission, wrapped": (400, says("litellm.ContextWindowExceededError: VertexAIException - Permission denied on resource project x.")),
    "the filter met an error": (400, says("We encountered an error while evaluating the content filter for this request.", code="content_filter")),
    "the filter raised": (400, says("An exception was raised by the content safety module", code="content_filter")),
    "the filter did not get through": (400, says("The prompt could not be evaluated by the content filter.", code="content_filter")),
    "a policy that is missing": (400, says("The RAI policy 'x' does not exist.", code="content_filter", innererror={"code": POLICY})),
    "a filter that states its own error": (400, says("The contents", code="content_filter", innererror={"code": POLICY, "content_filter_result": {"error": {"code": "content_filter_error", "message": "x"}}})),
    "an inspection that did not end": (400, says("<400> InternalError.Algo.DataInspectionFailed: Input data inspection could not be completed, please retry", code="data_inspection_failed")),
    "a moderation that is away": (403, {"error": {"message": "Moderation service unavailable", "code": 403, "metadata": {"reasons": ["moderation_error"], "flagged_input": "x"}}}),
    "a rate under the code of a length": (400, says("Request too large for m on tokens per min (TPM): Limit 30000, Requested 36000.", code="context_length_exceeded")),
    "no context at all": (422, {"error": "Input validation error: `inputs` must have less than 0 tokens. Given: 10", "error_type": "validation"}),
    "no context at llama.cpp": (400, llama("request (900 tokens) exceeds the available context size (0 tokens), try increasing it", "exceed_context_size_error", n_ctx=0)),
}  # fmt: skip


def chat(content: str | None = "", finish: str = "stop", choice: dict[str, Any] | None = None, **more: Any) -> Any:
    message = {"role": "assistant", "content": content}
    return {"model": "m", "choices": [{"message": message, "finish_reason": finish} | (choice or {})]} | more


NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
BESIDE: dict[str, tuple[str, Any]] = {
    "MiniMax, empty": ("openai", chat(base_resp={"status_code": 1013, "status_msg": "unknown error"})),
    "MiniMax, half": ("openai", chat("The lungs are", base_resp={"status_code": 1001, "status_msg": "request timeout"})),
    "a host that was cut off": ("openai", chat("The lungs are", choice={"native_finish_reason": "abort"})),
    "a host without an answer": ("openai", chat(choice={"native_finish_reason": "MALFORMED_FUNCTION_CALL"})),
    "in the message": ("openai", chat(choice={"message": {"content": "", "error": {"message": "worker died"}}})),
    "an error object with choices": ("openai", chat(object="error", message="worker died", code=500)),
    "a state": ("openai", chat(status="failed")),
    "a detail": ("openai", chat(detail="Internal Server Error")),
    "a list of errors": ("openai", chat(errors=[{"message": "capacity", "code": 3040}], success=False)),
    "Qianfan": ("openai", chat(error_code=336100, error_msg="server is too busy")),
    "a content that is none": ("openai", chat(5)),  # type: ignore[arg-type] # as no server should
    "a number": ("openai", chat(code=500, msg="busy")),
    "no token counted": ("openai", chat(usage=NOTHING)),
    "no token counted, no content": ("openai", chat(None, usage=NOTHING)),
    "a model that was loaded": ("openai", chat(finish="load")),
    "Anthropic's format": ("anthropic", {"type": "message", "content": [{"type": "text", "text": "The"}], "stop_reason": "end_turn", "error": {"message": "cut"}}),
    "Anthropic's, nothing counted": ("anthropic", {"type": "message", "content": [], "stop_reason": "end_turn", "usage": {"input_tokens": 0, "output_tokens": 0}}),
    "Gemini's format": ("gemini", {"candidates": [{"content": {"parts": [{"text": "The"}]}, "finishReason": "STOP"}], "error": {"code": 500, "message": "cut"}}),
    "Gemini, for reasons unknown": ("gemini", {"promptFeedback": {"blockReason": "OTHER"}}),
}  # fmt: skip

SOUND: dict[str, Any] = {
    "MiniMax": chat("Clear.", base_resp={"status_code": 0, "status_msg": ""}),
    "a code of success": chat("Clear.", code=0, success=True, status="completed", errors=[], error=None),
    "a host's own end": chat("Clear.", choice={"native_finish_reason": "STOP", "error": None}),
    "a filter that did not run": chat("Clear.", choice={"content_filter_results": {"error": {"code": "content_filter_error"}}}),
    "a model that ends at once": chat("", usage={"prompt_tokens": 30, "completion_tokens": 0}),
}  # fmt: skip

DECLINED: dict[str, tuple[Any, str]] = {
    "Azure's jailbreak filter": (says(FILTERED, code="content_filter", innererror={"code": POLICY, "content_filter_result": {"jailbreak": {"filtered": True, "detected": True}}}), "refusal"),
    "LiteLLM around it": (says(f"litellm.ContentPolicyViolationError: litellm.BadRequestError: AzureException - {FILTERED}"), "refusal"),
    "Groq": (says("Please reduce the length of the messages or completion.", param="messages", code="context_length_exceeded"), "too long"),
    "OpenAI's Responses": (says("Your input exceeds the context window of this model. Please adjust your input and try again.", code="context_length_exceeded"), "too long"),
    "LiteLLM around DeepSeek": (says(LITELLM.format("DeepseekException - This model's maximum context length is 65536 tokens. However, you requested 68161 tokens (68161 in the messages, 0 in the completion)")), "too long"),
    "LiteLLM and its fallback": (says("litellm.ContextWindowExceededError: prompt is too long\n\nError doing the fallback: litellm.ContextWindowExceededError: too many tokens"), "too long"),
    "vLLM 0.10": (bare(VLLM_10.format(1024, 1024)), "too long"),
    "Gemini": (google("The input token count (1196265) exceeds the maximum number of tokens allowed (1048576)."), "too long"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOSE)
async def test_a_code_or_a_class_beside_other_trouble_fails_the_study(
    endpoint: Endpoint, tmp_path: Path, name: str
) -> None:
    endpoint.says(*LOOSE[name])
    outcome = await asked("openai", endpoint, tmp_path)

    assert isinstance(outcome, str), outcome


@pytest.mark.parametrize("name", BESIDE)
async def test_a_reply_beside_a_failure_is_nobodys_answer(endpoint: Endpoint, tmp_path: Path, name: str) -> None:
    kind, body = BESIDE[name]
    endpoint.says(200, body)
    outcome = await asked(kind, endpoint, tmp_path)

    assert isinstance(outcome, str), outcome


@pytest.mark.parametrize("name", SOUND)
async def test_fields_that_report_no_failure_are_passed_over(endpoint: Endpoint, tmp_path: Path, name: str) -> None:
    endpoint.says(200, SOUND[name])
    reply = await asked("openai", endpoint, tmp_path)

    assert isinstance(reply, Reply), reply
    assert (reply.text, reply.finish) == (SOUND[name]["choices"][0]["message"]["content"], "stop")


@pytest.mark.parametrize("name", DECLINED)
def test_what_the_model_declined_is_still_known(name: str) -> None:
    body, cause = DECLINED[name]
    assert cause_of(400, body, RejectionPolicy()) == cause


async def test_a_byte_order_mark_before_a_reply_is_passed_over(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.says(200, b"\xef\xbb\xbf" + json.dumps(chat("Clear.")).encode())
    reply = await asked("openai", endpoint, tmp_path)

    assert isinstance(reply, Reply), reply
    assert reply.text == "Clear."


@pytest.mark.parametrize("name", ["MiniMax, empty", "a detail", "no token counted"])
def test_an_empty_reply_that_was_stored_beside_a_failure_counts_no_longer(name: str) -> None:
    raw = BESIDE[name][1]
    usage = {"prompt": 0, "completion": 0} if name == "no token counted" else {}
    assert read_stored(msgspec.json.encode({"parts": [], "finish": "stop", "usage": usage, "raw": raw})) is None
    assert read_stored(msgspec.json.encode({"parts": [], "finish": "stop", "raw": chat()})) is not None
