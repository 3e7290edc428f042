"""Grounding of anatomical regions: boxes of the model's trace against boxes of the reference trace.

Boxes are compared in the canonical 336 frame, within their category, one to one with the largest sum of IoU. A
reference box without a partner counts 0, a predicted one without a partner is extra. Beside the model stand two that
never look: the mean box of each category, and a box around the whole picture; ``Skill`` is the share of the way from
the mean box to perfection.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Box, Example, Trace
from mmrad_eval.metrics.grounding.boxes import SIDE, Placed, assign, overlaps, placed, size_of
from mmrad_eval.metrics.grounding.mean_boxes import MeanBoxes, mean_boxes
from mmrad_eval.metrics.sums import by_name, nan_ratio
from mmrad_eval.traces import geometry
from mmrad_eval.traces.geometry import CANONICAL

THRESHOLDS = (0.3, 0.5, 0.75)
FULL = 0.9
"""Share of the frame above which a box points at nothing."""
_WHOLE = Box((0.0, 0.0, SIDE, SIDE), CANONICAL)

STATISTICS: tuple[str, ...] = (
    "reference boxes",
    "predicted boxes",
    "sum of IoU",
    *(f"pairs at IoU {t}" for t in THRESHOLDS),
    "sum of IoU of the prior",
    "sum of IoU of the whole picture",
    "boxes without a partner",
    "full frames",
    "boxes that are none",
    *(f"{kind}: {what}" for kind in ("categories", "names") for what in ("in both", "predicted", "reference")),
    "sum of tau",
    "tau defined",
    "defined",
    "with trace",
    "studies",
)


class AnatomyGrounding:
    """Statistics of a study, (22,) float64: see STATISTICS. Zeros where the reference trace has no box."""

    name = "grounding@anatomy"
    requires: Sequence[str] = ()
    statistics: Sequence[str] = STATISTICS
    columns: Sequence[Column] = tuple(
        Column(name, "anatomy", better, best)  # type: ignore[arg-type]  # the table below holds its three words
        for name, better, best in (
            ("mIoU", "higher", 1.0),
            ("IoU@.5", "higher", 1.0),
            ("IoU@.75", "higher", 1.0),
            ("F1@.3", "higher", 1.0),
            ("F1@.5", "higher", 1.0),
            ("Skill", "higher", 1.0),
            ("mIoU of prior", "", None),
            ("mIoU of whole picture", "", None),
            ("Extra boxes", "lower", 0.0),
            ("RegionF1 categories", "higher", 1.0),
            ("RegionF1 names", "higher", 1.0),
            ("Order", "higher", 1.0),
            ("FullFrameRate", "lower", 0.0),
            ("Not a box", "lower", 0.0),
            ("Grounding defined", "", None),
        )
    )

    def fit(self, corpus: Corpus) -> MeanBoxes:
        """The mean boxes."""
        return mean_boxes(corpus)

    def signature(self, context: MeanBoxes) -> str:
        """The frame, the pairing and the mean boxes."""
        return f"grounding-anatomy|frame:{CANONICAL}|pairs:hungarian|prior:{context.source} {context.digest}|v1"

    def measure(self, examples: Sequence[Example], context: MeanBoxes) -> FloatArray:
        """(n, 22) statistics."""
        return np.array([_study(e, context) for e in examples]).reshape(len(examples), len(STATISTICS))

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 22) sums to (..., 15) columns; nan where no trace was written, or the reference has no box."""
        at = by_name(STATISTICS, np.asarray(sums, np.float64))
        wanted, made = at("reference boxes"), at("predicted boxes")
        mean, floor = nan_ratio(at("sum of IoU"), wanted), nan_ratio(at("sum of IoU of the prior"), wanted)
        columns = [
            mean,
            nan_ratio(at("pairs at IoU 0.5"), wanted),
            nan_ratio(at("pairs at IoU 0.75"), wanted),
            nan_ratio(2 * at("pairs at IoU 0.3"), wanted + made),
            nan_ratio(2 * at("pairs at IoU 0.5"), wanted + made),
            np.divide(mean - floor, 1 - floor, out=np.full(np.shape(mean), np.nan), where=floor < 1),
            floor,
            nan_ratio(at("sum of IoU of the whole picture"), wanted),
            nan_ratio(at("boxes without a partner"), at("defined")),
            *(_f1(at(f"{k}: in both"), at(f"{k}: predicted"), at(f"{k}: reference")) for k in ("categories", "names")),
            nan_ratio(at("sum of tau"), at("tau defined")),
            nan_ratio(at("full frames"), made),
            nan_ratio(at("boxes that are none"), made),
            nan_ratio(at("defined"), at("studies")),
        ]
        return np.where(at("with trace")[..., None] > 0, np.stack(columns, axis=-1), np.nan)


def _study(example: Example, context: MeanBoxes) -> list[float]:
    study, trace = example.study, example.answer.trace and example.answer.trace.reasoned()
    size = size_of(study)
    wanted = [p for p in placed(study.trace, size) if p.box is not None]
    found: dict[str, float] = {"studies": 1.0}
    if not wanted:
        return [found.get(name, 0.0) for name in STATISTICS]
    made = placed(trace, size)
    found |= _overlap(made, wanted)
    means = {p.category: context.box(p.category, study) for p in wanted}
    found["sum of IoU of the prior"] = _single(means, wanted)
    found["sum of IoU of the whole picture"] = _single(dict.fromkeys(means, _WHOLE), wanted)
    found["full frames"] = float(sum(p.box is not None and geometry.area(p.box) > FULL * SIDE**2 for p in made))
    found["boxes that are none"] = float(sum(p.box is None for p in made))
    found |= _regions(trace, study.trace)
    tau = kendall(_order(trace), _order(study.trace))
    found["sum of tau"], found["tau defined"] = (tau, 1.0) if tau is not None else (0.0, 0.0)
    found["defined"], found["with trace"] = 1.0, float(trace is not None)
    return [found.get(name, 0.0) for name in STATISTICS]


def _overlap(made: Sequence[Placed], wanted: Sequence[Placed]) -> dict[str, float]:
    values: list[float] = []
    for category in {p.category for p in wanted}:
        table = overlaps(
            [p.box for p in made if p.category == category], [p.box for p in wanted if p.category == category]
        )
        values += [float(table[pair]) for pair in assign(table)]
    return {
        "reference boxes": float(len(wanted)),
        "predicted boxes": float(len(made)),
        "sum of IoU": sum(values),
        "boxes without a partner": float(len(made) - len(values)),
        **{f"pairs at IoU {t}": float(sum(value >= t for value in values)) for t in THRESHOLDS},
    }


def _single(boxes: dict[str, Box | None], wanted: Sequence[Placed]) -> float:
    """The sum of IoU of one box a category."""
    total = 0.0
    for category, box in boxes.items():
        table = overlaps([box], [p.box for p in wanted if p.category == category])
        total += float(table.max(initial=0.0))
    return total


def _regions(made: Trace | None, wanted: Trace | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind, pick in (("categories", _categories), ("names", _names)):
        a, b = pick(made), pick(wanted)
        found |= {
            f"{kind}: in both": float(len(a & b)),
            f"{kind}: predicted": float(len(a)),
            f"{kind}: reference": float(len(b)),
        }
    return found


def _categories(trace: Trace | None) -> set[str]:
    return {step.category for step in trace.steps} if trace else set()


def _names(trace: Trace | None) -> set[str]:
    return {name for step in trace.steps for name in step.regions} if trace else set()


def _order(trace: Trace | None) -> dict[str, int]:
    """Category -> the step in which it is first looked at."""
    order: dict[str, int] = {}
    for k, step in enumerate(trace.steps if trace else ()):
        order.setdefault(step.category, k)
    return order


def kendall(a: dict[str, int], b: dict[str, int]) -> float | None:
    """Kendall's tau_b of two orders over what they have in common; None under two common members.

    First looks are distinct steps, so there are no ties, and tau_b is tau.
    """
    common = sorted(a.keys() & b.keys())
    pairs = list(combinations(common, 2))
    if not pairs:
        return None
    return float(sum(np.sign(a[x] - a[y]) * np.sign(b[x] - b[y]) for x, y in pairs) / len(pairs))


def _f1(both: FloatArray, predicted: FloatArray, reference: FloatArray) -> FloatArray:
    return np.where(reference > 0, nan_ratio(2 * both, predicted + reference), np.nan)
