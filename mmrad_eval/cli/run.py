"""`mmrad-eval [run]`: ask models about the studies of a dataset, and score their reports."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mmrad_eval.cli.metric_options import metric_options, names_of, options_of, verified

if TYPE_CHECKING:
    from mmrad_eval.core.values import DataUse, Target
    from mmrad_eval.harness.jobs import Job, Outcome
    from mmrad_eval.harness.plan import Plan

INCOMPLETE = 3


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which studies, and where their pixels are."""
    options = (
        click.option(
            "--data", "-d", default="demo", show_default=True, help="A registered name, FORMAT:PATH, or a path."
        ),
        click.option(
            "--images", type=click.Path(path_type=Path), help="Folder that the data's image paths start from."
        ),
        click.option("--patient-column", help="Column that holds the patient's id."),
        click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS", help="Name of a table's column."),
        click.option(
            "--link", type=click.Path(path_type=Path), help="MIMIC-CXR folder in which DICOM ids are looked up."
        ),
        click.option(
            "--data-use", type=click.Choice(["open", "credentialed"]), help="Data-use class, where it is unknown."
        ),
        click.option("--split", help="Split to use ('all' for all); default: test where there is one."),
        click.option("--ids", type=click.Path(path_type=Path), help="File of study ids, one a line."),
        click.option("--limit", type=int, help="Only the first N studies, in dataset order."),
        click.option("--target", default="findings", show_default=True, help="findings, impression or report."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(name="run")
@click.argument("experiment", required=False, type=click.Path(path_type=Path))
@click.option(
    "--model", "-m", "models", multiple=True, help="provider:id, a registered name, a card.toml, or file.py:Name."
)
@click.option("--task", "-t", "tasks", multiple=True, help="Task; several by commas or by repeating.")
@data_options
@click.option("--metrics", multiple=True, help="Metrics or suites, by commas. [default: paper]")
@metric_options
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Where results go."
)
@click.option("--views", default="all", show_default=True, help="Images of a study to show: key, frontal or all.")
@click.option("--context", default="none", show_default=True, help="Clinical context to tell: none, indication or all.")
@click.option(
    "--priors", default="none", show_default=True, help="Earlier examinations to show: none, report or images."
)
@click.option(
    "--render", default="record", show_default=True, help="Region images: record, crop, masked or highlighted."
)
@click.option("--prompt", type=click.Path(path_type=Path), help="Prompt file in the place of the task's own.")
@click.option("--max-tokens", type=int, default=1024, show_default=True, help="Tokens that an answer may have.")
@click.option("--temperature", type=float, default=0.0, show_default=True)
@click.option("--top-p", type=float)
@click.option("--seed", type=int)
@click.option("--stop", multiple=True, help="Stop sequence; none unless given.")
@click.option("--samples", type=int, default=1, show_default=True, help="Ask everything N times; each time is a run.")
@click.option("--base-url", multiple=True, help="Address of an OpenAI-style server, such as http://127.0.0.1:8000/v1.")
@click.option("--api-key-env", help="Environment variable that holds the key.")
@click.option("--api-key-file", type=click.Path(path_type=Path), help="File that holds the key (mode 600).")
@click.option("--local-network", multiple=True, metavar="HOST", help="A host or network that counts as this machine.")
@click.option("--attest-provider", help="State that this provider may have credentialed data …")
@click.option("--attest-retention", help="… under this retention setting …")
@click.option("--attest-who", help="… in the words of this person; all three are stored with the run.")
@click.option("--concurrency", type=int, help="Requests at once. [default: adapts]")
@click.option("--timeout", type=float, help="Seconds for one try. [default: grows with --max-tokens]")
@click.option("--fresh", is_flag=True, help="Ask anew what was answered before.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and ask nothing.")
@click.option("--quiet", "-q", is_flag=True, help="No progress, no table.")
def run(**said: Any) -> int:
    """Ask models about the studies of a dataset, score their reports, show the table.

    Run again to go on where it stopped: what was answered is never asked again.
    """
    from mmrad_eval.cli.progress import Progress
    from mmrad_eval.core.errors import MmradError
    from mmrad_eval.harness.jobs import execute

    jobs = _jobs(said)
    command = shlex.join(["mmrad-eval", *sys.argv[1:]])
    code, outcomes = 0, []
    for job in jobs:
        try:
            plan = job.plan()
            if said["dry_run"]:
                _preview(plan)
                continue
            outcome = execute(job, plan, said["out"], Progress(quiet=said["quiet"]), command)
        except MmradError as error:
            if len(jobs) == 1:
                raise
            click.echo(f"mmrad-eval: {job.model} {job.task}: {error}", err=True)
            code = code or error.exit_code
            continue
        outcomes.append(outcome)
        if said["verify"] and outcome.summary:
            verified(outcome.folder, job.metrics, said["verify"], dict(job.metric_options))
        if not outcome.run.complete:
            code = code or INCOMPLETE
    if outcomes and not said["quiet"]:
        _table(outcomes, said["out"])
    for outcome in outcomes:
        _last_words(outcome)
    return code


def _preview(plan: Plan) -> None:
    """Say what would be asked."""
    from mmrad_eval.harness.preview import preview

    seen = preview(plan)
    click.echo(f"{plan.card.label} · {plan.task.name} · {plan.dataset.name}, run {plan.deciding.id()}")
    left_out = "".join(f"; {n} left out: {reason}" for reason, n in plan.left_out.items())
    patients = "no patient ids" if plan.patients is None else f"{plan.patients} patients"
    click.echo(f"  {seen.studies} studies, {patients}{left_out}")
    if not seen.requests:
        click.echo("  no request: this model answers without being asked")
        return
    more = "" if plan.task.given else " or more (the task may take several turns)"
    click.echo(f"  {seen.requests} requests{more}, about {seen.images:.0f} images, {seen.megabytes:.1f} MB of pixels")
    click.echo(
        f"  about {seen.prompt_tokens:,.0f} prompt tokens (longest: {seen.longest[0]}, {seen.longest[1]:,.0f}), "
        f"at most {seen.most_completion_tokens:,} completion tokens"
    )
    for trouble in seen.trouble:
        click.echo(f"  can't be asked: {trouble}")


def _jobs(said: dict[str, Any]) -> list[Job]:
    """One job for each model, task and sample."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.core.values import Decoding
    from mmrad_eval.harness.gate import attestation
    from mmrad_eval.harness.jobs import Data, Job
    from mmrad_eval.harness.plan import Choice

    models, tasks = said["models"], [name for entry in said["tasks"] for name in entry.split(",") if name]
    if not models or not tasks:
        lacking = " and ".join(o for o, v in (("--model", models), ("--task", tasks)) if not v)
        raise UsageError(f"say {lacking}; such as mmrad-eval --model baseline:evidence --task mcot")
    columns = dict(_pair(entry) for entry in said["columns"])
    data = Data(
        said["data"],
        said["images"],
        cast("DataUse | None", said["data_use"]),
        said["patient_column"],
        columns,
        said["link"],
    )
    decoding = Decoding(said["max_tokens"], said["temperature"], said["top_p"], said["seed"], tuple(said["stop"]))
    attested = None
    if any(said[f"attest_{part}"] is not None for part in ("provider", "retention", "who")):
        attested = attestation(
            **{part: said[f"attest_{part}"] or "" for part in ("provider", "retention", "who")},
        )
    return [
        Job(
            model=model,
            task=task,
            data=data,
            choice=Choice(
                split=said["split"],
                ids=said["ids"],
                limit=said["limit"],
                views=said["views"],
                context=said["context"],
                priors=said["priors"],
                target=cast("Target", said["target"]),
                prompt=said["prompt"],
                decoding=decoding,
                sample=sample,
                options={"render": said["render"]},
            ),
            metrics=names_of(said),
            metric_options=options_of(said),
            base_url=said["base_url"],
            api_key_env=said["api_key_env"],
            api_key_file=said["api_key_file"],
            timeout=said["timeout"],
            concurrency=said["concurrency"],
            fresh=said["fresh"],
            attestation=attested,
            local_networks=said["local_network"],
        )
        for model in models
        for task in tasks
        for sample in range(said["samples"])
    ]


def _pair(entry: str) -> tuple[str, str]:
    from mmrad_eval.core.errors import UsageError

    ours, equals, theirs = entry.partition("=")
    if not equals or not ours or not theirs:
        raise UsageError(f"--column {entry}: write OURS=THEIRS, such as --column findings=report_text")
    return ours, theirs


def _table(outcomes: list[Outcome], results: Path) -> None:
    """The leaderboard of the datasets that were just run."""
    from mmrad_eval.cli.leaderboard import show
    from mmrad_eval.results.leaderboard import leaderboard

    names = {outcome.run.deciding.dataset for outcome in outcomes}
    show(leaderboard(results, datasets=names), None, None)


def _last_words(outcome: Outcome) -> None:
    run = outcome.run
    if not run.complete:
        why = f": {outcome.stopped}" if outcome.stopped else ""
        who = f"{run.card.label} {run.deciding.task}"
        click.echo(
            f"{who}: {run.counts.open} of {run.counts.n} studies have no answer yet{why}; "
            "run the same command again to ask those only",
            err=True,
        )
    missing = outcome.summary.missing if outcome.summary else {}
    if missing:
        remedies = "; ".join(dict.fromkeys(m.remedy for m in missing.values()))
        click.echo(f"not scored: {', '.join(missing)}; to mend it: {remedies}", err=True)
    click.echo(f"{outcome.folder.path}", err=True)
