"""What judges said of an answer, cut to a size that a page can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmrad_eval.core.judge_contracts import VerdictState
from mmrad_eval.core.values import Value
from mmrad_eval.results.run.judged import JudgedRecord

MOST = 60_000
"""Characters of all records of one answer, about; a study of 40 phrases has 20,000."""
LONGEST = 8_000
"""Characters of one text."""
_EACH = 8
"""Characters that a value takes beside its text."""


class ViewedJudgement(Value, frozen=True):
    """What one metric read in the replies about one answer."""

    metric: str
    repeat: int = 0
    repeats: bool = False
    """Whether it was judged several times."""
    state: VerdictState = "read"
    why: str = ""
    record: Any = None
    cut: bool = False
    """Whether the record goes on where it is kept."""


def viewed_judgements(records: Sequence[JudgedRecord]) -> tuple[ViewedJudgement, ...]:
    """The records of an answer, as much of them as a page holds."""
    several = {one.metric for one in records if one.repeat}
    left = _Room(MOST)
    found = []
    for one in records:
        left.cut = False
        record = left.fitting(one.record)
        found.append(
            ViewedJudgement(
                one.metric, one.repeat, one.metric in several, one.state, one.why[:LONGEST], record, left.cut
            )
        )
    return tuple(found)


class _Room:
    """Characters that are left."""

    def __init__(self, size: int) -> None:
        self.size, self.cut = size, False

    def fitting(self, value: Any) -> Any:
        """The value, or as much from its beginning as there is room for."""
        self.size -= _EACH
        if isinstance(value, str):
            most = max(0, min(LONGEST, self.size))
            self.size -= min(len(value), LONGEST)
            if len(value) > most:
                self.cut = True
                return value[:most] + "\N{HORIZONTAL ELLIPSIS}"
            return value
        if isinstance(value, dict):
            made = {}
            for name, inner in value.items():
                if self._full():
                    break
                self.size -= len(name)
                made[name] = self.fitting(inner)
            return made
        if isinstance(value, list):
            kept = []
            for inner in value:
                if self._full():
                    break
                kept.append(self.fitting(inner))
            return kept
        return value

    def _full(self) -> bool:
        self.cut = self.cut or self.size <= 0
        return self.size <= 0
