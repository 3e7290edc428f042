"""A reference report cut in the middle, to be gone on with and without any image: who has read it may know the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

import msgspec

from mmrad_eval.core.contracts import Donor, Task, TaskContext
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Message, Report, Study, Target, Text
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.tasks.prompting import parsed, parts

LEAST = 24
"""Words of a reference that is worth cutting: of a shorter one, half is a stock phrase."""


@dataclass(frozen=True)
class Continuation(Task):
    """Show the first half of a reference, ask for the rest of it."""

    name: str = "continue"
    version: int = 1
    given: bool = False
    turns: int = 1
    needs: frozenset[str] = frozenset()
    options: Mapping[str, str] = field(default_factory=dict)

    def prompt(self) -> str:
        """The built-in prompt file."""
        return files("mmrad_eval.tasks").joinpath("prompts/continue.txt").read_text(encoding="utf-8")

    def lacks(self, study: Study, donor: Donor, target: Target) -> str:
        """A reference that is too short to be cut."""
        text = study.reference.target(target) if study.reference else None
        return "" if text and len(text.split()) >= LEAST else f"a reference of fewer than {LEAST} words"

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """One turn, without the image. The report of the answer is the continuation, as it was written."""
        text = study.reference.target(context.target) if study.reference else None
        if not text:
            raise DataError(f"study {study.id} has no reference to cut")
        prompt = parsed(context.prompt)
        beginning = prompt.fill("prefix", {"text": halves(text)[0]})
        words = prompt.fill("user", {"prefix": [*beginning, "\n\n"], "instruction": prompt.text(context.target)})
        messages = [Message("system", (Text(prompt.text("system")),)), Message("user", parts(words))]
        reply = await context.ask(messages)
        answer = read_answer(reply, context.target, card=context.card)
        said = reply.text.strip()
        return msgspec.structs.replace(answer, report=Report(said), trace=None) if answer.status == "ok" else answer


def halves(text: str) -> tuple[str, str]:
    """A text cut after half of its words."""
    words = text.split()
    middle = len(words) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


CONTINUE = Continuation()
