"""Reports made elsewhere: nothing is shown, and no model is called."""

from __future__ import annotations

from dataclasses import dataclass

from mmrad_eval.core.contracts import Task, TaskContext
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, Study


@dataclass(frozen=True)
class Imported(Task):
    """The task of runs that ``mmrad-eval score`` makes; only answerers take it."""

    name: str = "imported"
    given: bool = False
    turns: int = 0
    needs: frozenset[str] = frozenset()

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """Refuse: there is no conversation to hold."""
        raise UsageError(
            f"task imported calls no model, so {context.card.label} cannot run it; see mmrad-eval tasks for others"
        )


IMPORTED = Imported()
