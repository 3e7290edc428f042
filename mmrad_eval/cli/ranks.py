"""mmrad-eval ranks: every profile's ranking side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmrad_eval.cli.leaderboard import say_left_out, show
from mmrad_eval.cli.shared_options import table_options

if TYPE_CHECKING:
    from mmrad_eval.results.validation.rankings import Ranking


@click.command()
@click.argument("where", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULTS|BOARD.csv]...")
@click.option(
    "--columns",
    help="Columns whose name contains one of these, comma-separated, such as BLEU-4,ROUGE; or all. "
    "[default: the headline columns, under each convention]",
)
@click.option("--all-flips", is_flag=True, help="List every pair that changes places.")
@table_options
def ranks(where: tuple[Path, ...], columns: str | None, all_flips: bool, form: str | None, out: Path | None) -> int:
    """Rank systems under every convention side by side, and name the pairs that change places.

    RESULTS is a results folder (default: results): its complete runs over the same studies are ranked. A csv is a
    public board, one row per system; several boards of the same systems are compared column by column.
    """
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.results.comparison.named import ALL
    from mmrad_eval.results.leaderboard.board import tables_of
    from mmrad_eval.results.leaderboard.rows import rows_under
    from mmrad_eval.results.validation.rankings import of_board, of_table, only
    from mmrad_eval.results.validation.ranks import tables_of as rank_tables
    from mmrad_eval.results.validation.score_files import read_sheet

    rankings = []
    for place in where or (Path("results"),):
        if place.is_dir() or not place.suffix:
            runs = rows_under(place, say_left_out)
            rankings += [of_table(table, every=bool(columns)) for table in tables_of(runs)]
        else:
            rankings.append(of_board(read_sheet(place)))
    if columns and columns != ALL:
        rankings = [only(ranking, [part for part in columns.split(",") if part]) for ranking in rankings]
    tables = rank_tables(rankings, all_flips=all_flips)
    if not tables:
        raise UsageError(f"nothing to rank: {_why_nothing(rankings)}")
    show(tables, form, out, all_columns=True)
    return 0


def _why_nothing(rankings: Sequence[Ranking]) -> str:
    systems = max((len(ranking.systems) for ranking in rankings), default=0)
    if systems > 1 and not any(ranking.columns for ranking in rankings):
        return (
            f"no column of the {systems} complete runs over the same studies states whether higher or lower is better"
        )
    runs = "1 complete run is" if systems == 1 else f"{systems} complete runs are"
    return f"{runs} over the same studies; two are needed"
