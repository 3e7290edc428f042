"""`mmrad-eval faithfulness`: does a model look, and does looking again help? One page from the runs that it takes."""

from __future__ import annotations

import gc
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.dry_run import look_check, price, requests
from mmrad_eval.cli.help_page import GroupedCommand
from mmrad_eval.cli.metric_options import workers_option
from mmrad_eval.cli.model_options import decoding_options, model_options, order_option, settings_of
from mmrad_eval.cli.run import INCOMPLETE, data_options, say_shares
from mmrad_eval.cli.visual_options import visual_options
from mmrad_eval.cli.words import counted
from mmrad_eval.core.visible import visible_lines
from mmrad_eval.core.whole_files import write_whole

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Dataset
    from mmrad_eval.harness.arms import Planned
    from mmrad_eval.harness.jobs import Job
    from mmrad_eval.model_registry.serving import Fleet


@click.command(name="faithfulness", cls=GroupedCommand)
@click.argument("model")
@data_options
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Where results go."
)
@click.option("--arms", multiple=True, help="Only these arms, comma-separated. [default: all that the data allows]")
@click.option(
    "--metrics",
    "-M",
    multiple=True,
    help="Metrics to score arms and controls with. [default: rules@uncertain=positive]",
)
@workers_option
@visual_options
@decoding_options
@model_options
@order_option
@click.option("--dry-run", is_flag=True, help="Print which arms are missing and what they would cost; send nothing.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def faithfulness(**said: Any) -> int:
    """Test whether MODEL looks at the image, and whether looking again improves its reports.

    Runs whichever of about 45 arms are missing (image swapped, blank, with a finding blurred, or edited in a way that
    should change nothing; words alone; region images repeated, random, shuffled or of another patient; its own trace
    cut short or negated; its own looks replaced; misleading cues), compares them over the same studies, and prints one
    page. Run the same command again to resume: no answered study is sent twice.
    """
    from mmrad_eval.model_registry.serving import Fleet

    fleet = Fleet()
    try:
        return _page(said, _job(said, fleet))
    finally:
        fleet.close()


def _page(said: dict[str, Any], job: Job) -> int:
    from mmrad_eval.cli.progress import Progress
    from mmrad_eval.harness.arms import ask_shares, compare_arms, finished, plan_arms, run_arms
    from mmrad_eval.results.faithfulness import markdown, record

    dataset = job.data.load()
    planned, lacking = plan_arms(job, dataset)
    planned = _chosen(planned, said["arms"])
    if said["dry_run"]:
        _price(planned, said["out"])
        return 0
    progress, command = Progress(quiet=said["quiet"]), shlex.join(["mmrad-eval", *sys.argv[1:]])
    if said["shard"]:
        outcomes = ask_shares(planned, said["out"], progress, command, said["order"])
        say_shares(outcomes, said["shard"], "run the same command again")
        return 0 if all(outcome.complete and not outcome.interrupted for outcome in outcomes) else INCOMPLETE
    gc.freeze()  # the studies stay as they are: cycles are looked for among what comes now
    folders, code = {}, 0
    for one, folder, stop in run_arms(planned, said["out"], progress, command, said["order"]):
        if stop is not None and stop.interrupted:
            arms = [other for other in planned if other.plan is not None]
            left = sum(finished(other, said["out"]) is None for other in arms)
            terminal.say(
                f"interrupted: {left} of {len(arms)} arms are not complete, and no page was written; run the same "
                "command again to resume",
                err=True,
            )
            return INCOMPLETE
        why = "" if stop is None else stop.reason
        if folder is None:
            terminal.say(f"{one.arm.task}: left out: {why}", err=True)
            continue
        folders[one.arm.task] = folder
        if not folder.run.complete:
            code = INCOMPLETE
            terminal.say(
                f"{one.arm.task}: {folder.run.counts.unanswered} of {folder.run.counts.n} studies have no answer yet"
                f"{why and f': {why}'}; run the same command again to answer only those",
                err=True,
            )
    gc.disable()  # what is compared makes no cycles, and looking for some takes a twelfth of the time
    try:
        measured = compare_arms(planned, folders, margin=said["margin"] / 100, declared=said["primary"] is not None)
    finally:
        gc.enable()
    label = next(one.plan.card.label for one in planned if one.plan is not None)
    page = markdown(measured, label, dataset.name, lacking)
    _print(page)
    runs = {task: str(folder.path) for task, folder in folders.items()}
    _keep(said["out"], dataset, label, page, record(measured, label, dataset.name, runs))
    return code


def _print(page: str) -> None:
    """The page: drawn on a terminal, as it is anywhere else."""
    if not terminal.has_colours():
        terminal.page(page)
        return
    from rich.markdown import Markdown

    terminal.draw(Markdown(visible_lines(page), hyperlinks=False))


def _job(said: dict[str, Any], fleet: Fleet) -> Job:
    from mmrad_eval.harness.settings import RunSettings

    metrics = [name for entry in said["metrics"] for name in entry.split(",") if name]
    settings = settings_of(said) | {"task": "direct", "metrics": metrics or ("rules@uncertain=positive",)}
    return RunSettings(**settings).job(fleet=fleet, planned_only=said["dry_run"])


def _chosen(planned: list[Planned], arms: tuple[str, ...]) -> list[Planned]:
    from mmrad_eval.core.errors import UnknownNameError

    names = [name for entry in arms for name in entry.split(",") if name]
    known = [one.arm.task for one in planned]
    for name in names:
        if name not in known:
            raise UnknownNameError("arm", name, ((task, "mmrad-eval") for task in known))
    return [one for one in planned if not names or one.arm.task in names]


def _price(planned: list[Planned], results: Path) -> None:
    """One line an arm: there, or what asking it would take; then all of them together."""
    from mmrad_eval.harness.arms import finished
    from mmrad_eval.harness.preview import Preview, preview_of

    asked: list[Preview] = []
    for one in planned:
        if one.plan is None:
            terminal.say(f"{one.arm.task:24} cannot run: {one.why}")
        elif finished(one, results):
            terminal.say(f"{one.arm.task:24} is complete")
        else:
            seen = preview_of(one.job, one.plan)
            asked.append(seen)
            terminal.say(
                f"{one.arm.task:24} {requests(seen)}, about {counted(round(seen.images), 'image')} and "
                f"{seen.prompt_tokens:,.0f} prompt tokens"
            )
    most = [one.most for one in asked if one.most is not None]  # every arm is a task of ours, which states its turns
    terminal.say(
        f"total: {sum(one.prompt_tokens for one in asked):,.0f} prompt tokens in first turns; at most "
        f"{sum(one.requests for one in most):,} requests and "
        f"{sum(one.completion_tokens for one in most):,} completion tokens in all turns"
    )
    terminal.say(price(asked, batch=any(one.job.batch for one in planned)))
    shows = next((one for one in planned if one.plan is not None and "images" in one.plan.task.needs), None)
    if asked and shows is not None and shows.plan is not None and (said := look_check(shows.job, shows.plan)):
        terminal.say(f"first, {said}")
    terminal.say(
        "arms that share their first request (tcot-self, early-*, mistaken) send it once; stored replies cost nothing"
    )


def _keep(results: Path, dataset: Dataset, label: str, page: str, data: dict[str, Any]) -> None:
    """Write the page and its numbers beside the runs."""
    import msgspec

    from mmrad_eval.core.data_use import mark
    from mmrad_eval.results.run.folder import safe_name

    folder = results / "faithfulness" / safe_name(dataset.name)
    folder.mkdir(parents=True, exist_ok=True)
    mark(folder, dataset.data_use)
    base = folder / safe_name(label)
    for path, content in ((f"{base}.md", page.encode()), (f"{base}.json", msgspec.json.encode(data))):
        write_whole(Path(path), content)
    terminal.say(f"wrote {base}.md and {base}.json", err=True)
