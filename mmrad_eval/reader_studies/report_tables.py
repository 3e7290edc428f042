"""What readers said of single reports: errors by kind, ratings, corrections in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.reader_studies.agreement_tables import ALPHA, ICC, NOMINAL, WEIGHTED, Judged
from mmrad_eval.reader_studies.forms import MOST_COUNTED, FormQuestion
from mmrad_eval.reader_studies.merged import MergedReading, MergedStudy
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.statistics.bootstrap import Estimates
from mmrad_eval.results.statistics.crossed import Scale, difference_of, mean_of
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn

Number = Callable[[MergedReading], float]
SIGNIFICANT = "significant"


def errors(row: MergedReading, question: FormQuestion, column: str | None = None, kind: str | None = None) -> float:
    """Errors of a reading, of all kinds or one, of any significance or one; an empty field is none."""
    fields = [
        f"{option.key}.{one.key}"
        for option in question.options
        for one in question.columns
        if kind in (None, option.key) and column in (None, one.key)
    ]
    return sum(0.0 if math.isnan(value := row.number(field)) else value for field in fields)


def judged(study: MergedStudy) -> tuple[Judged, ...]:
    """What agreement is measured of."""
    question = study.key.form.main
    if question.kind == "counts":
        return (
            Judged("significant errors", lambda row: errors(row, question, SIGNIFICANT), (ICC, ALPHA)),
            Judged("any significant error", lambda row: float(errors(row, question, SIGNIFICANT) > 0), NOMINAL, (0, 1)),
        )
    if question.kind == "scale":
        levels = [float(option.value) for option in question.options]
        return (
            Judged(question.key, lambda row: row.number(question.key), (*NOMINAL, *WEIGHTED, ALPHA, ICC), levels),
            Judged(
                f"{question.key} of {question.good} or more",
                lambda row: float(row.number(question.key) >= question.good),
                NOMINAL,
                (0, 1),
            ),
        )
    return ()


def report_tables(study: MergedStudy) -> list[Table]:
    """Tables of a form that shows one report at a time."""
    question = study.key.form.main
    if question.kind == "counts":
        return [_error_table(study, question), *_differences(study), _kinds(study, question)]
    if question.kind == "scale":
        return [_rating_table(study, question), *_differences(study), _by_reader(study, question)]
    return [_word_table(study, question)]


def _measures(study: MergedStudy) -> list[tuple[str, str, Number, Scale]]:
    """(key, heading, number, scale) of what is averaged over reports; the first is what systems are compared by."""
    question = study.key.form.main
    if question.kind == "counts":
        return [
            ("significant", "significant errors", lambda row: errors(row, question, SIGNIFICANT), "count"),
            ("all", "all errors", lambda row: errors(row, question), "count"),
            ("clean", "without significant error", lambda row: float(not errors(row, question, SIGNIFICANT)), "share"),
        ]
    return [
        ("mean", f"mean {question.key}", lambda row: row.number(question.key), "plain"),
        (
            "good",
            f"{question.good} or more",
            lambda row: float(row.number(question.key) >= question.good),
            "share",
        ),
    ]


def by_arm(study: MergedStudy, number: Number) -> FloatArray:
    """(readings, arms): the number in the column of the arm that was read, nan elsewhere."""
    values = np.full((len(study.readings), len(study.key.arms)), np.nan)
    for place, row in enumerate(study.readings):
        values[place, row.arms[0]] = number(row)
    return values


def _counted(found: Estimates, arm: int) -> Cell:
    """A mean of counts; without its interval where that reaches beyond what a field of the form holds."""
    value, low, high = found.at(arm)
    return Cell(value) if high is not None and high > MOST_COUNTED else Cell(value, low, high)


def _means(study: MergedStudy, name: str, title: str, notes: Sequence[str]) -> Table:
    measures = _measures(study)
    found = [study.crossed.estimate(mean_of(by_arm(study, number)), scale) for _, _, number, scale in measures]
    rows = []
    for arm in range(len(study.key.arms)):
        mine = [row for row in study.readings if row.arms[0] == arm]
        cells = {
            "system": Cell(study.name(arm)),
            "n": Cell(len(mine)),
            "cases": Cell(len({row.case for row in mine})),
            "seconds": Cell(round(float(np.median([row.answer.seconds for row in mine]))) if mine else None),
        }
        for (key, _, _, scale), estimates in zip(measures, found, strict=True):
            cells[key] = _counted(estimates, arm) if scale == "count" else Cell(*estimates.at(arm))
        rows.append(Row(cells))
    columns = [
        TableColumn("system"),
        TableColumn("n", title="readings", kind="count"),
        TableColumn("cases", kind="count"),
    ]
    for key, heading, _, scale in measures:
        better = "lower" if scale == "count" else "higher"
        kind = "percent" if scale == "share" else "score"
        columns.append(TableColumn(key, title=heading, kind=kind, better=better, digits=2, interval=True))  # type: ignore[arg-type]
    columns.append(TableColumn("seconds", title="median seconds", kind="count"))
    return Table(name, title, tuple(columns), tuple(rows), tuple(notes))


def _error_table(study: MergedStudy, question: FormQuestion) -> Table:
    del question
    return _means(
        study, "readers-errors", "Errors per report", ["Means over readings; the third number is in percent."]
    )


def _rating_table(study: MergedStudy, question: FormQuestion) -> Table:
    words = "; ".join(f"{option.value} {option.words.lower()}" for option in question.options)
    return _means(study, "readers-ratings", "Ratings", [f"Means over readings, and shares in percent. {words}."])


def _differences(study: MergedStudy) -> list[Table]:
    """Each system against each other, in the number that systems are compared by."""
    _, heading, number, scale = _measures(study)[0]
    values = by_arm(study, number)
    rows = []
    for first, second in combinations(range(len(study.key.arms)), 2):
        found = study.crossed.estimate(difference_of(values[:, first], values[:, second]))
        value, low, high = found.at(0)
        mark = "" if low is None or high is None or low <= 0 <= high else "*"
        names = {"first": Cell(study.name(first)), "second": Cell(study.name(second))}
        rows.append(Row({**names, "difference": Cell(value, low, high, mark=mark)}))
    if not rows:
        return []
    better = "lower" if scale == "count" else "higher"
    columns = (
        TableColumn("first"),
        TableColumn("second"),
        TableColumn("difference", title="second - first", kind="difference", better=better, digits=2, interval=True),
    )
    notes = (f"In {heading} a report; * where the interval does not contain 0, not adjusted for the number of pairs.",)
    return [Table("readers-differences", "Differences between systems", columns, tuple(rows), notes)]


def _kinds(study: MergedStudy, question: FormQuestion) -> Table:
    """Mean errors of each kind, by system."""
    rows = []
    for column in question.columns:
        counted = [
            kind
            for kind in question.options
            if any(row.number(f"{kind.key}.{column.key}") > 0 for row in study.readings)
        ]
        for place, kind in enumerate(counted):

            def number(row: MergedReading, column: str = column.key, kind: str = kind.key) -> float:
                return errors(row, question, column, kind)

            found = study.crossed.estimate(mean_of(by_arm(study, number)), "count")
            cells = {"kind": Cell(kind.key), "of": Cell(column.key)}
            cells |= {f"arm {arm}": _counted(found, arm) for arm in range(len(study.key.arms))}
            rows.append(Row(cells, heading=column.words if not place else ""))
    columns = [TableColumn("kind"), TableColumn("of", media="data")]
    columns += [
        TableColumn(f"arm {arm}", title=study.name(arm), kind="score", better="lower", digits=2, interval=True)
        for arm in range(len(study.key.arms))
    ]
    notes = ["Means over readings. Kinds without any error are left out."]
    means = [cell for row in rows for key, cell in row.cells.items() if key.startswith("arm ") and cell.value]
    if any(cell.high is None for cell in means):
        notes.append("No interval: too few errors were counted to bound the mean.")
    return Table("readers-error-kinds", "Errors per report, by kind", tuple(columns), tuple(rows), tuple(notes))


def _by_reader(study: MergedStudy, question: FormQuestion) -> Table:
    """The share of good ratings that each reader gave, unweighted."""
    rows = []
    for reader in sorted({row.reader for row in study.readings}):
        cells: dict[str, Cell] = {"reader": Cell(reader)}
        for arm in range(len(study.key.arms)):
            mine = [row.number(question.key) for row in study.readings if (row.reader, row.arms[0]) == (reader, arm)]
            good = sum(value >= question.good for value in mine)
            if mine:
                cells[f"arm {arm}"] = Cell(good / len(mine), *wilson(good, len(mine)))
        rows.append(Row(cells))
    columns = [TableColumn("reader")]
    columns += [
        TableColumn(f"arm {arm}", title=study.name(arm), kind="percent", better="higher", interval=True)
        for arm in range(len(study.key.arms))
    ]
    note = "In percent, with Wilson intervals over that reader's cases; sampling weights are not used here."
    title = f"Ratings of {question.good} or more, by reader"
    return Table("readers-by-reader", title, tuple(columns), tuple(rows), (note,))


def _word_table(study: MergedStudy, question: FormQuestion) -> Table:
    rows = []
    for arm in range(len(study.key.arms)):
        texts = [str(row.answer.values.get(question.key, "")) for row in study.readings if row.arms[0] == arm]
        words = [len(text.split()) for text in texts]
        cells = {"system": Cell(study.name(arm)), "n": Cell(len(texts))}
        rows.append(Row({**cells, "words": Cell(float(np.median(words)) if words else None)}))
    columns = (
        TableColumn("system"),
        TableColumn("n", title="texts", kind="count"),
        TableColumn("words", title="median words", kind="score", digits=0),
    )
    note = "The texts are in comments.csv; no conclusion is drawn from their length."
    return Table("readers-texts", "What readers wrote", columns, tuple(rows), (note,))


def report_sentences(study: MergedStudy) -> list[str]:
    """What each pair of systems came to, one sentence each."""
    if study.key.form.main.kind == "text":
        return []
    _, heading, _, scale = _measures(study)[0]
    said = []
    for table in _differences(study):
        for row in table.rows:
            first, second, cell = row.cells["first"].value, row.cells["second"].value, row.cells["difference"]
            value = float(cell.value) if isinstance(cell.value, int | float) else math.nan
            ends_of = f" [{cell.low:+.2f}, {cell.high:+.2f}]" if cell.low is not None and cell.high is not None else ""
            numbers = f"{second} minus {first} is {value:+.2f}{ends_of} in {heading} a report"
            if cell.mark:
                better = second if (value > 0) == (scale != "count") else first
                said.append(f"{better} is judged better: {numbers}.")
            else:
                said.append(f"No difference between {first} and {second} is shown: {numbers}.")
    return said
