"""A RATINGS file for ``metaeval``: what readers said of each system's reports, with texts and sampling weights."""

from __future__ import annotations

from mmrad_eval.core.data_use import FIELD
from mmrad_eval.reader_studies.merged import MergedReading, MergedStudy

WEIGHT = "sampling_weight"
"""The column that ``metaeval`` weighs cases by."""


def ratings_rows(study: MergedStudy) -> list[list[object]]:
    """The header and one row a judgment, without original reports: a metric can't judge a reference by itself."""
    kind = study.key.form.main.kind
    make = {"preference": _preferences, "counts": _errors, "scale": _ratings}.get(kind)
    if make is None:
        return []
    header, rows = make(study)
    common = [WEIGHT] * study.key.weighted + [FIELD] * (study.key.data_use != "open")
    if not rows:
        return []
    return [[*header, *common], *([*row, *_common(study, case)] for case, row in rows)]


def _common(study: MergedStudy, case: int) -> list[object]:
    weight: list[object] = [float(study.case_weights[case])] if study.key.weighted else []
    return weight + ([study.key.data_use] if study.key.data_use != "open" else [])


Rows = list[tuple[int, list[object]]]


def _judged(study: MergedStudy) -> list[MergedReading]:
    """Readings of systems alone."""
    return [row for row in study.readings if not any(study.key.arms[arm].original for arm in row.arms)]


def _preferences(study: MergedStudy) -> tuple[list[str], Rows]:
    rows: Rows = []
    for row in _judged(study):
        case, value = study.key.cases[row.case], row.number("preference")
        first, second = row.arms if value >= 0 else row.arms[::-1]
        texts = [case.reference, case.texts[first], case.texts[second]]
        tied = "yes" if value == 0 else "no"
        rows.append((row.case, [row.reader, case.id, study.name(first), study.name(second), tied, *texts]))
    return ["rater", "case", "preferred", "over", "tied", "reference", "preferred_report", "over_report"], rows


def _ratings(study: MergedStudy) -> tuple[list[str], Rows]:
    field = study.key.form.main.key
    rows: Rows = [
        (row.case, [*_item(study, row), int(row.number(field)), *_texts(study, row)]) for row in _judged(study)
    ]
    return ["rater", "case", "candidate", field, "reference", "report"], rows


def _errors(study: MergedStudy) -> tuple[list[str], Rows]:
    """Kinds that a reader counted; a report without errors has one row of 0."""
    question = study.key.form.main
    rows: Rows = []
    for row in _judged(study):
        counted = [
            (kind.key, column.key == "significant", int(number))
            for kind in question.options
            for column in question.columns
            if (number := row.number(f"{kind.key}.{column.key}")) > 0
        ]
        for name, significant, number in counted or [(question.options[0].key, False, 0)]:
            said = [name, "yes" if significant else "no", number]
            rows.append((row.case, [*_item(study, row), *said, *_texts(study, row)]))
    return [
        *("rater", "case", "candidate", "error_category", "clinically_significant", "num_errors"),
        *("reference", "report"),
    ], rows


def _item(study: MergedStudy, row: MergedReading) -> list[object]:
    return [row.reader, study.key.cases[row.case].id, study.name(row.arms[0])]


def _texts(study: MergedStudy, row: MergedReading) -> list[object]:
    case = study.key.cases[row.case]
    return [case.reference, case.texts[row.arms[0]]]


def comment_rows(study: MergedStudy) -> list[list[object]]:
    """The header and one row a text that a reader wrote; the header alone where nobody wrote any."""
    fields = [question.key for question in study.key.form.questions if question.kind == "text"]
    rows: list[list[object]] = [["rater", "case", "shown", "field", "text"]]
    for row in study.readings:
        shown = " | ".join(study.name(arm) for arm in row.arms)
        for field in fields:
            text = str(row.answer.values.get(field, "")).strip()
            if text:
                rows.append([row.reader, study.key.cases[row.case].id, shown, field, text])
    return rows
