"""Tasks that show evidence: one family, told apart by what of the reference trace is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Literal

import msgspec

from mmrad_eval.core.contracts import Task, TaskContext
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Answer, Box, DataUse, Image, Step, Study, Trace
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.tasks.messages import opening
from mmrad_eval.tasks.prompting import Piece, Prompt, Slots, paragraphs, parsed
from mmrad_eval.tasks.regions import elsewhere, permuted, region_image, whole_again
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.geometry import CANONICAL, convert, corner_words, spoken
from mmrad_eval.traces.regions import categories
from mmrad_eval.traces.rendering import size_of

Regions = Literal["none", "own", "swapped", "shuffled", "repeat", "random"]

_ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")

StepsOf = Callable[[Study, TaskContext], Sequence[Step]]


def of_reference(study: Study, context: TaskContext) -> Sequence[Step]:
    """The steps of the reference trace; DataError where there are none."""
    if study.trace is None or not study.trace.steps:
        raise DataError(
            f"study {study.id} has no trace to show to {context.card.label}; leave it out, or use a task without traces"
        )
    return study.trace.steps


def of_atlas(study: Study, context: TaskContext) -> Sequence[Step]:
    """A step for each region category, at the mean box of other patients: the same regions for every study."""
    boxes = [(category, context.mean_box(category.name, study)) for category in categories()]
    return [Step(c.phrase, (c.region,) if c.region else (), c.name, box) for c, box in boxes if box is not None]


def of_traces(traces: Mapping[str, Trace]) -> StepsOf:
    """The steps that another run's model wrote; none for a study for which it wrote none."""

    def steps(study: Study, context: TaskContext) -> Sequence[Step]:  # noqa: ARG001 (the signature of a source)
        return traces[study.id].steps if study.id in traces else ()

    return steps


@dataclass(frozen=True)
class Given(Task):
    """One arm: image, words, boxes, region images of a trace, each shown or not."""

    name: str
    image: bool = True
    text: bool = False
    boxes: bool = False
    regions: Regions = "none"
    version: int = 1
    given: bool = True
    turns: int = 1
    steps_of: StepsOf = of_reference
    """Where the trace comes from."""
    most_images: int | None = None
    """Region images that are shown at most, those of the first steps; None: all."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What tells this run from others of the task."""
    data_use: DataUse = "open"
    """The class of the traces that come from elsewhere."""

    @property
    def needs(self) -> frozenset[str]:
        """What a study must have."""
        needs = {"trace"} if self._shows and self.steps_of is of_reference else set()
        if self.regions == "swapped":
            needs.add("donor")
        return frozenset(needs | ({"images"} if self.image or self.regions != "none" else set()))

    @property
    def several_images(self) -> bool:
        """Whether region images come on top of the study's own."""
        return self.regions != "none"

    @property
    def _shows(self) -> bool:
        return self.text or self.boxes or self.regions != "none"

    def configured(self, options: Mapping[str, str]) -> Given:
        """The task under ``--set images=N``: region images of the first N steps alone; UsageError for anything else."""
        for name, value in options.items():
            if name != "images" or self.regions == "none":
                has = "the option images" if self.regions != "none" else "no options"
                raise UsageError(f"--set {name}={value}: {self.name} has {has}")
            if not value.isdecimal():
                raise UsageError(f"--set images={value}: write a number of region images, 0 or more")
        made = {name: str(int(value)) for name, value in options.items()}
        return replace(self, most_images=int(made["images"]), options={**self.options, **made}) if made else self

    def extra_images(self, study: Study) -> int:
        """Images that a conversation may hold beside the study's own."""
        steps = len(study.trace.steps) if self.several_images and study.trace else 0
        return steps if self.most_images is None else min(steps, self.most_images)

    def prompt(self) -> str:
        """The prompt file that all arms share."""
        return files("mmrad_eval.tasks").joinpath("prompts/given.txt").read_text(encoding="utf-8")

    def shown(self, study: Study, context: TaskContext) -> Trace | None:
        """The trace without what this arm does not show, with what a control puts in its place."""
        if not self._shows:
            return None
        steps = self.steps_of(study, context)
        images = self._images(study, steps, context)
        return Trace(
            tuple(
                Step(
                    region=step.region,
                    regions=step.regions,
                    category=step.category,
                    box=self._stated(step, image),
                    image=image,
                    text=step.text if self.text else "",
                )
                for step, image in zip(steps, images, strict=True)
            )
        )

    def _stated(self, step: Step, image: Image | None) -> Box | None:
        """The box that is told: that of the step, or of the area that random regions show in its place."""
        if not self.boxes:
            return None
        return image.box if self.regions == "random" and image is not None else step.box

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """One turn: the evidence interleaved in the order announce, region image, box, observation."""
        prompt = parsed(context.prompt)
        shown = self.shown(study, context)
        if shown and self.regions != "none" and self.steps_of is of_reference:
            for number, step in enumerate(shown.steps[: self.most_images], 1):
                if step.image is None:
                    raise DataError(
                        f"study {study.id}: step {number} has neither a region image nor a box to crop one from"
                    )
        evidence = self._words(prompt, study, shown, context.card.box_frame) if shown else []
        messages = opening(prompt, study, context, evidence, images=self.image)
        card = context.card if self.image else msgspec.structs.replace(context.card, dialect="")  # on a film not shown
        reply = await context.ask(messages)
        answer = read_answer(reply, context.target, card=card, study=study, asked=messages, shown=shown)
        return msgspec.structs.replace(answer, shown=shown)

    def _images(self, study: Study, steps: Sequence[Step], context: TaskContext) -> Sequence[Image | None]:
        images = self._all_images(study, steps, context)
        return [image if self.most_images is None or i < self.most_images else None for i, image in enumerate(images)]

    def _all_images(self, study: Study, steps: Sequence[Step], context: TaskContext) -> Sequence[Image | None]:
        render = context.options.get("render", "record")
        own = [region_image(study, step, render) for step in steps]
        if self.regions == "none":
            return [None] * len(steps)
        if self.regions == "swapped":
            return [_swapped(study, step, context) for step in steps]
        if self.regions == "shuffled":
            return permuted(own)
        if self.regions == "repeat":
            return [whole_again(study, step) for step in steps]
        return [elsewhere(study, steps, i) for i in range(len(steps))] if self.regions == "random" else own

    def _words(self, prompt: Prompt, study: Study, shown: Trace, frame: str) -> list[Piece]:
        steps = [self._step(prompt, study, step, number, frame) for number, step in enumerate(shown.steps)]
        if not steps:
            return []
        where = f" (boxes are [{corner_words(frame)}] in {frame_words(frame)})" if self.boxes else ""
        return prompt.fill("evidence", {"frame": where, "steps": paragraphs(*steps)})

    def _step(self, prompt: Prompt, study: Study, step: Step, number: int, frame: str) -> list[Piece]:
        region = step.region or ", ".join(step.regions) or f"region {number + 1}"
        slots: Slots = {
            "ordinal": _ORDINALS[number] if number < len(_ORDINALS) else f"Step {number + 1}",
            "region": region,
            "image": prompt.fill("step image", {"picture": step.image or ""}),
            "box": prompt.fill("step box", {"box": _box(study, step, frame)}),
            "text": prompt.fill("step text", {"text": step.text.strip()}),
        }
        return prompt.fill("step", slots)


def _box(study: Study, step: Step, frame: str) -> str:
    """The box in the frame that the model speaks."""
    if step.box is None:
        return ""
    if step.box.frame == frame:
        return spoken(step.box)
    key = key_image(study)
    if key is None:
        raise DataError(
            f"study {study.id}: a box in {step.box.frame} cannot be converted to {frame} without its image's size"
        )
    return spoken(convert(step.box, frame, key.size or size_of(key.path)))


def frame_words(frame: str) -> str:
    """What the numbers of a box are, as a model is told."""
    kind, _, detail = frame.removesuffix("_yx").rpartition("_")
    if kind == "pad_square":
        return f"pixels of the image scaled and padded to a square of {detail} x {detail}"
    if frame.startswith("resized:"):
        return f"pixels of the image resized to {frame.removeprefix('resized:').replace('x', ' x ')}"
    if kind == "center_bins":
        return "hundredths of the central square of the image"
    if not frame.startswith(("norm_", "bins_")):
        return "pixels of the image"
    parts = {"1": "fractions", "1000": "thousandths", "100": "hundredths"}.get(detail, f"{detail}ths")
    return f"{parts} of the image's width and height"


def corners_in_order(pieces: Sequence[Piece], frame: str) -> list[Piece]:
    """The words with the corners of a box in the order in which the frame writes them."""
    usual, order = corner_words(CANONICAL), corner_words(frame)
    return [piece.replace(usual, order) if isinstance(piece, str) else piece for piece in pieces]


def _swapped(study: Study, step: Step, context: TaskContext) -> Image | None:
    """Another patient's image of the same kind of region; of the same place where no other trace has that region."""
    render = context.options.get("render", "record")

    def alike(other: Study) -> Image | None:
        steps = other.trace.steps if other.trace else ()
        return next((found for s in steps if _same(step, s) and (found := region_image(other, s, render))), None)

    try:
        return alike(context.donor(study, lambda other: alike(other) is not None))
    except DataError:
        donor = context.donor(study, lambda other: key_image(other) is not None)
        return region_image(donor, msgspec.structs.replace(step, image=None), render)


def _same(step: Step, other: Step) -> bool:
    return step.region == other.region or (step.category == other.category and step.category != "other")


DIRECT = Given("direct")
TCOT = Given("tcot", text=True)
BCOT = Given("bcot", text=True, boxes=True)
MCOT = Given("mcot", text=True, boxes=True, regions="own")
CROPS = Given("crops", boxes=True, regions="own")
TCOT_BLIND = Given("tcot-blind", image=False, text=True)
MCOT_BLIND = Given("mcot-blind", image=False, text=True, boxes=True, regions="own")
MCOT_SWAPPED = Given("mcot-swapped", text=True, boxes=True, regions="swapped")
MCOT_SHUFFLED = Given("mcot-shuffled", text=True, boxes=True, regions="shuffled")
MCOT_REPEAT = Given("mcot-repeat", text=True, boxes=True, regions="repeat")
MCOT_RANDOM = Given("mcot-random", text=True, regions="random")
MCOT_RANDOM_BOXED = Given("mcot-random-boxed", text=True, boxes=True, regions="random")
MCOT_UNBOXED = Given("mcot-unboxed", text=True, regions="own")
CROPS_ATLAS = Given("crops-atlas", boxes=True, regions="own", steps_of=of_atlas)


def trace_of(run: str, traces: Mapping[str, Trace], data_use: DataUse = "unknown") -> Given:
    """The task ``trace-of:RUN``: the traces that the model of another run wrote, as evidence; free of the reference.

    ``data_use`` is the class of that run.
    """
    shown = of_traces(traces)
    return Given(
        "trace-of",
        text=True,
        boxes=True,
        regions="own",
        steps_of=shown,
        options={"trace of": run},
        data_use=data_use,
    )
