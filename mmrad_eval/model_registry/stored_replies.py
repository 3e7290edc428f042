"""Reading replies out of a journal: what an error meant is derived on reading; those of version 0.1.0 are read too.

A reply that an error status became keeps that status and its body. Its meaning is read by the rules of today, so that
one which they no longer know as the model's doing counts as not stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from mmrad_eval.core.values import (
    Finish,
    OutputImage,
    Reasoning,
    Reply,
    ReplyPart,
    Served,
    Text,
    ToolCall,
    Usage,
    Value,
)
from mmrad_eval.datasets.raw_text import end_beside, read_choice, reported_failure, server_error
from mmrad_eval.model_registry.bodies import arguments, field, text_of
from mmrad_eval.model_registry.rejections import STRICT, RejectionPolicy, cause_of, counted

_STATUS = re.compile(r"HTTP (\d{3}) from ")
"""How version 0.1.0 kept the status: at the beginning of ``why``."""


class _Version1(Value, frozen=True):
    """A reply as version 0.1.0 stored it."""

    text: str = ""
    finish: Finish = "stop"
    why: str = ""
    reasoning: str = ""
    images: tuple[str, ...] = ()
    usage: Usage = Usage()
    served: Served = Served()
    latency: float = 0.0
    raw: msgspec.Raw = msgspec.Raw(b"null")


def read_stored(data: bytes, policy: RejectionPolicy = STRICT) -> Reply | None:
    """The reply in a journal's line; None where it can't be read, or is a failure by the rules of today."""
    reply = _decoded(data)
    if reply is None:
        return None
    status = reply.status or _status_in(reply)
    if status is not None:
        cause = cause_of(status, _body(reply.raw), policy, reply.served.context)
        reply = msgspec.structs.replace(reply, finish=cause or "rejected")
    reply = counted(reply, policy)
    if reply.finish == "rejected" or server_error(reply.text):
        return None
    return reply if status is not None else _as_ended(reply)


def _as_ended(reply: Reply) -> Reply | None:
    """The reply as what stood beside it says; None for a failure that its status did not tell."""
    body = _body(reply.raw)
    if asked_nothing(reply) or reported_failure(body):
        return None
    end, word = end_beside(body, read_choice(body))
    if reply.finish != "stop" or end == "stop":
        return reply
    return msgspec.structs.replace(reply, finish=end, why=word)


def asked_nothing(reply: Reply) -> bool:
    """Whether an empty reply counts no token at all, of the prompt neither: no model has read the request.

    So do servers that load or unload a model meanwhile, and routers whose host never started (ollama/ollama
    server/routes.go; openrouter.ai/docs/api/reference/errors-and-debugging, no content generated).
    """
    return not reply.parts and reply.usage.prompt == 0 and reply.usage.completion == 0


def _status_in(reply: Reply) -> int | None:
    found = _STATUS.match(reply.why) if reply.finish not in {"stop", "length"} else None
    return int(found[1]) if found else None


def _decoded(data: bytes) -> Reply | None:
    try:
        return msgspec.json.decode(data, type=Reply)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return _current(msgspec.json.decode(data, type=_Version1))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _current(old: _Version1) -> Reply:
    parts: list[ReplyPart] = [Reasoning(old.reasoning)] if old.reasoning else []
    parts += [Text(old.text)] if old.text else []
    parts += map(OutputImage, old.images)
    return Reply(
        parts=(*parts, *_calls(_body(old.raw))),
        finish=old.finish,
        why=old.why,
        usage=old.usage,
        served=old.served,
        latency=old.latency,
        raw=old.raw,
    )


def _body(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _calls(body: Any) -> list[ToolCall]:
    """The tool calls of a body, which version 0.1.0 kept there alone: chat completions, Anthropic's, Gemini's."""
    choice, candidate = _first(field(body, "choices")), _first(field(body, "candidates"))
    chat = [field(call, "function") for call in _each(field(choice, "message", "tool_calls"))]
    claude = [block for block in _each(field(body, "content")) if field(block, "type") == "tool_use"]
    google = [field(part, "functionCall") for part in _each(field(candidate, "content", "parts"))]
    return [
        ToolCall(text_of(call.get("name")), arguments(call.get("arguments", call.get("input", call.get("args")))))
        for call in (*chat, *claude, *google)
        if isinstance(call, Mapping)
    ]


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
