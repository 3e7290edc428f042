"""mmrad-eval budget: score by tokens, from the runs that are there; what is missing, with its command and its price."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.help_page import GroupedCommand
from mmrad_eval.cli.model_options import decoding_options, model_options, settings_of
from mmrad_eval.cli.run import data_options, shown_options
from mmrad_eval.results.tables import FORMATS

if TYPE_CHECKING:
    from mmrad_eval.harness.budget_grid import PlannedPoint
    from mmrad_eval.results.comparison.budget_curve import BudgetRun


@click.command(name="budget", cls=GroupedCommand)
@click.argument("model")
@data_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Results folder that holds the runs.",
)
@click.option("--metrics", "-M", help="Label of the column to show. [default: a clinical one]")
@click.option("--figure", type=click.Path(path_type=Path, dir_okay=False), help="Draw the curve, as pdf and as png.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How the tables are printed.")
@click.option(
    "--resamples", type=click.IntRange(min=100), default=10_000, show_default=True, help="Bootstrap resamples."
)
@shown_options
@decoding_options
@model_options
@click.option("--dry-run", is_flag=True, help="Print what the missing runs would cost; show no table.")
def budget(**said: Any) -> int:
    """Show what MODEL's score costs in tokens, and its gains at equal tokens.

    Compares 0, 1, 2, 4 and 8 region images, and three thinking limits, from the runs under --out; no model is called.
    Missing runs are listed with the options that make them; --dry-run prices them.
    """
    from mmrad_eval.harness.budget_grid import plan_points, stored
    from mmrad_eval.harness.settings import RunSettings
    from mmrad_eval.results.comparison.budget_curve import BudgetRun

    settings = settings_of(said) | {"task": "tcot", "metrics": ()}
    job = RunSettings(**settings).job(planned_only=True)
    planned, lacking = plan_points(job, job.data.load())
    found = [(one, stored(one, said["out"])) for one in planned]
    runs = [BudgetRun(one.point, scored) for one, scored in found if scored is not None]
    _missing([one for one, scored in found if scored is None], price=said["dry_run"])
    if lacking:
        terminal.say(f"no curve over thinking tokens: {lacking}", err=not said["dry_run"])
    if not said["dry_run"] and runs:
        _tables(runs, said)
    return 0


def _missing(planned: list[PlannedPoint], *, price: bool) -> None:
    """A line for each run that is not there: what to add to the command, and what it takes."""
    from mmrad_eval.cli.dry_run import price as priced
    from mmrad_eval.cli.dry_run import requests
    from mmrad_eval.harness.budget_grid import words
    from mmrad_eval.harness.preview import preview_of

    asked = []
    for one in planned:
        if one.plan is None:
            terminal.say(f"cannot run: {words(one)}: {one.why}", err=not price)
            continue
        takes = ""
        if price:
            seen = preview_of(one.job, one.plan)
            asked.append(seen)
            takes = f": {requests(seen)}, about {seen.images:.0f} images and {seen.prompt_tokens:,.0f} prompt tokens"
        terminal.say(f"missing: {words(one)}{takes}", err=not price)
    if asked:
        terminal.say(priced(asked))


def _tables(runs: list[BudgetRun], said: dict[str, Any]) -> None:
    from mmrad_eval.cli.leaderboard import show
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.results.comparison.budget_curve import curve_table, equal_tokens, equal_tokens_table
    from mmrad_eval.results.leaderboard.optimized import was_optimized
    from mmrad_eval.results.paper.runs import main_column
    from mmrad_eval.tasks.arms import TEXT

    columns = [run.scored.summary.columns if run.scored.summary else {} for run in runs]
    shared = [column for label, column in columns[0].items() if all(label in other for other in columns)]
    if not shared:
        raise UsageError("the runs share no column; score them with the same metrics: mmrad-eval score RUN --metrics …")
    every = [run.scored.run for run in runs]
    headline = [column for column in shared if not was_optimized(every, column.metric)]
    if not said["metrics"] and not headline:
        raise UsageError(
            "the model of these runs was optimized for every column that they share: name one with --metrics"
        )
    label = said["metrics"] or main_column(headline).label
    if label not in {column.label for column in shared}:
        raise UsageError(f"--metrics {label}: the runs share only {', '.join(column.label for column in shared)}")
    line = [run for run in runs if run.point.task == TEXT and run.tokens]
    tables = [curve_table(runs, label)]
    if gains := equal_tokens(runs, label, said["resamples"]):
        tables.append(equal_tokens_table(gains, line, label))
    show(tables, said["form"], None, all_columns=True)
    if said["figure"] is not None:
        _draw(runs, label, said["figure"])


def _draw(runs: list[BudgetRun], label: str, path: Path) -> None:
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.results.comparison.budget_figure import curve
    from mmrad_eval.results.figures.style import Look, drawing, save

    if path.suffix not in {".pdf", ".png"}:
        raise UsageError(f"--figure {path}: name a file that ends in .pdf or .png; both are written")
    with drawing():
        made = curve(runs, label, Look())
        if made is None:
            raise UsageError("--figure: no provider counted the tokens of these runs")
        for written in save(made, path.parent, path.stem):
            terminal.say(f"wrote {written}", err=True)
