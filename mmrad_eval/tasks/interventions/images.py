"""Tasks about a study whose images or prompt are edited.

``*-shifted``, ``*-jpeg`` and ``*-reworded`` are edits that should change nothing; ``direct-blank``, ``direct-swapped``,
``direct-swap-same``, ``direct-swap-opposite``, ``direct-blurred`` and ``direct-blurred-elsewhere`` change the image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Literal, Self

import msgspec
import numpy as np

from mmrad_eval.core.contracts import Donor, Task, TaskContext
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Box, Card, Image, Step, Study, Target, Trace
from mmrad_eval.metrics.facts.labels import label_many
from mmrad_eval.metrics.labelf1 import LABELS, POSITIVE, UNCERTAIN
from mmrad_eval.tasks.given_evidence import DIRECT, MCOT
from mmrad_eval.tasks.interventions import blur_targets
from mmrad_eval.tasks.loop import MCOT_LOOP
from mmrad_eval.tasks.regions import region_image
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.geometry import convert
from mmrad_eval.traces.rendering import size_of

Edit = Literal["shifted", "jpeg", "reworded", "blank", "swapped", "swap-same", "swap-opposite", "blurred", "elsewhere"]
SWAPS: tuple[Edit, ...] = ("swapped", "swap-same", "swap-opposite")
BLURS: tuple[Edit, ...] = ("blurred", "elsewhere")

SHIFT = 2
"""Pixels that are cut off at the left and at the top; all that remains moves by as many."""
MOST_TRIED = 2000
"""Other patients that are looked at for one with the wanted labels."""
_NORMAL = LABELS.index("No Finding")


@dataclass(frozen=True)
class Edited(Task):
    """Another task about an edited study."""

    name: str
    base: Task
    edit: Edit
    version: int = 1

    @property
    def given(self) -> bool:
        """As the base."""
        return self.base.given

    @property
    def needs(self) -> AbstractSet[str]:
        """As the base, and a donor where images are swapped."""
        return self.base.needs | ({"donor"} if self.edit in SWAPS else frozenset())

    @property
    def turns(self) -> int | None:
        """As the base."""
        return self.base.turns

    @property
    def options(self) -> Mapping[str, str]:
        """As the base."""
        return self.base.options

    def configured(self, options: Mapping[str, str]) -> Self:
        """With the base under its options."""
        return replace(self, base=self.base.configured(options))

    def for_card(self, card: Card) -> Self:
        """With the base as it is held with this model."""
        return replace(self, base=self.base.for_card(card))

    def extra_images(self, study: Study) -> int:
        """As the base."""
        return self.base.extra_images(study)

    @property
    def several_images(self) -> bool:
        """As the base."""
        return self.base.several_images

    def prompt(self) -> str:
        """The base's, or the same in other words."""
        if self.edit != "reworded":
            return self.base.prompt()
        return files("mmrad_eval.tasks").joinpath("prompts/given-reworded.txt").read_text(encoding="utf-8")

    def shown(self, study: Study, context: TaskContext) -> Trace | None:
        """The base's evidence."""
        return self.base.shown(study, context)

    def lacks(self, study: Study, donor: Donor, target: Target) -> str:
        """What the study lacks for this edit; empty where it lacks nothing."""
        if self.edit in BLURS:
            try:
                found = blur_targets.target(study)
            except DataError:  # an image that can't be read is said for all studies at once, later
                return ""
            return found if isinstance(found, str) else ""
        if self.edit in SWAPS:
            try:
                _other(study, self.edit, donor, target)
            except DataError as error:
                return str(error).partition(": ")[2] or "no other patient"
        return ""

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """The base's conversation about the edited study."""
        if self.edit not in BLURS:
            return await self.base.converse(*edited(study, self.edit, context))
        key, finding, boxes = _places(study, self.edit)
        answer = await self.base.converse(_blurred(study, key, boxes), context)
        return msgspec.structs.replace(answer, shown=_noted(key, finding, boxes))


def edited(study: Study, edit: Edit, context: TaskContext) -> tuple[Study, TaskContext]:
    """The study with its pictures edited, and the context in which they are shown as they are made here."""
    if edit in SWAPS:
        own, other = key_image(study), key_image(_other(study, edit, context.donor, context.target))
        assert own is not None  # the task needs images
        assert other is not None  # ``_other`` has seen it
        image = msgspec.structs.replace(other, view=own.view)
        return msgspec.structs.replace(study, images=(image,)), context
    if edit in BLURS:
        key, _, boxes = _places(study, edit)
        return _blurred(study, key, boxes), context
    changes: dict[Edit, Callable[[Image], Image]] = {"shifted": _shifted, "jpeg": _through_jpeg, "blank": _blank}
    if edit not in changes:
        return study, context
    change = changes[edit]
    render = context.options.get("render", "record")
    steps = [_step(study, step, render, change) for step in (study.trace.steps if study.trace else ())]
    trace = msgspec.structs.replace(study.trace, steps=tuple(steps)) if study.trace else None
    made = msgspec.structs.replace(study, images=tuple(map(change, study.images)), trace=trace)
    return made, replace(context, options={**context.options, "render": "record"})


def _step(study: Study, step: Step, render: str, change: Callable[[Image], Image]) -> Step:
    image = region_image(study, step, render)
    return msgspec.structs.replace(step, image=change(image) if image else None)


def _shifted(image: Image) -> Image:
    """Without its first two columns and rows, where that is a file or a cut of one."""
    if image.render not in ("file", "crop"):
        return image
    size = image.size or size_of(image.path)
    whole = Box((0.0, 0.0, float(size[0]), float(size[1])))
    box = image.box if image.render == "crop" and image.box else whole
    left, top, right, bottom = convert(box, "original", size).xyxy
    moved = Box((min(left + SHIFT, right - 1), min(top + SHIFT, bottom - 1), right, bottom))
    return msgspec.structs.replace(image, box=convert(moved, box.frame, size), render="crop")


def _through_jpeg(image: Image) -> Image:
    if image.render == "file":
        return msgspec.structs.replace(image, render="jpeg")
    return msgspec.structs.replace(image, render="jpeg", parts=(image,))


def _blank(image: Image) -> Image:
    return msgspec.structs.replace(image, render="blank")


def _blurred(study: Study, key: Image, boxes: Sequence[Box]) -> Study:
    images = [blur_targets.blurred(key, boxes) if image is key else image for image in study.images]
    return msgspec.structs.replace(study, images=tuple(images))


def _noted(key: Image, finding: str, boxes: Sequence[Box]) -> Trace:
    """What was blurred, kept with the answer: a step a place, the finding as its region, the picture with the first."""
    picture = blur_targets.blurred(key, boxes)
    return Trace(tuple(Step(finding, box=box, image=None if i else picture) for i, box in enumerate(boxes)))


def _places(study: Study, edit: Edit) -> tuple[Image, str, tuple[Box, ...]]:
    """The image that is blurred, the finding, and where. DataError where nothing can be."""
    key, found = key_image(study), blur_targets.target(study)
    if key is None or isinstance(found, str):
        raise DataError(f"study {study.id}: {found}")
    return key, " or ".join(found.concepts), found.boxes if edit == "blurred" else found.elsewhere


def _other(study: Study, edit: Edit, donor: Donor, target: Target) -> Study:
    """The patient whose image is shown. DataError where there is none."""
    if edit == "swapped":
        return donor(study, lambda other: key_image(other) is not None)
    own = _labels(study, target)
    what = "the same labels" if edit == "swap-same" else "opposite labels"
    if own is None:
        raise DataError(f"study {study.id}: no reference {target} to take labels from")
    tried = 0

    def where(other: Study) -> bool:
        nonlocal tried
        tried += 1
        if tried > MOST_TRIED:
            raise DataError(f"study {study.id}: no other patient with {what}")
        theirs = _labels(other, target)
        if theirs is None:
            return False
        alike = own == theirs if edit == "swap-same" else own[_NORMAL] != theirs[_NORMAL]
        return alike and key_image(other) is not None

    try:
        return donor(study, where)
    except DataError as error:
        raise DataError(f"study {study.id}: no other patient with {what}") from error


def _labels(study: Study, target: Target) -> bytes | None:
    """Which of the 14 labels of the reference are positive or uncertain, a byte each; None without a reference."""
    text = study.reference.target(target) if study.reference else None
    return _vector(text) if text else None


@lru_cache(maxsize=1 << 14)
def _vector(text: str) -> bytes:
    return np.isin(label_many([text])[0], [POSITIVE, UNCERTAIN]).tobytes()


def concepts_of(answer: Answer) -> Sequence[str]:
    """The finding that was blurred for an answer, in the vocabulary of facts."""
    return answer.shown.steps[0].region.split(" or ") if answer.shown and answer.shown.steps else ()


DIRECT_SHIFTED = Edited("direct-shifted", DIRECT, "shifted")
DIRECT_JPEG = Edited("direct-jpeg", DIRECT, "jpeg")
DIRECT_REWORDED = Edited("direct-reworded", DIRECT, "reworded")
DIRECT_BLANK = Edited("direct-blank", DIRECT, "blank", version=2)
DIRECT_SWAPPED = Edited("direct-swapped", DIRECT, "swapped")
DIRECT_SWAP_SAME = Edited("direct-swap-same", DIRECT, "swap-same")
DIRECT_SWAP_OPPOSITE = Edited("direct-swap-opposite", DIRECT, "swap-opposite")
DIRECT_BLURRED = Edited("direct-blurred", DIRECT, "blurred")
DIRECT_BLURRED_ELSEWHERE = Edited("direct-blurred-elsewhere", DIRECT, "elsewhere")
MCOT_SHIFTED = Edited("mcot-shifted", MCOT, "shifted")
MCOT_JPEG = Edited("mcot-jpeg", MCOT, "jpeg")
MCOT_REWORDED = Edited("mcot-reworded", MCOT, "reworded")
MCOT_LOOP_SWAPPED = Edited("mcot-loop-swapped", MCOT_LOOP, "swapped")
