"""Does evidence help, and is it more than copying: gains on facts that the words told and did not tell, and leak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import Study
from mmrad_eval.metrics.consistency.matching import compare
from mmrad_eval.metrics.consistency.phi import Statement
from mmrad_eval.model_registry.answerers import FINDINGS, IMPRESSION
from mmrad_eval.results.faithfulness.reading import Reading, Value, abnormal, nan_ratio, ratio

_WHAT = ("uncovered", "covered", "fact F1")


def gains(reading: Reading) -> dict[str, Value]:
    """What one arm finds of the reference and another does not; facts that the words told stand apart."""
    found: dict[str, Value] = {}
    for one, other in (("mcot", "tcot"), ("mcot", "mcot-repeat"), ("mcot", "mcot-random"), ("tcot", "direct")):
        studies = reading.common(one, other)
        if not studies:
            continue
        told = reading.told(studies)
        rows = np.array(
            [[*_recalled(reading, one, s, told[s.id]), *_recalled(reading, other, s, told[s.id])] for s in studies]
        )
        names = [f"{one} - {other}: {what}" for what in (*_WHAT, "fact F1 relative")]
        names += [f"{arm}: {what}" for arm in (one, other) for what in _WHAT]
        found |= dict(zip(names, reading.estimate(studies, rows, _gain), strict=False))
    return found


def _recalled(reading: Reading, arm: str, study: Study, told: Sequence[Statement]) -> list[float]:
    """(7,): uncovered facts found and in all, covered ones likewise; statements of the report right and in all; 1."""
    wanted, said = reading.facts("reference", study), reading.facts(arm, study)
    covered = [judged.verdict == "supported" for judged in compare(wanted, told).report]
    hit = [judged.verdict == "supported" for judged in compare(wanted, said).report]
    right = sum(judged.verdict == "supported" for judged in compare(said, wanted).report)
    pairs = list(zip(covered, hit, strict=True))
    return [
        float(sum(h and not c for c, h in pairs)),
        float(sum(not c for c, _ in pairs)),
        float(sum(h and c for c, h in pairs)),
        float(sum(c for c, _ in pairs)),
        float(right),
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


def leak(reading: Reading) -> dict[str, Value]:
    """How far the words alone go, from a normal report (0) to all of the evidence (1)."""
    studies = reading.common("tcot-blind", "mcot")
    if not studies:
        return {}
    normal = abnormal(f"{FINDINGS} {IMPRESSION}")
    told = reading.told(studies)
    rows = []
    for s in studies:
        copied = tuple(x for x in told[s.id] if x.abnormal)
        parts = [reading.facts("tcot-blind", s), reading.facts("mcot", s), normal, copied]
        rows.append([x for said in parts for x in _matched(reading.facts("reference", s), said)])

    def reduce(sums: FloatArray) -> FloatArray:
        blind, full, floor, copy = (_f1(sums[..., 4 * i : 4 * i + 4]) for i in range(4))
        span = full - floor
        leak = np.where(span != 0, (blind - floor) / np.where(span != 0, span, 1), np.nan)
        return np.stack([blind, full, floor, copy, span, leak], axis=-1)

    values = reading.estimate(studies, np.array(rows), reduce)
    names = ("blind fact F1", "mcot fact F1", "normal fact F1", "copy fact F1", "span", "leak")
    found = dict(zip(names, values, strict=True))
    if not (found["span"].above_zero or found["span"].below_zero):
        found["leak"] = Value(np.nan, np.nan, np.nan, len(studies))  # the denominator may be 0
    found.pop("span")
    return found


def _matched(wanted: Sequence[Statement], said: Sequence[Statement]) -> list[float]:
    """(4,): statements said that are right, said; wanted that are found, wanted."""
    right = sum(j.verdict == "supported" for j in compare(said, wanted).report)
    hit = sum(j.verdict == "supported" for j in compare(wanted, said).report)
    return [float(right), float(len(said)), float(hit), float(len(wanted))]


def _f1(sums: FloatArray) -> FloatArray:
    precision, recall = ratio(sums[..., 0], sums[..., 1]), ratio(sums[..., 2], sums[..., 3])
    return ratio(2 * precision * recall, precision + recall)
