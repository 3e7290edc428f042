"""``mmrad_eval.compare``: runs against each other by their folders or the beginnings of their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.results.comparison.compare import compare_runs
from mmrad_eval.results.comparison.tables import comparison_tables
from mmrad_eval.results.run.folder import find_runs, select
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, SEED
from mmrad_eval.results.tables.shown import ShownTables

if TYPE_CHECKING:
    from mmrad_eval.results.comparison.shared_columns import SharedColumn
    from mmrad_eval.results.run.folder import RunFolder
    from mmrad_eval.results.statistics.bootstrap import Method


def compare(
    *runs: object,
    results: str | Path = "results",
    metrics: Iterable[str] = (),
    primary: str | None = None,
    margin: float | None = None,
    method: Method = "percentile",
    resamples: int = RESAMPLES,
    seed: int | None = None,
) -> ShownTables:
    """Compare the first run with each further run, over the studies that all of them answered.

    A run is its folder, the beginning of its id under ``results``, or what ``evaluate`` returned; ids with commas
    between them are the samples of one side. ``metrics`` are families, metrics or columns. UsageError where runs can't
    be compared.
    """
    found = compare_runs(
        [side(Path(results), str(getattr(run, "path", run))) for run in runs],
        wanted=wanted(metrics),
        primary=primary,
        resamples=resamples,
        seed=SEED if seed is None else seed,
        method=method,
    )
    return ShownTables(comparison_tables(found, margin=margin))


def side(results: Path, which: str) -> list[RunFolder]:
    """The runs of one side: a folder of one or more, or ids with commas between them."""
    if which and Path(which).is_dir():
        return find_runs(Path(which)) or [select(results, which)]
    return [select(results, part) for part in which.split(",") if part]


def wanted(metrics: Iterable[str]) -> Callable[[SharedColumn], bool] | None:
    """Whether a column is one of those that ``metrics`` name; None: all are."""
    names = {name.strip() for entry in metrics for name in entry.split(",") if name.strip()}
    if not names:
        return None
    return lambda column: bool(names & {column.label, column.name, column.metric, column.metric.partition("@")[0]})
