"""mmrad-eval contamination: does a model know the reports that it is tested on?"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.dry_run import say_job
from mmrad_eval.cli.help_page import GroupedCommand
from mmrad_eval.cli.model_options import decoding_options, model_options, settings_of
from mmrad_eval.cli.run import INCOMPLETE
from mmrad_eval.results.tables import FORMATS

if TYPE_CHECKING:
    from mmrad_eval.harness.budget import BudgetGuard
    from mmrad_eval.harness.jobs import Job, Outcome
    from mmrad_eval.harness.plan import Plan
    from mmrad_eval.results.validation.contamination import Continuations


@click.command(name="contamination", cls=GroupedCommand)
@click.argument("model")
@click.option("--data", "-d", multiple=True, required=True, help="Dataset to test; name one from after the cutoff too.")
@click.option(
    "--published",
    multiple=True,
    metavar="NAME=YYYY-MM",
    help="Month in which a dataset's reports were published. [default: from the built-in list]",
)
@click.option("--cutoff", metavar="YYYY-MM", help="The model's cutoff. [default: the card's]")
@click.option("--data-use", type=click.Choice(["open", "credentialed"]), help="Data-use class of the data, if unknown.")
@click.option("--split", help="Split to use ('all' for all); default: test where there is one.")
@click.option("--limit", type=int, help="Only the first N studies of each dataset.")
@click.option(
    "--target",
    default="findings",
    show_default=True,
    help="Part of the report to score: findings, impression or report.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Where results go."
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How the table is printed.")
@decoding_options
@model_options
@click.option("--dry-run", is_flag=True, help="Print what would be sent and what it would cost; send nothing.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def contamination(**said: Any) -> int:
    """Test whether MODEL has seen the reports of a dataset before.

    It is shown half of each reference, without the image, and continues it. The longest run of matching words is
    compared with the rest of that reference, with the rest of another patient's, and with data from after the
    model's cutoff.
    """
    from mmrad_eval.cli.leaderboard import show
    from mmrad_eval.harness.budget import BudgetGuard
    from mmrad_eval.harness.settings import RunSettings
    from mmrad_eval.results.validation.contamination import contamination_tables, cutoff_source, month

    jobs = []
    for data in said["data"]:
        settings = settings_of(said | {"columns": ()}) | {"task": "continue", "metrics": (), "data": data}
        job = RunSettings(**settings).job(planned_only=said["dry_run"])
        jobs.append((job, job.plan()))
    if said["dry_run"]:
        for job, plan in jobs:
            say_job(job, plan)
        return 0
    dates = _dates(said["published"])
    unknown = sorted(dates.keys() - {plan.dataset.name for _, plan in jobs})
    if unknown:
        from mmrad_eval.core.errors import UsageError

        names = ", ".join(plan.dataset.name for _, plan in jobs)
        raise UsageError(f"--published {unknown[0]}: the data is called {names}")
    code, found, guard = 0, [], BudgetGuard(jobs[0][0].budget)
    for job, plan in jobs:
        one, outcome = _asked(job, plan, dates, said, guard)
        if outcome.interrupted:
            terminal.say("interrupted, so there is no table; run the same command again to resume", err=True)
            return INCOMPLETE
        found.append(one)
        code = code if outcome.complete else INCOMPLETE
    card = jobs[0][1].card
    cutoff, source = card.cutoff, cutoff_source(card)
    if said["cutoff"]:
        cutoff, source = month(said["cutoff"], "--cutoff"), "--cutoff"
    table, sentences = contamination_tables(found, card.label, cutoff, source)
    show([table], said["form"], None, all_columns=True)
    if said["form"] == "terminal":
        for sentence in sentences:
            terminal.say(sentence)
    return code


def _dates(written: tuple[str, ...]) -> dict[str, str]:
    from mmrad_eval.cli.words import named_values
    from mmrad_eval.results.validation.contamination import month

    named = named_values(written, "--published", "write NAME=YYYY-MM, such as mimic-cxr=2019-09")
    return {name: month(date, "--published") for name, date in named.items()}


def _asked(
    job: Job, plan: Plan, dates: dict[str, str], said: dict[str, Any], guard: BudgetGuard
) -> tuple[Continuations, Outcome]:
    from mmrad_eval.cli.progress import Progress
    from mmrad_eval.core.values import Study
    from mmrad_eval.harness.jobs import execute
    from mmrad_eval.results.validation.contamination import continuations
    from mmrad_eval.tasks.interventions.continuation import halves

    target = plan.identity.selection.target

    def rest(study: Study) -> str:
        """The other half of another patient's reference that could be asked about."""
        other = plan.donor(study, lambda one: bool(one.reference) and not plan.task.lacks(one, plan.donor, target))
        text = other.reference.target(target) if other.reference else None
        return halves(text or "")[1]

    command = shlex.join(["mmrad-eval", *sys.argv[1:]])
    outcome = execute(job, plan, said["out"], Progress(quiet=said["quiet"]), command, guard=guard)
    if not outcome.run.complete:
        why = f": {outcome.stopped}" if outcome.stopped else ""
        terminal.say(f"{plan.dataset.name}: {outcome.run.counts.unanswered} studies have no answer yet{why}", err=True)
    published = dates.get(plan.dataset.name, plan.dataset.published)
    answers = list(outcome.folder.answers())
    made = continuations(plan.studies, answers, rest, target, name=plan.dataset.name, published=published)
    return made, outcome
