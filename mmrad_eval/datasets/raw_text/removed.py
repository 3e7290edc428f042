"""What was taken away from a text, and what is left of it: the values that the reader of raw text returns."""

from __future__ import annotations

import msgspec

from mmrad_eval.core.values import ModelStatus, Report
from mmrad_eval.traces.box_marks import BoxMark


class Removed(msgspec.Struct, frozen=True):
    """A piece that is no part of the report."""

    kind: str
    """Why: thought, prompt, reference, tool call, control token, box mark, preamble, title, disclaimer, closing remark,
    placeholder, further text or another turn.
    """
    text: str


class Understood(msgspec.Struct, frozen=True):
    """How a text is understood."""

    status: ModelStatus
    report: Report = Report()
    """Empty where the status is not ok or truncated."""
    why: str = ""
    """In words, where the status is not ok."""
    thought: str = ""
    """The words of the trace: what was thought, and what stands before the report."""
    events: dict[str, int] = {}
    """``no image seen``, ``degenerate``, ``reads like an error``, and ``removed KIND`` with the number of pieces.

    Thoughts are not among the kinds.
    """
    removed: tuple[Removed, ...] = ()
    boxed: str = ""
    """The words of the report with the places of the boxes that the model marked in them (``traces.box_marks``)."""
    marks: tuple[BoxMark, ...] = ()
    """These marks, and those that stand in no sentence of the report."""


def counted(removed: tuple[Removed, ...], *events: str) -> dict[str, int]:
    """Event -> how often, by name."""
    found: dict[str, int] = dict.fromkeys(sorted(filter(None, events)), 1)
    if not removed:
        return found
    for kind in sorted({piece.kind for piece in removed} - {"thought"}):  # a thought is kept, as the trace
        found[f"removed {kind}"] = sum(piece.kind == kind for piece in removed)
    return found
