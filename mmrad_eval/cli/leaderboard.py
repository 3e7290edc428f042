"""mmrad-eval leaderboard: the table of all runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.shared_options import table_options
from mmrad_eval.cli.words import subgroup_options
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.results.tables import Table

_RESULTS = Path("results")
SUFFIXES = {
    ".txt": "terminal",
    ".md": "md",
    ".csv": "csv",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
}
"""Endings of ``--out`` that say the format."""


@click.command()
@click.argument("results", type=click.Path(path_type=Path), default=_RESULTS, required=False)
@table_options
@click.option("--all-columns", is_flag=True, help="On the terminal, show every column, in bands below each other.")
@click.option(
    "--metrics", "-M", multiple=True, help="Only these families, metrics or columns, comma-separated, in this order."
)
@click.option(
    "--sort",
    help="Sort by this column, best first (label or name). [default: the first of --metrics, else headline]",
)
@click.option("--across", is_flag=True, help="All datasets in one table, with length and style of their references.")
@subgroup_options
def leaderboard(results: Path, form: str | None, out: Path | None, all_columns: bool, **said: Any) -> int:
    """Show the table of all runs under RESULTS (default: results).

    One row per run, 95 % intervals, statuses; best in bold among complete runs over the same studies. Runs with given
    evidence and runs with generated reasoning never share a table (`direct`, which shows none, stands in both); csv and
    json tell them apart in `evidence`. With -M, `--format latex` is the table of a paper: printed names, no intervals.
    """
    from mmrad_eval.core.errors import DataError
    from mmrad_eval.results.comparison.across import across_tables, datasets_of, references_table
    from mmrad_eval.results.comparison.named import names, wanted
    from mmrad_eval.results.comparison.subgroup_tables import run_tables
    from mmrad_eval.results.leaderboard.board import tables_of
    from mmrad_eval.results.leaderboard.chosen import chosen
    from mmrad_eval.results.leaderboard.rows import rows_under

    if not results.exists():
        raise DataError(f"there is no folder {results}; `mmrad-eval --model baseline:evidence --task mcot` makes a run")
    runs = rows_under(results, say_left_out)
    if said["across"]:
        both = [*across_tables(runs, names(said["metrics"])), references_table(datasets_of(runs), said["references"])]
        show(both, form, out, all_columns=True)
        return 0
    if attributes := names(said["by"]):
        divided = run_tables(runs, attributes, wanted=wanted(said["metrics"]), references=said["references"])
        show(divided, form, out, all_columns=all_columns)
        return 0
    tables = tables_of(runs)
    if said["metrics"] or said["sort"]:
        tables = chosen(tables, runs, names(said["metrics"]), said["sort"] or "")
    show(tables, form, out, all_columns=all_columns or bool(said["metrics"]), papers=bool(said["metrics"]))
    return 0


def say_left_out(why: str) -> None:
    """Say why a run has no row."""
    terminal.say(f"mmrad-eval: {why}", err=True)


def every_column(results: Path) -> str:
    """The command that shows all columns of the runs in a results folder."""
    folder = () if results == _RESULTS else (str(results),)
    return shlex.join(["mmrad-eval", "leaderboard", *folder, "--all-columns"])


def show(
    tables: Sequence[Table],
    form: str | None,
    out: Path | None,
    *,
    all_columns: bool = False,
    more: str = "--all-columns",
    papers: bool = False,
) -> None:
    """Print tables, or write them to ``out``; ``more`` shows the columns that a terminal leaves out.

    ``papers``: LaTeX in the form of a paper's body.
    """
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.results.tables import render

    if out is not None and form is None and out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--out {out}: end it in {', '.join(SUFFIXES)}, or add --format")
    form = form or (SUFFIXES[out.suffix.lower()] if out else "terminal")
    color = out is None and terminal.has_colours()
    if papers and form == "latex":
        from mmrad_eval.results.paper.printed import leaderboard_latex

        text = leaderboard_latex(tables)
    else:
        text = render(tables, form, color=color, all_columns=all_columns, more=more)
    if out is None:
        terminal.page(text, styled=color)
        return
    write_whole(out, text)
    terminal.say(f"wrote {out}", err=True)
