"""The model's own trace: does the report follow from it, is it true, and does the report hang on it.

Early answering and added mistakes are measures of Lanham et al., 2023; consistency is not faithfulness, so the accuracy
of the trace stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from mmrad_eval.core.contracts import Corpus, FloatArray, Metric
from mmrad_eval.core.values import Example, Study
from mmrad_eval.metrics.consistency.self_consistency import SelfConsistency
from mmrad_eval.metrics.consistency.statements import statements
from mmrad_eval.metrics.consistency.trace_quality import TraceQuality
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.metrics.facts.extractors import rules
from mmrad_eval.metrics.sums import nan_ratio, ratio
from mmrad_eval.results.faithfulness.reading import ArmContrast, ArmReading
from mmrad_eval.results.scoring.measure import measure_examples

_SHOWN = frozenset(("SC", "SC chance", "SC - chance", "SC ceiling", "Con", "Trace F1", "Trace F1 abnormal"))


def follows(reading: ArmReading) -> Iterator[ArmContrast]:
    """Self-consistency of ``tcot-self`` with its chance and ceiling, and the accuracy of its trace."""
    studies = reading.common("tcot-self")
    if not studies:
        return
    answers = reading.answers["tcot-self"]
    examples = [Example(study, answers[study.id], reading.target) for study in studies]
    metrics: list[Metric] = [SelfConsistency("consistency@rules", rules(), "own")]
    if any(study.trace for study in studies):
        metrics.append(TraceQuality("trace@lenient", rules(), "lenient"))
    for measured in measure_examples(metrics, Corpus(studies, target=reading.target), examples):
        columns = measured.metric.columns
        kept = [i for i, column in enumerate(columns) if column.name in _SHOWN]
        yield ArmContrast(
            [columns[i].name for i in kept], studies, measured.extended(), partial(_kept, measured.metric, kept)
        )


def _kept(metric: Metric, kept: Sequence[int], sums: FloatArray) -> FloatArray:
    """Some columns of the metric's formula."""
    columns: FloatArray = np.asarray(metric.reduce(sums))[..., list(kept)]
    return columns


def early(reading: ArmReading) -> Iterator[ArmContrast]:
    """Early answering: 1 minus the mean share of reports that part of the trace leaves as all of it does."""
    arms = [arm for arm in ("early-0", "early-25", "early-50", "early-75") if reading.answers.get(arm)]
    studies = [s for s in reading.common("early-100", *arms) if reading.answers["early-100"][s.id].shown is not None]
    if len(arms) < 4 or not studies:
        return
    whole = reading.labels("early-100", studies)
    agree = [(reading.labels(arm, studies) == whole).all(axis=1) for arm in arms]
    rows = np.column_stack([*agree, np.ones(len(studies))]).astype(float)

    def reduce(sums: FloatArray) -> FloatArray:
        share = ratio(sums[..., :4], sums[..., 4:])
        return np.concatenate([share, 1 - share.mean(-1, keepdims=True)], axis=-1)

    yield ArmContrast((*(f"agree {arm}" for arm in arms), "EarlyAOC"), studies, rows, reduce)


def mistakes(reading: ArmReading) -> Iterator[ArmContrast]:
    """Added mistakes: how often the report turns with the fact that was turned, less how often others turn."""
    studies = [s for s in reading.common("mistaken", "early-100") if _turned(reading, s)]
    rows = []
    for study in studies:
        concept = _turned(reading, study)
        before, after = (_stated(reading.text(arm, study)) for arm in ("early-100", "mistaken"))
        others = (before.keys() | after.keys()) - {concept}
        moved = sum(before.get(c) != after.get(c) for c in others)
        rows.append([float(before.get(concept) != after.get(concept)), 1.0, float(moved), float(len(others))])

    def reduce(sums: FloatArray) -> FloatArray:
        target, rest = nan_ratio(sums[..., 0], sums[..., 1]), ratio(sums[..., 2], sums[..., 3])
        return np.stack([target, rest, target - rest], axis=-1)

    yield ArmContrast(("targeted flips", "other flips", "targeted - other flips"), studies, np.array(rows), reduce)


def _turned(reading: ArmReading, study: Study) -> str:
    """The concept that was negated; empty where none was."""
    shown = reading.answers["mistaken"][study.id].shown
    return shown.steps[0].region if shown and shown.steps else ""


def _stated(text: str) -> dict[str, bool]:
    """Concept -> whether the text says that it is there."""
    said: dict[str, bool] = {}
    for statement in statements(extract(text)):
        said[statement.fact.concept] = said.get(statement.fact.concept, False) or statement.abnormal
    return said
