"""Grounding of findings: boxes that trace or report give to abnormal statements, against boxes that readers drew.

A predicted finding is a step, or a statement of a report in whose words the model marked boxes, with at least one
abnormal fact; a reference finding is what readers boxed under one
label (or sentence) of a study. Two of them speak of the same where they share a concept. Beside F1 at an IoU stand
RadFact's grounding and spatial precision and recall (Bannur et al., MAIRA-2, 2024; microsoft/RadFact,
src/radfact/metric/radfact.py and box_metrics.py), with our facts in the place of its judge. A statement with boxes
is *supported* where the other side states one of the same concept, with a box or without, and *grounded* where more
than half of the union of its boxes lies in the union of the boxes of those. Grounding divides by the supported ones,
spatial by all that have boxes. Areas are exact where RadFact counts pixels of a 224 x 224 mask, counts are summed
over studies where it averages studies, and spatial precision is 0 for a trace without boxes where it is undefined
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Box, Example, Trace
from mmrad_eval.metrics.facts.extract import VERSION, extract
from mmrad_eval.metrics.grounding.boxes import assign, canonical, overlaps, share_inside, size_of
from mmrad_eval.metrics.sums import by_name, nan_ratio, ratio
from mmrad_eval.traces.geometry import CANONICAL, Size

THRESHOLDS = (0.3, 0.5)
GROUNDED = 0.5
"""Share of its area of which more must lie in the other side's boxes."""

STATISTICS: tuple[str, ...] = (
    "reference boxes",
    "predicted boxes",
    "sum of IoU",
    *(f"pairs at IoU {t}" for t in THRESHOLDS),
    *(f"{side}: {what}" for side in ("predicted", "reference") for what in ("boxed", "supported", "grounded")),
    "defined",
    "with trace",
    "studies",
)


class _Stated(NamedTuple):
    concepts: frozenset[str]
    boxes: tuple[Box, ...]
    """Empty for a statement without a box, which supports all the same."""


class FindingGrounding:
    """Statistics of a study, (14,) float64: see STATISTICS. Zeros where no reader drew a box."""

    name = "grounding@finding"
    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = STATISTICS
    columns: Sequence[Column] = (
        Column("Finding mIoU", "finding", best=1.0),
        Column("Finding F1@.3", "finding", best=1.0),
        Column("Finding F1@.5", "finding", best=1.0),
        Column("Grounding precision", "finding", best=1.0),
        Column("Grounding recall", "finding", best=1.0),
        Column("Spatial precision", "finding", best=1.0),
        Column("Spatial recall", "finding", best=1.0),
        Column("Finding defined", "finding", better=""),
    )

    def fit(self, corpus: Corpus) -> None:
        """Nothing is needed of the corpus."""

    def signature(self, context: Any) -> str:
        """The frame, the facts and the threshold."""
        return f"grounding-finding|frame:{CANONICAL}|facts:{VERSION}|grounded:over {GROUNDED}|v3"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, 14) counts."""
        return np.array([_study(e) for e in examples]).reshape(len(examples), len(STATISTICS))

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 14) sums to (..., 8) columns; nan where no trace was written, or no reader drew a box."""
        at = by_name(STATISTICS, np.asarray(sums, np.float64))
        wanted, made = at("reference boxes"), at("predicted boxes")
        columns = [
            nan_ratio(at("sum of IoU"), wanted),
            *(nan_ratio(2 * at(f"pairs at IoU {t}"), wanted + made) for t in THRESHOLDS),
            *(nan_ratio(at(f"{side}: grounded"), at(f"{side}: supported")) for side in ("predicted", "reference")),
            *(ratio(at(f"{side}: grounded"), at(f"{side}: boxed")) for side in ("predicted", "reference")),
            nan_ratio(at("defined"), at("studies")),
        ]
        asked = (at("with trace") > 0) & (wanted > 0)
        return np.where(asked[..., None], np.stack(columns, axis=-1), np.nan)


def _study(example: Example) -> list[float]:
    found: dict[str, float] = {"studies": 1.0}
    size = size_of(example.study)
    wanted = _reference(example, size)
    if wanted:
        made = _predicted(example.answer.trace, size)
        found |= _overlap(made, wanted)
        for side, own, other in (("predicted", made, wanted), ("reference", wanted, made)):
            boxed = [one for one in own if one.boxes]
            alike = [[o for o in other if o.concepts & one.concepts] for one in boxed]
            grounded = [
                share_inside(one.boxes, _boxes(group)) > GROUNDED for one, group in zip(boxed, alike, strict=True)
            ]
            found |= {
                f"{side}: boxed": float(len(boxed)),
                f"{side}: supported": float(sum(map(bool, alike))),
                f"{side}: grounded": float(sum(grounded)),
            }
        found["defined"], found["with trace"] = 1.0, float(example.answer.trace is not None)
    return [found.get(name, 0.0) for name in STATISTICS]


def _overlap(made: Sequence[_Stated], wanted: Sequence[_Stated]) -> dict[str, float]:
    """One-to-one overlaps of boxes whose findings share a concept."""
    mine = [(one.concepts, box) for one in made for box in one.boxes]
    theirs = [(one.concepts, box) for one in wanted for box in one.boxes]
    table = overlaps([box for _, box in mine], [box for _, box in theirs])
    for i, (a, _) in enumerate(mine):
        for j, (b, _) in enumerate(theirs):
            if not a & b:
                table[i, j] = 0.0
    values = [float(table[pair]) for pair in assign(table)]
    return {
        "reference boxes": float(len(theirs)),
        "predicted boxes": float(len(mine)),
        "sum of IoU": sum(values),
        **{f"pairs at IoU {t}": float(sum(value >= t for value in values)) for t in THRESHOLDS},
    }


def _predicted(trace: Trace | None, size: Size | None) -> list[_Stated]:
    """What the trace, and the report where boxes stand in it, say is there; equal words are one statement."""
    groups: dict[tuple[str, str], list[Box]] = {}
    for step in trace.steps if trace else ():
        boxes = groups.setdefault((step.part, step.text), [])
        if step.box and (box := canonical(step.box, size)) is not None:
            boxes.append(box)
    stated = ((_concepts(text), boxes) for (_, text), boxes in groups.items())
    return [_Stated(concepts, tuple(boxes)) for concepts, boxes in stated if concepts]


def _reference(example: Example, size: Size | None) -> list[_Stated]:
    groups: dict[str, list[Box]] = {}
    for drawn in example.study.boxes:
        if (box := canonical(drawn.box, size)) is not None:
            groups.setdefault(drawn.sentence or drawn.label, []).append(box)
    return [_Stated(_concepts(name) or frozenset((name.lower(),)), tuple(boxes)) for name, boxes in groups.items()]


def _concepts(text: str) -> frozenset[str]:
    return frozenset(fact.concept for fact in extract(text) if fact.status != "absent")


def _boxes(group: Sequence[_Stated]) -> list[Box]:
    return [box for one in group for box in one.boxes]
