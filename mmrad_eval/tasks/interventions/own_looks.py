"""Tasks that change what a model looked at by itself, in the trace that it made, and let it go on from there.

Each first holds the conversation of ``mcot-loop`` (its requests are asked once, whatever tasks share them), then holds
it again with one thing changed from a look on: the region image (``redraw-*``), the whole image (``film-swap``), or a
statement that the model made before it looked (``word-edit``). Of a model that draws pictures without asking, the
picture that it drew is changed, and what it wrote up to there is given back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal, Self

import msgspec

from mmrad_eval.core.contracts import Task, TaskContext
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, Box, Card, Image, Message, OutputImage, Step, Study, Text, Trace
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.tasks.interventions.look_donors import LookDonors, look_donors
from mmrad_eval.tasks.interventions.returned_trace import ASK_FOR_REPORT, turned
from mmrad_eval.tasks.interventions.spoken_words import before_look, with_words
from mmrad_eval.tasks.look_talk import LookEdit, LookTalk
from mmrad_eval.tasks.loop import MCOT_LOOP, Loop
from mmrad_eval.tasks.views import key_image

Change = Literal["kept", "true", "foreign", "lacking", "noise", "blank", "full", "removed", "film", "words"]
CHANGES: dict[Change, str] = {
    "kept": "the same image JPEG-compressed at quality 95 (should change nothing)",
    "true": "the film itself at the box that the model announced",
    "foreign": "another patient's picture of that place, which shows a finding that this patient does not have",
    "lacking": "another patient's picture of that place without that finding",
    "noise": "noise of the same mean, contrast and spectrum",
    "blank": "the mean grey",
    "full": "the whole image, in as many pixels",
    "removed": "no picture",
    "film": "the same picture, and the whole image of another patient from there on",
    "words": "the same picture, after one statement that the model made before it was negated",
}
AT = ("last", "first")
NO_LOOK, NO_DONOR, NO_WORDS, NO_BOX, REFUSED = UNCHANGED = (
    "no look to change",
    "no donor for the look",
    "no statement to negate",
    "no box drawn",
    "own pictures refused",
)
"""Events of studies in which nothing could be changed: their own answer stands, and they are not compared."""


@dataclass(frozen=True)
class OwnLook(Task):
    """One change of the model's own look."""

    name: str
    change: Change
    base: Loop = MCOT_LOOP
    at: str = "last"
    version: int = 1
    given: bool = False
    several_images: bool = True

    @property
    def needs(self) -> AbstractSet[str]:
        """As the loop, and a donor where another patient's pictures are shown."""
        return self.base.needs | ({"donor"} if self.change in {"foreign", "lacking", "film"} else frozenset())

    @property
    def turns(self) -> int:
        """The loop's, twice: what both conversations share is asked once."""
        return 2 * self.base.turns

    @property
    def options(self) -> dict[str, str]:
        """The loop's, and which look is changed."""
        return {**self.base.options, **({} if self.at == "last" else {"at": self.at})}

    def configured(self, options: Mapping[str, str]) -> Self:
        """The task under ``--set at=last|first`` and the options of the loop."""
        at = options.get("at", self.at)
        if at not in AT:
            raise UsageError(f"--set at={at}: choose {' or '.join(AT)}")
        rest = {name: value for name, value in options.items() if name != "at"}
        return replace(self, at=at, base=self.base.configured(rest))

    def for_card(self, card: Card) -> Self:
        """In the dialect of the card, as the loop."""
        return replace(self, base=self.base.for_card(card))

    def extra_images(self, study: Study) -> int:
        """As the loop."""
        return self.base.extra_images(study)

    def prompt(self) -> str:
        """That of the loop, so that its requests are the same ones."""
        return self.base.prompt()

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """The own conversation, then the changed one. Where nothing can be changed, the own answer stands."""
        talk = self.base.talk(study, context)
        own = await talk.hold()
        if own.status not in {"ok", "truncated"}:
            return own
        if talk.granted:
            return await self._looked(study, context, talk, own)
        drawn = [number for number, part in enumerate(talk.last.parts if talk.last else ()) if _is_picture(part)]
        if not drawn:
            return _unchanged(own, NO_LOOK)
        return await self._drew(study, context, talk, own, drawn[-1 if self.at == "last" else 0])

    async def _looked(self, study: Study, context: TaskContext, talk: LookTalk, own: Answer) -> Answer:
        """Of a model that asked for its looks."""
        number = len(talk.granted) if self.at == "last" else 1
        look = talk.granted[number - 1]
        box = talk.steps[look.step].box
        again = self.base.talk(study, context)
        if self.change == "words":
            spoken = before_look(talk, look.turn)
            turn = next(
                ((t, *turned(said, study.id)) for t, said in reversed(spoken) if turned(said, study.id)[1]), None
            )
            if turn is None or turn[2] is None:
                return _unchanged(own, NO_WORDS)
            again.edit = LookEdit(number, words={turn[0]: with_words(talk, turn[0], turn[1])})
            return await self._again(again, Step(turn[2].concept, text=turn[1]))
        if self.change == "film":
            film = self._film(study, context)
            again.edit = LookEdit(number, film=film)
            return await self._again(again, Step(image=film))
        made = self._made(study, look.image, talk, context)
        if isinstance(made, str):
            return _unchanged(own, made)
        concept, picture = made
        again.edit = LookEdit(number, picture=lambda _: picture)
        return await self._again(again, Step(concept, box=box, image=picture))

    async def _again(self, talk: LookTalk, changed: Step) -> Answer:
        return msgspec.structs.replace(await talk.hold(), shown=Trace((changed,), self.change))

    def _film(self, study: Study, context: TaskContext) -> Image:
        own, other = key_image(study), key_image(context.donor(study, lambda s: key_image(s) is not None))
        assert own is not None  # the loop has looked at it
        assert other is not None
        return msgspec.structs.replace(other, view=own.view)

    def _made(self, study: Study, image: Image, talk: LookTalk, context: TaskContext) -> tuple[str, Image | None] | str:
        """(the finding that it shows, the picture that takes the place of ``image``), or why there is none."""
        part = msgspec.structs.replace(image, parts=())
        whole = msgspec.structs.replace(part, render=f"full{part.render.removeprefix('crop')}")
        simple: dict[Change, Callable[[], Image | None]] = {
            "kept": lambda: _of(image, "jpeg"),
            "noise": lambda: _of(image, "noise"),
            "blank": lambda: _of(image, "blank"),
            "full": lambda: whole if image.source != "model" else _whole(talk, image),
            "removed": lambda: None,
        }
        if self.change in simple:
            return "", simple[self.change]()
        if self.change == "true":
            if image.box is None:
                return NO_BOX
            return "", image if image.source != "model" else _cut(talk, image.box)
        found: LookDonors | None = look_donors(study, image, talk.size, context.donor)
        if found is None:
            return NO_DONOR
        return found.concept, found.shows if self.change == "foreign" else found.lacks

    async def _drew(self, study: Study, context: TaskContext, talk: LookTalk, own: Answer, at: int) -> Answer:
        """Of a model that drew its pictures: what it wrote and drew up to there, changed, and the request to report."""
        said = _drawn_so_far(talk, own, at)
        drawn = said[-1] if said else None
        if not isinstance(drawn, Image):
            return _unchanged(own, NO_LOOK)
        messages = list(talk.messages)
        if self.change == "film":
            film = self._film(study, context)
            messages = [Message(m.role, tuple(film if p == talk.key else p for p in m.parts)) for m in messages]
            changed = Step(image=film)
        elif self.change == "words":
            turned_at = next((n for n in reversed(range(len(said))) if _turned(said[n], study)[1]), None)
            if turned_at is None:
                return _unchanged(own, NO_WORDS)
            words, concept = _turned(said[turned_at], study)
            said[turned_at], changed = Text(words), Step(concept, text=words)
        else:
            made = self._made(study, drawn, talk, context)
            if isinstance(made, str):
                return _unchanged(own, made)
            said = [*said[:-1], *([made[1]] if made[1] is not None else [])]
            changed = Step(made[0], box=drawn.box, image=made[1])
        messages += [
            Message("assistant", tuple(said) or (Text("(nothing yet)"),)),
            Message("user", (Text(ASK_FOR_REPORT[context.target]),)),
        ]
        reply = await context.ask(messages, extra=talk.fields or None)
        if reply.finish == "rejected":
            return _unchanged(own, REFUSED)
        answer = read_answer(reply, context.target, card=context.card, study=study, asked=messages)
        return msgspec.structs.replace(answer, trace=own.trace, shown=Trace((changed,), self.change))


def _drawn_so_far(talk: LookTalk, own: Answer, at: int) -> list[Text | Image]:
    """Words and pictures of the last reply up to part ``at``, a picture, as they are given back."""
    steps = own.trace.steps if own.trace else ()
    images = iter([step.image for step in steps if step.image is not None and step.image.source == "model"])
    said: list[Text | Image] = []
    for part in talk.last.parts[: at + 1] if talk.last else ():
        if isinstance(part, Text):
            said.append(part)
        elif isinstance(part, OutputImage) and (image := next(images, None)) is not None:
            said.append(image)
    return said


def _turned(part: Text | Image, study: Study) -> tuple[str, str]:
    """(the words with one statement negated, its concept); the concept is empty where there is none."""
    words, fact = turned(part.text, study.id) if isinstance(part, Text) else ("", None)
    return words, fact.concept if fact else ""


def _is_picture(part: object) -> bool:
    return isinstance(part, OutputImage)


def _unchanged(own: Answer, event: str) -> Answer:
    return msgspec.structs.replace(own, events=dict(sorted({**own.events, event: 1}.items())))


def _of(image: Image, render: str) -> Image:
    return msgspec.structs.replace(image, render=render, parts=(image,))


def _whole(talk: LookTalk, image: Image) -> Image:
    box = image.box or Box((0.0, 0.0, float(talk.size[0]), float(talk.size[1])))
    return msgspec.structs.replace(_cut(talk, box), render="full")


def _cut(talk: LookTalk, box: Box) -> Image:
    key = talk.key
    return Image(key.path, key.name, key.view, "region", box, "crop", "tool", talk.size)


REDRAW_KEPT, REDRAW_TRUE, REDRAW_FOREIGN, REDRAW_LACKING, REDRAW_NOISE, REDRAW_BLANK, REDRAW_FULL, REDRAW_REMOVED = (
    OwnLook(f"redraw-{change}", change)
    for change in ("kept", "true", "foreign", "lacking", "noise", "blank", "full", "removed")
)
FILM_SWAP = OwnLook("film-swap", "film")
WORD_EDIT = OwnLook("word-edit", "words")
