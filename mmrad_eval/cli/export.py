"""`mmrad-eval export`: the reports of a run in the form that a public board takes."""

from __future__ import annotations

from pathlib import Path

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.words import in_results

SUFFIXES = {"rexrank": "json", "csv": "csv", "jsonl": "jsonl"}


@click.command()
@click.argument("run")
@click.option(
    "--format", "form", type=click.Choice(list(SUFFIXES)), default="rexrank", show_default=True, help="Form to write."
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write. [default: beside the run's answers]")
@in_results
@click.option("--references", "-r", help="The data, where it is no longer where the run says.")
def export(run: str, form: str, out: Path | None, results: Path, references: str | None) -> int:
    """Write the reports of a run as public boards want them, and check the file against the board's description.

    RUN is a run folder, or the beginning of a run id. Studies that have no report yet are left out and named; the exit
    status is then 3.
    """
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
        terminal.say(f"  it holds {held} that is {folder.run.data_use}: keep it where that data may be")
    return 0 if folder.run.complete else 3
