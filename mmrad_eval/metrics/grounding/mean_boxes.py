"""The mean box of a category: what anybody would draw who has seen other patients and not this one.

The mean of the training split's boxes, edge by edge in the canonical frame. Data without a training split gives the
mean over the other patients of the studies that are scored. Fixed anatomy makes the mean box a strong guess: skill
counts from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.values import Box, Study
from mmrad_eval.metrics.grounding.boxes import placed, size_of
from mmrad_eval.traces.geometry import CANONICAL


@dataclass(frozen=True)
class MeanBoxes:
    """Sums of edges by category, and of the part that each cluster gave to them."""

    total: dict[str, FloatArray]
    """(5,) four edges and the number of boxes."""
    own: dict[tuple[str, str], FloatArray]
    """(cluster, category) -> its part of the total; empty where the mean is over another split."""
    source: str
    """``train`` or ``other patients``."""

    @property
    def digest(self) -> str:
        """Of the numbers, for signatures."""
        text = "\n".join(f"{name}\t{np.round(sums, 3).tolist()}" for name, sums in sorted(self.total.items()))
        return hashlib.sha256(f"{self.source}\n{text}".encode()).hexdigest()[:12]

    def box(self, category: str, study: Study) -> Box | None:
        """The mean box for a study; None where no other patient has a box of that category."""
        if category not in self.total:
            return None
        sums = self.total[category] - self.own.get((study.cluster, category), np.zeros(5))
        if sums[4] < 1:
            return None
        left, top, right, bottom = (sums[:4] / sums[4]).tolist()
        return Box((left, top, right, bottom), CANONICAL)


def mean_boxes(corpus: Corpus) -> MeanBoxes:
    """The mean boxes of a corpus."""
    trained = _sums(corpus.train)
    if trained:
        return MeanBoxes(_totals(trained), {}, "train")
    own = _sums(corpus.scored)
    return MeanBoxes(_totals(own), own, "other patients")


def _sums(studies: Sequence[Study]) -> dict[tuple[str, str], FloatArray]:
    sums: dict[tuple[str, str], FloatArray] = {}
    for study in studies:
        if study.trace is None:
            continue
        for category, box, _ in placed(study.trace, size_of(study)):
            if box is not None:
                key = (study.cluster, category)
                sums[key] = sums.get(key, np.zeros(5)) + np.array([*box.xyxy, 1.0])
    return sums


def _totals(own: dict[tuple[str, str], FloatArray]) -> dict[str, FloatArray]:
    totals: dict[str, FloatArray] = {}
    for (_, category), sums in own.items():
        totals[category] = totals.get(category, np.zeros(5)) + sums
    return totals
