"""mmrad-eval compare: runs against each other, study by study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.shared_options import table_options
from mmrad_eval.cli.words import in_results, subgroup_options

if TYPE_CHECKING:
    from mmrad_eval.results.statistics.bootstrap import Method


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="A B [C]...")
@in_results
@click.option(
    "--metrics",
    "-M",
    multiple=True,
    help="Families, metrics or columns, comma-separated, or all. [default: the headline columns]",
)
@click.option("--primary", help="Primary column, declared in advance; tested alone, B against A.")
@click.option("--margin", type=click.FloatRange(min=0, min_open=True), help="Also test equivalence within this margin.")
@click.option("--same-length", is_flag=True, help="Also show the studies in which the reports are about equally long.")
@subgroup_options
@click.option(
    "--method",
    type=click.Choice(["percentile", "bca"]),
    default="percentile",
    show_default=True,
    help="Type of confidence interval.",
)
@click.option("--resamples", type=click.IntRange(min=1), default=10_000, show_default=True, help="Bootstrap resamples.")
@click.option("--seed", type=int, help="Seed of the resamples. [default: a fixed seed]")
@table_options
@click.option("--all-columns", is_flag=True, help="On the terminal, also show effect sizes and detectable differences.")
def compare(**said: Any) -> int:
    """Test which differences between runs are statistically significant.

    Compares run A with each further run, over the studies that all of them answered. A run is a folder or the
    beginning of a run id. Several runs of one question (samples, prompts) are one side when they are written with
    commas (A1,A2) or share a folder. Differences are B minus A, paired by study, resampled by patient, adjusted for
    the number of columns and runs compared.
    """
    from mmrad_eval.results.comparison import named

    tables = named.compare(
        *said["runs"],
        results=said["results"],
        metrics=said["metrics"],
        primary=said["primary"],
        margin=said["margin"],
        method=cast("Method", said["method"]),
        resamples=said["resamples"],
        seed=said["seed"],
        same_length=said["same_length"],
        by=said["by"],
        references=said["references"],
    )
    show(tables, said["form"], said["out"], all_columns=said["all_columns"])
    return 0
