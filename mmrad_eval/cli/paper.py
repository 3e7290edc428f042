"""mmrad-eval paper: tables and figures from the run folders that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.visual_options import margin_option
from mmrad_eval.cli.words import named_values


@click.command()
@click.argument("results", type=click.Path(path_type=Path), default=Path("results"), required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("paper"),
    show_default=True,
    help="Output folder.",
)
@click.option(
    "--data",
    "dataset",
    help="Name of the dataset, if there are runs on several. [default: the one with the most runs]",
)
@click.option(
    "--metrics",
    "-M",
    multiple=True,
    help="Columns of the tables in the body, by label, name or metric, comma-separated. The supplement has all.",
)
@click.option(
    "--adapted",
    multiple=True,
    metavar="FORMAT=RUN",
    help="T2: a format of adaptation and its run; the first is the baseline of the others.",
)
@click.option("--panel-task", help="T3: the task on which models are compared. [default: direct, and imported reports]")
@click.option("--style", default="article", show_default=True, help="Venue: neurips, cvpr, miccai, acl, radiology.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file of printed names for columns, models, tasks and datasets, in addition to the built-in ones.",
)
@click.option(
    "--intervals", is_flag=True, help="Print confidence intervals in the tables of the body too; the appendix has them."
)
@click.option("--figures/--no-figures", default=True, help="Draw the figures too. [default: yes]")
@click.option(
    "--resamples", type=click.IntRange(min=100), default=10_000, show_default=True, help="Bootstrap resamples."
)
@margin_option
@click.option(
    "--primary",
    multiple=True,
    metavar="visual|TASK:COLUMN",
    help="An outcome that was declared beforehand: the visual gain, or a task against text CoT in one column.",
)
def paper(**said: Any) -> int:
    """Write the tables and figures of a paper from the runs under RESULTS (default: results).

    T1 evidence arms by model, T2 formats of adaptation, T3 the panel of models, a supplement with every column: each as
    LaTeX (booktabs), Markdown, csv and HTML; figures as PDF and PNG; paper.tex shows them all. What is missing is
    listed with the command that would make it.
    """
    from mmrad_eval.core.errors import DataError
    from mmrad_eval.results.paper import PaperOptions, write_paper
    from mmrad_eval.results.paper.visual_gain import ClaimOptions
    from mmrad_eval.results.run.folder import select

    results = said["results"]
    if not results.exists():
        raise DataError(f"there is no folder {results}; `mmrad-eval --model baseline:evidence --task mcot` makes a run")
    named = named_values(said["adapted"], "--adapted", "write FORMAT=RUN, such as --adapted text=0123abc")
    adapted = {name: select(results, which) for name, which in named.items()}
    made = write_paper(
        results,
        said["out"],
        dataset=said["dataset"],
        metrics=[name for entry in said["metrics"] for name in entry.split(",") if name],
        adapted=adapted,
        panel_task=said["panel_task"],
        options=PaperOptions(
            said["style"],
            said["labels"],
            said["intervals"],
            said["figures"],
            said["resamples"],
            ClaimOptions(said["margin"] / 100, "visual" in said["primary"], said["resamples"]),
            tuple(one for one in said["primary"] if one != "visual"),
        ),
    )
    terminal.say(f"{made.runs.title}: {len(made.runs.parts)} runs")
    for path in made.files:
        terminal.say(f"  {path}")
    if made.missing:
        terminal.say("missing:")
        for sentence in made.missing:
            terminal.say(f"  {sentence}")
    return 0
