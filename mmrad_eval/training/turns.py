"""A conversation as turns: looks as calls of a tool with their results, or all in one turn of the assistant."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from mmrad_eval.core.values import Frame, Value
from mmrad_eval.traces import geometry
from mmrad_eval.training.conversation import Conversation, ExportLook, ExportPicture

TOOL = "image_zoom_in_tool"
"""The name under which Qwen-VL models know it."""
ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")

Role = Literal["system", "user", "call", "result", "assistant"]


class Turn(Value, frozen=True):
    """One turn; pictures stand before the words."""

    role: Role
    text: str = ""
    pictures: tuple[ExportPicture, ...] = ()
    arguments: str = ""
    """Of a call: JSON text."""


def tool(frame: Frame) -> dict[str, Any]:
    """The tool that looks are calls of, as JSON schema; boxes are in ``frame`` of the film."""
    order = geometry.corner_words(frame)
    box = {
        "type": "array",
        "items": {"type": "number"},
        "minItems": 4,
        "maxItems": 4,
        "description": f"The part of the film to look at: {order}, {frame_words(frame)}.",
    }
    label = {"type": "string", "description": "The region that is looked at."}
    return {
        "name": TOOL,
        "description": "Shows a part of the film, enlarged.",
        "parameters": {
            "type": "object",
            "properties": {box_key(frame): box, "label": label},
            "required": [box_key(frame)],
        },
    }


def box_key(frame: Frame) -> str:
    """What a box is called in JSON: ``box_2d`` where its numbers are y first."""
    return "box_2d" if geometry.y_first(frame) else "bbox_2d"


def frame_words(frame: Frame) -> str:
    """What the numbers of a box count."""
    base = frame.removesuffix("_yx")
    if base.startswith("norm_"):
        return "fractions of its sides" if base == "norm_1" else f"in parts of its sides, of {base[5:]}"
    if base.startswith("pad_square_"):
        return f"in pixels of the film padded to a square of {base.rpartition('_')[2]}"
    return "in pixels"


def tool_turns(conversation: Conversation, frame: Frame) -> list[Turn]:
    """System, question with the film, a call and its result for each picture, and the report.

    What was seen in a picture is said before the next call, or before the report. A look whose picture is not shown is
    words alone.
    """
    turns = [
        Turn("system", conversation.system),
        Turn("user", conversation.question, (conversation.film,)),
    ]
    pending: list[str] = []
    for look in conversation.looks:
        if look.picture is None or not look.numbers:
            pending.append(_told(look))
            continue
        arguments = f'{{"{box_key(frame)}": {look.numbers}, "label": {json.dumps(look.region, ensure_ascii=False)}}}'
        turns.append(Turn("call", " ".join(filter(None, pending)), arguments=arguments))
        turns.append(Turn("result", "", (look.picture,)))
        pending = [look.text]
    turns.append(Turn("assistant", _closed(" ".join(filter(None, pending)), conversation.report)))
    return turns


def one_turn(
    conversation: Conversation,
    *,
    picture: Callable[[ExportPicture], str],
    region: Callable[[ExportLook], str] = lambda look: look.phrase,
    box: Callable[[ExportLook], str] = lambda look: look.numbers,
) -> str:
    """All looks and the report as the words of one turn; the callables write a picture, a region and a box."""
    told = []
    for number, look in enumerate(conversation.looks):
        words = []
        if look.region:
            words.append(f"{_ordinal(number)}, I look at {region(look)}.")
        if look.picture is not None:
            words.append(picture(look.picture))
        if look.numbers:
            words.append(f"The box is {box(look)}.")
        told.append(" ".join([*words, *filter(None, [look.text])]))
    return _closed("\n\n".join(told), conversation.report)


def call(turn: Turn) -> str:
    """A call as JSON text."""
    return f'{{"name": "{TOOL}", "arguments": {turn.arguments}}}'


def texts(turns: Sequence[Turn]) -> str:
    """All words of turns, for counting."""
    return "\n".join(part for turn in turns for part in (turn.text, call(turn) if turn.role == "call" else "") if part)


def _ordinal(number: int) -> str:
    return ORDINALS[number] if number < len(ORDINALS) else "Next"


def _told(look: ExportLook) -> str:
    """A look in words alone."""
    place = f"{look.phrase[:1].upper()}{look.phrase[1:]}" if look.region else ""
    head = f"{place} {look.numbers}".strip()
    return f"{head}: {look.text}" if head and look.text else head or look.text


def _closed(before: str, report: str) -> str:
    return f"{before}\n\nReport: {report}" if before else f"Report: {report}"
