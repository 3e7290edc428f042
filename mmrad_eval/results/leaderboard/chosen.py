"""Leaderboards with the columns and the order that somebody asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.leaderboard.policy_rows import SEES
from mmrad_eval.results.leaderboard.rows import ScoredRun, columns_of
from mmrad_eval.results.tables.table import Row, Table, TableColumn


def chosen(tables: Sequence[Table], runs: Iterable[ScoredRun], wanted: Sequence[str], sort: str) -> list[Table]:
    """The metric columns that ``wanted`` names, in its order (none: all), and rows by ``sort`` (empty: by the first of
    these, or as they are).

    A name is a column's label, its name before the @, or the metric that it comes from with or without its profile.
    UsageError where a name fits no column of any table, or ``sort`` fits several; tables without any are left out.
    """
    metrics = {label: column.metric for scored in runs for label, column in columns_of(scored).items()}
    known = list(dict.fromkeys(column.key for table in tables for column in _scores(table)))
    found = [label for name in wanted for label in _named(known, metrics, name)]
    by = _named(known, metrics, sort) if sort else found[:1]
    if len(by) > 1:
        raise UsageError(f"--sort {sort}: it matches {len(by)} columns; name one, such as {', '.join(by[:3])}")
    made = [_chosen(table, list(dict.fromkeys(found)), by) for table in tables]
    return [table for table in made if _scores(table)]


def _chosen(table: Table, labels: Sequence[str], by: Sequence[str]) -> Table:
    scores = {column.key: column for column in _scores(table)}
    kept = [scores[label] for label in labels if label in scores] if labels else list(scores.values())
    held = {column.key for column in kept}
    rows = tuple(row for row in table.rows if row.notes != SEES or not held.isdisjoint(row.cells))
    if by and by[0] in scores:
        rows = tuple(sorted(rows, key=lambda row: _order(row, table, scores[by[0]])))
    return replace(table, columns=(*(c for c in table.columns if not c.interval), *kept), rows=rows)


def _scores(table: Table) -> list[TableColumn]:
    """The columns of metrics; length is none, and stands in every table."""
    return [column for column in table.columns if column.interval]


def _named(known: Sequence[str], metrics: Mapping[str, str], name: str) -> list[str]:
    """The labels that a name fits: the whole label, or else the name, the metric or its family."""
    if name in known:
        return [name]
    found = [label for label in known if name in _names(label, metrics[label])]
    if not found:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:6]
        there = f"there are {', '.join(near)}" if near else "no run here is scored yet (mmrad-eval score RUN)"
        raise UsageError(f"no column is called {name!r}; {there}")
    return found


def _names(label: str, metric: str) -> set[str]:
    return {label.partition(" @ ")[0], metric, metric.partition("@")[0]}


def _order(row: Row, table: Table, by: TableColumn) -> tuple[bool, bool, float]:
    """Ranked rows first, the best of them first; those without a value last."""
    cell = table.cell(row, by)
    value = cell.value
    if not cell.comparable or not isinstance(value, int | float):
        return (not row.ranked, True, 0.0)
    return (not row.ranked, False, float(value) if by.better == "lower" else -float(value))
