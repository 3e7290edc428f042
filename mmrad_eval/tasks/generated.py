"""Tasks in which the model makes its own trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Self

import msgspec

from mmrad_eval.core.contracts import Task, TaskContext
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Answer, Image, Step, Study
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.tasks.given_evidence import corners_in_order, frame_words
from mmrad_eval.tasks.messages import opening
from mmrad_eval.tasks.prompting import Piece, Prompt, parsed
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.geometry import problems
from mmrad_eval.traces.rendering import size_of


@dataclass(frozen=True)
class SelfText(Task):
    """The model writes a text trace, step by step, then the report, in one turn.

    With ``boxes`` it also says where each region is; the region images are cut at its boxes afterwards, so that where
    it looked can be scored and seen.
    """

    boxes: bool = False
    name: str = "tcot-self"
    version: int = 1
    given: bool = False
    turns: int = 1
    needs: frozenset[str] = frozenset({"images"})

    @property
    def options(self) -> dict[str, str]:
        """What tells this run from others of the task."""
        return {"boxes": "yes"} if self.boxes else {}

    def configured(self, options: Mapping[str, str]) -> Self:
        """The task under ``--set boxes=yes|no``."""
        for name, value in options.items():
            if name != "boxes":
                raise UsageError(f"--set {name}={value}: {self.name} takes only the option boxes")
            if value not in ("yes", "no"):
                raise UsageError(f"--set boxes={value}: choose yes or no")
        return replace(self, boxes=options.get("boxes", "no") == "yes")

    def prompt(self) -> str:
        """The built-in prompt file."""
        return files("mmrad_eval.tasks").joinpath("prompts/tcot-self.txt").read_text(encoding="utf-8")

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """One turn."""
        frame = context.card.box_frame
        prompt = parsed(context.prompt)
        messages = opening(prompt, study, context, self._asked(prompt, frame))
        reply = await context.ask(messages)
        answer = read_answer(reply, context.target, traced=True, card=context.card, study=study, asked=messages)
        if answer.trace is None or not answer.trace.steps:
            return answer
        looked = answer.trace.reasoned()
        own = looked.steps if looked else ()
        events = {**answer.events, **(_counted(own) if self.boxes else {})}
        steps = _cut(study, answer.trace.steps)
        not_shown = sum(step.part == "trace" and step.box is not None and step.image is None for step in steps)
        if not_shown:
            events["out of frame"] = not_shown
        trace = msgspec.structs.replace(answer.trace, steps=steps)
        return msgspec.structs.replace(answer, trace=trace, events=events)

    def _asked(self, prompt: Prompt, frame: str) -> list[Piece]:
        """The words that ask for boxes."""
        if not self.boxes:
            return []
        words = prompt.fill("boxes", {"frame": frame_words(frame)})
        if not words:
            raise DataError(f"{prompt.source}: has no [[boxes]] block, so --set boxes=yes can't be used")
        return corners_in_order(words, frame)


def _counted(steps: Sequence[Step]) -> dict[str, int]:
    boxed = sum(step.box is not None for step in steps)
    return {name: count for name, count in (("boxes", boxed), ("unlocated", len(steps) - boxed)) if count}


def _cut(study: Study, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Steps with the region that their box shows, where it is a box inside the key image."""
    key = key_image(study)
    if key is None or not any(step.box for step in steps):
        return tuple(steps)
    try:
        size = key.size or size_of(key.path)
    except DataError:  # pixels are not needed to read an answer again
        return tuple(steps)
    made = []
    for step in steps:
        sound = step.part == "trace" and step.box is not None and not problems(step.box, size)
        image = Image(key.path, key.name, key.view, "region", step.box, "crop", "tool", size) if sound else None
        made.append(msgspec.structs.replace(step, image=image))
    return tuple(made)


TCOT_SELF = SelfText()
