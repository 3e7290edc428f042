"""Rows of reports that see nothing: what a metric gives them, beside the models in every table that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from mmrad_eval.metrics.findings.metric import FALSE, HEDGED, PROFILE, SCORE, TEMPLATE
from mmrad_eval.results.leaderboard.rows import ScoredRun, columns_of, studies_of
from mmrad_eval.results.tables.table import Cell, Row, TableColumn

_POLICIES: Mapping[str, Mapping[str, str]] = {
    "normal template": {SCORE: TEMPLATE, FALSE: "Findings false of the normal template"},
    "everything hedged": {SCORE: HEDGED, FALSE: "Findings false of everything hedged"},
}
"""Row -> the column that it stands in -> the column of a run that has the number."""
_HELD = frozenset(f"{name} @ {PROFILE}" for held in _POLICIES.values() for name in held.values())


def without_policies(columns: Sequence[TableColumn]) -> tuple[TableColumn, ...]:
    """The columns, with those that become rows in data alone."""
    return tuple(replace(column, media="data", headline=False) if column.key in _HELD else column for column in columns)


def policy_rows(runs: Sequence[ScoredRun], over: tuple[str, int] | None) -> list[Row]:
    """A row for each policy, by a run over the ranked studies; none where no run was scored with the metric."""
    same = [scored for scored in runs if studies_of(scored) == over] or list(runs)
    rows: list[Row] = []
    for name, held in _POLICIES.items():
        for scored in same:
            known = columns_of(scored)
            cells = {
                f"{shown} @ {PROFILE}": Cell(column.value, column.low, column.high)
                for shown, kept in held.items()
                if (column := known.get(f"{kept} @ {PROFILE}")) is not None
            }
            if cells:
                row = Row({"model": Cell(name), **cells}, _SEES, ranked=False, rule=not rows, media="drawn")
                rows.append(row)
                break
    return rows


_SEES = ("a report that sees no image, the same for every study: not ranked",)
