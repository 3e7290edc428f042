"""What several commands take from their command line, and put into words, in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

in_results = click.option(
    "--in",
    "results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Results folder in which to look up ids.",
)
"""The option of commands that take runs by the beginning of their ids."""


def subgroup_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that show subgroups of studies."""
    by = click.option(
        "--by",
        multiple=True,
        metavar="ATTRIBUTE",
        help="Split by subgroup: sex, age, view, normal, prior, finding, findings-count, scanner, FILE.csv:COLUMN.",
    )
    references = click.option("--references", "-r", help="With --by: the data, if it has moved since the run.")
    return by(references(command))


def counted(number: int, thing: str, things: str = "") -> str:
    """A number with its noun: ``1 study``, ``24 studies`` (``things``, else ``thing`` with an s)."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"


def named_values(entries: Iterable[str], option: str, how: str) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping, a later one winning; UsageError ending in ``how`` where a part is missing."""
    from mmrad_eval.core.errors import UsageError

    found = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{option} {entry}: {how}")
        found[name] = value
    return found
