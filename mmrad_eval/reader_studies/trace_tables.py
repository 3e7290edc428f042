"""What readers said of traces beside their rating: fit to image, report and boxes, planted errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from mmrad_eval.reader_studies.forms import FormQuestion
from mmrad_eval.reader_studies.merged import MergedReading, MergedStudy
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.statistics.crossed import mean_of
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn

APART, LOW = 2, 2
"""A case is read again where two readers are so many levels apart, or one gave at most this."""
WORST = "worst_statement"
_KINDS = {1: "radiologist", 2: "radiologist in training", 3: "physician", 4: "other"}
"""Of raters, by the answer about their role."""


def trace_tables(study: MergedStudy) -> list[Table]:
    """Shares that every reader of a case calls good, answers to the further questions, planted errors."""
    tables = [_shares(study)]
    if study.planted:
        tables.append(_planted(study))
    return tables


def _shares(study: MergedStudy) -> Table:
    """Shares of good answers, to each question and of all readers of a case together."""
    scales = [question for question in study.key.form.questions if question.kind == "scale"]
    rows = []
    for question in scales:
        values = np.full((len(study.readings), len(study.key.arms)), np.nan)
        for place, row in enumerate(study.readings):
            given = row.number(question.key)
            values[place, row.arms[0]] = np.nan if np.isnan(given) else float(given >= question.good)
        found = study.crossed.estimate(mean_of(values), "share")
        cells = {f"arm {arm}": Cell(*found.at(arm)) for arm in range(len(study.key.arms))}
        n = int(np.isfinite(values).sum())
        rows.append(Row({"what": Cell(question.words), "answer": Cell(_good(question)), "n": Cell(n), **cells}))
        if question is study.key.form.main:
            rows.append(_all_readers(study, question))
    columns = [TableColumn("what"), TableColumn("answer"), TableColumn("n", kind="count")]
    columns += [
        TableColumn(f"arm {arm}", title=study.name(arm), kind="percent", better="higher", interval=True)
        for arm in range(len(study.key.arms))
    ]
    notes = ["In percent of readings; the row of all readers in percent of cases that two readers or more rated."]
    if len({case.patient or case.id for case in study.key.cases}) < len(study.key.cases):
        notes.append("Some patients have several cases: Wilson intervals of the row of all readers are too narrow.")
    return Table("readers-traces", "Quality of the traces", tuple(columns), tuple(rows), tuple(notes))


def _good(question: FormQuestion) -> str:
    words = next(option.words for option in question.options if option.value == question.good)
    return f"{question.good} or more" if question.good < max(o.value for o in question.options) else words.lower()


def _all_readers(study: MergedStudy, question: FormQuestion) -> Row:
    """Of cases that several readers rated: the share that all of them call good, with Wilson's interval."""
    given: dict[tuple[int, int], list[bool]] = defaultdict(list)
    for row in study.readings:
        given[row.case, row.arms[0]].append(row.number(question.key) >= question.good)
    cells: dict[str, Cell] = {}
    n = 0
    for arm in range(len(study.key.arms)):
        rated = [all(good) for (_, of), good in given.items() if of == arm and len(good) > 1]
        n += len(rated)
        if rated:
            good = sum(rated)
            low, high = (None, None) if study.key.weighted else wilson(good, len(rated))
            cells[f"arm {arm}"] = Cell(good / len(rated), low, high)
    what = f"{question.words} (all readers of a case)"
    return Row({"what": Cell(what), "answer": Cell(_good(question)), "n": Cell(n), **cells})


def _planted(study: MergedStudy) -> Table:
    """Of planted errors: how many readings rate the trace as not good, and name the statement."""
    question = study.key.form.main
    kinds = sorted({study.key.cases[row.case].planted for row in study.planted})
    groups: list[tuple[str, Sequence[MergedReading]]] = [
        *((kind, [row for row in study.planted if study.key.cases[row.case].planted == kind]) for kind in kinds),
        ("all planted errors", study.planted),
        ("no planted error", study.readings),
    ]
    rows = []
    for name, mine in groups:
        low = sum(row.number(question.key) < question.good for row in mine)
        cells = {"kind": Cell(name), "n": Cell(len(mine)), "low": Cell(low / len(mine), *wilson(low, len(mine)))}
        if name != "no planted error":
            named = sum(row.number(WORST) == study.key.cases[row.case].wrong[row.arms[0]] for row in mine)
            cells["named"] = Cell(named / len(mine), *wilson(named, len(mine)))
        rows.append(Row(cells))
    columns = (
        TableColumn("kind", "error"),
        TableColumn("n", "readings", kind="count"),
        TableColumn("low", f"rated under {question.good}", "percent", interval=True),
        TableColumn("named", "statement named as the worst", "percent", interval=True),
    )
    note = (
        "In percent of readings, with Wilson intervals. Ratings are informative if traces with an error are rated "
        "lower than those without; cases with a planted error are in no other number."
    )
    return Table("readers-planted", "Planted errors", columns, tuple(rows), (note,))


def trace_rows(study: MergedStudy) -> list[list[object]]:
    """The header and one row a reading, in the form of a rating sheet."""
    scales = [question.key for question in study.key.form.questions if question.kind == "scale"]
    roles = {answers.reader: answers.experience.get("role") for answers in study.answers}
    rows: list[list[object]] = [["case", "rater", "kind", "candidate", *scales, WORST, "comment", "seconds"]]
    for row in study.readings:
        values, role = row.answer.values, roles[row.reader]
        kind = _KINDS.get(role, "") if isinstance(role, int) else ""
        said = [values.get(name, "") for name in (*scales, WORST, "comment")]
        seconds = round(row.answer.seconds, 1)
        rows.append([study.key.cases[row.case].id, row.reader, kind, study.name(row.arms[0]), *said, seconds])
    return rows


def again_rows(study: MergedStudy) -> list[list[object]]:
    """The header and one row a trace for a third reader, or for its makers: readers are apart, or one rates it low."""
    question = study.key.form.main
    given: dict[tuple[int, int], list[MergedReading]] = defaultdict(list)
    for row in study.readings:
        given[row.case, row.arms[0]].append(row)
    rows: list[list[object]] = [["case", "candidate", "why", "ratings", "worst_statement", "comments"]]
    for (case, arm), mine in given.items():
        ratings = [int(row.number(question.key)) for row in mine]
        why = [f"{APART} levels apart or more"] if max(ratings) - min(ratings) >= APART else []
        why += [f"rated {LOW} or less"] if min(ratings) <= LOW else []
        if why:
            worst = [str(row.answer.values[WORST]) for row in mine if WORST in row.answer.values]
            said = [words for row in mine if (words := str(row.answer.values.get("comment", "")).strip())]
            told = [" ".join(map(str, ratings)), " ".join(worst), " | ".join(said)]
            rows.append([study.key.cases[case].id, study.name(arm), "; ".join(why), *told])
    return rows
