"""The audit of a table made elsewhere: what must hold if its numbers were computed as its headings say.

A board's means obey the formulas that its reports obey (RadCliQ is linear), within what rounding allows. So a row that
was mixed up, mistyped or averaged another way shows, and by how much, without the reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmrad_eval.core.values import Study, Target
from mmrad_eval.metrics.composites.radcliq import PERFECT, V1
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn
from mmrad_eval.results.validation import audit_rows, formula_check
from mmrad_eval.results.validation.checks import Broken, Check
from mmrad_eval.results.validation.score_files import PROFILE, RADCLIQ_V1, Measure, ScoreFile, duplicates, measure_of


@dataclass
class Audit:
    """What was checked of one table, and what broke."""

    sheet: ScoreFile
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[Broken]:
        """Everything that does not hold, by check."""
        return [broken for check in self.checks for broken in check.broken]


def audit(
    sheet: ScoreFile,
    *,
    rows: Mapping[str, ScoreFile] | None = None,
    against: ScoreFile | None = None,
    studies: Sequence[Study] = (),
    target: Target = "findings",
) -> Audit:
    """Check one table.

    ``rows``: the reports behind rows of a board, by the row's name. ``against``: another copy of the same table.
    ``studies``: the studies that were scored, with their references, in their order.
    """
    found = Audit(sheet)
    found.checks += [_names(sheet), _cells(sheet), _ranges(sheet), _intervals(sheet)]
    if sheet.kind == "board":
        found.checks.append(_order_of_ranks(sheet))
    found.checks += formula_check.checks(sheet)
    if sheet.kind == "reports":
        found.checks += audit_rows.within(sheet)
        if studies:
            found.checks += audit_rows.with_references(sheet, studies, target)
        else:
            found.notes.append("which studies are missing, and their order, was not checked: give --references")
    for name, reports in (rows or {}).items():
        found.checks.append(audit_rows.means(sheet, name, reports))
    if against is not None:
        found.checks.append(_copy(sheet, against))
    found.notes += _unchecked(sheet, rows or {})
    found.checks = [check for check in found.checks if check.looked]
    return found


def across(sheets: Sequence[ScoreFile]) -> list[Check]:
    """What rows of one name must share on several boards: who made the system, and where it is found.

    A rank is a fact of its board: boards with other measures, or of other data, order the same systems otherwise. So
    ranks are compared only between boards that state the same numbers.
    """
    boards = [sheet for sheet in sheets if sheet.kind == "board"]
    checks = []
    for number, board in enumerate(boards[1:], 1):
        first = boards[0]
        alike = _same_numbers(board, first)
        shared = [
            column
            for column in board.texts
            if column in first.texts and column != board.key and (alike or not _is_rank(column))
        ]
        at = {name: row for row, name in enumerate(first.names)}
        broken = [
            Broken(board.where(row), column, mine, theirs, f"{first.path.name} disagrees about this name")
            for row, name in enumerate(board.names)
            for column in shared
            if name in at and (mine := board.texts[column][row]) != (theirs := first.texts[column][at[name]])
        ]
        both = sum(name in at for name in board.names)
        checks.append(Check(f"facts of a system agree between boards 1 and {number + 1}", both * len(shared), broken))
    return [check for check in checks if check.looked]


def _is_rank(column: str) -> bool:
    return column.strip().lower() in {"rank", "#", "place", "position"}


def _same_numbers(one: ScoreFile, other: ScoreFile) -> bool:
    """Whether two boards have the same measures, and the same value of each for the systems that both have."""
    if set(one.numbers) != set(other.numbers):
        return False
    at = {name: row for row, name in enumerate(other.names)}
    rows = [(row, at[name]) for row, name in enumerate(one.names) if name in at]
    mine, theirs = [a for a, _ in rows], [b for _, b in rows]
    return all(np.array_equal(v[mine], other.numbers[c][theirs], equal_nan=True) for c, v in one.numbers.items())


def tables_of(audits: Sequence[Audit], between: Sequence[Check] = ()) -> list[Table]:
    """For each audit, the checks, and below them what broke."""
    tables = []
    for number, one in enumerate(audits, 1):
        title = f"{one.sheet.path.name}: {len(one.sheet)} {'systems' if one.sheet.kind == 'board' else 'reports'}"
        tables += _drawn(f"audit-{number}", title, one.checks, one.notes)
    if between:
        tables += _drawn("audit-between", "Between the boards", between, [])
    return tables


def _drawn(name: str, title: str, checks: Sequence[Check], notes: Sequence[str]) -> list[Table]:
    columns = (
        TableColumn("check", title="what must hold"),
        TableColumn("looked", title="looked at", kind="count"),
        TableColumn("broken", kind="count"),
        TableColumn("worst", title="largest deviation"),
    )
    rows = [
        Row(
            {
                "check": Cell(check.name),
                "looked": Cell(check.looked),
                "broken": Cell(len(check.broken)),
                "worst": Cell(check.worst),
            }
        )
        for check in checks
    ]
    drawn = [Table(name, title, columns, tuple(rows), notes=tuple(dict.fromkeys(notes)))]
    broken = [(check.name, one) for check in checks for one in check.broken]
    if broken:
        headings = ("row", "column", "stated", "expected", "off by", "why", "check")
        lines = [
            Row(
                {
                    "row": Cell(one.row),
                    "column": Cell(one.column),
                    "stated": Cell(_written(one.stated)),
                    "expected": Cell(_written(one.expected)),
                    "off by": Cell(_off(one)),
                    "why": Cell(one.why),
                    "check": Cell(check),
                }
            )
            for check, one in broken
        ]
        drawn.append(
            Table(
                f"{name}-broken",
                f"{title}: failed checks",
                tuple(TableColumn(heading, media="data" if heading == "check" else "all") for heading in headings),
                tuple(lines),
            )
        )
    return drawn


def _written(value: str | float | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.6g}"


def _off(one: Broken) -> str:
    off = one.off
    return "" if off is None else f"{off:+.3g}"


def _names(sheet: ScoreFile) -> Check:
    """Each row has a name of its own."""
    broken = [
        Broken(sheet.where(row), sheet.key, name or "(empty)", "one row", f"occurs {len(rows)} times")
        for name, rows in duplicates(sheet.names)
        for row in rows[1:]
    ]
    broken += [
        Broken(sheet.where(row), sheet.key, "(empty)", "a name", "") for row in _where(not n for n in sheet.names)
    ]
    return Check("each row has a unique name", len(sheet), broken)


def _cells(sheet: ScoreFile) -> Check:
    """Each score is a number and is there."""
    broken = [Broken(sheet.where(odd.row), odd.column, odd.text, "a number", "") for odd in sheet.odd]
    known = {(odd.row, odd.column) for odd in sheet.odd}
    for column, values in sheet.numbers.items():
        if sheet.kind == "board" and PROFILE in column:
            continue  # a table of ours: a run without the column was not scored with it, and a note says so
        gone = [row for row in _where(np.isnan(values)) if (row, column) not in known]
        if len(gone) > 3:
            why = f"{len(gone)} of {len(sheet)} rows have none, so its mean covers other rows than the rest"
            broken.append(Broken(sheet.where(gone[0]), column, "(empty)", "a number", why))
        else:
            broken += [Broken(sheet.where(row), column, "(empty)", "a number", "missing") for row in gone]
    return Check("each score is present and a number", len(sheet) * len(sheet.numbers), broken)


def _ranges(sheet: ScoreFile) -> Check:
    """Each score is one that its measure can take."""
    looked, broken = 0, []
    for column, values in sheet.numbers.items():
        known = measure_of(column)
        if known is None:
            continue
        looked += int(np.isfinite(values).sum())
        percent = _percent(known[0], values)
        for row in _where(np.isfinite(values)):
            limit = _beyond(float(values[row]) / (100 if percent else 1), *known)
            if limit:
                broken.append(Broken(sheet.where(row), column, float(values[row]), limit, "no report can score this"))
    return Check("each score is in the range of its metric", looked, broken)


def _percent(measure: Measure, values: Iterable[float]) -> bool:
    """Whether a column that ends at 1 is written in percent: at least half of its values are between 2 and 100."""
    known = np.array([value for value in values if np.isfinite(value)])
    return measure.high == 1.0 and len(known) > 0 and bool((known > 2).mean() >= 0.5) and bool(known.max() <= 100)


def _beyond(value: float, measure: Measure, inverse: bool) -> str:
    """The limit that a value lies beyond, in words; empty where it is possible."""
    if inverse:
        if value == 0:
            return "not 0: no score is infinite"
        value = 1 / value
    slack = 1e-6 + (0.01 if inverse else 0.0)
    low = float(V1(PERFECT)) if measure == RADCLIQ_V1 else measure.low
    if low is not None and value < low - slack:
        return f"at least {low:.5g}" + (" before the reciprocal" if inverse else "")
    if measure.high is not None and value > measure.high + slack:
        return f"at most {measure.high:g}" + (" before the reciprocal" if inverse else "")
    return ""


def _intervals(sheet: ScoreFile) -> Check:
    """A value lies between the ends of its own interval."""
    looked, broken = 0, []
    for column, values in sheet.numbers.items():
        low, high = sheet.numbers.get(f"{column} low"), sheet.numbers.get(f"{column} high")
        if low is None or high is None:
            continue
        looked += len(values)
        outside = _where((values < low - 1e-12) | (values > high + 1e-12))
        broken += [
            Broken(
                sheet.where(row), column, float(values[row]), f"{low[row]:.6g} to {high[row]:.6g}", "its own interval"
            )
            for row in outside
        ]
    return Check("each value lies within its interval", looked, broken)


def _order_of_ranks(sheet: ScoreFile) -> Check:
    """Ranks count up from 1, one a row."""
    column = next((name for name in sheet.texts if name.strip().lower() == "rank"), None)
    if column is None:
        return Check("ranks count up", 0, [])
    broken = [
        Broken(sheet.where(row), column, text, str(row + 1), "rows were moved, or a rank is wrong")
        for row, text in enumerate(sheet.texts[column])
        if text != str(row + 1)
    ]
    return Check("ranks are consecutive, one per row", len(sheet), broken)


def _copy(sheet: ScoreFile, other: ScoreFile) -> Check:
    """Two copies of one table say the same."""
    at = {name: row for row, name in enumerate(other.names)}
    mine = set(sheet.names)
    broken = [
        Broken(sheet.where(row), sheet.key, name, "(not there)", "")
        for row, name in enumerate(sheet.names)
        if name not in at
    ]
    broken += [
        Broken(name, other.key, "(missing)", name, "only in the other copy") for name in other.names if name not in mine
    ]
    shared = [column for column in sheet.numbers if column in other.numbers]
    for row, name in enumerate(sheet.names):
        for column in shared if name in at else ():
            a, b = float(sheet.numbers[column][row]), float(other.numbers[column][at[name]])
            same = sheet.decimals[column] == other.decimals[column]
            slack = 1e-9 + (0.0 if same else sheet.half(column) + other.half(column))
            if np.isnan(a) != np.isnan(b) or abs(a - b) > slack:
                broken.append(Broken(sheet.where(row), column, a, b, f"{other.path.name} disagrees"))
    common = [name for name in sheet.names if name in at]
    if common != [name for name in other.names if name in mine]:
        first = next(a for a, b in zip(common, (n for n in other.names if n in mine), strict=True) if a != b)
        broken.append(Broken(first, sheet.key, "another order", "the other copy's order", "rows were moved"))
    return Check(f"the same as in {other.path.name}", len(common) * len(shared), broken)


def _unchecked(sheet: ScoreFile, rows: Mapping[str, ScoreFile]) -> list[str]:
    """What could not be checked, and what would let it be."""
    if sheet.kind != "board" or rows:
        return []
    formula = set(formula_check.parts_of(sheet))
    rest = [column for column in sheet.numbers if column not in formula]
    return (
        [f"no formula ties {', '.join(rest)} to other columns: check them with --rows SYSTEM=REPORTS.csv"]
        if rest
        else []
    )


def _where(flags: Iterable[object]) -> Iterator[int]:
    return (row for row, flag in enumerate(flags) if flag)
