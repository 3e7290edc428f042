"""What a model says in a turn of a loop of looks: a request to look, or a report."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmrad_eval.core.values import Reply
from mmrad_eval.tasks.answers import split_thought
from mmrad_eval.tasks.tool_calls import Call
from mmrad_eval.traces.dialects import FORMS, Order

_LOOK = re.compile(
    r"^[ \t>#*_-]*(?:look|zoom)(?: (?:again )?at| in(?:to| on)?)?\b[ \t*_]*:?[ \t*_]*(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER = r"-?\d+(?:\.\d+)?"
_BOX = re.compile(rf"[\[(]\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*[\])]")
BOX_FIELDS: dict[str, Order] = {form.name: form.order for form in FORMS if form.is_field}
BOX_FIELDS |= {"box": "", "bbox": ""}
"""Fields that hold the box of a request, and the order of corners that their name states."""
_HALF = re.compile("[\ud800-\udfff]")
_LARGEST = 1e9  # of the numbers of a box; no picture has as many pixels on a side
_LOOKS = ("look", "zoom", "zoom_in", "crop", "image_zoom_in_tool")


class LookAction(NamedTuple):
    """A request to look at a region."""

    region: str
    """As it was written; empty where only a box was given."""
    box: tuple[float, float, float, float] | None
    """In the frame that the model speaks; None where there is none, or it is not four numbers."""
    saw: str
    """What the model says of the region that it was shown before."""
    malformed: str = ""
    """What is wrong with the request, in words for the model; empty for a sound one."""
    order: Order = ""
    """Of the corners, where the field's name says it."""
    source: str = ""
    """The image that the box lies on, as the request names it; empty: the film."""
    other: str = ""
    """What the request is written in, where that is another dialect than the one that is spoken."""


class LookTurn(NamedTuple):
    """One reply, read: a look, or else whatever it is, for ``read_answer``."""

    look: LookAction | None
    saw: str = ""
    """What a report says of the region shown last."""


def read_turn(reply: Reply) -> LookTurn:
    """The turn in a reply: a JSON action, a tool call written as text, or a line that begins with LOOK."""
    _, words = split_thought(reply.text)
    found = _object(words)
    if found is not None:
        action = str(found.get("action") or found.get("name") or "").strip().lower()
        arguments = found.get("arguments")
        fields = arguments if isinstance(arguments, dict) else found
        saw = str(found.get("saw") or "").strip()
        if action in _LOOKS:
            return LookTurn(_asked(fields, saw))
        if action and action != "report" and not {"findings", "impression", "report"} & set(found):
            return LookTurn(LookAction("", None, saw, f"No action is called {action!r}."))
        return LookTurn(None, saw)
    line = _LOOK.search(words)
    if line is None or re.search(r"^\W*(?:findings|impression)\b\W*:", words, re.IGNORECASE | re.MULTILINE):
        return LookTurn(None)
    box = _BOX.search(line[1])
    region = _BOX.sub("", line[1]).strip(" .,:;*_\"'`")
    before = words[: line.start()].strip()
    return LookTurn(_checked(region, tuple(map(float, box.groups())) if box else None, before, given=box is not None))


def read_call(call: Call) -> LookTurn:
    """The turn in a native tool call."""
    if call.arguments is None:
        return LookTurn(LookAction("", None, "", "The arguments of a call are one JSON object."))
    saw = str(call.arguments.get("saw") or "").strip()
    if call.name.lower() not in _LOOKS:
        return LookTurn(LookAction("", None, saw, f"No tool is called {call.name!r}."))
    return LookTurn(_asked(call.arguments, saw))


def _asked(fields: dict[str, Any], saw: str) -> LookAction:
    region = str(fields.get("region") or fields.get("label") or "").strip()
    name = next((name for name in BOX_FIELDS if fields.get(name) is not None), "")
    return _checked(region, fields.get(name), saw, given=bool(name))._replace(order=BOX_FIELDS.get(name, ""))


def _checked(region: str, raw: Any, saw: str, *, given: bool) -> LookAction:
    numbers = raw if isinstance(raw, list | tuple) else _BOX.findall(str(raw))[:1] if given else []
    if len(numbers) == 1 and isinstance(numbers[0], tuple | list):
        numbers = numbers[0]
    box = four_numbers(numbers) if given else None
    if given and box is None:
        return LookAction(region, None, saw, "A box is four numbers: [left, top, right, bottom].")
    if not region and not given:
        return LookAction("", None, saw, "Name the region to look at.")
    return LookAction(region, box, saw)


def four_numbers(values: Sequence[Any]) -> tuple[float, float, float, float] | None:
    """The four numbers of a box; None for others, and for those that no picture has (no file holds an infinite one)."""
    try:
        box = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        return None
    if any(isinstance(value, bool) for value in values):
        return None
    if len(box) != 4 or not all(abs(value) < _LARGEST for value in box):  # also where one is no number
        return None
    return box


def first_json(text: str, marks: str, tries: int) -> Any:
    """The first JSON value of a text that begins with one of ``marks``; None where none that is whole is found.

    Halves of surrogate pairs in its strings, which no file can hold, become U+FFFD.
    """
    decoder = json.JSONDecoder(strict=False)
    start = -1
    for _ in range(tries):
        start = min((at for at in (text.find(mark, start + 1) for mark in marks) if at >= 0), default=-1)
        if start < 0:
            return None
        try:
            return _without_halves(decoder.raw_decode(text, start)[0])
        except (ValueError, RecursionError):  # no JSON, a number of too many digits, or nested too deeply
            continue
    return None


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_halves(one) for one in value]
    if isinstance(value, dict):
        return {_without_halves(name): _without_halves(one) for name, one in value.items()}
    return value


def _object(words: str) -> dict[str, Any] | None:
    """The first JSON object in a text; None where there is none that can be read."""
    found = first_json(words, "{", _TRIES)
    return None if found is None else {str(name).strip().lower(): value for name, value in found.items()}


_TRIES = 50
"""Braces at which an action may begin; bounds the search in run-away texts."""
