"""A comparison as tables: one for each arm against the first, and one for what failures and truncation change."""

from __future__ import annotations

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.results.comparison.compare import Comparison
from mmrad_eval.results.statistics.paired import Differences
from mmrad_eval.results.tables.table import Cell, Row, Table, TableColumn

ALPHA = 0.05
_SIGN = "*"


def comparison_tables(found: Comparison, *, margin: float | None = None) -> list[Table]:
    """The tables; with ``margin``, a column says how sure it is that the difference lies within it."""
    tables = [_table(found, i, margin) for i in range(len(found.differences))]
    if found.all_ok or len({tuple(sorted(run.statuses.items())) for run in found.as_run}) > 1:
        tables += [_as_run(found, i) for i in range(len(found.differences))]
    return tables


def significant(found: Comparison, which: int, column: int) -> bool:
    """Whether a difference is real: the primary one by its own p, any other one after max-T (Holm without it)."""
    if found.primary == (which, column):
        return bool(found.differences[which].p[column] <= ALPHA)
    adjusted = found.family.max_t[which, column]
    if not np.isfinite(adjusted):
        adjusted = found.family.holm[which, column]
    return bool(adjusted <= ALPHA)


def _table(found: Comparison, which: int, margin: float | None) -> Table:
    first, second = found.arms[0], found.arms[which + 1]
    d = found.differences[which]
    columns = (
        TableColumn("column", "metric"),
        TableColumn("better", media="data"),
        TableColumn(first.name, "A", "score"),
        TableColumn(second.name, "B", "score"),
        TableColumn("difference", "B - A", "difference", interval=True, beside=True),
        TableColumn("relative", "B / A - 1, %", "percent", headline=False),
        TableColumn("p", kind="p"),
        TableColumn("Holm", kind="p"),
        TableColumn("max-T", kind="p"),
        TableColumn("wins", kind="count", media="data"),
        TableColumn("losses", kind="count", media="data"),
        TableColumn("ties", kind="count", media="data"),
        TableColumn("wins-losses", "won-lost", "count", media="drawn"),
        TableColumn("effect", "effect d", "difference", digits=2, headline=False),
        TableColumn("error", kind="score", media="data"),
        TableColumn("detectable", "detectable at 80 %", "score", headline=False),
        *([TableColumn("equivalent", f"p of |B - A| < {margin:g}", "p")] if margin is not None else []),
        *([TableColumn("agree", "prompts that agree, %", "percent")] if found.stability else []),
        TableColumn("patients", kind="count", media="data"),
        TableColumn("studies", kind="count", media="data"),
        TableColumn("signature", media="data"),
    )
    rows = []
    equivalent = d.equivalent(margin) if margin is not None else None
    detectable = d.detectable()
    for i, column in enumerate(found.columns):
        wins, losses = (d.wins[i], d.losses[i])[:: column.sign]
        is_primary = found.primary == (which, i)
        cells = {
            "column": Cell(
                f"{column.label}{_ARROWS[column.better]}", note="primary: tested alone" if is_primary else ""
            ),
            "better": Cell(column.better),
            first.name: _cell(d.first, i),
            second.name: _cell(d.second, i),
            "difference": Cell(
                _number(d.difference, i),
                _number(d.low, i),
                _number(d.high, i),
                mark=_SIGN if significant(found, which, i) else "",
            ),
            "relative": Cell(_relative(d, i)),
            "p": _cell(d.p, i),
            "Holm": _cell(found.family.holm[which], i),
            "max-T": _cell(found.family.max_t[which], i),
            "wins": Cell(int(wins)),
            "losses": Cell(int(losses)),
            "ties": Cell(int(d.ties[i])),
            "wins-losses": Cell(f"{int(wins):,}-{int(losses):,}"),
            "effect": _cell(d.effect, i),
            "error": _cell(d.error, i),
            "detectable": _cell(detectable, i),
            "patients": Cell(d.patients),
            "studies": Cell(found.studies),
            "signature": Cell(column.signature),
        }
        if equivalent is not None:
            cells["equivalent"] = _cell(equivalent, i)
        if found.stability:
            cells["agree"] = _cell(found.stability[which][0], i)
        before = found.columns[i - 1].metric.partition("@")[0] if i else column.metric.partition("@")[0]
        rows.append(Row(cells, rule=column.metric.partition("@")[0] != before))
    return Table(
        name=f"compare-{which + 1}",
        title=f"B = {second.name} against A = {first.name}",
        columns=columns,
        rows=tuple(rows),
        notes=tuple(_notes(found, d, margin)),
    )


_ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}


def _notes(found: Comparison, d: Differences, margin: float | None) -> list[str]:
    members = len(found.columns) * len(found.differences) - (found.primary is not None)
    unit = "no patient ids, so studies are resampled: too narrow if patients recur"
    if found.cluster == "patient":
        unit = f"{d.patients:,} patients"
    method = "BCa" if found.method == "bca" else "percentile"
    whose = "the primary p, or max-T" if found.primary is not None else "max-T"
    notes = [
        f"{found.studies:,} studies that every run answered; {unit}.",
        f"Interval: {100 * found.level:g} % {method} bootstrap, {found.resamples:,} resamples.",
        "p: paired approximate randomisation.",
        f"Holm and max-T adjust for {members} comparisons. {_SIGN} real: {whose} at most {ALPHA:g}.",
    ]
    if d.patients < 2:
        notes.append("One patient says nothing about other patients: no interval and no p.")
    if any(len(arm.runs) > 1 for arm in found.arms):
        notes.append("Runs of one side are averaged, and resampled as a level of their own (two-way bootstrap).")
    if margin is not None:
        notes.append(f"Equivalent within {margin:g}: two one-sided bootstrap tests.")
    apart = (f"Not compared: {note}." for note in found.apart)
    return [*notes, *(f"{note}." for note in found.left_out), *apart, *found.sanity]


def _as_run(found: Comparison, which: int) -> Table:
    """What each arm scored over its own studies, and the difference where every answer is ok."""
    first, second = found.as_run[0], found.as_run[which + 1]
    ok = found.all_ok[which] if found.all_ok else None
    keys = (f"{first.name} as run", f"{second.name} as run")
    columns = (
        TableColumn("column", "metric"),
        TableColumn(keys[0], "A as run", "score", interval=True),
        TableColumn(keys[1], "B as run", "score", interval=True),
        TableColumn("difference", "B - A, same studies", "difference", interval=True),
        TableColumn("ok difference", "B - A, all ok", "difference", interval=True),
        TableColumn("ok p", "p, all ok", "p"),
    )
    rows = []
    d = found.differences[which]
    for i, column in enumerate(found.columns):
        cells = {
            "column": Cell(f"{column.label}{_ARROWS[column.better]}"),
            "difference": Cell(_number(d.difference, i), _number(d.low, i), _number(d.high, i)),
        }
        for key, run in zip(keys, (first, second), strict=True):
            stored = run.columns.get(column.label)
            if stored is not None:
                cells[key] = Cell(stored.value, stored.low, stored.high)
        if ok is not None:
            cells["ok difference"] = Cell(_number(ok.difference, i), _number(ok.low, i), _number(ok.high, i))
            cells["ok p"] = _cell(ok.p, i)
        rows.append(Row(cells))
    notes = [
        f"{letter}: {run.scored:,} of {run.n:,} studies scored ({_counts(run.statuses)})."
        for letter, run in zip("AB", (first, second), strict=True)
    ]
    notes.append(
        f"All ok: the {found.ok_studies:,} studies whose answers are ok in every run."
        if ok is not None
        else "No study is ok in every run."
        if not found.ok_studies
        else "Every compared study is ok in every run: both differences are the same."
    )
    return Table(
        name=f"as-run-{which + 1}",
        title=f"What failures and truncation change: B = {second.name}, A = {first.name}",
        columns=columns,
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _counts(statuses: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {status}" for status, n in sorted(statuses.items(), key=lambda pair: -pair[1]))


def _relative(d: Differences, i: int) -> float | None:
    """The difference as a share of the first arm's size; None where that is nothing."""
    first, difference = d.first[i], d.difference[i]
    return float(difference / abs(first)) if np.isfinite(difference) and abs(first) > 1e-12 else None


def _cell(values: FloatArray, i: int) -> Cell:
    return Cell(_number(values, i))


def _number(values: FloatArray, i: int) -> float | None:
    value = values[i]
    return float(value) if np.isfinite(value) else None
