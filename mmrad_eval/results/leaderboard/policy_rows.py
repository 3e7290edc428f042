"""Rows of reports that see nothing: what a metric gives them, beside the models in every table that shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from mmrad_eval.metrics.findings.metric import FALSE, HEDGED, PROFILE, SCORE, TEMPLATE
from mmrad_eval.results.leaderboard.rows import ScoredRun, columns_of, studies_of
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.tables.table import Cell, Row, TableColumn

NORMAL_TEMPLATE = "normal template"
POLICIES: Mapping[str, Mapping[str, str]] = {
    policy: {f"{shown} @ {PROFILE}": f"{held} @ {PROFILE}" for shown, held in columns.items()}
    for policy, columns in {
        NORMAL_TEMPLATE: {SCORE: TEMPLATE, FALSE: "Findings false of the normal template"},
        "everything hedged": {SCORE: HEDGED, FALSE: "Findings false of everything hedged"},
    }.items()
}
"""Policy -> the column that it stands in -> the column of a run that has the number."""
_HELD = frozenset(label for held in POLICIES.values() for label in held.values())
SEES = ("a report that sees no image, the same for every study: not ranked",)


def without_policies(columns: Sequence[TableColumn]) -> tuple[TableColumn, ...]:
    """The columns, with those that become rows in data alone."""
    return tuple(replace(column, media="data", headline=False) if column.key in _HELD else column for column in columns)


def policy_cells(known: Mapping[str, ColumnSummary]) -> dict[str, dict[str, Cell]]:
    """Policy -> the column that it stands in -> its number, of the columns of one run; none that has no number."""
    found: dict[str, dict[str, Cell]] = {}
    for policy, held in POLICIES.items():
        cells = {
            shown: Cell(column.value, column.low, column.high)
            for shown, kept in held.items()
            if (column := known.get(kept)) is not None
        }
        if cells:
            found[policy] = cells
    return found


def cells_over(runs: Sequence[ScoredRun], over: tuple[str, int] | None) -> dict[str, dict[str, Cell]]:
    """The same, each policy by the first run over the ranked studies that has it; by any, where none is over those."""
    found: dict[str, dict[str, Cell]] = {}
    for scored in [scored for scored in runs if studies_of(scored) == over] or list(runs):
        for policy, cells in policy_cells(columns_of(scored)).items():
            found.setdefault(policy, cells)
    return {policy: found[policy] for policy in POLICIES if policy in found}


def policy_rows(runs: Sequence[ScoredRun], over: tuple[str, int] | None, *, first: str = "model") -> list[Row]:
    """A row for each policy, named in the column ``first``; none where no run was scored with the metric."""
    found = cells_over(runs, over)
    return [policy_row(name, cells, first=first, rule=not i) for i, (name, cells) in enumerate(found.items())]


def policy_row(name: str, cells: Mapping[str, Cell], *, first: str = "model", rule: bool = False) -> Row:
    """One such row, for people alone: in csv and JSON a run has the numbers in columns of its own."""
    return Row({first: Cell(name), **cells}, SEES, ranked=False, rule=rule, media="drawn")


def policy_notes(values: Mapping[str, float | None], shown: Collection[str]) -> tuple[str, ...]:
    """A sentence for each shown column that policies stand in, for tables whose rows are no systems.

    ``values``: column label -> value over the studies of that table.
    """
    notes = []
    for column in dict.fromkeys(column for held in POLICIES.values() for column in held if column in shown):
        said = [
            f"{policy} {value:.3f}"
            for policy, held in POLICIES.items()
            if (value := values.get(held.get(column, ""))) is not None
        ]
        if said:
            notes.append(f"{column} of reports that see no image, over the same studies: {', '.join(said)}.")
    return tuple(notes)


def held_values(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Of column label -> value, those that are of a policy."""
    return {label: value for label, value in values.items() if label in _HELD}
