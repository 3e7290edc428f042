"""Bodies of status 200 that report a failure: beside an empty reply, beside half of one, or in its place.

Gateways answer 200 once a request was accepted, whatever became of it upstream. What stands beside the reply says so,
in one of the forms below, each with its source; the words of the reply are then not the model's answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from mmrad_eval.datasets.raw_text.ends import failed_end

BLOCKED_UNEXPLAINED = frozenset(("OTHER", "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"))
"""Why Gemini blocked a prompt, where it names no policy: "unknown reasons" (ai.google.dev/api/generate-content)."""
_FAILED_STATES = frozenset(("failed", "error", "cancelled", "canceled", "expired", "timeout"))


def reported_failure(body: Any) -> str:
    """What a body says went wrong, in its own words; empty where it reports a reply and nothing else."""
    if not isinstance(body, Mapping):
        return ""
    choices = _choices(body) or [None]
    return (
        _in_errors(body) or _in_other_fields(body) or next(filter(None, (_in_choice(body, one) for one in choices)), "")
    )


def read_choice(body: Any) -> Any:
    """The choice, or Gemini's candidate, of a body that is read: the first that did not simply stop, or the first."""
    choices = _choices(body)
    ended = (one for one in choices if _of(body, "choices") and _of(one, "finish_reason") != "stop")
    return next(ended, choices[0] if choices else None)


def _choices(body: Any) -> list[Any]:
    held = _of(body, "choices") or _of(body, "candidates")
    return held if isinstance(held, list) else []


def _in_errors(body: Mapping[str, Any]) -> str:
    groq = _of(body.get("x_groq"), "error")  # console.groq.com/docs/api-reference
    return next((_said(error) for error in (body.get("error"), body.get("errors"), groq) if error), "")


def _in_choice(body: Mapping[str, Any], choice: Any) -> str:
    errors = (_of(choice, "error"), _of(_of(choice, "message"), "error"))
    return next((_said(error) for error in errors if error), "") or _in_the_end(body, choice)


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


def _in_the_end(body: Any, choice: Any) -> str:
    word = failed_end(body, choice)
    return f"it ended by {word:.80}" if word else ""


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
