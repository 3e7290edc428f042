"""Published scores, scored again: which convention explains each column of a file with one row per report.

Every column of numbers is compared, report by report, with every column of every metric under each way of preparing
text and each part of the reports. Equal to the last written digit is an explanation; anything less is told as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Example, Report, Study, Target
from mmrad_eval.datasets.columns import plain
from mmrad_eval.metrics import Suite, suite
from mmrad_eval.results.scoring.measure import measure_examples
from mmrad_eval.results.statistics.bootstrap import finite
from mmrad_eval.results.statistics.rank_correlation import spearman
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn
from mmrad_eval.results.validation.formula_check import FORMULAS, PARTS
from mmrad_eval.results.validation.score_files import ScoreFile, measure_of

ALL, MOST, MOVED, NOT = "explained", "but for some rows", "rows reordered", "not explained"
TARGETS: tuple[Target, ...] = ("findings", "impression", "report")
VARIANTS: tuple[dict[str, str], ...] = (
    {"candidate": "as-is"},
    {"cut": "none"},
    {"candidate": "as-is", "cut": "none"},
)
"""Options of text preparation that published numbers differ by."""
EXACT = 1e-6
"""What single precision leaves of a number that is written in full."""
NEAR = 0.5
"""Spearman's rho from which on the nearest is worth naming, where nothing explains a column."""
MOSTLY = 0.9
"""Share of rows from which on a convention explains a column but for some rows."""
REFERENCE = ("reference", "ground_truth", "gt", "reference_report", "gt_report", "ref")
SHOWN = 3


@dataclass(frozen=True)
class Ours:
    """One column of a metric over the reports."""

    label: str
    signature: str
    values: FloatArray
    """(reports,), nan where undefined."""
    whole: float
    """Over all reports."""


@dataclass(frozen=True)
class ConventionMatch:
    """How one way of scoring fits one column of the file."""

    ours: Ours
    scale: str
    """What was done to ours: nothing, `` in percent``, `` as one over it``."""
    equal: int
    """Rows that are equal."""
    rows: int
    """Rows that both have."""
    largest: float
    """Largest difference."""
    sorted_equal: bool
    """Whether the same values stand there in another order."""
    alike: float
    """Spearman's rho; nan where one of them is constant."""
    wrong: tuple[int, ...]
    """Rows that differ."""


@dataclass(frozen=True)
class Explained:
    """A column of the file and what explains it best."""

    column: str
    verdict: str
    """``ALL``, ``MOST``, ``MOVED`` or ``NOT``."""
    best: ConventionMatch | None
    others: tuple[str, ...]
    """Labels that fit equally well."""
    mean: str
    """What the file's own row of means is, where it has one."""


def pairs(
    sheet: ScoreFile, studies: Sequence[Study] = (), predictions: Mapping[str, Report] | None = None
) -> list[Example]:
    """The reports of the file beside their references, by id; DataError where texts are missing.

    References are ``studies``, or stand in the file in a column called ``reference``; reports are ``predictions``, or
    stand in the file.
    """
    reports = sheet.reports() if predictions is None else predictions
    if not reports:
        raise DataError(f"{sheet.path} has no texts of reports: name the file that has them with --predictions")
    known = {study.id: study for study in studies} or _references(sheet)
    if not known:
        raise DataError(f"{sheet.path} has no references: name them with --references, or in a column called reference")
    examples = [
        Example(known[name], Answer(study=name, status="ok", report=reports[name]))
        for name in sheet.names
        if name in known and name in reports
    ]
    if not examples:
        raise DataError(
            f"no row of {sheet.path} has both texts: its ids look like {sheet.names[0]!r}, those of references "
            f"like {next(iter(known))!r}, those of reports like {next(iter(reports))!r}"
        )
    return examples


def ours(examples: Sequence[Example], metrics: Suite, targets: Sequence[Target] = TARGETS) -> Iterator[Ours]:
    """Every column of every metric, for each part of the reports that has references and each way to prepare text."""
    names = [metric.name for metric in metrics]
    prepared = [name for name in names if name.partition("@")[2].startswith("r2gen")]
    ways = [metrics, *(suite(prepared, options=options) for options in VARIANTS if prepared)]
    seen: set[tuple[str, str]] = set()
    for target in targets:
        part = [Example(one.study, one.answer, target) for one in examples]
        if not any(one.reference for one in part):
            continue
        corpus = Corpus([one.study for one in part if one.reference], target=target)
        for way in ways:
            for found in _scored(way, part, corpus):
                if (found.label, found.signature) not in seen:
                    seen.add((found.label, found.signature))
                    yield found


def explain(sheet: ScoreFile, examples: Sequence[Example], candidates: Sequence[Ours]) -> list[Explained]:
    """The best explanation of each column of the file."""
    at = {name: row for row, name in enumerate(sheet.names)}
    rows = np.array([at[one.study.id] for one in examples])
    return explain_rows(sheet, rows, [*candidates, *_formulas(sheet, rows)])


def explain_rows(sheet: ScoreFile, rows: NDArray[np.intp], candidates: Sequence[Ours]) -> list[Explained]:
    """The same with the rows of the file that the candidates' values stand for."""
    return [_explain(sheet, column, rows, candidates) for column in sheet.numbers]


def table_of(sheet: ScoreFile, found: Sequence[Explained], missing: Sequence[str] = ()) -> Table:
    """One row a column of the file."""
    rows = []
    for one in found:
        cells: dict[str, Cell] = {"column": Cell(one.column), "verdict": Cell(one.verdict), "means": Cell(one.mean)}
        match = one.best
        notes: list[str] = []
        if match is not None:
            cells["by"] = Cell(" = ".join((f"{match.ours.label}{match.scale}", *one.others)))
            cells |= {"rows": Cell(match.rows), "equal": Cell(match.equal), "rho": Cell(finite(match.alike))}
            cells["largest"] = Cell(f"{match.largest:.1e}")
            notes.append(match.ours.signature)
            if match.wrong and one.verdict == MOST:
                named = ", ".join(sheet.where(row) for row in match.wrong[:SHOWN])
                more = f" and {len(match.wrong) - SHOWN} more" if len(match.wrong) > SHOWN else ""
                notes.append(f"differs in {named}{more}")
        rows.append(Row(cells, notes=tuple(notes)))
    columns = (
        TableColumn("column"),
        TableColumn("verdict"),
        TableColumn("equal", title="equal", kind="count"),
        TableColumn("rows", title="of", kind="count"),
        TableColumn("rho", kind="score", digits=2),
        TableColumn("largest", title="largest gap"),
        TableColumn("by", title="explained by, or nearest"),
        TableColumn("means", title="its row of means"),
    )
    title = f"{sheet.path.name}: what explains its columns"
    return Table("reproduce", title, columns, tuple(rows), notes=tuple(missing))


def _formulas(sheet: ScoreFile, rows: NDArray[np.intp]) -> Iterator[Ours]:
    """RadCliQ made of the file's own columns, where it has all parts."""
    columns = [sheet.measured(part) for part in PARTS]
    if None not in columns:
        parts = np.column_stack([sheet.numbers[column][rows] for column in columns if column])
        for measure, formula in FORMULAS:
            values = formula(parts)
            yield Ours(
                f"{measure.name} of its own parts",
                f"radcliq|{measure.name}|of the columns {', '.join(map(str, columns))}|v1",
                values,
                float(np.mean(values)),
            )


def _references(sheet: ScoreFile) -> dict[str, Study]:
    """Studies made of a column of the file that holds references."""
    column = next((name for name in sheet.texts if plain(name) in REFERENCE), None)
    if column is None:
        return {}
    texts = zip(sheet.names, sheet.texts[column], strict=True)
    return {name: Study(id=name, reference=Report(text=text, findings=text)) for name, text in texts}


def _scored(metrics: Suite, examples: Sequence[Example], corpus: Corpus) -> Iterator[Ours]:
    scored = np.array([bool(one.reference) for one in examples])
    for measured in measure_examples(metrics, corpus, examples):
        own, whole = measured.own, measured.reduce(measured.extended(scored).sum(axis=0))
        own[~scored] = np.nan
        for number, column in enumerate(measured.metric.columns):
            yield Ours(column.label, measured.signature, own[:, number], float(whole[number]))


def _explain(sheet: ScoreFile, column: str, rows: NDArray[np.intp], candidates: Sequence[Ours]) -> Explained:
    stated, half = sheet.numbers[column][rows], sheet.half(column)
    known = measure_of(column)
    inverse = known is not None and known[1]
    matches = [match for one in candidates for match in _matches(one, stated, half, rows, inverse=inverse)]
    matches = [match for match in matches if 2 * match.rows > int(np.isfinite(stated).sum())]
    if not matches:
        return Explained(column, NOT, None, (), "")
    best = max(
        matches, key=lambda match: (match.equal, match.sorted_equal, -1 if np.isnan(match.alike) else match.alike)
    )
    verdict = _verdict(best)
    if verdict == NOT and not best.alike >= NEAR:
        return Explained(column, NOT, None, (), _mean(sheet, column, best, verdict))
    others: dict[str, None] = {}
    if verdict == ALL:
        same = [
            m for m in matches if m.equal == best.equal and (m.ours.label, m.scale) != (best.ours.label, best.scale)
        ]
        others = dict.fromkeys(f"{match.ours.label}{match.scale}" for match in same)
    return Explained(column, verdict, best, tuple(others), _mean(sheet, column, best, verdict))


def _matches(
    one: Ours, stated: FloatArray, half: float, rows: NDArray[np.intp], *, inverse: bool
) -> Iterator[ConventionMatch]:
    scales = {"": one.values, " in percent": 100 * one.values}
    if inverse:
        with np.errstate(divide="ignore", invalid="ignore"):
            scales = {" as one over it": 1 / one.values}
    for scale, values in scales.items():
        known = np.isfinite(values) & np.isfinite(stated)
        if not known.any():
            continue
        mine, theirs = values[known], stated[known]
        slack = half + EXACT * np.maximum(1.0, np.abs(mine))
        equal = np.abs(mine - theirs) <= slack
        in_order = bool((np.abs(np.sort(mine) - np.sort(theirs)) <= np.sort(slack)).all()) and len(set(theirs)) > 2
        yield ConventionMatch(
            one,
            scale,
            int(equal.sum()),
            int(known.sum()),
            float(np.abs(mine - theirs).max()),
            in_order,
            spearman(mine, theirs),
            tuple(int(row) for row in rows[known][~equal]),
        )


def _verdict(best: ConventionMatch) -> str:
    if best.equal == best.rows:
        return ALL
    if best.sorted_equal:
        return MOVED
    return MOST if best.equal >= MOSTLY * best.rows else NOT


def _mean(sheet: ScoreFile, column: str, best: ConventionMatch, verdict: str) -> str:
    """What the file's row of means is: the mean of its rows, or the value over the corpus."""
    stated = sheet.means.get(column)
    if stated is None:
        return ""
    slack = sheet.half(column) + EXACT
    values = sheet.numbers[column]
    if abs(stated - float(np.nanmean(values))) <= slack:
        return "the mean of its rows"
    if verdict == ALL and not best.scale and abs(stated - best.ours.whole) <= slack:
        return "the value over the whole corpus"
    return "neither the mean of its rows nor the corpus value"
