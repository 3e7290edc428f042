"""Looks as native tool calls: how each provider is told of the tool, and what its reply calls it with.

Chat completions: ``tools[].function`` with JSON-schema ``parameters``; ``message.tool_calls[].function``
(platform.openai.com/docs/guides/function-calling). Anthropic: ``tools[].input_schema``; content blocks ``tool_use``
(docs.anthropic.com, tool use). Gemini: ``tools[].functionDeclarations``; parts ``functionCall`` (ai.google.dev,
function calling).

A picture can't stand in a tool's result in every format, so the region image comes in the next user message, and the
call stands as words in the model's own turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from mmrad_eval.core.values import Reply

NAME = "look"
_ABOUT = "Look again at one region of the image. It is shown to you in the next message."


class Call(NamedTuple):
    """One tool call."""

    name: str
    arguments: dict[str, Any] | None
    """None where they are no JSON object."""


def declared(provider: str, frame: str) -> dict[str, Any]:
    """Fields of the request body that offer the tool; ``frame`` says how boxes are written, empty where none is."""
    fields: dict[str, Any] = {
        "region": {"type": "string", "description": "name of the region"},
        "saw": {"type": "string", "description": "what the region shown last shows; empty before the first"},
    }
    if frame:
        fields["box"] = {
            "type": "array",
            "items": {"type": "number"},
            "description": f"left, top, right, bottom of the region in {frame}",
        }
    schema = {"type": "object", "properties": fields, "required": ["region", *(["box"] if frame else [])]}
    if provider == "anthropic":
        return {"tools": [{"name": NAME, "description": _ABOUT, "input_schema": schema}]}
    if provider == "gemini":
        return {"tools": [{"functionDeclarations": [{"name": NAME, "description": _ABOUT, "parameters": schema}]}]}
    return {"tools": [{"type": "function", "function": {"name": NAME, "description": _ABOUT, "parameters": schema}}]}


def calls_of(reply: Reply) -> list[Call]:
    """The calls in a reply, whoever's format its body has; an empty list where it has none."""
    try:
        body = msgspec.json.decode(reply.raw)
    except msgspec.DecodeError:
        return []
    return [*_chat(body), *_anthropic(body), *_gemini(body)]


def _chat(body: Any) -> Iterator[Call]:
    for call in _each(_at(body, "choices", 0, "message", "tool_calls")):
        function = _at(call, "function")
        yield Call(_name(function), _object(_at(function, "arguments")))


def _anthropic(body: Any) -> Iterator[Call]:
    for block in _each(_at(body, "content")):
        if _at(block, "type") == "tool_use":
            yield Call(_name(block), _object(_at(block, "input")))


def _gemini(body: Any) -> Iterator[Call]:
    for part in _each(_at(body, "candidates", 0, "content", "parts")):
        call = _at(part, "functionCall")
        if call is not None:
            yield Call(_name(call), _object(_at(call, "args")))


def _name(value: Any) -> str:
    return str(_at(value, "name") or "")


def _object(value: Any) -> dict[str, Any] | None:
    """Arguments as an object; chat completions write them as a text of JSON."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):  # broken, or deeper than any arguments are
            return None
    return {str(name).strip().lower(): part for name, part in value.items()} if isinstance(value, dict) else None


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(value: Any, *path: str | int) -> Any:
    """What lies at the end of a path of names and places; None where a step is missing."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
