"""Bodies of status 200 that report a failure: beside an empty reply, beside half of one, or in its place.

Gateways answer 200 once a request was accepted, whatever became of it upstream. What stands beside the reply says so,
in one of the forms below, each with its source; the words of the reply are then not the model's answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

FAILED_ENDS = frozenset(
    (
        *("error", "abort", "aborted", "cancelled", "canceled", "failed", "timeout"),  # vLLM, SGLang, OpenRouter
        "network_error",  # docs.z.ai/api-reference/llm/chat-completion
        *("load", "unload"),  # ollama/ollama server/routes.go: the model was loaded, or unloaded, and asked nothing
        # ai.google.dev/api/generate-content, FinishReason
        *("malformed_response", "malformed_function_call", "unexpected_tool_call", "too_many_tool_calls", "other"),
        *("image_other", "no_image", "pup_limited_disabled", "finish_reason_unspecified"),
        *("pause_turn", "in_progress", "queued"),  # a later reply continues this one
    )
)
"""How a reply ends that its server did not finish, in small letters: neither the model's own end nor a policy."""
BLOCKED_UNEXPLAINED = frozenset(("OTHER", "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"))
"""Why Gemini blocked a prompt, where it names no policy: "unknown reasons" (ai.google.dev/api/generate-content)."""
_FAILED_STATES = frozenset(("failed", "error", "cancelled", "canceled", "expired", "timeout"))


def reported_failure(body: Any, choice: Any = None) -> str:
    """What a body says went wrong, in its own words; empty where it reports a reply and nothing else.

    ``choice``: the one of its choices that is read.
    """
    if not isinstance(body, Mapping):
        return ""
    message = _of(choice, "message")
    errors = (_of(body, "error"), _of(choice, "error"), _of(message, "error"), _of(body, "errors"))
    for error in errors:
        if error:
            return _said(error)
    return _in_other_fields(body) or _in_the_end(choice)


def _in_other_fields(body: Mapping[str, Any]) -> str:
    """Failures that no field named ``error`` states."""
    told = _of(body, "base_resp")  # platform.minimax.io/docs/api-reference/errorcode
    code = _of(told, "status_code")
    if isinstance(code, int) and code != 0:
        return f"{_of(told, 'status_msg') or 'no message'} (status_code {code})"
    if isinstance(body.get("error_code"), int) and body["error_code"] != 0:  # cloud.baidu.com/doc/qianfan, error codes
        return f"{body.get('error_msg') or 'no message'} ({body['error_code']})"
    code, state = body.get("code"), body.get("status")
    for number in (code, state):  # one-api and its kin; docs.bigmodel.cn, errors
        if isinstance(number, int) and not isinstance(number, bool) and number >= HTTPStatus.BAD_REQUEST:
            return f"{_words(body)} ({number})"
    failed = isinstance(state, str) and state.lower() in _FAILED_STATES  # OpenAI's Responses API
    # vLLM before 0.11 and SGLang; Cloudflare's API; FastAPI
    failed = failed or body.get("object") == "error" or body.get("type") == "error" or body.get("success") is False
    return _words(body) if failed or isinstance(body.get("detail"), str) else ""


def _in_the_end(choice: Any) -> str:
    """What the host that a router chose said of the end (openrouter.ai/docs/api/reference/overview, responses)."""
    end = _of(choice, "native_finish_reason")
    return f"it ended by {end}" if isinstance(end, str) and end.lower() in FAILED_ENDS else ""


def _words(body: Mapping[str, Any]) -> str:
    found = (body.get(name) for name in ("message", "msg", "detail", "status"))
    return next((text for text in found if isinstance(text, str) and text), "no message")


def _said(error: Any) -> str:
    while isinstance(error, list) and error:
        error = error[0]
    if isinstance(error, Mapping):
        parts = (error.get("message"), error.get("code"), error.get("type"))
        return next((str(part) for part in parts if part), "no message")
    return error if isinstance(error, str) else "no message"


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None
