"""Who watches a run, and what it is told beside the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Answer
from mmrad_eval.harness.plan import Plan
from mmrad_eval.harness.requester import Requester

_NAMED = 5  # damaged places of a journal that are named


class Reporter(Protocol):
    """Who watches a run."""

    def begin(self, plan: Plan, requester: Requester | None, interrupt: Callable[[str], None]) -> None:
        """The first study is about to begin; ``interrupt`` does what Ctrl-C does, for the reason it is given."""
        ...

    def answered(self, answer: Answer, done: int) -> None:
        """One more study has an answer."""
        ...

    def say(self, text: str) -> None:
        """Something happens beside the answers, such as a server that starts."""
        ...

    def waits(self, reason: str, seconds: float) -> None:
        """Nothing can be sent for so many seconds at most; called again and again, and at the end without a reason."""
        ...

    def end(self) -> None:
        """No more answers come."""
        ...


def name_damage(journal: Journal, reporter: Reporter) -> None:
    """Say which places of the journal could not be read."""
    for damage in journal.damage[:_NAMED]:
        reporter.say(f"{damage}; its content is requested again when needed")
    more = len(journal.damage) - _NAMED
    if more > 0:
        reporter.say(f"and {more} more places in {journal.folder} can't be read")
