"""mmrad-eval score: reports made elsewhere, or the stored answers of runs."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.dry_run import say_job
from mmrad_eval.cli.help_page import GroupedCommand
from mmrad_eval.cli.judge_options import judges_of, judging_options, terms_of
from mmrad_eval.cli.leaderboard import every_column, show
from mmrad_eval.cli.metric_options import metric_options, names_of, options_of, verified, workers_option
from mmrad_eval.cli.words import named_values
from mmrad_eval.results.tables import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmrad_eval.harness.jobs import Outcome
    from mmrad_eval.metrics import Suite
    from mmrad_eval.results.run.folder import RunFolder

INCOMPLETE = 3
_HOW = "write OURS=THEIRS, such as {} id=study_id"
SHOWN = 5


@click.command(cls=GroupedCommand)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--predictions",
    "-p",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File of reports: csv, jsonl, json, ReXrank; each further one is a separate run.",
)
@click.option("--references", "-r", help="The studies with their reports: a registered name, FORMAT:PATH, or a path.")
@click.option(
    "--metrics", "-M", multiple=True, help="Metrics, suites or file.py:Name, comma-separated. [default: paper]"
)
@metric_options
@workers_option
@click.option("--name", default="", help="Name of the run in tables. [default: the file's name]")
@click.option(
    "--target",
    type=click.Choice(["findings", "impression", "report"]),
    default="findings",
    show_default=True,
    help="Part of the report to score.",
)
@click.option("--split", help="Split to score ('all' for all); default: test where there is one.")
@click.option("--ids", type=click.Path(path_type=Path), help="File of study ids, one per line.")
@click.option("--limit", type=int, help="Use only the first N studies, in dataset order.")
@click.option("--patient-column", help="Column of the references that holds the patient's id.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="Map a field to a column of the references, such as id=accession.",
)
@click.option(
    "--report-column",
    "report_columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="Map a field to a column of the reports, such as report=text.",
)
@click.option("--ids-from", help="For reports without ids: the data whose order (in --split) they follow.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Results folder."
)
@judging_options
@click.option("--dry-run", is_flag=True, help="Print the requests that judges would get; send nothing.")
@click.option("--explain", multiple=True, metavar="STUDY", help="Print the records behind the scores of this study.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How the table is printed.")
def score(**said: Any) -> int:
    """Score external reports, or stored runs again.

    No model is called, except judges of metrics (`--judge`). Predictions (-p) and references (-r) are joined by study
    id and make a run folder like any other; several -p make one run each and share a table. A study without a report is
    pending (never a score; exit status 3), an empty report scores as an empty report.

    `score RUN...` scores stored answers again: new metrics add columns. RUN is a folder (of one run or several) or the
    beginning of a run id.
    """
    from mmrad_eval.core.errors import UsageError

    metrics = names_of(said)
    if said["runs"]:
        if said["predictions"] or said["name"]:
            raise UsageError("give either RUN, or --predictions and --references")
        return _again(said, metrics)
    if not said["predictions"] or not said["references"]:
        raise UsageError(_lacking(said))
    if said["name"] and len(said["predictions"]) > 1:
        raise UsageError("--name is for one file of --predictions; several are named after their files")
    return _files(said, metrics)


def _lacking(said: dict[str, Any]) -> str:
    """What the command line lacks; where a file of reports holds its references, too, how to name them."""
    for path in said["predictions"]:
        spec = _own_references(path)
        if spec:
            return f"{path} holds its own references: add --references {spec}"
    return "give --predictions FILE with --references DATA, or a RUN to score again"


def _own_references(path: Path) -> str:
    """How ``--references`` would name the references in a file of reports; empty where it has none beside them."""
    from mmrad_eval import datasets
    from mmrad_eval.core.errors import MmradError
    from mmrad_eval.datasets.predictions import read_predictions

    try:
        name = datasets.recognised(path)
        studies = datasets.load(f"{name}:{path}").studies
        reports = read_predictions(path).reports
    except MmradError:
        return ""
    texts = {study.id: study.reference.text for study in studies if study.reference and study.reference.text}
    apart = any(study in reports and reports[study].text != text for study, text in texts.items())
    return f"{name}:{path}" if apart else ""


def _files(said: dict[str, Any], metrics: tuple[str, ...]) -> int:
    """Make a run of each file of reports, and show one table of them."""
    from mmrad_eval.results.leaderboard.board import tables_of
    from mmrad_eval.results.leaderboard.rows import read_scored_runs

    made = [_file(said, path, metrics) for path in dict.fromkeys(said["predictions"])]
    outcomes = [outcome for outcome in made if outcome is not None]
    if said["dry_run"]:
        return 0
    folders = [outcome.folder for outcome in outcomes]
    show(tables_of(read_scored_runs(folders)), said["form"], None, more=every_column(said["out"]))
    _explain(said, folders)
    for outcome in outcomes:
        terminal.say(str(outcome.folder.path), err=True)
        if said["verify"] and outcome.summary:
            verified(outcome.folder, metrics, said["verify"], options_of(said))
    return 0 if all(outcome.run.complete for outcome in outcomes) else INCOMPLETE


def _explain(said: dict[str, Any], folders: Sequence[RunFolder]) -> None:
    """Print what is behind the scores of the studies that were named: judges' records, and each run's alignment."""
    if not said["explain"]:
        return
    from mmrad_eval.results.scoring.explained import explain, signature_of
    from mmrad_eval.results.scoring.judged_records import judged_lines

    judged = [(folder, judged_lines(folder, said["explain"])) for folder in folders]
    for _, lines in judged:
        for line in lines:
            terminal.say(line)
    for folder, lines in judged:
        if lines and not signature_of(folder):
            continue
        for line in explain(folder, said["explain"], said["references"]):
            terminal.say(line)


def _file(said: dict[str, Any], path: Path, metrics: tuple[str, ...]) -> Outcome | None:
    """Make a run of one file of reports; None where a dry run only says what that would take."""
    from mmrad_eval import tasks
    from mmrad_eval.cli.progress import Progress
    from mmrad_eval.core.values import Target
    from mmrad_eval.datasets.predictions import read_predictions
    from mmrad_eval.harness.data import Data
    from mmrad_eval.harness.jobs import Job, execute
    from mmrad_eval.harness.plan import RunOptions, make_plan
    from mmrad_eval.model_registry.answerers import FileAnswerer
    from mmrad_eval.model_registry.command_line import written_down
    from mmrad_eval.results.scoring.reports_file import join
    from mmrad_eval.results.scoring.workers import Workers

    columns = named_values(said["columns"], "--column", _HOW.format("--column"))
    data = Data(said["references"], patient_column=said["patient_column"], columns=columns)
    options = RunOptions(said["split"], said["ids"], said["limit"], target=cast("Target", said["target"]))
    dataset = data.load()
    predictions = read_predictions(
        path,
        named_values(said["report_columns"], "--report-column", _HOW.format("--report-column")),
        target=options.target,
        references={study.id: study.reference for study in dataset.studies if study.reference},
        ids=_in_order(said),
    )
    if said["ids_from"]:
        joined = f"; ids by the order of {said['ids_from']}, split {said['split'] or 'all'}"
        predictions = replace(predictions, joined=joined)
        terminal.say(f"reports read{joined}", err=True)
    if predictions.columns:
        terminal.say("; ".join(f"{word}: {column}" for word, column in predictions.columns.items()), err=True)
    written_down("--name", said["name"])
    terms = terms_of(said)
    job = Job(
        f"file:{predictions.path}",
        "imported",
        data,
        options,
        metrics,
        options_of(said),
        judge=judges_of(said),
        workers=Workers.written(said["workers"]),
        allowed_keys=terms.allowed_keys,
        timeout=terms.timeout,
        concurrency=terms.concurrency,
        patience=terms.patience,
        budget=terms.budget,
        attestation=terms.attestation,
        local_networks=terms.local_networks,
        refusals=terms.refusals,
        judge_batch=terms.batch,
    )
    plan = make_plan(FileAnswerer(predictions, said["name"]), tasks.load("imported"), dataset, options)
    doubts = [str(problem) for problem in predictions.problems if problem.kind != "empty report"]
    for sentence in [*doubts[:SHOWN], *join(predictions, dataset, plan.studies).sentences()]:
        terminal.say(sentence, err=True)
    if len(doubts) > SHOWN:
        terminal.say(f"and {len(doubts) - SHOWN:,} more warnings about {predictions.path}", err=True)
    if said["dry_run"]:
        say_job(job, plan)
        return None
    quiet = job.judge is None and job.workers == Workers()  # there is something to say of judges and of workers only
    return execute(job, plan, said["out"], Progress(quiet=quiet), shlex.join(["mmrad-eval", *sys.argv[1:]]))


def _price(said: dict[str, Any], folder: RunFolder, suite: Suite) -> None:
    """Say what judging the answers of a run would take."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.harness.judge_runs import preview_run

    judges = judges_of(said)
    if judges is None:
        raise UsageError("--dry-run prints what a judge would be asked; name the judge with --judge MODEL")
    terminal.say(str(folder.path))
    for one in (*preview_run(judges, terms_of(said), folder, suite, said["references"]), *suite.missing):
        terminal.say(f"  {one}")


def _in_order(said: dict[str, Any]) -> list[str] | None:
    """The ids of the split whose order a file without ids follows; None where the file has ids."""
    if not said["ids_from"]:
        return None
    from mmrad_eval import datasets
    from mmrad_eval.core.errors import UsageError

    studies = datasets.load(said["ids_from"]).studies
    split = (said["split"] or "all").lower()
    ids = [study.id for study in studies if split in {"all", study.split}]
    if not ids:
        raise UsageError(f"--ids-from {said['ids_from']}: it has no study in split {said['split']!r}")
    return ids


def _again(said: dict[str, Any], metrics: tuple[str, ...]) -> int:
    """Score the answers of runs again."""
    from mmrad_eval.cli.progress import Progress
    from mmrad_eval.core.connections import confined
    from mmrad_eval.core.data_use import strictest
    from mmrad_eval.harness.budget import BudgetGuard
    from mmrad_eval.harness.judge_runs import judge_run
    from mmrad_eval.harness.measuring import mapper_of
    from mmrad_eval.metrics import suite
    from mmrad_eval.results.leaderboard.board import tables_of
    from mmrad_eval.results.leaderboard.rows import read_scored_runs
    from mmrad_eval.results.run.folder import safe_name, select_all
    from mmrad_eval.results.scoring.reports_file import score_again
    from mmrad_eval.results.scoring.workers import Workers

    workers = Workers.written(said["workers"])
    folders = select_all(said["out"], said["runs"])
    judges, terms = judges_of(said), terms_of(said)
    guard = BudgetGuard(terms.budget)
    suites: dict[str, Suite] = {}  # one a dataset: its runs share references, and so what was computed of them
    with confined(strictest(folder.run.data_use for folder in folders)):  # metrics are loaded here as well
        for folder in folders:
            name = safe_name(folder.run.identity.dataset)
            if name not in suites:
                suites[name] = suite(metrics, options=options_of(said), texts=said["out"] / "replies" / name / "texts")
            chosen, stop = suites[name], None
            if said["dry_run"]:
                _price(said, folder, chosen)
                continue
            if judges is not None:
                chosen, stop = judge_run(
                    judges, terms, folder, chosen, said["out"], Progress(), said["references"], guard
                )
                if stop is not None:
                    terminal.say(f"judging stopped: {stop.reason}", err=True)
            use = strictest((folder.run.data_use, chosen.data_use))
            mapper = mapper_of(workers, use, terms.local_networks, partial(terminal.say, err=True))
            score_again(folder, chosen, references=said["references"], mapper=mapper)
            if said["verify"]:
                verified(folder, metrics, said["verify"], options_of(said), said["references"])
            if stop is not None and stop.interrupted:  # Ctrl-C ends the command, not the judging of one run
                folders = folders[: folders.index(folder) + 1]
                break
    if said["dry_run"]:
        return 0
    runs = read_scored_runs(folders)
    show(tables_of(runs), said["form"], None, more=every_column(said["out"]))
    _explain(said, folders)
    whole = all(scored.run.complete for scored in runs) and not (stop is not None and stop.interrupted)
    return 0 if whole else INCOMPLETE
