"""Reading an error status: what the input caused is a reply, everything else is infrastructure.

A 400, 413 or 422 that the study's own input caused ends as a ``Reply`` and is scored (an empty report). Keys, unknown
models, settings that no study can change, limits and server errors are a ``TransportError``: the study stays open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mmrad_eval.core.contracts import TransportError
from mmrad_eval.core.values import Finish, Reply
from mmrad_eval.model_registry.bodies import field, read_error, text_of
from mmrad_eval.model_registry.secrets import Secret, scrub
from mmrad_eval.model_registry.transport import HttpResponse
from mmrad_eval.model_registry.waits import asked_wait

_INPUT_STATUSES = frozenset({400, 413, 422})
_RETRY_STATUSES = frozenset({408, 409, 425, 429})
_THROTTLED = frozenset({429, 529})  # 529: Anthropic's "overloaded"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_TOO_LONG = _any(
    r"context.{0,20}(length|window|size)",
    r"maximum context",
    r"too many (input )?tokens",
    r"prompt is too long",
    r"too long for the model",
    r"request.{0,20}too large",
    r"input (length|tokens?) .{0,40}exceed",
    r"tokens? .{0,30}must be (<=|less than|at most)",  # text-generation-inference, and Together after it
    r"exceeds? .{0,40}(token|context)",
    r"string too long",
    r"payload size exceeds",
    r"reduce the length",
)
_REFUSAL = _any(
    r"content[ _-]?(filter|policy|management)",
    r"safety",
    r"usage polic",
    r"violat\w+ .{0,40}polic",
    r"responsible ?ai",
    r"moderation",
    r"flagged",
    r"invalid_prompt",
    r"jailbreak",
)
_CREDENTIALS = _any(
    r"location is not supported",
    r"api[ _-]?key",
    r"credential",
    r"credit balance",
    r"billing",
    r"unauthori[sz]ed",
    r"permission",
)
_UNKNOWN_MODEL = _any(
    r"model.{0,80}(does not exist|not found|not supported|unknown)",
    r"invalid model",
    r"model_not_found",
    r"not a valid model",
)
_NO_PICTURES = _any(r"image input is not supported", r"does not support (image|vision)", r"not a multimodal model")
_TOO_MANY = _any(r"at most \d+ image")  # vLLM's --limit-mm-per-prompt: the server's setting
_SETTING = _any(
    r"`?(temperature|top_p|top_k|seed|max_tokens|stop)`?.{0,60}(deprecated|unsupported)",
    r"`?(temperature|top_p|top_k|seed|max_tokens|stop)`?.{0,60}(not|n't) (be )?(support|specif|allow)",
    r"unsupported (value|parameter)",
    r"extra inputs are not permitted",
    r"\bn must be 1\b",  # vLLM: several answers at temperature 0
)
_EXHAUSTED = _any(r"insufficient_quota", r"exceeded your current quota", r"credit balance")

# fmt: off
_SETTINGS = frozenset({
    "temperature", "top_p", "top_k", "seed", "stop", "stop_sequences", "max_tokens", "max_completion_tokens",
    "max_output_tokens", "model", "n", "logprobs", "top_logprobs", "response_format", "reasoning_effort", "reasoning",
    "thinking", "presence_penalty", "frequency_penalty", "stream", "tools", "tool_choice",
})
# fmt: on
"""Fields that the run sets alike for every study; an endpoint that refuses one would refuse it for each."""


def read_fault(response: HttpResponse, *secrets: Secret | None) -> Reply:
    """The reply that an error status stands for; raises TransportError where the input is not its cause."""
    value, raw = read_error(response.body, *secrets)
    status, what = response.status, message_of(value)
    why = f"HTTP {status} from {response.base}: {scrub(what, *secrets) or 'no message'}"
    if 300 <= status < 400:
        target = scrub(response.headers.get("Location", "an unnamed place"), *secrets)
        why = f"HTTP {status} from {response.base}: redirects to {target}; redirects are not followed"
        raise TransportError(why, retry=False)
    details = " ".join(filter(None, (what, *_codes(value))))
    refused_by_moderation = status == 403 and field(value, "error", "metadata", "reasons") is not None
    if status in _INPUT_STATUSES or refused_by_moderation:
        finish = "refusal" if refused_by_moderation else _input_fault(status, details, _parameter(value))
        if finish is not None:
            return Reply(finish=finish, why=why, raw=raw)
        raise TransportError(f"{why} (the fault of the run's settings or key, not of the study)", retry=False)
    if _NO_PICTURES.search(details):
        raise TransportError(f"{why} (this server's model takes no pictures)", retry=False)
    retry = status >= 500 or status in _RETRY_STATUSES
    wait = asked_wait(response.headers, value)
    if status == 402 and wait is not None:  # OpenRouter: too much money under way at once
        retry = True
    if status == 429 and _EXHAUSTED.search(details):
        retry = False
    after = wait if retry else None
    throttled = retry and (status in _THROTTLED or after is not None)
    raise TransportError(why, retry=retry, after=after, kind="throttled" if throttled else "fault")


def _input_fault(status: int, details: str, parameter: str) -> Finish | None:
    """How the input failed; None where the settings, the key or the model's name are at fault."""
    if any(pattern.search(details) for pattern in (_SETTING, _TOO_MANY, _NO_PICTURES, _CREDENTIALS, _UNKNOWN_MODEL)):
        return None
    if parameter.partition(".")[0].partition("[")[0] in _SETTINGS:
        return None
    if status == 413 or parameter == "input_tokens" or _TOO_LONG.search(details):
        return "too long"
    if _REFUSAL.search(details):
        return "refusal"
    return "rejected"


def message_of(value: Any) -> str:
    """The words of an error body, wherever a provider puts them."""
    if isinstance(value, list) and value:  # Gemini wraps its error in a list when it streams
        value = value[0]
    error = field(value, "error")
    for candidate in (field(error, "message"), error, field(value, "message"), field(value, "detail"), value):
        if isinstance(candidate, str) and candidate:
            return candidate
    return ", ".join(_validation(field(value, "detail")))


def _validation(detail: Any) -> Iterable[str]:
    """``detail`` as FastAPI writes it: a list of {loc, msg}."""
    for item in detail if isinstance(detail, list) else ():
        place = ".".join(map(str, item.get("loc", ()))) if isinstance(item, dict) else ""
        yield f"{place}: {text_of(field(item, 'msg'))}".strip(": ")


def _codes(value: Any) -> Iterable[str]:
    for names in (("code",), ("type",), ("status",), ("innererror", "code"), ("metadata", "raw")):
        yield text_of(field(value, "error", *names))


def _parameter(value: Any) -> str:
    return text_of(field(value, "error", "param")) or text_of(field(value, "param"))
