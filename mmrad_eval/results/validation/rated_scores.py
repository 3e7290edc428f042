"""Scores of metrics over the items that radiologists judged: computed from texts, or read beside the ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import Suite
from mmrad_eval.results.scoring.chunk import Mapper
from mmrad_eval.results.scoring.measure import measure_examples
from mmrad_eval.results.scoring.texts import Judging
from mmrad_eval.results.validation.ratings import WORDS, Item, Ratings
from mmrad_eval.results.validation.score_files import ScoreFile, measure_of

CANDIDATE = WORDS["candidate"]


@dataclass(frozen=True)
class Scored:
    """A metric over the items, turned so that more is better."""

    label: str
    values: FloatArray


def of_texts(
    ratings: Ratings, metrics: Suite, mapper: Mapper = map, judging: Judging | None = None
) -> tuple[list[Scored], Suite]:
    """Each column of the metrics over the items' texts, and the metrics; items without texts have no value.

    ``judging`` makes a suite whose metrics that ask a judge have asked it about the examples.
    """
    if not ratings.texts:
        return [], metrics
    items = [item for item in ratings.items if item in ratings.texts]
    studies: dict[str, Study] = {}
    for case, candidate in items:
        studies.setdefault(case, Study(id=case, reference=Report(findings=ratings.texts[case, candidate][0])))
    examples = [
        Example(studies[case], Answer(study=case, status="ok", report=Report(text=ratings.texts[case, candidate][1])))
        for case, candidate in items
    ]
    if judging is not None:
        examples = [_apart(example, item) for example, item in zip(examples, items, strict=True)]
        metrics = judging(metrics, examples)
    corpus = Corpus(list(studies.values()))
    scored = [
        Scored(column.label, _placed(ratings.items, items, _turned(column, values)))
        for measured in measure_examples(metrics, corpus, examples, mapper)
        for column, values in zip(measured.metric.columns, measured.own.T, strict=True)
        if column.better
    ]
    return scored, metrics


def _apart(example: Example, item: Item) -> Example:
    """The example under an id of its own: verdicts are known by the ids of studies."""
    return Example(msgspec.structs.replace(example.study, id="/".join(item)), example.answer, example.target)


def of_sheet(ratings: Ratings, sheet: ScoreFile) -> list[Scored]:
    """The columns of a file of scores, joined by case and candidate; a row may be named ``case/candidate``."""
    at: dict[Item, int] = {}
    candidates = next(
        (sheet.texts[name] for name in ("candidate", "candidate_type", "system", "model") if name in sheet.texts), None
    )
    for row, name in enumerate(sheet.names):
        at[name, candidates[row] if candidates else ""] = row
    rows = [at.get(item, at.get((f"{item[0]}/{item[1]}", ""), at.get((item[0], ""), -1))) for item in ratings.items]
    if not any(row >= 0 for row in rows):
        raise DataError(
            f"no row of {sheet.path} matches a case of {ratings.path}: row ids look like {sheet.names[0]!r}, case ids "
            f"like {ratings.items[0][0]!r}"
        )
    picked = np.array(rows)
    return [
        Scored(column, np.where(picked >= 0, _sign(column) * values[picked], np.nan))
        for column, values in sheet.numbers.items()
    ]


def of_file(ratings: Ratings) -> list[Scored]:
    """Metric columns that stand beside the ratings."""
    return [Scored(column, _sign(column) * values) for column, values in ratings.metrics.items()]


def _turned(column: Column, values: FloatArray) -> FloatArray:
    return -values if column.better == "lower" else values


def _sign(column: str) -> float:
    known = measure_of(column)
    return -1.0 if known and (known[0].better == "lower") != known[1] else 1.0


def _placed(items: Sequence[Item], some: Sequence[Item], values: FloatArray) -> FloatArray:
    at = {item: number for number, item in enumerate(items)}
    placed = np.full(len(items), np.nan)
    placed[[at[item] for item in some]] = values
    return placed
