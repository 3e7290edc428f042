"""`mmrad-eval export`: reports as public boards take them, traces and preferences as trainers read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.data import source_options
from mmrad_eval.cli.help_page import GroupedCommand
from mmrad_eval.cli.words import in_results

SUFFIXES = {"rexrank": "json", "csv": "csv", "jsonl": "jsonl"}
TRAINING = ("sft", "dpo", "grpo")


@click.command(cls=GroupedCommand)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--format",
    "form",
    type=click.Choice([*SUFFIXES, *TRAINING]),
    default="rexrank",
    show_default=True,
    help="Format to write.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File or folder. [default: beside the run's answers]")
@in_results
@click.option("--references", "-r", help="The data, if it has moved since the run.")
@click.option("--data", metavar="DATA", help="Train on the traces (sft) or references (grpo, dpo) of this dataset.")
@source_options
@click.option(
    "--for", "names", default="", metavar="NAMES", help="Trainers, comma-separated. [default: all that take the format]"
)
@click.option("--by", metavar="COLUMN", help="For runs: the column that ranks the answers.")
@click.option("--at-least", type=float, help="sft from runs: minimum score of an answer to train on.")
@click.option("--margin", type=float, default=0.0, help="dpo: minimum difference between two answers. [default: any]")
@click.option("--split", default="train", show_default=True, help="Split to train on.")
@click.option(
    "--hold-out",
    type=click.Path(path_type=Path),
    multiple=True,
    help="File of study ids to keep out of training, one per line.",
)
@click.option(
    "--target", type=click.Choice(["findings", "impression", "report"]), help="Part of the report to train on."
)
@click.option(
    "--budget",
    type=click.IntRange(min=256),
    metavar="TOKENS",
    help="Maximum tokens of a record; images are dropped to fit, never text.",
)
@click.option("--boxes", metavar="FRAME", help="Coordinate frame of boxes in the text. [default: pixels of the film]")
@click.option("--prompt", type=click.Path(path_type=Path), help="Custom prompt file for the question.")
def export(runs: tuple[str, ...], form: str, out: Path | None, **said: Any) -> int:
    """Export the reports of a run in the formats of public boards, or records for trainers.

    RUN is a run folder, or the beginning of a run id. rexrank, csv, jsonl: one run; studies that have no report yet are
    left out and named, and the exit status is then 3.

    sft: conversations from a dataset's traces, or from runs whose model wrote good ones. dpo: pairs of answers from
    runs, or a dataset's references paired with copies that contain a planted error. grpo: a dataset's questions and
    references. Each trainer has its folder: llamafactory, ms-swift, trl, anole, zebra. Test patients are never
    included.
    """
    from mmrad_eval.core.errors import UsageError

    if form in TRAINING:
        from mmrad_eval.cli.training import write

        return write(runs, form, out, **said)
    if len(runs) != 1 or said["data"]:
        raise UsageError(f"--format {form} takes one run; sft, dpo and grpo take several, or --data")
    return _board(runs[0], form, out, said["results"], said["references"])


def _board(run: str, form: str, out: Path | None, results: Path, references: str | None) -> int:
    from mmrad_eval.datasets import submissions
    from mmrad_eval.results.run.folder import select
    from mmrad_eval.results.scoring.reports_file import studies_of

    folder = select(results, run)
    answers = {answer.study: answer for answer in folder.answers()}
    studies, _ = studies_of(folder, references)
    path = out or folder.path / f"submission.{SUFFIXES[form]}"
    pairs = [(study, answers[study.id]) for study in studies]
    submissions.write(pairs, form, path, folder.run.data_use)
    found = submissions.faults(path, form, (study.id for study in studies))
    terminal.say(f"{path}: {len(pairs)} studies of {folder.run.identity.dataset}, {form}")
    for sentence in found:
        terminal.say(f"  {sentence}")
    if folder.run.data_use != "open":
        held = "reference reports of data" if form == "rexrank" else "reports made from data"
        terminal.say(f"  it contains {held} that is {folder.run.data_use}: keep it only where that data may be kept")
    return 0 if folder.run.complete else 3
