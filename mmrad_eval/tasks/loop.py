"""mcot-loop: the model asks for regions of the image, sees them one at a time, then reports.

A model asks in the dialect that its card names; ``look_talk`` holds the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Self

from mmrad_eval.core.contracts import Task, TaskContext
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, Card, Study
from mmrad_eval.tasks.dialect_files import look_dialect
from mmrad_eval.tasks.dialect_openings import IN_WORDS, DialectOpening, opening_of, settled_opening
from mmrad_eval.tasks.look_actions import BOX_FIELDS
from mmrad_eval.tasks.look_dialects import DIALECTS, MOST_LOOKS, OURS, LookDialect
from mmrad_eval.tasks.look_talk import LookRules, LookTalk
from mmrad_eval.traces.geometry import y_first

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


@dataclass(frozen=True)
class Loop(Task):
    """Look, continue, at most ``looks`` times, then report."""

    locate: str = "model"
    look: str = "crop"
    looks: int = 4
    calls: str = "text"
    dialect: LookDialect | None = None
    """None: that of the model's card."""
    opening: DialectOpening | None = None
    """None: as the dialect says, which is in our words for those that are built in."""
    name: str = "mcot-loop"
    version: int = 1
    given: bool = False
    several_images: bool = True
    stated: bool = False
    """Whether ``looks`` was chosen."""

    @property
    def spoken(self) -> LookDialect:
        """The dialect in force."""
        return self.dialect or DIALECTS[OURS]

    @property
    def needs(self) -> frozenset[str]:
        """What a study must have under these options."""
        more = {"trace"} if self.locate == "oracle" else set()
        return frozenset({"images"} | more | ({"donor"} if self.look == "foreign" else set()))

    @property
    def turns(self) -> int:
        """All looks, one request beyond them and one more; and one again where an endpoint may refuse native calls."""
        refusable = self.calls == "native" or (self.opening or IN_WORDS).by_template
        return self.looks + (3 if refusable else 2)

    @property
    def options(self) -> dict[str, str]:
        """What tells this run from others of the task."""
        said = {"locate": self.locate, "look": self.look, "looks": str(self.looks)}
        said |= {} if self.calls == "text" else {"calls": self.calls}
        if self.spoken.name == OURS:
            return said
        return {**said, **self.spoken.options, **(self.opening or IN_WORDS).options}

    def configured(self, options: Mapping[str, str]) -> Self:
        """The task under ``--set locate=… look=… looks=… calls=… dialect=… opening=…``."""
        made = self
        words = {"locate": LOCATE, "look": LOOK, "calls": CALLS}
        for name, value in options.items():
            if name in words:
                if value not in words[name]:
                    raise UsageError(f"--set {name}={value}: choose {', '.join(words[name])}")
                made = replace(made, **{name: value})  # type: ignore[arg-type] # the three are texts
            elif name == "looks":
                if not value.isdigit() or not 1 <= int(value) <= MOST_LOOKS:
                    raise UsageError(f"--set looks={value}: write a number from 1 to {MOST_LOOKS}")
                made = replace(made, looks=int(value), stated=True)
            elif name == "dialect":
                made = replace(made, dialect=look_dialect(value))
            elif name == "opening":
                made = replace(made, opening=opening_of(value))
            else:
                known = "locate, look, looks, calls, dialect and opening"
                raise UsageError(f"--set {name}={value}: {self.name} has the options {known}")
        return made

    def for_card(self, card: Card) -> Self:
        """The loop in the dialect of the card, unless one was chosen; UsageError for what that dialect can't do."""
        dialect = self.dialect or look_dialect(card.look_dialect or OURS)
        name = dialect.name
        if name == OURS:
            if self.opening not in {None, IN_WORDS}:
                raise UsageError(
                    "--set opening: this project's own dialect has its opening in the prompt file (--prompt)"
                )
            return replace(self, dialect=dialect)
        if self.locate != "model":
            raise UsageError(
                f"--set locate={self.locate}: the dialect {name} locates looks by boxes; add --set dialect={OURS}"
            )
        if self.calls == "native":
            raise UsageError(
                f"--set calls=native: the dialect {name} fixes how looks are called; add --set dialect={OURS}"
            )
        _check_order(dialect, card)
        if dialect.frame and card.send == "pad_square":
            raise UsageError(
                f'{card.label} gets films padded to a square (send = "pad_square"), and the dialect {name} states a '
                f"frame of its own ({dialect.frame}), on the film as it is; leave one of them out"
            )
        opening = settled_opening(self.opening, dialect)
        return replace(self, dialect=dialect, opening=opening, looks=self.looks if self.stated else dialect.looks)

    def extra_images(self, study: Study) -> int:
        """Images that a conversation may hold beside the study's own."""
        return 0 if self.look == "none" else self.looks

    def prompt(self) -> str:
        """The prompt file that all ways of looking share; dialects other than our own share another."""
        name = "mcot-loop" if self.spoken.name == OURS else "looks"
        return files("mmrad_eval.tasks").joinpath(f"prompts/{name}.txt").read_text(encoding="utf-8")

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """Turns until the model reports, or has asked twice more than it may."""
        return await self.talk(study, context).hold()

    def talk(self, study: Study, context: TaskContext) -> LookTalk:
        """The conversation about a study, before its first turn."""
        opening = self.opening or IN_WORDS
        rules = LookRules(self.locate, self.look, self.looks, self.calls, self.spoken, opening)
        return LookTalk(rules, study, context)


def _check_order(dialect: LookDialect, card: Card) -> None:
    """UsageError where the field of a dialect's box says another order of corners than the frame of its numbers."""
    frame, order = dialect.frame or card.box_frame, BOX_FIELDS.get(dialect.field, "")
    if order and (order == "y first") != y_first(frame):
        whose = "its frame" if dialect.frame else f"box_frame of {card.label}"
        raise UsageError(
            f"the dialect {dialect.name} calls a box {dialect.field}, which is {order}, and {whose} ({frame}) says "
            "otherwise; state a frame that ends in _yx for top first, and one that does not for left first"
        )


MCOT_LOOP = Loop()
