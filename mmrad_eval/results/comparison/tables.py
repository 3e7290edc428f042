"""A comparison as tables: one for each arm against the first, and one for what failures and truncation change."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from msgspec.structs import replace

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.comparison.compare import AsRun, ComparedSide, Comparison
from mmrad_eval.results.comparison.lengths import NEAR
from mmrad_eval.results.comparison.shared_columns import SharedColumn
from mmrad_eval.results.leaderboard.costs import cost_table
from mmrad_eval.results.leaderboard.optimized import marked, optimized_note
from mmrad_eval.results.leaderboard.policy_rows import policy_notes
from mmrad_eval.results.leaderboard.rows import mean_cell
from mmrad_eval.results.run.naming import facts
from mmrad_eval.results.statistics.bootstrap import finite
from mmrad_eval.results.statistics.paired import Differences
from mmrad_eval.results.tables.table import Cell, CellColumn, Row, Table, TableColumn, cells_of

ALPHA = 0.05
SIGN = "*"


def comparison_tables(found: Comparison, *, margin: float | None = None) -> list[Table]:
    """The tables; with ``margin``, a column says how sure it is that the difference lies within it."""
    tables = [_table(found, i, margin) for i in range(len(found.differences))]
    if found.all_ok or len({tuple(sorted(run.statuses.items())) for run in found.as_run}) > 1:
        tables += [_as_run(found, i) for i in range(len(found.differences))]
    spent = cost_table("compare-costs", [(run.name, run.samples) for run in found.as_run])
    return [*tables, *([spent] if spent else [])]


def significant(found: Comparison, which: int, column: int) -> bool:
    """Whether a difference is statistically significant: its p is at most 0.05, and its interval does not contain 0.

    Never in a metric that a model of either side was optimized for.
    p of the primary difference is its own; that of any other is the one after max-T (Holm where max-T is undefined).
    """
    d = found.differences[which]
    if any(found.optimized(which, column)):
        return False
    if found.primary == (which, column):
        p = d.p[column]
    else:
        max_t = found.family.max_t[which, column]
        p = max_t if np.isfinite(max_t) else found.family.holm[which, column]
    return bool(p <= ALPHA and (d.low[column] > 0 or d.high[column] < 0))


def _table(found: Comparison, which: int, margin: float | None) -> Table:
    first, second = found.arms[0], found.arms[which + 1]
    columns = _columns(found, which, margin)
    families = [column.metric.partition("@")[0] for column in found.columns]
    rows = (Row(cells_of(columns, i), rule=i > 0 and families[i] != families[i - 1]) for i in range(len(found.columns)))
    return Table(
        name=f"compare-{which + 1}",
        title=f"B = {second.name} against A = {first.name}: {_headline(found, which)}",
        columns=tuple(written.column for written in columns),
        rows=tuple(rows),
        notes=tuple(_notes(found, which, margin)),
    )


def _headline(found: Comparison, which: int) -> str:
    """How many columns differ significantly, and in whose favor."""
    signs = [
        (1 if found.differences[which].difference[i] > 0 else -1) * column.sign
        for i, column in enumerate(found.columns)
        if column.better and significant(found, which, i)
    ]
    judged = sum(bool(c.better) and not any(found.optimized(which, i)) for i, c in enumerate(found.columns))
    if not signs:
        return f"no significant difference in {judged} columns" if judged != 1 else "no significant difference"
    sides = [f"{word} in {signs.count(sign)}" for word, sign in (("better", 1), ("worse", -1)) if sign in signs]
    return f"significantly {' and '.join(sides)} of {judged} columns"


def _columns(found: Comparison, which: int, margin: float | None) -> list[CellColumn[int]]:
    """The columns, each with its cell for a compared column by position: a further one is a further line here."""
    d, of = found.differences[which], found.columns
    detectable = d.detectable()
    columns = [
        CellColumn(TableColumn("column", "metric"), lambda i: _named(found, which, i)),
        CellColumn(TableColumn("better", media="data"), lambda i: of[i].better),
        CellColumn(TableColumn(found.arms[0].name, "A", "score"), lambda i: _value(found, which, i, second=False)),
        CellColumn(
            TableColumn(found.arms[which + 1].name, "B", "score"), lambda i: _value(found, which, i, second=True)
        ),
        CellColumn(
            TableColumn("difference", "B - A", "difference", interval=True, beside=True),
            lambda i: replace(_between(d, i), mark=SIGN if significant(found, which, i) else ""),
        ),
        CellColumn(TableColumn("relative", "B / A - 1, %", "percent", headline=False), lambda i: _relative(d, i)),
        _numbers(TableColumn("p", kind="p"), d.p),
        _numbers(TableColumn("Holm", kind="p"), found.family.holm[which]),
        _numbers(TableColumn("max-T", kind="p"), found.family.max_t[which]),
        CellColumn(TableColumn("wins", kind="count", media="data"), lambda i: _outcomes(d, of[i], i)[0]),
        CellColumn(TableColumn("losses", kind="count", media="data"), lambda i: _outcomes(d, of[i], i)[1]),
        CellColumn(TableColumn("ties", kind="count", media="data"), lambda i: int(d.ties[i])),
        CellColumn(
            TableColumn("wins-losses", "wins-losses", "count", media="drawn"),
            lambda i: "-".join(f"{count:,}" for count in _outcomes(d, of[i], i)),
        ),
        _numbers(TableColumn("effect", "effect d", "difference", digits=2, headline=False), d.effect),
        _numbers(TableColumn("error", kind="score", media="data"), d.error),
        _numbers(TableColumn("detectable", "detectable at 80 %", "score", headline=False), detectable),
    ]
    if margin is not None:
        title = f"p of |B - A| < {margin:g}"
        columns.append(_numbers(TableColumn("equivalent", title, "p"), d.equivalent(margin)))
    if found.stability:
        agree = found.stability[which][0]
        columns.append(_numbers(TableColumn("agree", "prompts that agree, %", "percent"), agree))
    if found.same_length:
        columns.append(
            CellColumn(
                TableColumn("same length", "B - A, same length", "difference", interval=True, beside=True),
                lambda i: _between(same.difference, i) if (same := found.same_length[which]) else None,
            )
        )
    return [
        *columns,
        CellColumn(TableColumn("optimized", media="data"), lambda i: _optimized(found, which, i)),
        CellColumn(TableColumn("patients", kind="count", media="data"), lambda _: d.patients),
        CellColumn(TableColumn("studies", kind="count", media="data"), lambda _: found.studies),
        CellColumn(TableColumn("signature", media="data"), lambda i: of[i].signature),
    ]


def _numbers(column: TableColumn, values: FloatArray) -> CellColumn[int]:
    """A column of one array, a number a compared column."""
    return CellColumn(column, lambda i: finite(values[i]))


def _value(found: Comparison, which: int, i: int, *, second: bool) -> Cell:
    """What a side scored, with a mark where its model was optimized for that."""
    d, arm = found.differences[which], found.arms[which + 1 if second else 0]
    return marked(Cell(finite((d.second if second else d.first)[i])), arm.runs, found.columns[i].metric)


def _optimized(found: Comparison, which: int, i: int) -> str | None:
    """The sides whose model was optimized for a column's metric."""
    return " ".join(side for side, was in zip("AB", found.optimized(which, i), strict=True) if was) or None


def _named(found: Comparison, which: int, i: int) -> Cell:
    column = found.columns[i]
    note = "primary: tested alone" if found.primary == (which, i) else ""
    return Cell(labelled(column), note=note)


def labelled(column: SharedColumn) -> str:
    """A column's label, with an arrow to its better end."""
    return f"{column.label}{_ARROWS[column.better]}"


def _between(d: Differences, i: int) -> Cell:
    """The difference with its interval."""
    return Cell(finite(d.difference[i]), finite(d.low[i]), finite(d.high[i]))


def _outcomes(d: Differences, column: SharedColumn, i: int) -> tuple[int, int]:
    """Patients that the second arm wins and loses."""
    wins, losses = (d.wins[i], d.losses[i])[:: column.sign]
    return int(wins), int(losses)


_ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}


def _notes(found: Comparison, which: int, margin: float | None) -> list[str]:
    d = found.differences[which]
    every = len(found.columns) * len(found.differences) - (found.primary is not None)
    equal = every - found.family.members
    unit = "no patient ids, so studies are resampled: too narrow if patients recur"
    if found.cluster == "patient":
        unit = f"{d.patients:,} patients"
    method = "BCa" if found.method == "bca" else "percentile"
    whose = "the primary p, or max-T," if found.primary is not None else "max-T"
    notes = [
        f"{found.studies:,} studies that every run answered; {unit}.",
        f"Interval: {100 * found.level:g} % {method} bootstrap, {found.resamples:,} resamples.",
        "p: paired approximate randomization.",
        f"Holm and max-T adjust for {found.family.members} comparison{'s' * (found.family.members != 1)}"
        + (f"; {equal} more columns equal one of these in every resample, or have no p." if equal else "."),
        f"{SIGN} significant: {whose} at most {ALPHA:g}, and an interval without 0.",
    ]
    if d.patients < 2:
        notes.append("One patient allows no inference about others: no interval and no p.")
    if any(len(arm.runs) > 1 for arm in found.arms):
        notes.append("Runs of one side are averaged, and resampled as a separate level (two-way bootstrap).")
    notes += _other_prompts(found.arms[0], found.arms[which + 1])
    if margin is not None:
        notes.append(f"Equivalent within {margin:g}: two one-sided bootstrap tests.")
    if found.same_length:
        notes.append(_length_note(found, which))
    apart = (f"Not compared: {note}." for note in found.apart)
    return [*notes, *(f"{note}." for note in found.left_out), *apart, *beside_notes(found, which), *found.sanity]


def beside_notes(found: Comparison, which: int) -> tuple[str, ...]:
    """What reports that see no image get, and what the mark of an optimized metric means."""
    runs = [run for arm in (found.arms[0], found.arms[which + 1]) for run in arm.runs]
    shown = {column.label for column in found.columns}
    return (*policy_notes(found.policies, shown), *optimized_note(runs))


def _other_prompts(first: ComparedSide, second: ComparedSide) -> Iterator[str]:
    """A note where the sides were not asked by prompts of the same names."""
    if any(run.prompt_file is None for run in (*first.runs, *second.runs)):
        return  # runs of an earlier version, whose prompts have no names
    one, other = (", ".join(sorted({str(facts(run)["prompt"]) for run in side.runs})) for side in (first, second))
    if one != other:
        yield f"The sides ran different prompts (A: {one}; B: {other}), so part of their difference may be due to them."


def _length_note(found: Comparison, which: int) -> str:
    same = found.same_length[which]
    if same is None:
        return "Same length: in no study are the reports of A and B about equally long."
    first, second = same.words
    said = (
        f"Same length: the {same.studies:,} studies in which the lengths of the reports differ by at most "
        f"{100 * NEAR:.0f} %, a sensitivity analysis. Words per report: A {first:.1f}, B {second:.1f}."
    )
    whole, left = found.differences[which], same.difference
    shown = [i for i in range(len(found.columns)) if significant(found, which, i)]
    gone = [
        i for i in shown if left.low[i] <= 0 <= left.high[i] and not left.low[i] <= whole.difference[i] <= left.high[i]
    ]
    if not gone:
        return said
    which_ones = "all" if len(gone) == len(shown) else ", ".join(found.columns[i].label for i in gone)
    return (
        f"{said} A difference of length: of {len(shown)} significant differences, {which_ones} vanish there, each with "
        "an interval that holds 0 and not the whole difference."
    )


def _as_run(found: Comparison, which: int) -> Table:
    """What each arm scored over its own studies, and the difference where every answer is ok."""
    first, second = found.as_run[0], found.as_run[which + 1]
    ok = found.all_ok[which] if found.all_ok else None
    keys = (f"{first.name} as run", f"{second.name} as run")
    d = found.differences[which]
    columns: list[CellColumn[int]] = [
        CellColumn(TableColumn("column", "metric"), lambda i: labelled(found.columns[i])),
        *(
            CellColumn(TableColumn(key, f"{letter} as run", "score", interval=True), partial(_stored, found, run))
            for key, letter, run in zip(keys, "AB", (first, second), strict=True)
        ),
        CellColumn(
            TableColumn("difference", "B - A, same studies", "difference", interval=True), lambda i: _between(d, i)
        ),
        CellColumn(
            TableColumn("ok difference", "B - A, all ok", "difference", interval=True),
            lambda i: _between(ok, i) if ok else None,
        ),
        CellColumn(TableColumn("ok p", "p, all ok", "p"), lambda i: finite(ok.p[i]) if ok else None),
    ]
    rows = [Row(cells_of(columns, i)) for i in range(len(found.columns))]
    notes = [
        f"{letter}: {run.scored:,} of {run.n:,} {'answers' if len(run.columns) > 1 else 'studies'} scored"
        f"{f', over {len(run.columns)} runs' if len(run.columns) > 1 else ''} ({_counts(run.statuses)})."
        for letter, run in zip("AB", (first, second), strict=True)
    ]
    if any(len(run.columns) > 1 for run in (first, second)):
        notes.append("As run: the mean over the runs of a side; its interval is the mean of theirs, never too narrow.")
    notes.append(
        f"All ok: the {found.ok_studies:,} studies whose answers are ok in every run."
        if ok is not None
        else "No study is ok in every run."
        if not found.ok_studies
        else "Every compared study is ok in every run: both differences are the same."
    )
    return Table(
        name=f"as-run-{which + 1}",
        title=f"Effect of failures and truncation: B = {second.name}, A = {first.name}",
        columns=tuple(written.column for written in columns),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _stored(found: Comparison, run: AsRun, i: int) -> Cell:
    """What the runs of a side scored by themselves, on average."""
    stored = [columns.get(found.columns[i].label) for columns in run.columns]
    return mean_cell(stored, found.columns[i].signature) or Cell()


def _counts(statuses: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {status}" for status, n in sorted(statuses.items(), key=lambda pair: -pair[1]))


def _relative(d: Differences, i: int) -> float | None:
    """The difference as a share of the first arm's size; None where that is nothing."""
    first, difference = d.first[i], d.difference[i]
    return float(difference / abs(first)) if np.isfinite(difference) and abs(first) > 1e-12 else None
