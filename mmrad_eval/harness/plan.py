"""The plan of a run: what will be asked, settled and checked before anything is sent."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Answerer, Ask, Client, Corpus, Dataset, Task, TaskContext, is_client
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import DataError, PromptError, Stopped, UsageError
from mmrad_eval.core.values import Box, Card, DataUse, Decoding, Message, Reply, Study, Target
from mmrad_eval.datasets import digest as dataset_digest
from mmrad_eval.datasets.held import selected
from mmrad_eval.datasets.lazy import outlines, subset
from mmrad_eval.harness.last_check import LastCheck
from mmrad_eval.metrics.grounding.mean_boxes import MeanBoxes, mean_boxes
from mmrad_eval.results.run.record import RunIdentity, Selection
from mmrad_eval.tasks import asked_of
from mmrad_eval.tasks.donors import Donors
from mmrad_eval.tasks.images_first import OPTION, asking_images_first
from mmrad_eval.tasks.messages import CONTEXTS, PRIORS
from mmrad_eval.tasks.panels import asking_in_panels
from mmrad_eval.tasks.prompt_check import check_names, check_shown
from mmrad_eval.tasks.prompting import Prompt
from mmrad_eval.tasks.regions import RENDERS
from mmrad_eval.tasks.views import VIEWS, chosen, key_image
from mmrad_eval.traces.boxed import known_dialect

SMALLEST_EDGE = 28
"""Pixels of the smallest patch that models see."""
SECOND = "baseline:second-reader"
TARGETS: tuple[Target, ...] = ("findings", "impression", "report")


@dataclass(frozen=True)
class RunOptions:
    """What the user chose about studies, prompt and decoding."""

    split: str | None = None
    ids: Path | None = None
    limit: int | None = None
    views: str = "all"
    context: str = "none"
    priors: str = "none"
    target: Target = "findings"
    prompt: Path | None = None
    max_edge: int | None = None
    """Pixels that the longest side of a picture that is sent may have; larger ones are shrunk."""
    images_first: bool = False
    """Whether each message shows its images before its words (``tasks.images_first``)."""
    decoding: Decoding = field(default_factory=Decoding)
    sample: int = 0
    task_options: Mapping[str, str] = field(default_factory=dict)
    """The task's own options, ``render`` among them."""


@dataclass(frozen=True)
class Plan:
    """One run, ready to be asked."""

    model: Client | Answerer
    task: Task
    dataset: Dataset
    studies: Sequence[Study]
    """The selection, in dataset order."""
    train: Sequence[Study]
    identity: RunIdentity
    prompt: str
    left_out: Mapping[str, int]
    donor: Donors
    options: Mapping[str, str]
    prompt_file: str = ""
    """Name of the file that took the place of the task's own prompt; empty where none did."""

    @property
    def card(self) -> Card:
        """Who answers."""
        return self.model.card

    @property
    def data_use(self) -> DataUse:
        """The class of what is asked and written: the strictest of the studies, of a file of reports, of a trace."""
        return strictest((self.dataset.data_use, self.model.data_use, self.task.data_use))

    @cached_property
    def last_check(self) -> LastCheck:
        """Who looks at each study and request before it leaves."""
        return LastCheck(self.dataset.name, self.data_use)

    @property
    def patients(self) -> int | None:
        """Distinct patients of the selection; None where some study has no patient id."""
        ids = [study.patient for study in outlines(self.studies)]
        return None if None in ids else len(set(ids))

    def context(self, ask: Ask) -> TaskContext:
        """What the task needs beside a study."""
        target, card = self.identity.selection.target, self.card
        if card.max_images is not None and self.identity.extra.get("montage"):
            ask = asking_in_panels(ask, card.max_images)
            card = msgspec.structs.replace(card, dialect="")  # its boxes may lie on a canvas of panels
        if self.identity.extra.get(OPTION):
            ask = asking_images_first(ask)
        donor = self.last_check.donor(self.donor)
        return TaskContext(ask, card, target, self.prompt, donor, self.options, self._mean_box)

    def _mean_box(self, category: str, study: Study) -> Box | None:
        return self._mean_boxes.box(category, study)

    @cached_property
    def _mean_boxes(self) -> MeanBoxes:
        """Mean boxes of the training split, else of the dataset's other patients; made when a task first asks."""
        return mean_boxes(Corpus(self.dataset.studies, self.train))


def make_plan(
    model: Client | Answerer, task: Task, dataset: Dataset, options: RunOptions, *, digest: str | None = None
) -> Plan:
    """Select the studies and check that this model can be asked this task about them; nothing is sent, no pixel read.

    ``digest`` is the dataset's, where it is known already. UsageError where it can't be, with what would do;
    DataError where the studies lack what the task shows.
    """
    _check_words(options)
    task = asked_of(task, model.card)
    pool, split = _split(dataset, options.split)
    pool, ids_digest = _by_ids(pool, options.ids, dataset)
    donor = Donors(dataset.studies)
    studies, left_out = _usable(pool, task, model, options, dataset)
    studies = _without_lacking(studies, left_out, task, donor, options)
    _check_files(studies, task, model, options)
    _check_frame(task, model, options)
    montage = _too_many(studies, task, model, options)
    prompt = _prompt(task, options.prompt)
    if is_client(model) and (prompt or options.prompt):
        Prompt(prompt, str(options.prompt or f"prompt of {task.name}"))
    card = model.card
    render = options.task_options.get("render", "record")
    task_options = {
        "views": options.views,
        "context": options.context,
        "priors": options.priors,
        **options.task_options,
    }
    sources = {kind: one.source for kind, one in (("model", model), ("task", task)) if one.source}
    identity = RunIdentity(
        model=card.behavior(),
        task=task.name,
        task_version=task.version,
        prompt=hashlib.sha256(prompt.encode()).hexdigest(),
        dataset=dataset.name,
        dataset_digest=digest or dataset_digest(dataset),
        selection=Selection(
            split, ids_digest, options.limit, options.views, options.context, options.priors, options.target
        ),
        decoding=options.decoding,
        sample=options.sample,
        extra={
            **({"render": render} if render != "record" else {}),
            **({"max_edge": options.max_edge} if options.max_edge else {}),
            **({OPTION: True} if options.images_first else {}),
            **task.options,
            **montage,
            **({"source": sources} if sources else {}),
        },
    )
    train = subset(dataset.studies, lambda study: study.split == "train")
    file = options.prompt.name if options.prompt else ""
    plan = Plan(model, task, dataset, studies, train, identity, prompt, left_out, donor, task_options, file)
    if is_client(model):
        _check_prompt(plan, options.prompt)
    return plan


def _check_prompt(plan: Plan, path: Path | None) -> None:
    """Find a prompt file that can't be filled before anything is paid for; a study's own trouble is its own answer."""
    try:
        asked = first_question(plan, plan.studies[0])
        if path is not None:
            own, study = plan.task.prompt(), plan.studies[0]
            check_names(plan.prompt, own)
            shown = plan.task.shown(study, plan.context(nobody))
            evidence = [step.text.strip() for step in shown.steps] if shown else []
            check_shown(asked, first_question(replace(plan, prompt=own), study), evidence)
    except PromptError as error:
        if path is None:
            raise
        raise PromptError(f"--prompt {path}: {str(error).removeprefix('prompt: ')}") from error
    except (Exception, SystemExit, asyncio.CancelledError):  # noqa: BLE001 (said again, with its status, when the study is asked)
        return


async def nobody(messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
    """For what a task shows without asking."""
    raise AssertionError(f"a plan sends nothing ({len(messages)} messages, {extra})")


def first_question(plan: Plan, study: Study) -> Sequence[Message]:
    """The messages that open a conversation; nothing is sent. Whatever the task raises on the way comes through."""
    heard: list[Sequence[Message]] = []

    async def ask(messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
        del extra  # adds no words
        heard.append(messages)
        raise Stopped("a plan sends nothing")

    conversation = plan.task.converse(study, plan.context(ask))
    try:
        with suppress(Stopped, StopIteration):
            conversation.send(None)  # runs to the first question; no event loop is needed for that
    finally:
        conversation.close()
    return heard[0] if heard else ()


def _check_words(options: RunOptions) -> None:
    for option, value, known in (
        ("--views", options.views, VIEWS),
        ("--context", options.context, CONTEXTS),
        ("--priors", options.priors, PRIORS),
        ("--target", options.target, TARGETS),
        ("--render", options.task_options.get("render", "record"), RENDERS),
    ):
        if value not in known:
            raise UsageError(f"{option} {value}: choose {', '.join(known)}")
    if options.max_edge is not None and options.max_edge < SMALLEST_EDGE:
        raise UsageError(f"--max-edge {options.max_edge}: write at least {SMALLEST_EDGE} pixels")
    if options.limit is not None and options.limit < 1:
        raise UsageError(f"--limit {options.limit}: write at least 1")
    decoding = options.decoding
    if decoding.max_tokens is None:
        raise UsageError("--max-tokens: a run needs a maximum answer length; only judges may omit it")
    if decoding.max_tokens < 1:
        raise UsageError(f"--max-tokens {decoding.max_tokens}: an answer needs at least one token")
    if decoding.temperature is not None and not 0 <= decoding.temperature < math.inf:
        raise UsageError(
            f"--temperature {decoding.temperature:g}: write a number of at least 0, or none to leave it out"
        )
    if decoding.top_p is not None and not 0 < decoding.top_p <= 1:
        raise UsageError(f"--top-p {decoding.top_p:g}: write a number above 0 and at most 1")


def _split(dataset: Dataset, wanted: str | None) -> tuple[Sequence[Study], str | None]:
    """The studies of a split: ``--split``, else ``test`` where there is one, else all."""
    studies = dataset.studies
    if not len(studies):
        raise DataError(f"{dataset.source}: no studies")
    splits = sorted({study.split for study in outlines(studies) if study.split is not None})
    if wanted is None:
        wanted = "test" if "test" in splits and len(splits) > 1 else "all"
    if wanted == "all":
        return studies, None
    chosen_ones = subset(studies, lambda study: study.split == wanted)
    if not len(chosen_ones):
        raise UsageError(
            f"--split {wanted}: {dataset.source} has {', '.join(splits) or 'no splits'}; name one of these, or all"
        )
    return chosen_ones, wanted


def _by_ids(studies: Sequence[Study], path: Path | None, dataset: Dataset) -> tuple[Sequence[Study], str | None]:
    """The studies whose ids are in a file, one a line, still in dataset order."""
    if path is None:
        return studies, None
    try:
        ids = {line.strip() for line in decode.utf8(decode.read_bytes(path), str(path)).splitlines() if line.strip()}
    except DataError as error:
        raise UsageError(f"--ids {error}") from error
    if not ids:
        raise UsageError(f"--ids {path}: the file names no study; write one id per line")
    unknown = sorted(ids - {study.id for study in outlines(studies)})
    if unknown:
        known = ", ".join(study.id for study in studies[:3])
        raise UsageError(
            f"--ids {path}: {len(unknown)} of {len(ids)} ids are not in {dataset.source}, such as {unknown[0]!r}; "
            f"ids there look like {known}"
        )
    digest = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    return subset(studies, lambda study: study.id in ids), digest


def _usable(
    studies: Sequence[Study], task: Task, model: Client | Answerer, options: RunOptions, dataset: Dataset
) -> tuple[Sequence[Study], dict[str, int]]:
    """The studies that have what task and target need, and how many were left out for which reason.

    With a limit, data is read no further than to the last study that is asked: those after it are not counted.
    """
    tests: list[tuple[str, Callable[[Study], bool]]] = []
    if any(_reference(study, "report") for study in studies):  # data without any report can be asked about, not scored
        tests.append((f"no reference {options.target}", lambda study: _reference(study, options.target)))
    if "trace" in task.needs:
        tests.append(("no trace", lambda study: bool(study.trace and study.trace.steps)))
    if "images" in task.needs and is_client(model):
        tests.append(("no image", lambda study: key_image(study) is not None))
    if model.card.label == SECOND:
        tests.append(("no second report", lambda study: study.second is not None))
    left_out: dict[str, int] = {}

    def passes(study: Study) -> bool:
        failed = next((reason for reason, test in tests if not test(study)), None)
        if failed is not None:
            left_out[failed] = left_out.get(failed, 0) + 1
        return failed is None

    kept = selected(studies, passes, options.limit)
    if not len(kept):
        reason = max(left_out, key=lambda name: left_out[name])
        raise UsageError(_refusal(reason, task, studies, dataset))
    return kept, left_out


def _without_lacking(
    studies: Sequence[Study], left_out: dict[str, int], task: Task, donor: Donors, options: RunOptions
) -> Sequence[Study]:
    """The selected studies without those that lack what only this task can judge (its ``lacks``), counted by reason.

    No other study takes their place, so that runs under one limit are over the same studies.
    """
    why: Counter[str] = Counter()

    def has_all(study: Study) -> bool:
        reason = task.lacks(study, donor, options.target)
        if reason:
            why[reason] += 1
        return not reason

    kept = selected(studies, has_all)
    left_out.update(why)
    if not len(kept):
        said = ", ".join(f"{reason} ({count})" for reason, count in why.most_common())
        raise UsageError(f"{task.name}: none of the {len(studies)} studies can be used: {said}")
    return kept


def _reference(study: Study, target: Target) -> bool:
    return bool(study.reference and study.reference.target(target))


def _refusal(reason: str, task: Task, studies: Sequence[Study], dataset: Dataset) -> str:
    n = len(studies)
    if reason == "no trace":
        ways = "; `tcot-self` lets the model make its own, `direct` needs none"
        return f"0 of {n} studies of {dataset.source} have traces, and {task.name} shows them{ways}"
    if reason == "no image":
        return f"0 of {n} studies of {dataset.source} have images, and {task.name} shows them; see --images"
    if reason == "no second report":
        return f"0 of {n} studies of {dataset.source} have the report of a second reader (a table's second_findings)"
    others = {target: sum(_reference(study, target) for study in studies) for target in TARGETS}
    ways = ", ".join(f"{count} with --target {target}" for target, count in others.items() if count)
    return f"0 of {n} studies of {dataset.source} can be scored: {reason}; {ways}"


def _too_many(studies: Sequence[Study], task: Task, model: Client | Answerer, options: RunOptions) -> dict[str, str]:
    """``montage`` where some conversation holds more images than the model takes; UsageError where it takes none."""
    most = model.card.max_images
    if not is_client(model) or most is None:
        return {}
    for study in studies:
        own = len(chosen(study, options.views)) if "images" in task.needs else 0
        priors = sum(len(p.images) for p in study.priors) if options.priors == "images" else 0
        count = own + priors + task.extra_images(study)
        if count > most < 1:
            raise UsageError(
                f"study {study.id}: {task.name} shows {count} images, and {model.card.label} takes none; "
                "choose a task without images (see mmrad-eval tasks)"
            )
        if count > most and model.card.send == "pad_square":
            raise UsageError(
                f"study {study.id}: {task.name} shows {count} images, and {model.card.label} takes {most}; films "
                'padded to a square (send = "pad_square" in the card) cannot be combined as panels of one canvas; '
                "choose fewer --views, or a task with fewer images (see mmrad-eval tasks)"
            )
        if count > most:
            return {"montage": f"panels of one canvas where a request has over {most} images"}
    return {}


def _check_files(studies: Sequence[Study], task: Task, model: Client | Answerer, options: RunOptions) -> None:
    """Refuse files that are not there before anything is paid for."""
    if not is_client(model) or "images" not in task.needs:
        return
    missing = [image for study in studies for image in chosen(study, options.views) if not Path(image.path).is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} of the images to be shown do not exist, such as {missing[0].path}; "
            "name the folder that image paths start from with --images"
        )


def _check_frame(task: Task, model: Client | Answerer, options: RunOptions) -> None:
    """A dialect that is known; a model that counts pixels of its own resize would count those of a smaller picture."""
    known_dialect(model.card.dialect)
    frame = model.card.box_frame
    if options.max_edge is not None and is_client(model) and frame.startswith(("multiples_", "resized:")):
        raise UsageError(
            f"--max-edge {options.max_edge}: {model.card.label} states boxes in pixels of its own resize ({frame}),"
            f" which a downscaled image would shift; run {task.name} without it"
        )


def _prompt(task: Task, path: Path | None) -> str:
    if path is None:
        return task.prompt()
    try:
        return decode.utf8(decode.read_bytes(path), str(path))
    except DataError as error:
        raise UsageError(f"--prompt {error}") from error
