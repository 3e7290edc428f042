"""Reports made elsewhere: nothing is shown, and nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass

from mmrad_eval.core.contracts import TaskContext
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, Study, Trace


@dataclass(frozen=True)
class Imported:
    """The task of runs that ``mmrad-eval score`` makes; only answerers take it."""

    name: str = "imported"
    version: int = 1
    given: bool = False
    needs: frozenset[str] = frozenset()
    several_images: bool = False

    def prompt(self) -> str:
        """No prompt."""
        return ""

    def shown(self, study: Study, context: TaskContext) -> Trace | None:  # noqa: ARG002 (the contract's signature)
        """Nothing."""
        return None

    async def converse(self, study: Study, context: TaskContext) -> Answer:  # noqa: ARG002 (the contract's signature)
        """Refuse: there is no conversation to hold."""
        raise UsageError(
            f"task imported asks nobody, so {context.card.label} can't take it; see mmrad-eval tasks for others"
        )


IMPORTED = Imported()
