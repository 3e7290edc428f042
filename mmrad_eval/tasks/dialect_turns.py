"""What a model says in a turn of a loop, in a dialect of its own: a look, a look in another's dialect, or a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mmrad_eval.core.values import Reply
from mmrad_eval.datasets.raw_text.tool_syntax import ending_call
from mmrad_eval.tasks.look_actions import LookAction, LookTurn, first_json, four_numbers
from mmrad_eval.tasks.look_dialects import LookDialect

_ANSWER = re.compile(r"<answer>.*?\S.*?(?:</answer>|\Z)|\\boxed\{", re.DOTALL | re.IGNORECASE)
_CLOSED = re.compile(r".*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_TAGS = re.compile(r"</?think(?:ing)?>|```(?:json)?", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ALIASES = {"bbox_2d": ("bbox_2d", "bbox"), "box_2d": ("box_2d",)}
"""Fields that hold the box: DeepEyes was trained with a schema that calls it by two names."""
_OTHER_ORDER = {"bbox_2d": "box_2d", "box_2d": "bbox_2d"}
_BOX = "A box is four numbers"


def read_dialect_turn(reply: Reply, dialect: LookDialect) -> LookTurn:
    """The turn in a reply. An answer ends the loop, also where calls stand before it."""
    words = reply.text
    closed = _CLOSED.match(words)
    said, start = (words[closed.end() :], closed.end()) if closed else (words, 0)
    if _ANSWER.search(said):
        return LookTurn(None, _observed(words[:start]))
    other = ending_call(said)
    if not dialect.field:  # boxes among thoughts, and no call of a tool
        said, start = words if not other else "", 0
    calls = list(_pattern(dialect).finditer(said))
    if calls:
        found = calls[0 if dialect.which == "first" else -1]
        return LookTurn(_called(found["call"], dialect, _observed(words[: start + found.start()])))
    if other:
        why = f"That is {other}, which is not how looks are asked for here."
        return LookTurn(LookAction("", None, _observed(words[:start]), why, other=other))
    return LookTurn(None, _observed(words[:start]))


def read_native(name: str, arguments: Mapping[str, Any] | None, dialect: LookDialect, saw: str) -> LookTurn:
    """The turn in a tool call that the server has read."""
    if arguments is None:
        return LookTurn(LookAction("", None, saw, "The arguments of a call are one JSON object."))
    return LookTurn(_looked({"name": name, "arguments": dict(arguments)}, dialect, saw))


@lru_cache(maxsize=16)
def _pattern(dialect: LookDialect) -> re.Pattern[str]:
    return re.compile(dialect.call, re.DOTALL | re.IGNORECASE)


def _observed(words: str) -> str:
    """What a model says before it calls, without the marks around its thoughts."""
    return _TAGS.sub(" ", words).strip()


def _called(call: str, dialect: LookDialect, saw: str) -> LookAction:
    if not dialect.field:
        return _checked("", _NUMBER.findall(call), saw, "")
    value = _json(call)
    if isinstance(value, list):
        value = value[0 if dialect.which == "first" else -1] if value else None
    if not isinstance(value, dict):
        return LookAction("", None, saw, "The call is no JSON object, or it is not complete.")
    return _looked(value, dialect, saw)


def _looked(call: Mapping[str, Any], dialect: LookDialect, saw: str) -> LookAction:
    name, fields = call.get("name"), call.get("arguments", call)
    if isinstance(fields, str):
        fields = _json(fields)
    if not isinstance(fields, dict):
        return LookAction("", None, saw, "The arguments of a call are one JSON object.")
    if dialect.tool and name != dialect.tool:
        return LookAction("", None, saw, f"No tool is called {name!r}; the tool is {dialect.tool}.")
    region = str(fields.get("label") or fields.get("region") or "").strip()
    names = _ALIASES.get(dialect.field, (dialect.field,))
    field = next((name for name in names if fields.get(name) is not None), "")
    if not field and _OTHER_ORDER.get(dialect.field, "") in fields:
        other = _OTHER_ORDER[dialect.field]
        return LookAction(region, None, saw, f"The box stands in {other}; here it is {dialect.field}.", other=other)
    source = fields.get(dialect.source_field) if dialect.source_field else None
    return _checked(region, fields.get(field), saw, "" if source is None else str(source).strip())


def _checked(region: str, raw: Any, saw: str, source: str) -> LookAction:
    numbers = _NUMBER.findall(raw) if isinstance(raw, str) else raw if isinstance(raw, list) else []
    if len(numbers) == 1 and isinstance(numbers[0], list):
        numbers = numbers[0]
    box = four_numbers(numbers)
    return LookAction(region, box, saw, "" if box else f"{_BOX}.", source=source if box else "")


def _json(text: str) -> Any:
    """The first JSON value of a text; None where it has none that is whole."""
    return first_json(text, "{[", 1)
