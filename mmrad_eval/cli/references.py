"""The studies that a command about scores is given: ``--references`` with ``--split`` and ``--target``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli.shared_options import with_options

if TYPE_CHECKING:
    from mmrad_eval.core.values import Study, Target


def reference_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--references``, ``--split``, ``--target`` and ``--limit``."""
    options = (
        click.option("--references", "-r", help="The studies: a registered name, FORMAT:PATH, or a path."),
        click.option("--split", help="Split of the references ('all' for all); default: test where there is one."),
        click.option("--limit", type=click.IntRange(min=1), help="Use only the first N studies, in dataset order."),
        click.option(
            "--target",
            type=click.Choice(["findings", "impression", "report"]),
            default="findings",
            show_default=True,
            help="Part of the report to score.",
        ),
    )
    return with_options(command, *options)


def studies(spec: str, split: str | None, target: Target, limit: int | None = None) -> list[Study]:
    """The studies of the split that have a reference for the target; UsageError where there are none."""
    from mmrad_eval import datasets
    from mmrad_eval.core.errors import UsageError

    dataset = datasets.load(spec)
    splits = sorted({study.split for study in dataset.studies if study.split is not None})
    wanted = split or ("test" if "test" in splits and len(splits) > 1 else "all")
    found = [
        study
        for study in dataset.studies
        if wanted in ("all", study.split) and study.reference and study.reference.target(target)
    ]
    if not found:
        has = f"its splits are {', '.join(splits)}" if splits else "it has no splits"
        raise UsageError(f"{spec}: no study in split {wanted} has a reference for the target {target}; {has}")
    return found[:limit]
