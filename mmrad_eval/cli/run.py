"""`mmrad-eval [run]`: ask models about the studies of a dataset, and score their reports."""

from __future__ import annotations

import gc
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.dry_run import say_job
from mmrad_eval.cli.help_page import GroupedCommand
from mmrad_eval.cli.judge_options import judge_options
from mmrad_eval.cli.metric_options import metric_options, names_of, options_of, verified, workers_option
from mmrad_eval.cli.model_options import decoding_options, model_options, order_option, settings_of
from mmrad_eval.cli.shared_options import COLUMNS, with_options
from mmrad_eval.cli.words import named_values
from mmrad_eval.core.values import UNSCORED_STATUSES

if TYPE_CHECKING:
    from mmrad_eval.harness.budget import BudgetGuard
    from mmrad_eval.harness.jobs import Job, Outcome
    from mmrad_eval.harness.plan import Plan
    from mmrad_eval.model_registry.serving import Fleet

INCOMPLETE = 3
MOST_REASONS = 3
MOST_NAMES = 3
LONGEST_REASON = 300


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which studies, and where their pixels are."""
    options = (
        click.option(
            "--data",
            "-d",
            default="demo",
            show_default=True,
            help="A registered name, FORMAT:PATH, file.py:Name:PATH, or a path.",
        ),
        click.option("--images", type=click.Path(path_type=Path), help="Root folder of the image paths in the data."),
        *COLUMNS,
        click.option("--link", type=click.Path(path_type=Path), help="MIMIC-CXR folder to resolve DICOM ids."),
        click.option(
            "--data-use",
            type=click.Choice(["open", "credentialed"]),
            help="Data-use class of the data, if unknown.",
        ),
        click.option("--split", help="Split to use ('all' for all); default: test where there is one."),
        click.option("--ids", type=click.Path(path_type=Path), help="File of study ids, one per line."),
        click.option("--limit", type=int, help="Use only the first N studies, in dataset order."),
        click.option(
            "--target",
            default="findings",
            show_default=True,
            help="Part of the report to score: findings, impression or report.",
        ),
    )
    return with_options(command, *options)


def shown_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what of a study is shown, and how."""
    options = (
        click.option(
            "--views", default="all", show_default=True, help="Images of a study to show: key, frontal or all."
        ),
        click.option(
            "--context", default="none", show_default=True, help="Clinical context to give: none, indication or all."
        ),
        click.option(
            "--priors", default="none", show_default=True, help="Prior studies to show: none, report or images."
        ),
        click.option(
            "--render", default="record", show_default=True, help="Region images: record, crop, masked or highlighted."
        ),
        click.option(
            "--images-first",
            is_flag=True,
            help="Send all images of a message before its text; such runs are marked and not ranked.",
        ),
        click.option(
            "--max-edge", type=int, help="Maximum side of images that are sent, in pixels; larger ones are downscaled."
        ),
    )
    return with_options(command, *options)


@click.command(name="run", cls=GroupedCommand)
@click.argument("experiment", required=False, type=click.Path(path_type=Path))
@click.option(
    "--model", "-m", "models", multiple=True, help="provider:id, a registered name, a card.toml, or file.py:Name."
)
@click.option("--task", "-t", "tasks", multiple=True, help="Task, or file.py:Name; comma-separated or repeated.")
@data_options
@click.option(
    "--metrics", "-M", multiple=True, help="Metrics, suites or file.py:Name, comma-separated. [default: paper]"
)
@metric_options
@workers_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Where results go."
)
@shown_options
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="OPTION=VALUE",
    help="An option of the task; `tasks show NAME` lists them.",
)
@click.option("--prompt", type=click.Path(path_type=Path), help="Custom prompt file for the task.")
@decoding_options
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of samples; each is a separate run.",
)
@model_options
@order_option
@judge_options
@click.option("--fresh", is_flag=True, help="Ignore cached replies and send every request again.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent and what it would cost; send nothing.")
@click.option("--quiet", "-q", is_flag=True, help="No progress, no table.")
@click.option("--no-table", is_flag=True, help="Show progress, but no table.")
@click.pass_context
def run(ctx: click.Context, /, **said: Any) -> int:
    """Run models on the studies of a dataset, score their reports, show the table (the default command).

    EXPERIMENT.toml states a whole experiment. Run the same command again to resume: no answered study is sent twice.
    """
    from mmrad_eval.model_registry.serving import Fleet

    if said["experiment"] is not None:
        from mmrad_eval.cli.experiment import run_experiment

        return run_experiment(said["experiment"], ctx, said)
    fleet = Fleet()
    try:
        return _run(said, _jobs(said, fleet))
    finally:
        fleet.close()


def _run(said: dict[str, Any], jobs: list[Job]) -> int:
    from mmrad_eval.core.errors import MmradError
    from mmrad_eval.harness.budget import BudgetGuard

    code, outcomes = 0, []
    guard, planned = BudgetGuard(jobs[0].budget), _planned(said, jobs)
    left: list[tuple[Job, Plan | None]] | None = None
    for place, (job, plan) in enumerate(planned):
        try:
            outcome = _outcome(said, job, plan, guard)
        except MmradError as error:
            if len(jobs) == 1:
                raise
            if job.batch != "hand over":  # it is said when the job's turn comes
                terminal.say(f"mmrad-eval: {job.model} {job.task}: {error}", err=True)
                code = code or error.exit_code
            continue
        if outcome is None:
            continue
        outcomes.append(outcome)
        if not outcome.complete:
            code = code or INCOMPLETE
        if outcome.interrupted:  # Ctrl-C ends the command, not one of its runs
            code = code or INCOMPLETE
            left = planned[place + 1 :]
            break
    _end(said, outcomes)
    if left is not None:
        _say_interrupted(said, outcomes, left)
    return code


def _planned(said: dict[str, Any], jobs: list[Job]) -> list[tuple[Job, Plan | None]]:
    """Each job with its plan, in the order in which they are executed; None: its turn will say why it has none.

    The data is loaded once for all of them. With ``--batch`` the batches of all runs are handed over before any is
    waited for; in study order the first job of a model asks for all of them.
    """
    from mmrad_eval.core.errors import MmradError
    from mmrad_eval.harness.study_order import by_study

    if len(jobs) == 1:
        return [(jobs[0], None)]
    dataset = jobs[0].data.load()
    planned: list[tuple[Job, Plan | None]] = []
    for job in jobs:
        try:
            planned.append((job, job.plan(dataset)))
        except MmradError:
            planned.append((job, None))
    if said["dry_run"]:
        return planned
    if said["batch"]:
        by_study(said["order"], (), jobs[0].budget, batch=True)
        return [*((replace(job, batch="hand over"), plan) for job, plan in planned), *planned]
    for model in dict.fromkeys(job.model for job in jobs):
        places = [i for i, (job, plan) in enumerate(planned) if job.model == model and plan is not None]
        plans = [plan for i in places if (plan := planned[i][1]) is not None]
        if by_study(said["order"], plans, jobs[0].budget, fresh=said["fresh"]):
            planned[places[0]] = (replace(planned[places[0]][0], together=tuple(plans[1:])), plans[0])
    return planned


def _outcome(said: dict[str, Any], job: Job, plan: Plan | None, guard: BudgetGuard) -> Outcome | None:
    """The outcome of one job; None where nothing is to be shown of it."""
    from mmrad_eval.cli.progress import Progress
    from mmrad_eval.harness.jobs import execute

    plan = plan or job.plan()
    if said["dry_run"]:
        say_job(job, plan)
        return None
    gc.freeze()  # the studies stay as they are: cycles are looked for among what comes now
    command = shlex.join(["mmrad-eval", *sys.argv[1:]])
    outcome = execute(job, plan, said["out"], Progress(quiet=said["quiet"]), command, guard=guard)
    if said["verify"] and outcome.summary:
        verified(outcome.folder, job.metrics, said["verify"], dict(job.metric_options))
    return outcome if job.batch != "hand over" or outcome.interrupted else None


def _again(said: dict[str, Any]) -> str:
    """What resumes a command."""
    return "run again without --fresh" if said["fresh"] else "run the same command again"


def _say_interrupted(said: dict[str, Any], outcomes: list[Outcome], left: list[tuple[Job, Plan | None]]) -> None:
    """Which runs a command that was interrupted did not come to, and the way on."""
    from mmrad_eval.harness.run import finished_run

    shown = {outcome.run.id for outcome in outcomes}
    names = [
        f"{plan.card.label} {plan.task.name}"
        for _, plan in left
        if plan is not None and plan.identity.id() not in shown and finished_run(plan, said["out"]) is None
    ]
    names = list(dict.fromkeys(names))
    if names and not said["shard"]:
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        terminal.say(f"interrupted before {', '.join(names[:MOST_NAMES])}{more}; {_again(said)} to resume", err=True)
    if said["batch"]:
        terminal.say("batches that were submitted go on: `mmrad-eval batches` lists and cancels them", err=True)


def _end(said: dict[str, Any], outcomes: list[Outcome]) -> None:
    """The table, and what is left to do."""
    again = _again(said)
    if said["shard"]:
        say_shares(outcomes, said["shard"], again)
        return
    table = not said["quiet"] and not said["no_table"]
    if outcomes and table:
        _table(outcomes, said["out"])
    for outcome in outcomes:
        _last_words(outcome, again)
    for note in dict.fromkeys(_not_scored(outcome, table=table) for outcome in outcomes):
        if note:
            terminal.say(note, err=True)


def _jobs(said: dict[str, Any], fleet: Fleet) -> list[Job]:
    """One job for each model, task and sample."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.harness.settings import RunSettings

    models, tasks = said["models"], [name for entry in said["tasks"] for name in entry.split(",") if name]
    if not models or not tasks:
        lacking = " and ".join(o for o, v in (("--model", models), ("--task", tasks)) if not v)
        raise UsageError(f"{lacking} is missing; write, for example, mmrad-eval --model baseline:evidence --task mcot")
    settings = settings_of(said) | {
        "options": named_values(said["settings"], "--set", "write it as in --set looks=2"),
        "metrics": names_of(said),
        "metric_options": options_of(said),
    }
    return [
        RunSettings(model=model, task=task, sample=sample, **settings).job(fleet=fleet, planned_only=said["dry_run"])
        for model in models
        for task in tasks
        for sample in range(said["samples"])
    ]


def _table(outcomes: list[Outcome], results: Path) -> None:
    """The leaderboard of the datasets that were just run."""
    from mmrad_eval.cli.leaderboard import every_column, show
    from mmrad_eval.results.leaderboard.board import leaderboard

    names = {outcome.run.identity.dataset for outcome in outcomes}
    show(leaderboard(results, datasets=names), None, None, more=every_column(results))


def _reasons(outcome: Outcome) -> Counter[tuple[str, str]]:
    """(status, why) -> studies without an answer, each reason on one line: a server may have written it."""
    if outcome.share is None:
        told = Counter((answer.status, answer.why) for answer in outcome.folder.answers())
    else:
        told = outcome.share
    found: Counter[tuple[str, str]] = Counter()
    for (status, why), count in told.items():
        if status in UNSCORED_STATUSES and why and why != outcome.stopped:
            line = " ".join("".join(c if c.isprintable() else " " for c in why).split())
            found[status, line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} …"] += count
    return found


def say_shares(outcomes: Sequence[Outcome], shard: str, again: str) -> None:
    """What a command that asked about a share of the studies came to, and what is left to do."""
    for outcome in outcomes:
        share = outcome.share or Counter()
        left = sum(count for (status, _), count in share.items() if status in UNSCORED_STATUSES)
        who = f"{outcome.run.card.label} {outcome.run.identity.task}, shard {shard}"
        terminal.say(f"{who}: {share.total() - left} of {share.total()} studies answered and stored", err=True)
        if left:
            _say_open(outcome, left, share.total(), who, again)
    if any(outcome.interrupted for outcome in outcomes):
        terminal.say(f"interrupted; {again} to resume", err=True)
    elif all(outcome.complete for outcome in outcomes):
        terminal.say("when every shard has run, the same command without --shard writes and scores the run", err=True)


def _last_words(outcome: Outcome, again: str) -> None:
    """What is left to do about a run, and where it is."""
    run = outcome.run
    if not run.complete:
        _say_open(outcome, run.counts.unanswered, run.counts.n, f"{run.card.label} {run.identity.task}", again)
    if run.kept:
        terminal.say(
            f"{run.kept} of {run.counts.n} answers come from an earlier run of this command: their replies were "
            "deleted, or this command stopped before it read them again",
            err=True,
        )
    terminal.say(f"{outcome.folder.path}", err=True)


def _not_scored(outcome: Outcome, *, table: bool) -> str:
    """Which metrics a run was not scored by, in one line; ``table``: one was printed."""
    from mmrad_eval.results.leaderboard.not_scored import INSTALLS

    missing = outcome.summary.missing if outcome.summary else {}
    if table:  # it says what only has to be installed
        missing = {name: m for name, m in missing.items() if not m.remedy.startswith(INSTALLS)}
    if not missing:
        return ""
    remedies = "; ".join(dict.fromkeys(m.remedy for m in missing.values()))
    names = list(missing)[:MOST_NAMES]
    more = (
        f" and {len(missing) - MOST_NAMES} more (`mmrad-eval doctor` names them)" if len(missing) > MOST_NAMES else ""
    )
    return f"not scored: {', '.join(names)}{more}; to fix it: {remedies}"


def _say_open(outcome: Outcome, left: int, total: int, who: str, again: str) -> None:
    """How many studies have no answer, why, and the way on."""
    from mmrad_eval.harness.failures import way_out

    why = f": {outcome.stopped}" if outcome.stopped else ""
    terminal.say(f"{who}: {left} of {total} studies have no answer yet{why}; {again} to answer only those", err=True)
    reasons = _reasons(outcome)
    for (status, reason), count in reasons.most_common(MOST_REASONS):
        terminal.say(f"  {count:,} {status}: {reason}", err=True)
    advice = next(filter(None, map(way_out, [outcome.stopped, *(reason for _, reason in reasons)])), "")
    if advice:
        terminal.say(f"  {advice}", err=True)
