"""Looks as native tool calls: how each provider is told of the tool, and what a reply calls it with.

Chat completions: ``tools[].function`` with JSON-schema ``parameters``
(platform.openai.com/docs/guides/function-calling). Anthropic: ``tools[].input_schema`` (docs.anthropic.com, tool use).
Gemini: ``tools[].functionDeclarations`` (ai.google.dev, function calling).

A picture can't stand in a tool's result in every format, so the region image comes in the next user message, and the
call stands as words in the model's own turn.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from mmrad_eval.core.values import Reply
from mmrad_eval.model_registry import providers
from mmrad_eval.tasks.given_evidence import frame_words
from mmrad_eval.traces.geometry import corner_words

NAME = "look"
_ABOUT = "Look again at one region of the image. It is shown to you in the next message."


class Call(NamedTuple):
    """One tool call."""

    name: str
    arguments: dict[str, Any] | None
    """None where they are no JSON object."""


def declared(provider: str, frame: str) -> dict[str, Any]:
    """Fields of the request body that offer the tool; ``frame`` is that of its boxes, empty where none is."""
    fields: dict[str, Any] = {
        "region": {"type": "string", "description": "name of the region"},
        "saw": {"type": "string", "description": "what the region shown last shows; empty before the first"},
    }
    if frame:
        fields["box"] = {
            "type": "array",
            "items": {"type": "number"},
            "description": f"{corner_words(frame)} of the region in {frame_words(frame)}",
        }
    schema = {"type": "object", "properties": fields, "required": ["region", *(["box"] if frame else [])]}
    known = providers.find(provider)
    declare = providers.chat_tool if known is None else known.tool
    return declare(providers.Tool(NAME, _ABOUT, schema))


def calls_of(reply: Reply) -> list[Call]:
    """The calls in a reply, in order; an empty list where it has none."""
    return [Call(call.name, _object(call.arguments)) for call in reply.calls]


def _object(arguments: str) -> dict[str, Any] | None:
    """Arguments as an object."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):  # broken, or deeper than any arguments are
        return None
    return {str(name).strip().lower(): part for name, part in value.items()} if isinstance(value, dict) else None
