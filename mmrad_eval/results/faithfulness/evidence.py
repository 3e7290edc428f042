"""Does evidence help, and is it more than copying: gains on facts that the words told and did not tell, and leak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import Study
from mmrad_eval.metrics.consistency.matching import supported
from mmrad_eval.metrics.consistency.statements import Statement
from mmrad_eval.metrics.sums import nan_ratio, ratio
from mmrad_eval.model_registry.answerers import FINDINGS, IMPRESSION
from mmrad_eval.results.faithfulness.reading import ArmContrast, ArmReading, ArmValue, abnormal
from mmrad_eval.results.scoring.evidence_overlap import NAME as OVERLAP
from mmrad_eval.results.scoring.evidence_overlap import overlap as words_in_common
from mmrad_eval.results.scoring.evidence_overlap import traced
from mmrad_eval.tasks.arms import MAIN, RIVALS

_WHAT = ("uncovered", "covered", "fact F1")
_PAIRS = (*((MAIN, rival) for rival in RIVALS), ("mcot-unboxed", "mcot-random"), ("tcot", "direct"))
_SPAN = "mcot - normal: fact F1"
"""The denominator of leak."""


def gains(reading: ArmReading) -> Iterator[ArmContrast]:
    """What one arm finds of the reference and another does not; facts that the words told stand apart."""
    recalled: dict[tuple[str, str], list[float]] = {}
    for one, other in _PAIRS:
        studies = reading.common(one, other)
        if not studies:
            continue
        for arm in (one, other):
            recalled |= {(arm, s.id): _recalled(reading, arm, s) for s in studies if (arm, s.id) not in recalled}
        rows = np.array([[*recalled[one, s.id], *recalled[other, s.id]] for s in studies])
        names = [f"{one} - {other}: {what}" for what in (*_WHAT, "fact F1 relative")]
        names += [f"{arm}: {what}" for arm in (one, other) for what in _WHAT]
        yield ArmContrast(names, studies, rows, _gain)


def _recalled(reading: ArmReading, arm: str, study: Study) -> list[float]:
    """(7,): uncovered facts found and in all; covered facts found and in all; statements right and in all; 1."""
    wanted, said = reading.facts("reference", study), reading.facts(arm, study)
    pairs = list(zip(reading.covered(study), supported(wanted, said), strict=True))
    return [
        float(sum(h and not c for c, h in pairs)),
        float(sum(not c for c, _ in pairs)),
        float(sum(h and c for c, h in pairs)),
        float(sum(c for c, _ in pairs)),
        float(sum(supported(said, wanted))),
        float(len(said)),
        1.0,
    ]


def _levels(sums: FloatArray) -> FloatArray:
    """(..., 7) to (..., 3): recall of uncovered and of covered facts, F1 of all."""
    uncovered, covered = nan_ratio(sums[..., 0], sums[..., 1]), nan_ratio(sums[..., 2], sums[..., 3])
    recall = nan_ratio(sums[..., 0] + sums[..., 2], sums[..., 1] + sums[..., 3])
    precision = ratio(sums[..., 4], sums[..., 5])
    f1 = np.where(np.isnan(recall), np.nan, ratio(2 * precision * recall, precision + np.nan_to_num(recall)))
    return np.stack([uncovered, covered, f1], axis=-1)


def _gain(sums: FloatArray) -> FloatArray:
    """(..., 14) to (..., 10): differences of the three levels, the last one relative, then the levels of both arms."""
    one, other = _levels(sums[..., :7]), _levels(sums[..., 7:])
    relative = nan_ratio((one - other)[..., 2:], other[..., 2:])
    return np.concatenate([one - other, relative, one, other], axis=-1)


def overlap(reading: ArmReading) -> Iterator[ArmContrast]:
    """How much of the references the words of the reference traces contain, in words: no model is in it."""
    studies = traced(reading.studies, reading.target)
    if studies:
        rows = words_in_common(studies, reading.target)
        yield ArmContrast((OVERLAP,), studies, rows, lambda sums: ratio(sums[..., :1], sums[..., 1:]))


def leak(reading: ArmReading) -> Iterator[ArmContrast]:
    """How far the words alone go, from a normal report (0) to all of the evidence (1)."""
    studies = reading.common("tcot-blind", "mcot")
    normal = abnormal(f"{FINDINGS} {IMPRESSION}")
    rows = []
    for s in studies:
        copied = tuple(x for x in reading.told(s) if x.abnormal)
        parts = [reading.facts("tcot-blind", s), reading.facts("mcot", s), normal, copied]
        rows.append([x for said in parts for x in _matched(reading.facts("reference", s), said)])

    def reduce(sums: FloatArray) -> FloatArray:
        blind, full, floor, copy = (_f1(sums[..., 4 * i : 4 * i + 4]) for i in range(4))
        span = full - floor
        leak = np.where(span != 0, (blind - floor) / np.where(span != 0, span, 1), np.nan)
        return np.stack([blind, full, floor, copy, span, leak], axis=-1)

    names = ("blind fact F1", "mcot fact F1", "normal fact F1", "copy fact F1", _SPAN, "leak")
    yield ArmContrast(names, studies, np.array(rows), reduce)


def settled(values: Mapping[str, ArmValue]) -> dict[str, ArmValue]:
    """The same without leak's denominator, and without leak where that may be 0."""
    found = dict(values)
    span = found.pop(_SPAN, None)
    if span is not None and not (span.above_zero or span.below_zero):
        found["leak"] = ArmValue(np.nan, np.nan, np.nan, span.n)
    return found


def _matched(wanted: Sequence[Statement], said: Sequence[Statement]) -> list[float]:
    """(4,): statements said that are right, said; wanted that are found, wanted."""
    right, hit = sum(supported(said, wanted)), sum(supported(wanted, said))
    return [float(right), float(len(said)), float(hit), float(len(wanted))]


def _f1(sums: FloatArray) -> FloatArray:
    precision, recall = ratio(sums[..., 0], sums[..., 1]), ratio(sums[..., 2], sums[..., 3])
    return ratio(2 * precision * recall, precision + recall)
