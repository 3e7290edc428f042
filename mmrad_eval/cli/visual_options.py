"""The options of commands that judge whether a gain of region images is visual."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., int])

margin_option = click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True),
    default=5.0,
    show_default=True,
    metavar="POINTS",
    help="Smallest gain that matters, in percentage points of recall of facts that the words did not state.",
)
_primary_option = click.option(
    "--primary",
    type=click.Choice(["visual"]),
    help="State that the visual gain was declared as the primary outcome beforehand; otherwise it is exploratory.",
)


def visual_options(command: Command) -> Command:
    """Add ``--margin`` and ``--primary``."""
    return margin_option(_primary_option(command))
