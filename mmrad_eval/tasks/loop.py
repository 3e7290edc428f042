"""mcot-loop: the model asks for regions of the image, sees them one at a time, then reports.

Every request uses up one look, granted or not, so a conversation has at most ``looks`` + 2 turns whatever the model
does, and all ways of looking have equal turns and budget. What was asked is kept as steps of the trace that the model
wrote.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import msgspec

from mmrad_eval.core.contracts import Task, TaskContext
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Answer, Box, Image, Message, Reply, Step, Study, Text, Trace
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.tasks.given_evidence import corners_in_order, frame_words
from mmrad_eval.tasks.look_actions import LookAction, LookTurn, read_call, read_turn
from mmrad_eval.tasks.messages import opening
from mmrad_eval.tasks.prompting import Piece, Prompt, parsed, parts
from mmrad_eval.tasks.tool_calls import calls_of, declared
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.geometry import clip, convert, corner_words, problems, spoken, y_first
from mmrad_eval.traces.regions import category_of, contains, fine_names, resolve
from mmrad_eval.traces.rendering import size_of

LOCATE = {
    "model": "the model's own box",
    "oracle": "the reference trace's box of the region that the model names (an upper bound)",
    "prior": "the mean box of other patients (a floor)",
}
LOOK = {
    "crop": "the region",
    "none": "nothing: the request is noted",
    "full": "the whole image again, in as many pixels as the region would have",
    "foreign": "the same place of another patient's image",
}
CALLS = {
    "text": "a JSON object, or a line that begins with LOOK",
    "native": "the endpoint's own tool calls; text where it refuses them",
}
_MOST = 32
_FATAL = ("unknown frame", "not finite", "reversed", "empty")


@dataclass(frozen=True)
class Loop(Task):
    """Look, continue, at most ``looks`` times, then report."""

    locate: str = "model"
    look: str = "crop"
    looks: int = 4
    calls: str = "text"
    name: str = "mcot-loop"
    version: int = 1
    given: bool = False
    several_images: bool = True

    @property
    def needs(self) -> frozenset[str]:
        """What a study must have under these options."""
        more = {"trace"} if self.locate == "oracle" else set()
        return frozenset({"images"} | more | ({"donor"} if self.look == "foreign" else set()))

    @property
    def turns(self) -> int:
        """All looks, one request beyond them and one more; and one again where an endpoint may refuse native calls."""
        return self.looks + (3 if self.calls == "native" else 2)

    @property
    def options(self) -> dict[str, str]:
        """What tells this run from others of the task."""
        said = {"locate": self.locate, "look": self.look, "looks": str(self.looks)}
        return said if self.calls == "text" else {**said, "calls": self.calls}

    def configured(self, options: Mapping[str, str]) -> Self:
        """The task under ``--set locate=… look=… looks=… calls=…``."""
        made = self
        words = {"locate": LOCATE, "look": LOOK, "calls": CALLS}
        for name, value in options.items():
            if name in words:
                if value not in words[name]:
                    raise UsageError(f"--set {name}={value}: choose {', '.join(words[name])}")
                made = replace(made, **{name: value})  # type: ignore[arg-type] # the three are texts
            elif name == "looks":
                if not value.isdigit() or not 1 <= int(value) <= _MOST:
                    raise UsageError(f"--set looks={value}: a number from 1 to {_MOST}")
                made = replace(made, looks=int(value))
            else:
                raise UsageError(f"--set {name}={value}: {self.name} has the options locate, look, looks and calls")
        return made

    def extra_images(self, study: Study) -> int:
        """Images that a conversation may hold beside the study's own."""
        return 0 if self.look == "none" else self.looks

    def prompt(self) -> str:
        """The prompt file that all ways of looking share."""
        return files("mmrad_eval.tasks").joinpath("prompts/mcot-loop.txt").read_text(encoding="utf-8")

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """Turns until the model reports, or has asked twice more than it may."""
        prompt = parsed(context.prompt)
        key = key_image(study)
        if key is None:
            raise DataError(f"study {study.id} has no image to look at")
        talk = _Talk(self, study, context, prompt, key, key.size or size_of(key.path))
        if self.calls == "native":
            frame = context.card.box_frame if self.locate == "model" else ""
            talk.tools = declared(context.card.provider, frame)
        talk.messages = talk.opening()
        while True:
            reply = await talk.ask()
            turn, words = talk.read(reply)
            talk.heard(turn.look.saw if turn.look else turn.saw)
            if turn.look is None or reply.finish != "stop":
                answer = read_answer(reply, context.target, card=context.card, study=study, asked=talk.messages)
                return talk.answer(answer)
            if talk.asked > self.looks:
                why = f"asked to look {talk.asked + 1} times, and never reported"
                return talk.answer(Answer("", "unparsed", why))
            shown = talk.look(turn.look)
            talk.messages += [Message("assistant", (Text(words),)), Message("user", parts(shown))]


@dataclass
class _Talk:
    """One conversation on its way."""

    task: Loop
    study: Study
    context: TaskContext
    prompt: Prompt
    key: Image
    size: tuple[int, int]
    asked: int = 0
    steps: list[Step] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    tools: dict[str, Any] = field(default_factory=dict)
    """Fields that offer the tool; empty where looks are asked for in words."""
    messages: list[Message] = field(default_factory=list)

    def opening(self) -> list[Message]:
        """The first message: the images, and how to ask."""
        frame = self.context.card.box_frame
        boxed = self.task.locate == "model"
        protocol = self.prompt.fill(
            "protocol native" if self.tools else "protocol",
            {
                "looks": str(self.task.looks),
                "box": corners_in_order([self.prompt.text("protocol box")], frame) if boxed else "",
                "frame": [*self.prompt.fill("protocol frame", {"frame": frame_words(frame)}), "\n"] if boxed else "",
            },
        )
        return opening(self.prompt, self.study, self.context, protocol, slot="protocol", between="\n")

    async def ask(self) -> Reply:
        """One turn; the tool is offered while looks are left, unless the endpoint refuses it at once."""
        if not self.tools or self.asked >= self.task.looks:
            return await self.context.ask(tuple(self.messages))
        reply = await self.context.ask(tuple(self.messages), extra=self.tools)
        if reply.finish == "rejected" and not self.steps:
            self.tools = {}
            self.events["no native calls"] += 1
            self.messages = self.opening()
            return await self.context.ask(tuple(self.messages))
        return reply

    def read(self, reply: Reply) -> tuple[LookTurn, str]:
        """The turn in a reply, and the words that stand for it in the conversation."""
        calls = calls_of(reply) if self.tools else []
        if not calls:
            return read_turn(reply), reply.text
        if len(calls) > 1:
            self.events["further calls"] += len(calls) - 1
        said = json.dumps({"action": calls[0].name, **(calls[0].arguments or {})}, ensure_ascii=False)
        return read_call(calls[0]), f"{reply.text}\n{said}".lstrip()

    def heard(self, saw: str) -> None:
        """What the model says of the region shown last belongs to that step."""
        if saw and self.steps:
            self.steps[-1] = msgspec.structs.replace(self.steps[-1], text=saw)

    def look(self, look: LookAction) -> list[Piece]:
        """Grant a request or say why not; either uses up one look."""
        self.asked += 1
        if self.asked > self.task.looks:
            self._keep(look, None, "beyond")
            return self.prompt.fill("last", {})
        if wrong := look.malformed or self._other_order(look):
            self._keep(look, None, "malformed")
            return self._refused(wrong)
        box, why, event = self._located(look)
        if box is None:
            self._keep(look, self._raw(look), event)
            return self._refused(why)
        if any(step.box == box and step.region == look.region for step in self.steps if step.image is not None):
            self._keep(look, box, "repeated")
            return self._refused("That region has been shown already.")
        image = self._image(box)
        self._keep(look, box, event or "looks", image)
        words = {"number": str(self.asked), "region": look.region or "the box", "left": self._left()}
        told = f", box {spoken(convert(box, self.context.card.box_frame, self.size))}"
        if image is None:
            return self.prompt.fill("noted", {**words, "box": told})
        return self.prompt.fill("looked", {**words, "box": told, "picture": [image, "\n"]})

    def answer(self, answer: Answer) -> Answer:
        """The answer with the trace of looks."""
        written = answer.trace.text if answer.trace else ""
        stated = (step for step in (answer.trace.steps if answer.trace else ()) if step.part == "report")
        steps = (*self.steps, *stated)
        trace = Trace(steps, written) if steps or written else None
        events = self.events + Counter(answer.events)
        return msgspec.structs.replace(answer, trace=trace, events=dict(sorted(events.items())))

    def _other_order(self, look: LookAction) -> str:
        """What is wrong with a box whose field says another order of corners than the model's frame."""
        frame = self.context.card.box_frame
        if not look.order or (look.order == "y first") == y_first(frame):
            return ""
        return f"A box is four numbers: [{corner_words(frame)}]."

    def _located(self, look: LookAction) -> tuple[Box | None, str, str]:
        """(box, why not, event) of a request under ``locate``."""
        if self.task.locate == "model":
            box = self._raw(look)
            if box is None:
                return None, "Say where the region is: give its box.", "unlocated"
            wrong = problems(box, self.size)
            fatal = [w for w in wrong if w.startswith(_FATAL) or "wholly outside" in w]
            if fatal:
                return None, f"That box can't be shown: {fatal[0]}.", "out of frame"
            outside = any(w.startswith("outside") for w in wrong)
            return (clip(box, self.size), "", "cut at the edge") if outside else (box, "", "")
        category = category_of(look.region)
        if self.task.locate == "prior":
            box = self.context.mean_box(category, self.study)
        else:
            box = self._reference_box(look.region, category)
        return (box, "", "") if box else (None, f"No region is known here as {look.region!r}.", "unknown region")

    def _reference_box(self, name: str, category: str) -> Box | None:
        """The reference trace's box of the region: of that name, of one that holds it, of its category."""
        region = resolve(name)
        steps = [step for step in (self.study.trace.steps if self.study.trace else ()) if step.box is not None]
        for step in steps:
            named = [found for found in map(resolve, step.regions or fine_names(step.region)) if found]
            if region and any(contains(found, region) for found in named):
                return step.box
        return next((step.box for step in steps if step.category == category and category != "other"), None)

    def _raw(self, look: LookAction) -> Box | None:
        return Box(look.box, self.context.card.box_frame) if look.box is not None else None

    def _image(self, box: Box) -> Image | None:
        if self.task.look == "none":
            return None
        source = self.key
        if self.task.look == "foreign":
            donor = self.context.donor(self.study, lambda other: key_image(other) is not None)
            source = key_image(donor) or self.key
            box = convert(box, "norm_1000", self.size)
        render = "full" if self.task.look == "full" else "crop"
        size = source.size or (size_of(source.path) if Path(source.path).is_file() else None)
        return Image(source.path, source.name, source.view, "region", box, render, "tool", size)

    def _keep(self, look: LookAction, box: Box | None, event: str, image: Image | None = None) -> None:
        self.events[event] += 1
        known = resolve(look.region) if look.region else None
        self.steps.append(
            Step(
                look.region,
                (known.name,) if known else (),
                category_of(look.region) if look.region else "other",
                box,
                image,
            )
        )

    def _refused(self, why: str) -> list[Piece]:
        return self.prompt.fill("refused", {"why": why, "left": self._left()})

    def _left(self) -> str:
        left = self.task.looks - self.asked
        if left <= 0:
            return self.prompt.text("last")
        return "".join(piece for piece in self.prompt.fill("left", {"looks": str(left)}) if isinstance(piece, str))


MCOT_LOOP = Loop()
