"""A training record before any trainer's format: a film, a question, the looks at it in order, and a report.

Pictures are files by now and have their size; boxes are pixels of the film as it was exported. A writer adds nothing
but its format.
"""

from __future__ import annotations

import re

from mmrad_eval.core.values import Box, DataUse, Value

SYSTEM = "You are a radiologist."
QUESTION = "Compile a standard report for this chest X-ray, including significant findings."

_MARKS = re.compile(
    r"</?(?:image|video|audio|bbox|ref-object|cot-process|image_start|image_end|image_placeholder|think|answer"
    r"|tool_call|tool_response|start-image|end-image)\b[^<>\n]{0,20}>|<\|[\w-]{1,40}\|>|\bTHOUGHT\s*\d+:",
    re.IGNORECASE,
)
"""What one of the trainers would take for a mark of its own, or remove, where it stands in words."""


class ExportPicture(Value, frozen=True):
    """A picture of an export."""

    path: str
    """Below the folder of its trainer."""
    size: tuple[int, int]
    """Width and height in pixels, as the model shall see them."""


class ExportLook(Value, frozen=True):
    """One look at the film: where, what is shown of it, what is seen."""

    region: str = ""
    text: str = ""
    box: Box | None = None
    """In pixels of the exported film, whose frame it names."""
    numbers: str = ""
    """The same box as the words write it, such as ``[108, 104, 252, 277]``."""
    picture: ExportPicture | None = None
    """That of the trace, else the film cut at the box. None without either, or where the budget had no room for it."""
    abnormal: bool = False
    """Whether its words say that something is there, surely or perhaps."""

    @property
    def phrase(self) -> str:
        """The region within a sentence: with an article, and small unless it is an abbreviation."""
        small = self.region[:1].lower() + self.region[1:] if self.region[1:2].islower() else self.region
        return small if not small or small.startswith("the ") else f"the {small}"


class Conversation(Value, frozen=True):
    """One record of supervised training."""

    id: str
    film: ExportPicture
    looks: tuple[ExportLook, ...] = ()
    report: str = ""
    question: str = QUESTION
    system: str = SYSTEM
    data_use: DataUse = "unknown"

    @property
    def pictures(self) -> tuple[ExportPicture, ...]:
        """The film, then the pictures of the looks, in order."""
        return (self.film, *(look.picture for look in self.looks if look.picture is not None))


class PreferencePair(Value, frozen=True):
    """Two answers to one question, of which the first is preferred."""

    asked: Conversation
    """Without looks and report."""
    chosen: str
    rejected: str
    differs: tuple[str, ...] = ()
    """Abnormal statements that only one of the two reports makes."""
    values: tuple[float, float] | None = None
    """What the deciding column says of the chosen and the rejected one; None where no column decided."""
    runs: tuple[str, str] | None = None
    """Ids of the runs that wrote them; None for references."""
    decided_by: str = ""
    """Signature of the metric whose column that is."""
    kind: str = "runs"
    """``runs``, or ``planted`` and the kind of error in the rejected one."""


class RewardedPrompt(Value, frozen=True):
    """A question for training by rewards, and what a reward needs to judge an answer; never a trace."""

    asked: Conversation
    reference: str
    facts: tuple[str, ...] = ()
    """What the reference states, such as ``present left pleural effusion``."""


Exported = Conversation | PreferencePair | RewardedPrompt
"""One record of an export; ``sft``, ``dpo`` and ``grpo``."""


def mark_in(*texts: str) -> str | None:
    """The first thing in words that a trainer would take for a mark of its own; None where there is none."""
    return next((found[0] for text in texts if (found := _MARKS.search(text))), None)
