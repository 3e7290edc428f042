"""The tables of ``--by``: each run in each subgroup, the largest gap of each column, differences in each subgroup."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from mmrad_eval.core.connections import confined
from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import DataError
from mmrad_eval.results.comparison.by_subgroup import (
    MIN_PATIENTS,
    Divided,
    Gap,
    Group,
    GroupDifferences,
    between_runs,
    divide,
    within_run,
)
from mmrad_eval.results.comparison.compare import ComparableSides, ComparedSide, comparable
from mmrad_eval.results.comparison.shared_columns import SharedColumn, SharedColumns, Stored, shared
from mmrad_eval.results.comparison.tables import ALPHA, SIGN, labelled
from mmrad_eval.results.leaderboard.optimized import marked, optimized_note, was_optimized
from mmrad_eval.results.leaderboard.policy_rows import POLICIES, policy_notes, policy_row
from mmrad_eval.results.leaderboard.rows import ScoredRun, headlines
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.naming import variants
from mmrad_eval.results.scoring.reports_file import studies_of_all
from mmrad_eval.results.scoring.subgroups import Subgroups, subgroups
from mmrad_eval.results.statistics.bootstrap import LEVEL, RESAMPLES, SEED, Estimates, finite
from mmrad_eval.results.tables.table import Cell, CellColumn, Row, Table, TableColumn, cells_of

Wanted = Callable[[SharedColumn], bool]


def run_tables(
    entries: Sequence[ScoredRun],
    by: Sequence[str],
    *,
    wanted: Wanted | None = None,
    references: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Table]:
    """Each scored run in each subgroup, a pair of tables for each attribute and each set of data.

    ``wanted``: the columns; None: the headline columns. DataError where no run is scored, or no data
    can be divided.
    """
    questions: dict[tuple[str, ...], list[ScoredRun]] = defaultdict(list)
    for entry in entries:
        if entry.summary is not None and entry.summary.columns:
            identity = entry.run.identity
            key = (identity.dataset, identity.dataset_digest, identity.selection.split or "", identity.selection.target)
            questions[key].append(entry)
    if not questions:
        raise DataError("no run is scored; `mmrad-eval score RUN` scores one")
    tables: list[Table] = []
    refused: list[str] = []
    for (dataset, _, split, target), runs in sorted(questions.items()):
        title = ", ".join(part for part in (dataset, split, target) if part)
        with confined(strictest(entry.run.data_use for entry in runs)):
            try:
                studies = studies_of_all([RunFolder(entry.folder) for entry in runs], references)
                shown = _shown(runs, wanted or _headlines(runs))
            except DataError as error:  # data that can't be loaded must not hide other data, nor one attribute another
                refused.append(f"{title}: {error}")
                continue
            for name in dict.fromkeys(by):
                try:
                    attribute = subgroups(name, studies)
                    divided = [_divided(run, attribute, resamples=resamples, seed=seed) for run in shown]
                except DataError as error:
                    refused.append(f"{title}: {error}")
                    continue
                tables += _run_tables(title, divided, resamples)
    if not tables:
        raise DataError("\n".join(refused))
    tables[-1] = replace(tables[-1], notes=(*tables[-1].notes, *(f"Left out: {why}." for why in refused)))
    return tables


def difference_tables(
    arms: Sequence[Sequence[RunFolder]],
    by: Sequence[str],
    *,
    wanted: Wanted | None = None,
    references: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Table]:
    """Each further arm against the first in each subgroup, a table for each attribute and arm.

    ``wanted``: the columns; None: the headline columns. UsageError and DataError as for ``compare_runs``.
    """
    sides = comparable(arms, wanted or headlines_of(arms))
    folders = [folder for arm in sides.arms for folder in arm.folders]
    runs = [len(arm.runs) for arm in sides.arms]
    tables = []
    with confined(strictest(folder.run.data_use for folder in folders)):
        studies = studies_of_all(folders, references)
        for name in dict.fromkeys(by):
            divided = divide(sides.found, subgroups(name, studies))
            found = between_runs(sides.found, divided, runs, resamples=resamples, seed=seed)
            members = len(found) * len(divided.shown) * len(sides.found.columns)
            tables += [
                _difference_table(sides, divided, i, one, members=members, resamples=resamples)
                for i, one in enumerate(found)
            ]
    return tables


def _headlines(runs: Sequence[ScoredRun]) -> Wanted:
    columns = {label: column for entry in runs if entry.summary for label, column in entry.summary.columns.items()}
    labels = headlines(list(columns.values()))
    return lambda column: column.label in labels


def headlines_of(arms: Sequence[Sequence[RunFolder]]) -> Wanted:
    """Whether a column is a headline of the runs on these sides."""
    return _headlines([ScoredRun(folder.path, folder.run, folder.summary()) for arm in arms for folder in arm])


@dataclass(frozen=True)
class _ShownRun:
    """One run, what it is called beside the others, and its columns."""

    entry: ScoredRun
    variant: str
    found: SharedColumns


@dataclass(frozen=True)
class _DividedRun(_ShownRun):
    """One run in its subgroups."""

    divided: Divided
    inside: Estimates
    """(groups, columns)."""
    gaps: dict[int, Gap]


def _shown(runs: Sequence[ScoredRun], wanted: Wanted) -> list[_ShownRun]:
    """The runs with the columns that are wanted; DataError where one has none of them."""
    out = []
    for entry, variant in zip(runs, variants([entry.run for entry in runs]), strict=True):
        scores = RunFolder(entry.folder).scores()
        if scores is None or entry.summary is None:
            raise DataError(f"{entry.folder} was never scored: mmrad-eval score {entry.folder}")
        found = shared([Stored(entry.run.card.label, scores, entry.summary)], wanted)
        if not found.columns:
            raise DataError(
                f"{entry.folder} was scored with none of these columns; mmrad-eval score {entry.folder} -M ..."
            )
        out.append(_ShownRun(entry, variant, found))
    return out


def _divided(run: _ShownRun, attribute: Subgroups, *, resamples: int, seed: int) -> _DividedRun:
    divided = divide(run.found, attribute)
    inside, gaps = within_run(run.found, divided, resamples=resamples, seed=seed)
    return _DividedRun(run.entry, run.variant, run.found, divided, inside, gaps)


def _run_tables(title: str, runs: Sequence[_DividedRun], resamples: int) -> list[Table]:
    """The values in the subgroups of one attribute, and the gaps between them."""
    attribute = runs[0].divided.attribute
    scores = {
        column.label: TableColumn(
            column.label, kind="score", better=column.better, footnote=column.signature, interval=True
        )
        for run in runs
        for column in run.found.columns
    }
    rows: list[Row] = []
    gaps: list[Row] = []
    for run in runs:
        own = [_group_row(run, place) for place in range(len(run.divided.groups))]
        rows += [replace(row, rule=bool(rows) and not place) for place, row in enumerate(own)]
        gaps += [_gap_row(run, column, gap) for column, gap in run.gaps.items()]
    rows += _policy_rows(runs, list(scores))
    called = _name(f"by {attribute.name} {title}")
    notes = [*_notes(runs[0].divided, resamples), *optimized_note([run.entry.run for run in runs])]
    tables = [
        Table(
            called,
            f"{title}: by {attribute.name}",
            (*_WHO, TableColumn(attribute.name), *_SIZE, *scores.values()),
            tuple(rows),
            notes=tuple(notes),
        )
    ]
    if gaps:
        tables.append(
            Table(
                f"{called}-gap",
                f"{title}: largest gap by {attribute.name}",
                (*_WHO, *_GAP),
                tuple(gaps),
                notes=(
                    "Gap: the largest difference between two subgroups.",
                    "Its interval holds for all pairs of subgroups together, since the pair was chosen for its size.",
                    "p: bootstrap max-T over all pairs and columns of the run.",
                    f"{SIGN} significant: p at most {ALPHA:g}, and an interval without 0.",
                ),
            )
        )
    return tables


def _policy_rows(runs: Sequence[_DividedRun], labels: Sequence[str]) -> list[Row]:
    """What reports that see no image get in each subgroup, of the first run that was scored with such a metric."""
    run = next((run for run in runs if run.found.policies), None)
    rows: list[Row] = []
    for policy, held in POLICIES.items() if run is not None else ():
        assert run is not None
        kept = {shown: label for shown, label in held.items() if shown in labels}
        for i, (group, inside) in enumerate(zip(run.divided.groups, run.divided.members, strict=True)):
            values = run.found.policies_over(inside) if group.shown else {}
            cells = {shown: Cell(values.get(label)) for shown, label in kept.items()}
            named = {run.divided.attribute.name: Cell(group.name), **_sizes(group)}
            if kept:
                rows.append(policy_row(policy, named | cells, rule=not i))
    return rows


_WHO = (TableColumn("model"), TableColumn("task"), TableColumn("variant"))
_SIZE = (TableColumn("n", kind="count"), TableColumn("patients", kind="count"))
_GAP = (
    TableColumn("metric"),
    TableColumn("worst"),
    TableColumn("worst value", "score there", "score"),
    TableColumn("best"),
    TableColumn("best value", "score there", "score"),
    TableColumn("gap", kind="score", interval=True, beside=True),
    TableColumn("max-T", "p (max-T)", "p"),
)


def _who(run: _DividedRun) -> dict[str, Cell]:
    return {
        "model": Cell(run.entry.run.card.label),
        "task": Cell(run.entry.run.identity.task),
        "variant": Cell(run.variant),
    }


def _group_row(run: _DividedRun, place: int) -> Row:
    group = run.divided.groups[place]
    cells = _who(run) | {run.divided.attribute.name: Cell(group.name)} | _sizes(group)
    if group.shown:
        for i, column in enumerate(run.found.columns):
            cells[column.label] = marked(Cell(*run.inside.at((place, i))), [run.entry.run], column.metric)
    return Row(cells, ranked=False)


def _gap_row(run: _DividedRun, column: int, gap: Gap) -> Row:
    groups, of = run.divided.groups, run.found.columns[column]
    significant = gap.p <= ALPHA and gap.low > 0
    return Row(
        _who(run)
        | {
            "metric": Cell(labelled(of)),
            "worst": Cell(groups[gap.worst].name),
            "worst value": Cell(finite(run.inside.value[gap.worst, column])),
            "best": Cell(groups[gap.best].name),
            "best value": Cell(finite(run.inside.value[gap.best, column])),
            "gap": Cell(gap.difference, finite(gap.low), finite(gap.high), mark=SIGN if significant else ""),
            "max-T": Cell(finite(gap.p)),
        },
        ranked=False,
    )


def _difference_table(
    sides: ComparableSides, divided: Divided, which: int, found: GroupDifferences, *, members: int, resamples: int
) -> Table:
    """One arm against the first: a row for each column and subgroup."""
    first, second = sides.arms[0], sides.arms[which + 1]
    size = len(sides.found.columns)

    def cell(values: FloatArray, arm: ComparedSide) -> Callable[[tuple[int, int]], Cell]:
        def value(at: tuple[int, int]) -> Cell:
            if not divided.groups[at[0]].shown:
                return Cell()
            return marked(Cell(finite(values[at])), arm.runs, sides.found.columns[at[1]].metric)

        return value

    def within(at: tuple[int, int]) -> Cell:
        return Cell(*found.within.at(at)) if divided.groups[at[0]].shown else Cell()

    def against(at: tuple[int, int]) -> Cell:
        value, low, high = found.against.at(at[0] * size + at[1])
        apart = low is not None and high is not None and (low > 0 or high < 0)
        apart &= not was_optimized((*first.runs, *second.runs), sides.found.columns[at[1]].metric)
        return Cell(value, low, high, mark=SIGN if apart and found.against.p[at[0] * size + at[1]] <= ALPHA else "")

    columns: list[CellColumn[tuple[int, int]]] = [
        CellColumn(TableColumn("column", "metric"), lambda at: labelled(sides.found.columns[at[1]])),
        CellColumn(TableColumn(divided.attribute.name), lambda at: divided.groups[at[0]].name),
        CellColumn(TableColumn("n", kind="count"), lambda at: _sizes(divided.groups[at[0]])["n"]),
        CellColumn(TableColumn("patients", kind="count"), lambda at: _sizes(divided.groups[at[0]])["patients"]),
        CellColumn(TableColumn(first.name, "A", "score"), cell(found.first, first)),
        CellColumn(TableColumn(second.name, "B", "score"), cell(found.second, second)),
        CellColumn(
            TableColumn("difference", "B - A", "difference", interval=True, beside=True),
            within,
        ),
        CellColumn(
            TableColumn("against the rest", "against the rest", "difference", interval=True, beside=True),
            against,
        ),
        CellColumn(
            TableColumn("max-T", "p (max-T)", "p"),
            lambda at: finite(found.against.p[at[0] * size + at[1]]) if divided.groups[at[0]].shown else None,
        ),
    ]
    places = [(group, column) for column in range(size) for group in range(len(divided.groups))]
    return Table(
        name=f"compare-{which + 1}-by-{_name(divided.attribute.name)}",
        title=f"B = {second.name} against A = {first.name}, by {divided.attribute.name}",
        columns=tuple(written.column for written in columns),
        rows=tuple(Row(cells_of(columns, at), rule=i > 0 and at[0] == 0) for i, at in enumerate(places)),
        notes=(
            *_notes(divided, resamples),
            "Against the rest: B - A in the subgroup minus B - A in all other studies whose subgroup is known.",
            f"p: of that difference, bootstrap max-T over {members} comparisons.",
            *_policies_by_group(sides, divided),
            *optimized_note((*first.runs, *second.runs)),
            f"{SIGN} significant: p at most {ALPHA:g}, and an interval without 0.",
        ),
    )


def _policies_by_group(sides: ComparableSides, divided: Divided) -> list[str]:
    """What reports that see no image get in each subgroup, a sentence each."""
    shown = {column.label for column in sides.found.columns}
    groups = zip(divided.groups, divided.members, strict=True)
    return [
        f"{group.name}: {note}"
        for group, inside in groups
        if group.shown
        for note in policy_notes(sides.found.policies_over(inside), shown)
    ]


def _sizes(group: Group) -> dict[str, Cell]:
    """How large a subgroup is; of a small one, only that it is small."""
    if group.shown:
        return {"n": Cell(group.studies), "patients": Cell(group.patients)}
    return {"n": Cell(), "patients": Cell(f"<{MIN_PATIENTS}")}


def _notes(divided: Divided, resamples: int) -> list[str]:
    notes = [
        f"Groups are {divided.attribute.says}.",
        f"Intervals: {100 * LEVEL:g} % percentile bootstrap over patients, {resamples:,} resamples.",
    ]
    if any(not group.shown for group in divided.groups):
        notes.append(f"Groups of fewer than {MIN_PATIENTS} patients are not shown and enter no gap.")
    if divided.unknown:
        notes.append(f"{divided.unknown:,} studies are in no group, because the data does not state it.")
    return notes


def _name(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
