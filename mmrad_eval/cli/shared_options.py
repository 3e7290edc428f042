"""Options that several commands have in the same words, and how a command gets several at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

COLUMNS = (
    click.option("--patient-column", help="Column that holds the patient's id."),
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="OURS=THEIRS",
        help="Map a field to a column of the table, such as id=accession.",
    ),
)
"""Which columns of a table of studies hold what."""

seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Seed of the sample and of the order of cases.",
)
"""Which cases a reader study samples, and in which order each reader gets them."""

max_edge_option = click.option(
    "--max-edge",
    type=click.IntRange(min=64),
    default=1536,
    show_default=True,
    help="Longest side of the images, in pixels.",
)
"""How large the images on the pages of a reader study are."""


def with_options(command: Callable[..., Any], *options: Callable[..., Any]) -> Callable[..., Any]:
    """The command with these options, in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How tables are printed, and where they go; ``cli.leaderboard.show`` takes both."""
    from mmrad_eval.results.tables import FORMATS

    return with_options(
        command,
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            help="How the tables are printed. [default: terminal, or as --out ends]",
        ),
        click.option(
            "--out", type=click.Path(path_type=Path, dir_okay=False), help="File that the tables are written to."
        ),
    )
