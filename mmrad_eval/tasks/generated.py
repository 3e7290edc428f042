"""Tasks in which the model makes its own trace."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from mmrad_eval.core.contracts import TaskContext
from mmrad_eval.core.values import Answer, Study, Trace
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.tasks.asking import opening
from mmrad_eval.tasks.prompting import parsed


@dataclass(frozen=True)
class SelfText:
    """The model writes a text trace, step by step, then the report, in one turn."""

    name: str = "tcot-self"
    version: int = 1
    given: bool = False
    needs: frozenset[str] = frozenset({"images"})
    several_images: bool = False

    def prompt(self) -> str:
        """The built-in prompt file."""
        return files("mmrad_eval.tasks").joinpath("prompts/tcot-self.txt").read_text(encoding="utf-8")

    def shown(self, study: Study, context: TaskContext) -> Trace | None:  # noqa: ARG002 (the contract's signature)
        """Nothing: the trace is the model's own."""
        return None

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """One turn."""
        messages = opening(parsed(context.prompt), study, context)
        return read_answer(await context.ask(messages), context.target, traced=True)


TCOT_SELF = SelfText()
