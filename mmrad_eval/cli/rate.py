"""`mmrad-eval data rate make|merge`: radiologists rate the traces of a build, as a reader study of the form rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.shared_options import max_edge_option, seed_option


@click.group(name="rate")
def rate() -> None:
    """Let radiologists rate the traces of a build: make the pages, merge the files that they saved."""


@rate.command()
@click.argument("build", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="BUILD")
@click.option(
    "--readers",
    "count",
    type=click.IntRange(1, 200),
    default=2,
    show_default=True,
    help="How many readers; each gets a page.",
)
@click.option("--cases", type=click.IntRange(min=1), default=500, show_default=True, help="Number of records to rate.")
@click.option("--truth", type=click.Choice(["image", "reference"]), default="reference", show_default=True,
              help="What readers judge the traces against: the images alone, or the reports too.")  # fmt: skip
@click.option("--fine", is_flag=True, help="Show each statement at its own region, before aggregation.")
@click.option(
    "--repeats",
    type=click.FloatRange(0, 0.5),
    default=0.05,
    show_default=True,
    help="Share of cases that are shown twice.",
)
@click.option("--plant", type=click.FloatRange(0, 0.5), default=0.05, show_default=True,
              help="Share of additional cases with a planted error.")  # fmt: skip
@seed_option
@max_edge_option
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the study. [default: BUILD/rating/study]"
)
def make(build: Path, out: Path | None, *, fine: bool, **said: Any) -> int:
    """Make the pages of a rating study of BUILD, which `data build` made."""
    from mmrad_eval.cli.readers import tell
    from mmrad_eval.construction import rating_study
    from mmrad_eval.reader_studies.make import StudyPlan

    plan = StudyPlan(
        form="rate",
        cases=said["cases"],
        readers=said["count"],
        truth=said["truth"],
        repeats=said["repeats"],
        plant=said["plant"],
        seed=said["seed"],
        title="Rating of traces",
        edge=said["max_edge"],
    )
    where = out or build / "rating" / "study"
    tell(rating_study.make(build, plan, where, fine=fine), where)
    return 0


@rate.command()
@click.argument("build", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="BUILD")
@click.argument("answers", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ANSWERS...")
@click.option(
    "--study",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the study. [default: BUILD/rating/study]",
)
@click.option("--partial", is_flag=True, help="Also use unfinished files.")
@click.option("--resamples", type=click.IntRange(min=100), default=2000, show_default=True, help="Bootstrap resamples.")
def merge(build: Path, answers: tuple[Path, ...], study: Path | None, *, partial: bool, resamples: int) -> int:
    """Merge the files that readers saved: ratings of 4 or more, agreement, planted errors, records to read again.

    The next `data build` sends records that were rated 2 or less back to the writer with the readers' comments.
    """
    from mmrad_eval.cli.leaderboard import show
    from mmrad_eval.construction import rating_study
    from mmrad_eval.reader_studies.answers import read_answers, read_key
    from mmrad_eval.reader_studies.merge import results_of, write
    from mmrad_eval.reader_studies.merged import MergedStudy

    folder = study or build / "rating" / "study"
    key = read_key(folder)
    merged = MergedStudy(key, read_answers(answers, key, partial=partial), resamples)
    found = results_of(merged)
    show(found.tables, "terminal", None, all_columns=True)
    for sentence in found.conclusions:
        terminal.say(sentence)
    for path in write(merged, found, folder / "merged"):
        terminal.say(f"wrote {path}", err=True)
    path, low = rating_study.keep(build, folder, merged)
    terminal.say(f"{path}: {merged.cases} records rated, {low} of them low; run the same `data build` again", err=True)
    return 0
