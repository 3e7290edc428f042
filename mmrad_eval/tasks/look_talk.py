"""A conversation of looks: what is granted, what is refused, and what the model wrote, as a trace.

Every request uses up one look, granted or not, so a conversation has at most ``looks`` + 2 turns whatever the model
does, and all ways of looking have equal turns and budget. What was asked is kept as steps of the trace that the model
wrote. An ``LookEdit`` changes what the model is shown or has said from one look on, and the conversation goes on from
there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mmrad_eval.core.contracts import TaskContext
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Box, Image, Message, Reply, Step, Study, Text, Trace
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.tasks.dialect_openings import DialectOpening, fields_of, opened, protocol
from mmrad_eval.tasks.dialect_turns import read_dialect_turn, read_native
from mmrad_eval.tasks.given_evidence import corners_in_order, frame_words
from mmrad_eval.tasks.look_actions import LookAction, LookTurn, read_call, read_turn
from mmrad_eval.tasks.look_dialects import OURS, LookDialect
from mmrad_eval.tasks.look_sources import LookSources
from mmrad_eval.tasks.messages import opening, said_again
from mmrad_eval.tasks.prompting import Piece, parsed, parts
from mmrad_eval.tasks.tool_calls import calls_of, declared
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.geometry import clip, convert, corner_words, problems, spoken, y_first
from mmrad_eval.traces.regions import category_of, contains, fine_names, resolve
from mmrad_eval.traces.rendering import size_of

_FATAL = ("unknown frame", "not finite", "reversed", "empty")


@dataclass(frozen=True)
class LookRules:
    """What a conversation grants, and in which dialect; the fields are the options of ``mcot-loop``."""

    locate: str
    look: str
    looks: int
    calls: str
    dialect: LookDialect
    opening: DialectOpening


class LookEdit(NamedTuple):
    """What changes in a conversation once look ``at`` has been granted."""

    at: int
    """Number of the granted look, from 1; all that was said before it stays, unless ``words`` changes it."""
    picture: Callable[[Image], Image | None] | None = None
    """What is shown in place of the region image; None shows none."""
    film: Image | None = None
    """What is shown in place of the whole image."""
    words: Mapping[int, str] | None = None
    """What the model has said in its n-th turn, from 0."""


class Granted(NamedTuple):
    """A look that was granted."""

    turn: int
    """The model's turn that asked for it, from 0."""
    message: int
    """Index of the message that shows it."""
    image: Image
    without: tuple[Any, ...]
    """The parts of that message without the picture and what announces it."""
    step: int
    """Index of its step in the trace."""


@dataclass
class LookTalk:
    """One conversation on its way."""

    rules: LookRules
    study: Study
    context: TaskContext
    edit: LookEdit | None = None
    asked: int = 0
    steps: list[Step] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    tools: dict[str, Any] = field(default_factory=dict)
    """Fields that offer our tool; empty where looks are asked for in words."""
    messages: list[Message] = field(default_factory=list)
    granted: list[Granted] = field(default_factory=list)
    last: Reply | None = None
    """The reply that ended it."""

    def __post_init__(self) -> None:
        self.prompt = parsed(self.context.prompt)
        key = key_image(self.study)
        if key is None:
            raise DataError(f"study {self.study.id} has no image to look at")
        self.key, self.size = key, key.size or size_of(key.path)
        self.dialect = self.rules.dialect
        self.ours = self.dialect.name == OURS
        self.frame = self.dialect.frame or self.context.card.box_frame
        self.sources = LookSources(self.dialect, self.frame, self.size)
        self.fields = {} if self.ours else fields_of(self.dialect, self.rules.opening, self.context.card.provider)

    async def hold(self) -> Answer:
        """Turns until the model reports, or has asked twice more than it may."""
        if self.rules.calls == "native":
            frame = self.context.card.box_frame if self.rules.locate == "model" else ""
            self.tools = declared(self.context.card.provider, frame)
        self.messages = self.opening()
        while True:
            reply = await self.ask()
            turn, words = self.read(reply)
            self.heard(turn.look.saw if turn.look else turn.saw)
            if turn.look is None or reply.finish != "stop":
                self.last = reply
                context = self.context
                asked = self.sent()
                return self.answer(read_answer(reply, context.target, card=context.card, study=self.study, asked=asked))
            if self.asked > self.rules.looks:
                why = f"asked to look {self.asked + 1} times, and never reported"
                other = f"; the last time by {turn.look.other}" if turn.look.other else ""
                return self.answer(Answer("", "unparsed", why + other))
            before = len(self.granted)
            shown = self.look(turn.look)
            self.messages += [Message("assistant", said_again(reply, words)), Message("user", parts(shown))]
            if len(self.granted) > before:
                at = len(self.messages) - 1
                self.granted[-1] = self.granted[-1]._replace(message=at)

    def opening(self) -> list[Message]:
        """The first message: the images, and how to ask."""
        rules, prompt = self.rules, self.prompt
        if not self.ours:
            told = protocol(prompt, self.dialect, rules.opening, rules.looks, self.frame)
            asked = opening(prompt, self.study, self.context, told, slot="protocol", between="\n")
            return opened(asked, self.dialect, rules.opening)
        frame = self.context.card.box_frame
        boxed = rules.locate == "model"
        told = prompt.fill(
            "protocol native" if self.tools else "protocol",
            {
                "looks": str(rules.looks),
                "box": corners_in_order([prompt.text("protocol box")], frame) if boxed else "",
                "frame": [*prompt.fill("protocol frame", {"frame": frame_words(frame)}), "\n"] if boxed else "",
            },
        )
        return opening(prompt, self.study, self.context, told, slot="protocol", between="\n")

    async def ask(self) -> Reply:
        """One turn; a tool is offered while looks are left, unless the endpoint refuses it at once."""
        if not self.ours:
            reply = await self.context.ask(self.sent(), extra=self.fields or None)
            if reply.finish == "rejected" and self.rules.opening.by_template and not self.steps:
                raise DataError(
                    f"{reply.why or 'the endpoint rejected the request'}: with --set opening=template the server must "
                    "accept `tools` with tool_choice none; leave the option out, or name a file that has the opening"
                )
            return reply
        if not self.tools or self.asked >= self.rules.looks:
            return await self.context.ask(self.sent())
        reply = await self.context.ask(self.sent(), extra=self.tools)
        if reply.finish == "rejected" and not self.steps:
            self.tools = {}
            self.events["no native calls"] += 1
            self.messages = self.opening()
            return await self.context.ask(self.sent())
        return reply

    def sent(self) -> tuple[Message, ...]:
        """The messages so far, as the edit changes them."""
        edit = self.edit
        if edit is None or len(self.granted) < edit.at:
            return tuple(self.messages)
        changed, turn = list[Message](), 0
        shown = self.granted[edit.at - 1]
        for number, message in enumerate(self.messages):
            made: tuple[Any, ...] = message.parts
            if message.role == "assistant":
                made = (Text(edit.words[turn]),) if edit.words and turn in edit.words else made
                turn += 1
            elif number == shown.message and edit.picture is not None:
                picture = edit.picture(shown.image)
                made = shown.without if picture is None else _with(made, shown.image, picture)
            if edit.film is not None:
                made = _with(made, self.key, edit.film)
            changed.append(Message(message.role, made))
        return tuple(changed)

    def read(self, reply: Reply) -> tuple[LookTurn, str]:
        """The turn in a reply, and the words that stand for it in the conversation."""
        calls = calls_of(reply) if self.tools or not self.ours else []
        if len(calls) > 1:
            self.events["further calls"] += len(calls) - 1
        if not self.ours:
            if not calls or not self.dialect.tool:
                return read_dialect_turn(reply, self.dialect), self._closed(reply.text)
            call = {"name": calls[0].name, "arguments": calls[0].arguments or {}}
            said = f"{reply.text}\n<tool_call>\n{json.dumps(call, ensure_ascii=False)}\n</tool_call>".lstrip()
            return read_native(calls[0].name, calls[0].arguments, self.dialect, reply.text.strip()), said
        if not calls:
            return read_turn(reply), reply.text
        said = json.dumps({"action": calls[0].name, **(calls[0].arguments or {})}, ensure_ascii=False)
        return read_call(calls[0]), f"{reply.text}\n{said}".lstrip()

    def _closed(self, words: str) -> str:
        """The words with the stop string that a server has cut off."""
        stop = next(iter(self.dialect.stop), "")
        opened = stop.replace("</", "<")
        cut = stop and words.count(opened) > words.count(stop)
        return f"{words}{stop}" if cut else words

    def heard(self, saw: str) -> None:
        """What the model says of the region shown last belongs to that step."""
        if saw and self.steps:
            self.steps[-1] = msgspec.structs.replace(self.steps[-1], text=saw)

    def look(self, look: LookAction) -> list[Piece]:
        """Grant a request or say why not; either uses up one look."""
        self.asked += 1
        if self.asked > self.rules.looks:
            self._keep(look, None, "beyond")
            return self.prompt.fill("last", {})
        if look.other:
            self.events["another dialect"] += 1
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
        image = self._image(box, self.sources.outer(look.source))
        self._keep(look, box, event or "looks", image)
        self.sources.shown(box)
        return self._shown(look, box, image)

    def _shown(self, look: LookAction, box: Box, image: Image | None) -> list[Piece]:
        """The user's turn that shows a region, or notes that it was asked for."""
        if self.ours:
            words = {"number": str(self.asked), "region": look.region or "the box", "left": self._left()}
            told = f", box {spoken(convert(box, self.context.card.box_frame, self.size))}"
            noted = self.prompt.fill("noted", {**words, "box": told})
            if image is None:
                return noted
            shown = self.prompt.fill("looked", {**words, "box": told, "picture": [image, "\n"]})
        else:
            noted = self._worded(self.dialect.seen, None)
            if image is None:
                return noted
            shown = self._worded(self.dialect.seen, image)
        self.granted.append(Granted(self._turn(), 0, image, parts(noted), len(self.steps) - 1))
        return shown

    def _turn(self) -> int:
        return sum(message.role == "assistant" for message in self.messages)

    def _worded(self, template: str, image: Image | None, why: str = "") -> list[Piece]:
        """A user's turn of the dialect; after the last look it says that none is left."""
        number = len(self.sources)
        before, picture, after = template.partition("{picture}")
        values = {"number": str(number), "action": str(number - 1), "why": why, "form": self.dialect.form}

        def filled(words: str) -> str:
            for name, value in values.items():
                words = words.replace(f"{{{name}}}", value)
            return words

        pieces: list[Piece] = [filled(before), *([image] if image and picture else []), filled(after)]
        form = "" if "{form}" in template or not self.dialect.form else f"\n{self.dialect.form}"
        last = f"\n{self.prompt.text('last')}" if self.asked >= self.rules.looks else ""
        return [piece for piece in (*pieces, form, last) if piece]

    def answer(self, answer: Answer) -> Answer:
        """The answer with the trace of looks, and of what it drew without asking."""
        written = answer.trace.text if answer.trace else ""
        own = [step for step in (answer.trace.steps if answer.trace else ()) if _stated_or_drawn(step)]
        steps = (*self.steps, *own)
        trace = Trace(steps, written) if steps or written else None
        events = self.events + Counter(answer.events)
        return msgspec.structs.replace(answer, trace=trace, events=dict(sorted(events.items())))

    def _other_order(self, look: LookAction) -> str:
        """What is wrong with a box whose field says another order of corners than the model's frame."""
        if not look.order or (look.order == "y first") == y_first(self.frame):
            return ""
        return f"A box is four numbers: [{corner_words(self.frame)}]."

    def _located(self, look: LookAction) -> tuple[Box | None, str, str]:
        """(box on the whole image, why not, event) of a request under ``locate``."""
        if self.rules.locate == "model":
            box = self._raw(look)
            if box is None:
                return None, "Say where the region is: give its box.", "unlocated"
            if not self.ours:
                return self.sources.located(box, look.source)
            wrong = problems(box, self.size)
            fatal = [w for w in wrong if w.startswith(_FATAL) or "wholly outside" in w]
            if fatal:
                return None, f"That box can't be shown: {fatal[0]}.", "out of frame"
            outside = any(w.startswith("outside") for w in wrong)
            return (clip(box, self.size), "", "cut at the edge") if outside else (box, "", "")
        category = category_of(look.region)
        if self.rules.locate == "prior":
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
        return Box(look.box, self.frame) if look.box is not None else None

    def _image(self, box: Box, outer: Box | None) -> Image | None:
        """What is shown of a box on the film; ``outer`` is that of the region image on which the model drew it."""
        if self.rules.look == "none":
            return None
        source = self.key
        if self.rules.look == "foreign":
            donor = self.context.donor(self.study, lambda other: key_image(other) is not None)
            source = key_image(donor) or self.key
            box = convert(box, "norm_1000", self.size)
        render = "full" if self.rules.look == "full" else "crop"
        render = f"{render}@{self.dialect.pixels}" if self.dialect.pixels else render
        size = source.size or (size_of(source.path) if Path(source.path).is_file() else None)
        made = Image(source.path, source.name, source.view, "region", box, render, "tool", size)
        return (
            made if outer is None else msgspec.structs.replace(made, parts=(msgspec.structs.replace(made, box=outer),))
        )

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
        if not self.ours:
            return self._worded(self.dialect.error, None, why)
        return self.prompt.fill("refused", {"why": why, "left": self._left()})

    def _left(self) -> str:
        left = self.rules.looks - self.asked
        if left <= 0:
            return self.prompt.text("last")
        return "".join(piece for piece in self.prompt.fill("left", {"looks": str(left)}) if isinstance(piece, str))


def _with(found: tuple[Any, ...], image: Image, other: Image) -> tuple[Any, ...]:
    """Parts with one picture in the place of another."""
    return tuple(other if part == image else part for part in found)


def _stated_or_drawn(step: Step) -> bool:
    """Whether a step of the last reply stands beside the looks: a statement of the report, or a picture of its own."""
    return step.part == "report" or (step.image is not None and step.image.source == "model")
