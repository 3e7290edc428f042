"""``mmrad_eval.compare`` and ``leaderboard``: runs by their folders or the beginnings of their ids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.comparison.compare import compare_runs
from mmrad_eval.results.comparison.power import CORRELATION, Aim, from_pilot
from mmrad_eval.results.comparison.subgroup_tables import difference_tables, headlines_of, run_tables
from mmrad_eval.results.comparison.tables import comparison_tables
from mmrad_eval.results.leaderboard import board
from mmrad_eval.results.leaderboard.rows import readable_runs
from mmrad_eval.results.run.folder import find_runs, select
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, SEED
from mmrad_eval.results.tables.shown import ShownTables

if TYPE_CHECKING:
    from mmrad_eval.results.comparison.shared_columns import SharedColumn
    from mmrad_eval.results.run.folder import RunFolder
    from mmrad_eval.results.statistics.bootstrap import Method
    from mmrad_eval.results.tables.table import Table

ALL = "all"
"""The word for every column, where few are shown unless more are asked for."""


def compare(
    *runs: object,
    results: str | Path = "results",
    metrics: Iterable[str] = (),
    primary: str | None = None,
    margin: float | None = None,
    method: Method = "percentile",
    resamples: int = RESAMPLES,
    seed: int | None = None,
    same_length: bool = False,
    by: str | Iterable[str] = (),
    references: str | None = None,
) -> ShownTables:
    """Compare the first run with each further run, over the studies that all of them answered.

    A run is its folder, the beginning of its id under ``results``, or what ``evaluate`` returned; ids with commas
    between them are the samples of one side. ``metrics`` are families, metrics or columns, or "all"; unless given,
    the headline columns are compared, and p is adjusted for those alone.
    ``same_length``: a column for the studies in which the reports are about equally long. ``by``: attributes of
    studies, in whose subgroups the runs are compared instead; the data is loaded again, from ``references`` where it is
    no longer where the runs say. UsageError where runs can't be compared.
    """
    if attributes := names(by):
        if primary is not None or margin is not None or method != "percentile" or same_length:
            raise UsageError("subgroup comparisons accept no primary column, margin, BCa intervals or lengths")
        return ShownTables(
            difference_tables(
                [side(Path(results), str(getattr(run, "path", run))) for run in runs],
                attributes,
                wanted=wanted(metrics),
                references=references,
                resamples=resamples,
                seed=SEED if seed is None else seed,
            )
        )
    sides = [side(Path(results), str(getattr(run, "path", run))) for run in runs]
    chosen = set(names(metrics))
    found = compare_runs(
        sides,
        wanted=wanted(metrics) if chosen else _first_columns(sides, primary),
        primary=primary,
        resamples=resamples,
        seed=SEED if seed is None else seed,
        method=method,
        same_length=same_length,
    )
    tables = comparison_tables(found, margin=margin)
    if not chosen:
        tables[0] = _with_rest(tables[0], _shared(sides) - len(found.columns))
    return ShownTables(tables)


def power_of(
    folders: Sequence[RunFolder], aim: Aim, *, metrics: Iterable[str] = (), correlation: float = CORRELATION
) -> Table:
    """What one or two runs mean for the next test, in the columns that ``metrics`` name, else the headlines."""
    sides = [[folder] for folder in folders]
    chosen = set(names(metrics))
    table = from_pilot(
        folders, aim, wanted=wanted(metrics) if chosen else _first_columns(sides, None), correlation=correlation
    )
    return table if chosen else _with_rest(table, _shared(sides) - len(table.rows))


def _with_rest(table: Table, more: int) -> Table:
    """The table, with a note on the columns that were not named and are no headlines."""
    if more <= 0:
        return table
    note = f"{more} more columns can be compared: -M {ALL} shows them."
    return replace(table, notes=(*table.notes, note))


def _first_columns(sides: Sequence[Sequence[RunFolder]], primary: str | None) -> Callable[[SharedColumn], bool]:
    """Whether a column is compared where none is named: a headline, or the primary one."""
    headline, named = headlines_of(sides), wanted((primary,) if primary else ())
    return lambda column: headline(column) or (named is not None and named(column))


def _shared(sides: Sequence[Sequence[RunFolder]]) -> int:
    """How many columns all runs were scored in."""
    summaries = [folder.summary() for arm in sides for folder in arm]
    columns = [set(summary.columns) for summary in summaries if summary is not None]
    return len(set.intersection(*columns)) if columns else 0


def leaderboard(
    results: str | Path = "results",
    *,
    datasets: Collection[str] | None = None,
    by: str | Iterable[str] = (),
    metrics: Iterable[str] = (),
    references: str | None = None,
    resamples: int = RESAMPLES,
) -> ShownTables:
    """The tables of all runs under ``results``, or of those over ``datasets``. DataError where no run is there.

    ``by``: attributes of studies; the tables show each run in each subgroup instead, in the columns that ``metrics``
    name (the headline columns where empty), with intervals of ``resamples``. ``references`` as for ``compare``.
    """
    attributes = names(by)
    if not attributes:
        return board.leaderboard(results, datasets=datasets)
    lost: list[str] = []
    entries = readable_runs(Path(results), lost.append)
    kept = [entry for entry in entries if datasets is None or entry.run.identity.dataset in datasets]
    tables = run_tables(kept, attributes, wanted=wanted(metrics), references=references, resamples=resamples)
    return ShownTables(board.with_left_out(tables, lost))


def names(said: str | Iterable[str]) -> list[str]:
    """Names that were said one by one or with commas between them."""
    return [
        name.strip() for part in ([said] if isinstance(said, str) else said) for name in part.split(",") if name.strip()
    ]


def side(results: Path, which: str) -> list[RunFolder]:
    """The runs of one side: a folder of one or more, or ids with commas between them."""
    if which and Path(which).is_dir():
        return find_runs(Path(which)) or [select(results, which)]
    return [select(results, part) for part in which.split(",") if part]


def wanted(metrics: Iterable[str]) -> Callable[[SharedColumn], bool] | None:
    """Whether a column is one of those that ``metrics`` name; None where they name none, or all."""
    chosen = set(names(metrics))
    if not chosen or ALL in chosen:
        return None
    return lambda column: bool(chosen & {column.label, column.name, column.metric, column.metric.partition("@")[0]})
