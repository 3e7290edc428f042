"""mmrad-eval compare: runs against each other, study by study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.words import in_results
from mmrad_eval.results.tables import FORMATS

if TYPE_CHECKING:
    from mmrad_eval.results.comparison.shared_columns import SharedColumn
    from mmrad_eval.results.run.folder import RunFolder
    from mmrad_eval.results.statistics.bootstrap import Method


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="A B [C]...")
@in_results
@click.option("--metrics", "-M", multiple=True, help="Only these: families, metrics or columns, by commas.")
@click.option("--primary", help="The one column (B against A) that was declared in advance: tested alone.")
@click.option("--margin", type=click.FloatRange(min=0, min_open=True), help="Also test equivalence within this margin.")
@click.option(
    "--method",
    type=click.Choice(["percentile", "bca"]),
    default="percentile",
    show_default=True,
    help="Kind of interval.",
)
@click.option("--resamples", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--seed", type=int, help="Of the resamples. [default: the same for everybody]")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: terminal, or what --out ends in.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--all-columns", is_flag=True, help="Terminal: also effect sizes and detectable differences.")
def compare(**said: Any) -> int:
    """Compare run A with each further run, over the studies that all of them answered.

    A run is a folder or the beginning of a run id. Several runs of one question (samples, prompts) are one side when
    they are written with commas (A1,A2) or share a folder. Differences are B minus A, paired by study, resampled by
    patient, adjusted for how many columns and runs are looked at.
    """
    from mmrad_eval.results.comparison.compare import compare_runs
    from mmrad_eval.results.comparison.tables import comparison_tables
    from mmrad_eval.results.statistics.bootstrap import SEED

    found = compare_runs(
        [_side(said["results"], which) for which in said["runs"]],
        wanted=wanted(said["metrics"]),
        primary=said["primary"],
        resamples=said["resamples"],
        seed=SEED if said["seed"] is None else said["seed"],
        method=cast("Method", said["method"]),
    )
    tables = comparison_tables(found, margin=said["margin"])
    show(tables, said["form"], said["out"], all_columns=said["all_columns"])
    return 0


def _side(results: Path, which: str) -> list[RunFolder]:
    """The runs of one side: a folder of one or more, or ids with commas between them."""
    from mmrad_eval.results.run.folder import find_runs, select

    if which and Path(which).is_dir():
        return find_runs(Path(which)) or [select(results, which)]
    return [select(results, part) for part in which.split(",") if part]


def wanted(metrics: tuple[str, ...]) -> Callable[[SharedColumn], bool] | None:
    """Whether a column is one of those that ``--metrics`` names; None: all are."""
    names = {name.strip() for entry in metrics for name in entry.split(",") if name.strip()}
    if not names:
        return None
    return lambda column: bool(names & {column.label, column.name, column.metric, column.metric.partition("@")[0]})
