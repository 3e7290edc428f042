"""The runs of a budget curve: one model with more and more region images, and with more and more thinking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from mmrad_eval.core.contracts import Dataset, is_client
from mmrad_eval.core.errors import DataError, MmradError
from mmrad_eval.core.values import TOKENS
from mmrad_eval.harness.jobs import Job
from mmrad_eval.harness.plan import Plan
from mmrad_eval.harness.run import finished_run
from mmrad_eval.results.comparison.budget_curve import BudgetPoint
from mmrad_eval.results.leaderboard.rows import ScoredRun
from mmrad_eval.tasks.arms import TEXT

MULTIMODAL = "mcot"
IMAGES = (0, 1, 2, 4, 8)
"""Region images that are shown at most."""
BUDGETS = (1024, 4096, 16384)
"""Thinking tokens, where a model takes a number; the answer has ``--max-tokens`` beside them."""
LEVELS = ("low", "medium", "high")
"""Efforts, where it takes the name of one."""


@dataclass(frozen=True)
class PlannedPoint:
    """One run of the curve, ready to be asked or read."""

    point: BudgetPoint
    job: Job
    plan: Plan | None
    why: str = ""
    """Why it can't be asked, where it can't."""


def plan_points(job: Job, dataset: Dataset, images: Sequence[int] = IMAGES) -> tuple[list[PlannedPoint], str]:
    """The runs of the curve, and why there are none of thinking limits (empty where there are).

    DataError where nothing can be asked. ``job.task`` is ignored.
    """
    model = replace(job, task=TEXT).plan(dataset).model
    limits: tuple[int | str, ...] = ()
    if is_client(model):
        takes = model.card.reasoning
        if TOKENS in model.reasoning and (takes is None or TOKENS in takes):
            limits = BUDGETS
        elif "effort" in model.reasoning:
            limits = tuple(name for name in LEVELS if takes is None or name in takes)
    lacking = "" if limits else f"{model.card.label} has no thinking limit to set"
    made = [_planned(job, dataset, point) for point in _points(images, limits)]
    if all(one.plan is None for one in made):
        raise DataError(f"no point of the curve can run: {made[0].why}")
    return made, lacking


def _points(images: Sequence[int], limits: Sequence[int | str]) -> Iterator[BudgetPoint]:
    yield BudgetPoint(TEXT, None, None)
    for most in images:
        yield BudgetPoint(MULTIMODAL, most, None)
    yield BudgetPoint(MULTIMODAL, None, None)
    for task in (TEXT, MULTIMODAL):
        for limit in limits:
            yield BudgetPoint(task, None, limit)


def _planned(job: Job, dataset: Dataset, point: BudgetPoint) -> PlannedPoint:
    decoding = job.options.decoding
    if point.reasoning is not None:
        room = point.reasoning if isinstance(point.reasoning, int) else 0
        decoding = msgspec.structs.replace(
            decoding, reasoning=point.reasoning, max_tokens=decoding.expected_tokens + room
        )
    own = {} if point.images is None else {"images": str(point.images)}
    options = replace(job.options, decoding=decoding, task_options={**job.options.task_options, **own})
    one = replace(job, task=point.task, options=options)
    try:
        return PlannedPoint(point, one, one.plan(dataset))
    except MmradError as error:
        return PlannedPoint(point, one, None, str(error))


def stored(planned: PlannedPoint, results: Path) -> ScoredRun | None:
    """The run where it is complete and scored on disk; None where something is still to be done."""
    folder = None if planned.plan is None else finished_run(planned.plan, results)
    summary = None if folder is None else folder.summary()
    return None if folder is None or summary is None else ScoredRun(folder.path, folder.run, summary)


def words(planned: PlannedPoint) -> str:
    """What a run adds to the command of all others."""
    point, decoding = planned.point, planned.job.options.decoding
    said = [f"--task {point.task}"]
    said += [f"--set images={point.images}"] if point.images is not None else []
    if point.reasoning is not None:
        said += [f"--reasoning {point.reasoning}"]
        said += [f"--max-tokens {decoding.max_tokens}"] if isinstance(point.reasoning, int) else []
    return " ".join(said)
