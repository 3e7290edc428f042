"""The runs of a faithfulness page: which are needed, what they cost, and asking those that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError, MmradError
from mmrad_eval.core.journal import JournalCache
from mmrad_eval.core.values import Answer, Study
from mmrad_eval.datasets import digest
from mmrad_eval.harness.budget import BudgetGuard
from mmrad_eval.harness.jobs import Job, Outcome, execute
from mmrad_eval.harness.plan import Plan
from mmrad_eval.harness.reporting import Reporter
from mmrad_eval.harness.run import finished_run
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.harness.study_order import by_study
from mmrad_eval.results.faithfulness import Arm, ArmMeasures, applicable, measure
from mmrad_eval.results.faithfulness.visual_claim import MARGIN
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.statistics.bootstrap import RESAMPLES
from mmrad_eval.tasks import INTERVENTIONS


@dataclass(frozen=True)
class Planned:
    """One arm, ready to be asked or read."""

    arm: Arm
    job: Job
    plan: Plan | None
    why: str = ""
    """Why it can't be asked of this model, where it can't."""


def plan_arms(job: Job, dataset: Dataset) -> tuple[list[Planned], list[Arm]]:
    """The arms for a model and a dataset, and those that the data does not allow. ``job.task`` is ignored.

    Every arm shows the key image alone: an edit of one picture says little where another view shows the same.
    Interventions are not scored: they are compared here, and are no rows of a leaderboard.
    """
    able, lacking = applicable(dataset.studies)
    known = digest(dataset)
    planned = [plan_arm(job, arm, dataset, known) for arm in able]
    if all(one.plan is None for one in planned):
        raise DataError(f"no arm can run: {planned[0].why}")
    return planned, lacking


def plan_arm(job: Job, arm: Arm, dataset: Dataset, known: str | None = None) -> Planned:
    """One arm, or why it can't be asked of the model; ``known`` is the dataset's digest."""
    metrics = () if arm.task in INTERVENTIONS else job.metrics
    one = replace(job, task=arm.task, options=replace(job.options, views="key"), metrics=metrics)
    try:
        return Planned(arm, one, one.plan(dataset, digest=known))
    except MmradError as error:
        return Planned(arm, one, None, str(error))


def finished(planned: Planned, results: Path) -> RunFolder | None:
    """The arm's run where it is complete on disk; None where something is still to be asked, or scored."""
    folder = None if planned.plan is None else finished_run(planned.plan, results)
    scored = folder is not None and (not planned.job.metrics or folder.summary() is not None)
    return folder if scored else None


def run_arms(
    planned: Sequence[Planned], results: Path, reporter: Reporter, command: str = "", order: str | None = None
) -> Iterator[tuple[Planned, RunFolder | None, Stop | None]]:
    """Each arm with its run, asked first where it is missing, and what stopped it; no run where it can't be had.

    The arms share one budget. The arm that is interrupted is the last one.
    """
    cache, guard = JournalCache(), BudgetGuard(planned[0].job.budget)
    for one in planned:  # batches of all arms are under way before any is waited for
        if one.plan is not None and one.job.batch and finished(one, results) is None:
            handed = replace(one.job, batch="hand over")
            outcome = execute(handed, one.plan, results, reporter, command, cache, guard)
            if outcome.interrupted:
                yield one, outcome.folder, outcome.stop
                return
    for one in _ordered(planned, results, order):
        if one.plan is None:
            yield one, None, Stop(one.why)
            continue
        folder, stop = finished(one, results), None
        if folder is None:
            outcome = execute(one.job, one.plan, results, reporter, command, cache, guard)
            folder, stop = outcome.folder, outcome.stop
        yield one, folder, stop
        if stop is not None and stop.interrupted:
            return


def _ordered(planned: Sequence[Planned], results: Path, order: str | None) -> Sequence[Planned]:
    """The arms, of which the first that is missing asks for all that are where ``order`` is by study."""
    missing = [one for one in planned if one.plan is not None and finished(one, results) is None]
    plans = [one.plan for one in missing if one.plan is not None]
    job = planned[0].job
    if not by_study(order, plans, job.budget, fresh=job.fresh, batch=bool(job.batch)):
        return planned
    first = replace(missing[0], job=replace(missing[0].job, together=tuple(plans[1:])))
    return [first if one is missing[0] else one for one in planned]


def ask_shares(
    planned: Sequence[Planned], results: Path, reporter: Reporter, command: str = "", order: str | None = None
) -> list[Outcome]:
    """What the jobs' shard came to in each arm that can be asked, until one is interrupted; no page is made of it."""
    cache, guard, outcomes = JournalCache(), BudgetGuard(planned[0].job.budget), list[Outcome]()
    for one in _ordered(planned, results, order):
        if one.plan is None or finished(one, results) is not None:
            continue
        outcomes.append(execute(one.job, one.plan, results, reporter, command, cache, guard))
        if outcomes[-1].interrupted:
            break
    return outcomes


def compare_arms(
    planned: Sequence[Planned],
    folders: dict[str, RunFolder],
    resamples: int = RESAMPLES,
    *,
    margin: float = MARGIN,
    declared: bool = False,
) -> ArmMeasures:
    """The contrasts of the arms that are there; ``margin`` and ``declared`` as in ``visual_claim``."""
    plans = [one.plan for one in planned if one.plan is not None and one.arm.task in folders]
    if not plans:
        raise DataError("no arm has an answer yet; run the same command again")
    target = plans[0].identity.selection.target
    seen: dict[str, Study] = {study.id: study for plan in plans for study in plan.studies}
    order = [study for study in plans[0].dataset.studies if study.id in seen]
    answers: dict[str, Sequence[Answer]] = {task: list(folder.answers()) for task, folder in folders.items()}
    left_out = {plan.task.name: plan.left_out for plan in plans if plan.left_out}
    return measure(order, target, answers, left_out, resamples, margin=margin, declared=declared)
