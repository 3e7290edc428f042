"""mmrad-eval power: what a test set can show, before it is run."""

from __future__ import annotations

from typing import Any

import click

from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.words import in_results
from mmrad_eval.results.tables import FORMATS


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN [RUN]]")
@in_results
@click.option("--data", "-d", help="Count the patients of this dataset.")
@click.option("--split", help="Split of --data; default: test where there is one.")
@click.option(
    "--target",
    type=click.Choice(["findings", "impression", "report"]),
    default="findings",
    show_default=True,
    help="With --data: count the patients who have this part of the report.",
)
@click.option(
    "--patients",
    "-n",
    "sizes",
    multiple=True,
    metavar="N",
    help="Number of patients in the test set, or several, comma-separated.",
)
@click.option(
    "--difference",
    type=click.FloatRange(min=0, min_open=True),
    help="Smallest difference that matters; prints how many patients are needed to detect it.",
)
@click.option(
    "--deviation",
    "deviations",
    multiple=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Without runs: standard deviation of the per-patient paired difference.",
)
@click.option(
    "--correlation",
    type=click.FloatRange(-1, 1),
    default=0.5,
    show_default=True,
    help="With one run: assumed per-patient correlation of two systems.",
)
@click.option(
    "--comparisons",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of comparisons to correct for (Bonferroni).",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Significance level (type I error rate).",
)
@click.option(
    "--power",
    "chance",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="Power: chance that the difference is detected.",
)
@click.option(
    "--metrics",
    "-M",
    multiple=True,
    help="With runs: families, metrics or columns, comma-separated, or all. [default: the headline columns]",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How the tables are printed.")
def power(**said: Any) -> int:
    """Compute the smallest difference that a test set can detect, or how many patients are needed to detect one.

    The standard deviation of the paired difference comes from two runs, from one run and an assumed correlation, or is
    assumed itself (--deviation). No model is called.
    """
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.results.comparison.named import power_of
    from mmrad_eval.results.comparison.power import DEVIATIONS, Aim, without_pilot
    from mmrad_eval.results.run.folder import select

    runs = said["runs"]
    if len(runs) > 2:
        raise UsageError("name one run or two")
    if runs and said["deviations"]:
        raise UsageError("the standard deviation comes either from runs or from --deviation: give one of them")
    sizes = _sizes(said["sizes"])
    unit = "patients"
    if said["data"]:
        counted, unit = _count(said["data"], said["split"], said["target"])
        sizes = (*sizes, counted)
    aim = Aim(sizes, said["difference"], said["alpha"], said["chance"], said["comparisons"])
    if runs:
        folders = [select(said["results"], which) for which in runs]
        table = power_of(folders, aim, metrics=said["metrics"], correlation=said["correlation"])
    else:
        table = without_pilot(aim, said["deviations"] or DEVIATIONS, unit)
    show([table], said["form"], None)
    return 0


def _sizes(entries: tuple[str, ...]) -> tuple[int, ...]:
    from mmrad_eval.core.errors import UsageError

    parts = [part.strip() for entry in entries for part in entry.split(",") if part.strip()]
    for part in parts:
        if not part.isdigit() or int(part) < 2:
            raise UsageError(f"--patients {part}: write whole numbers of at least 2, such as --patients 300,1000")
    return tuple(dict.fromkeys(int(part) for part in parts))


def _count(data: str, split: str | None, target: Any) -> tuple[int, str]:
    """(patients or studies, what was counted) of a dataset that have the reference."""
    from mmrad_eval import datasets
    from mmrad_eval.core.errors import UsageError

    studies = list(datasets.load(data).studies)
    splits = {study.split for study in studies if study.split}
    wanted = split or ("test" if "test" in splits and len(splits) > 1 else None)
    if wanted and wanted != "all":
        studies = [study for study in studies if study.split == wanted]
    studies = [study for study in studies if study.reference and study.reference.target(target)]
    clusters = {study.cluster for study in studies}
    if len(clusters) < 2:
        raise UsageError(f"{data}: {len(clusters)} patients with a reference {target}; a test needs at least two")
    return len(clusters), "patients" if all(study.patient is not None for study in studies) else "studies"
