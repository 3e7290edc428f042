"""mmrad-eval audit: what must hold of a board or a file of scores made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.references import reference_options, studies
from mmrad_eval.cli.shared_options import table_options

BROKEN = 1


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--rows", multiple=True, metavar="SYSTEM=FILE", help="Reports behind a row of the board, to check its means."
)
@click.option("--model-column", metavar="NAME", help="Column of a board that names the systems.")
@click.option("--against", type=click.Path(path_type=Path), help="Another copy of the same table, to compare with.")
@reference_options
@table_options
def audit(
    files: tuple[Path, ...], rows: tuple[str, ...], model_column: str | None, against: Path | None, **said: Any
) -> int:
    """Check a board (one row per system) or a file of scores (one row per report) for consistency.

    Checks that RadCliQ is linear in its parts, that a reciprocal is one of a mean, that means match the rows, that ids
    are complete, unique and in order, that values are possible, and that all columns share a denominator. Names the
    rows that break a rule, with the size of the error. The exit status is 1 if a check fails.
    """
    from mmrad_eval.core.values import Target
    from mmrad_eval.results.validation.audit import across, tables_of
    from mmrad_eval.results.validation.audit import audit as check
    from mmrad_eval.results.validation.score_files import read_sheet

    sheets = [read_sheet(path, system=model_column) for path in files]
    behind = {name: read_sheet(path) for name, path in (_pair(word) for word in rows)}
    copy = read_sheet(against, system=model_column) if against else None
    target = cast("Target", said["target"])
    known = studies(said["references"], said["split"], target, said["limit"]) if said["references"] else ()
    audits = [check(sheet, rows=behind, against=copy, studies=known, target=target) for sheet in sheets]
    between = across(sheets)
    show(tables_of(audits, between), said["form"], said["out"])
    broken = sum(len(one.broken) for one in audits) + sum(len(one.broken) for one in between)
    terminal.say(f"{broken} broken" if broken else "all checks passed", err=True)
    return BROKEN if broken else 0


def _pair(word: str) -> tuple[str, Path]:
    from mmrad_eval.core.errors import UsageError

    name, equals, path = word.partition("=")
    if not (name and equals and path):
        raise UsageError(f"--rows {word}: write --rows SYSTEM=FILE, with the system's name on the board")
    return name, Path(path)
