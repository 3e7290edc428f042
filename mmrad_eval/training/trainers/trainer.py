"""What an export needs to know of a trainer: its pictures, its tokens, its rows, and how it is started."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mmrad_eval.core.values import Frame
from mmrad_eval.training.conversation import Conversation, ExportPicture, PreferencePair

Format = Literal["sft", "dpo", "grpo"]
Row = dict[str, Any]

QWEN_FILM: Frame = "multiples_28:3136-589824"
"""Sides that are multiples of 28, at most 768 x 768 pixels in all: neither LLaMA-Factory nor Qwen2.5-VL resizes it."""
QWEN = "Qwen/Qwen2.5-VL-7B-Instruct"
"""The model that READMEs name; any other of its make takes the same rows."""


@dataclass(frozen=True)
class Settings:
    """What an export was asked for, as a trainer's files have to state it."""

    form: Format
    budget: int
    """Tokens that no record exceeds."""
    numbers: Frame
    """The frame of box numbers in words."""
    records: int = 0


@dataclass(frozen=True)
class Trainer:
    """One trainer."""

    name: str
    made_for: str
    """The version that its rows were read back by."""
    frame: Frame
    """The frame whose picture the exported film is."""
    numbers: Frame
    """The frame of box numbers in words, unless the user names another."""
    budget: int
    """Tokens of a record, unless the user names fewer or more."""
    count: Callable[[Conversation, Frame], int]
    """Tokens of a record of ``sft``; the frame is that of its numbers."""
    rows: Mapping[Format, Callable[[Any, Frame], Mapping[str, Row]]]
    """For each form that it takes: a record to one row for each file; ``drafts.Unfit`` for what it can't hold."""
    beside: Callable[[Settings], Mapping[str, str]]
    """Further files that it needs: name -> text."""
    how: Callable[[Settings], str]
    """Markdown for the README: the settings that count, and the command that trains."""
    fixed_numbers: bool = False
    """Whether its format knows one frame of box numbers only."""
    largest: int | None = None
    """The largest budget that its loader keeps."""


def qwen_tokens(picture: ExportPicture) -> int:
    """Tokens of a picture whose sides are multiples of 28: one for each 28 x 28 pixels, and its two marks."""
    return math.ceil(picture.size[0] / 28) * math.ceil(picture.size[1] / 28) + 2


def why_preferred(pair: PreferencePair) -> Row:
    """Fields of a pair's row that say why its first answer is preferred; trainers pass over them."""
    row: Row = {"kind": pair.kind, "differs": list(pair.differs)}
    if pair.values is None or pair.runs is None:
        return row
    return {**row, "decided_by": pair.decided_by, "values": list(pair.values), "runs": list(pair.runs)}
