"""mmrad-eval readers plan|make|merge: radiologists judge reports, blinded, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.shared_options import max_edge_option, seed_option
from mmrad_eval.cli.words import counted, in_results
from mmrad_eval.results.tables import FORMATS

if TYPE_CHECKING:
    from mmrad_eval.reader_studies.records import StudyKey


@click.group(name="readers")
def readers() -> None:
    """Plan a reader study, make its pages, merge the readers' answers."""


@readers.command()
@click.argument("runs", nargs=-1, metavar="RUN...")
@in_results
@click.option(
    "--form",
    type=click.Choice(["preference", "errors", "likert", "text", "rate"]),
    required=True,
    help="What readers are asked about each report, each pair, or (rate) each trace.",
)
@click.option("--data", "-d", metavar="DATA", help="With rate, instead of runs: the dataset whose traces are read.")
@click.option("--cases", type=click.IntRange(min=1), required=True, help="Cases that each reader sees.")
@click.option(
    "--readers", "count", type=click.IntRange(min=1, max=200), required=True, help="Readers; each gets a page."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Output folder; it must be new."
)
@click.option(
    "--sample",
    type=click.Choice(["random", "stratified", "disagreement"]),
    default="random",
    show_default=True,
    help="How cases are drawn; the last two record sampling probabilities.",
)
@click.option(
    "--strata",
    default="normal",
    show_default=True,
    metavar="ATTRIBUTE,...",
    help="With --sample stratified: sex, age, view, normal, prior, findings-count, scanner, FILE.csv:COLUMN.",
)
@click.option(
    "--truth",
    type=click.Choice(["image", "reference"]),
    default="image",
    show_default=True,
    help="Judge against the images (the original report is hidden among the others) or the reference (shown).",
)
@click.option("--per-case", type=click.IntRange(min=1), help="Readings of each case per reader. [default: all]")
@click.option(
    "--repeats",
    type=click.FloatRange(0, 0.5),
    default=0.1,
    show_default=True,
    help="Share of readings that are repeated.",
)
@click.option(
    "--plant",
    type=click.FloatRange(0, 0.5),
    default=0.05,
    show_default=True,
    help="With rate: additional cases with a planted error, as a share of --cases.",
)
@seed_option
@click.option("--title", default="Reader study", show_default=True, help="Title at the top of each page.")
@click.option("--copy-images", is_flag=True, help="Store the images once beside the pages, not in each page.")
@max_edge_option
@click.option("--references", "-r", help="The data, if it has moved since the runs.")
def make(**said: Any) -> int:
    """Make a reader study of runs, or of a dataset's traces: one offline page per reader, and the key to them.

    Give each reader one page, and keep key.json. The pages name neither systems nor readers.
    """
    from mmrad_eval import datasets
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.model_registry.command_line import written_down
    from mmrad_eval.reader_studies.make import StudyPlan, rate
    from mmrad_eval.reader_studies.make import make as made_study
    from mmrad_eval.results.run.folder import select

    plan = StudyPlan(
        form=said["form"],
        cases=said["cases"],
        readers=said["count"],
        sample=said["sample"],
        strata=tuple(name for name in said["strata"].split(",") if name),
        truth=said["truth"],
        per_case=said["per_case"],
        repeats=said["repeats"],
        plant=said["plant"],
        seed=said["seed"],
        title=written_down("--title", said["title"]),
        edge=said["max_edge"],
        copy_images=said["copy_images"],
    )
    if bool(said["runs"]) == bool(said["data"]):
        raise UsageError("name runs, or with --form rate a dataset with --data; not both")
    if said["data"]:
        key = rate(datasets.load(said["data"]), plan, said["out"])
    else:
        folders = [select(said["results"], which) for which in said["runs"]]
        key = made_study(folders, plan, said["out"], said["references"])
    tell(key, said["out"])
    return 0


def tell(key: StudyKey, out: Path) -> None:
    """Say what was made, and who gets what."""
    from mmrad_eval.reader_studies.make import KEY, PAGES

    first = key.readers[0]
    repeated = sum(bool(reading.repeats) for reading in first.readings)
    terminal.say(f"{key.rule}; arms: {', '.join(arm.name for arm in key.arms)}")
    planted = sum(bool(case.planted) for case in key.cases)
    parts = [counted(len(first.readings), "reading")]
    parts += [f"{counted(repeated, 'repeat')} among them"] if repeated else []
    parts += [f"{counted(len(first.guesses), 'guess', 'guesses')} of who wrote a report"] if first.guesses else []
    parts += [f"{counted(planted, 'case')} with a planted error"] if planted else []
    terminal.say(f"{counted(len(key.readers), 'reader')}, each: {', '.join(parts)}")
    for note in key.notes:
        terminal.say(note, err=True)
    largest = max(path.stat().st_size for path in (out / PAGES).glob("*.html")) / 1e6
    terminal.say(f"{out / PAGES}: give each reader one page (up to {largest:.1f} MB)")
    terminal.say(f"{out / KEY}: keep this file; it says which system wrote each text")


@readers.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("answers", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ANSWERS...")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of results. [default: DIR/merged]"
)
@click.option("--partial", is_flag=True, help="Also use unfinished files.")
@click.option("--resamples", type=click.IntRange(min=100), default=2000, show_default=True, help="Bootstrap resamples.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How the tables are printed.")
def merge(folder: Path, answers: tuple[Path, ...], out: Path | None, **said: Any) -> int:
    """Merge the files that readers saved: preferences, errors, ratings, agreement, and a RATINGS file for metaeval.

    DIR is the folder of `readers make`; ANSWERS are the files that the pages saved, one per reader.
    """
    from mmrad_eval.cli.leaderboard import show
    from mmrad_eval.reader_studies.answers import read_answers, read_key
    from mmrad_eval.reader_studies.merge import results_of, write
    from mmrad_eval.reader_studies.merged import MergedStudy

    key = read_key(folder)
    study = MergedStudy(key, read_answers(answers, key, partial=said["partial"]), said["resamples"])
    found = results_of(study)
    show(found.tables, said["form"], None, all_columns=True)
    if said["form"] == "terminal":
        for sentence in found.conclusions:
            terminal.say(sentence)
    for path in write(study, found, out or folder / "merged"):
        terminal.say(f"wrote {path}", err=True)
    return 0


@readers.command()
@click.option(
    "--form",
    type=click.Choice(["preference", "errors", "likert"]),
    default="preference",
    show_default=True,
    help="What readers will be asked.",
)
@click.option("--cases", "-n", default="20,50,100", show_default=True, help="Numbers of cases, comma-separated.")
@click.option(
    "--readers", "-r", "count", default="3,5,8", show_default=True, help="Numbers of readers, comma-separated."
)
@click.option(
    "--preference",
    type=float,
    default=0.6,
    show_default=True,
    help="Share of choices for the first system, excluding ties.",
)
@click.option("--ties", type=float, default=0.2, show_default=True, help="Share of ties.")
@click.option(
    "--difference",
    type=click.FloatRange(min=0, min_open=True),
    default=0.3,
    show_default=True,
    help="Difference between the systems, in levels of a rating or errors per report.",
)
@click.option(
    "--case-sd", type=click.FloatRange(min=0), default=0.8, show_default=True, help="Standard deviation between cases."
)
@click.option(
    "--reader-sd",
    type=click.FloatRange(min=0),
    default=0.4,
    show_default=True,
    help="Standard deviation between readers.",
)
@click.option(
    "--power",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="Power: chance that the difference is detected.",
)
@click.option(
    "--studies",
    type=click.IntRange(min=50),
    default=400,
    show_default=True,
    help="Number of studies to simulate for each size.",
)
@click.option("--format", "form_of", type=click.Choice(FORMATS), default="terminal", help="How the tables are printed.")
def plan(**said: Any) -> int:
    """Compute how many cases and readers a study of two systems needs, by simulation.

    Each simulated study is analyzed as `readers merge` would analyze it. Calls no model and reads no data.
    """
    from mmrad_eval.cli.leaderboard import show
    from mmrad_eval.reader_studies.plan import Expected, plan_table
    from mmrad_eval.reader_studies.simulation import Scatter

    scatter = Scatter(said["case_sd"], said["reader_sd"])
    expected = Expected(said["form"], said["preference"], said["ties"], said["difference"], scatter)
    cases, readers_of = _sizes(said["cases"], "--cases", 2), _sizes(said["count"], "--readers", 1)
    table = plan_table(expected, cases, readers_of, power=said["power"], studies=said["studies"])
    show([table], said["form_of"], None)
    return 0


def _sizes(words: str, option: str, least: int) -> list[int]:
    from mmrad_eval.core.errors import UsageError

    parts = [part.strip() for part in words.split(",") if part.strip()]
    if not parts or not all(part.isdigit() and int(part) >= least for part in parts):
        raise UsageError(f"{option} {words}: write whole numbers of at least {least}, such as {option} 20,50")
    return [int(part) for part in parts]
