"""The statements that a model made in its turns of a loop, apart from its calls, and how they are changed."""

from __future__ import annotations

import json
import re
from typing import Any

from mmrad_eval.core.values import Text
from mmrad_eval.tasks.look_talk import LookTalk

_CALL = re.compile(r"<tool_call>|<grounding>|```|[{\[]|^[ \t>#*_-]*(?:look|zoom)\b", re.IGNORECASE | re.MULTILINE)


def before_look(talk: LookTalk, turn: int) -> list[tuple[int, str]]:
    """(turn, what it says) of the model's turns up to the one that asked for a look; turns count from 0."""
    said = [_parts(text)[0] for text in _turns(talk)[: turn + 1]]
    return [(number, words) for number, words in enumerate(said) if words.strip()]


def with_words(talk: LookTalk, turn: int, words: str) -> str:
    """The turn with other statements and the same call."""
    text = _turns(talk)[turn]
    before, rest, value = _parts(text)
    if value is not None:
        return text[: len(text) - len(rest)] + json.dumps({**value, "saw": words}, ensure_ascii=False)
    return words + text[len(before) :]


def _turns(talk: LookTalk) -> list[str]:
    return [
        "".join(part.text for part in message.parts if isinstance(part, Text))
        for message in talk.messages
        if message.role == "assistant"
    ]


def _parts(text: str) -> tuple[str, str, dict[str, Any] | None]:
    """(statements, the call, the call as an object where the statements stand inside of it)."""
    found = _CALL.search(text)
    start = found.start() if found else len(text)
    before, rest = text[:start], text[start:]
    if any(map(str.isalpha, re.sub(r"</?\w+>", "", before))):
        return before, rest, None
    try:
        value = json.JSONDecoder(strict=False).raw_decode(rest)[0] if rest.startswith("{") else None
    except (json.JSONDecodeError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("saw"), str):
        return value["saw"], rest, value
    return "", rest, None
