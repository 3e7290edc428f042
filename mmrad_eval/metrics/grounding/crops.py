"""Crop fidelity: does each region image of a trace show the box that it states?

Each region image is searched for in the study's own picture (``traces.matching``), which gives the box that it truly
shows. For images that a model made, the correlation tells a look from an invention.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Example, Step
from mmrad_eval.metrics.grounding.shown_places import film_of, opened
from mmrad_eval.metrics.sums import nan_ratio
from mmrad_eval.traces import geometry, matching

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

STATISTICS = ("images", "readable", "found", "sum of IoU", "sum of correlation", "studies")
"""Region images with a stated box; those that could be opened; those found in the picture; over the readable ones the
IoU of stated and found box (0 where not found) and the correlation at the best place."""


class Crops:
    """Statistics of a study, (6,) float64: see STATISTICS. Zeros for a trace without region images."""

    name = "grounding@crops"
    requires: Sequence[str] = ()
    statistics: Sequence[str] = STATISTICS
    columns: Sequence[Column] = (
        Column("CropFidelity", "crops", best=1.0),
        Column("Crops found", "crops", best=1.0),
        Column("Crop correlation", "crops", best=1.0),
        Column("Crops readable", "crops", best=1.0),
        Column("Crops a study", "crops", better=""),
    )

    def fit(self, corpus: Corpus) -> None:
        """Nothing is needed of the corpus."""

    def signature(self, context: Any) -> str:
        """Which matcher, at which thresholds."""
        found = f"detail {matching.FOUND_DETAIL}, correlation {matching.FOUND_CORRELATION}"
        return f"crop-fidelity|matcher:{matching.VERSION}|found:{found}|v1"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, 6) counts and sums. Opens images."""
        return np.array([_study(e) for e in examples]).reshape(len(examples), len(STATISTICS))

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 6) sums to (..., 5) columns; nan where there is no region image."""
        sums = np.asarray(sums, np.float64)
        images, readable, found, iou, correlation, studies = np.moveaxis(sums, -1, 0)
        columns = [nan_ratio(part, readable) for part in (iou, found, correlation)]
        return np.stack([*columns, nan_ratio(readable, images), nan_ratio(images, studies)], axis=-1)


def _study(example: Example) -> list[float]:
    steps = [s for s in (example.answer.trace.steps if example.answer.trace else ()) if s.image and s.box]
    picture = film_of(example) if steps else None
    row = np.zeros(len(STATISTICS))
    row[0], row[-1] = len(steps), 1.0
    for step in steps:
        match = _match(step, picture) if picture is not None else None
        if match is not None:
            row[1:5] += [1.0, *match]
    return [float(value) for value in row]


def _match(step: Step, picture: Pixels) -> tuple[float, float, float] | None:
    """Whether the region is found, IoU of stated and found box, the correlation; None where it can't be opened."""
    region = opened(step.image) if step.image else None
    if region is None or step.box is None:
        return None
    try:
        stated = geometry.convert(step.box, "original", picture.size)
    except DataError:
        return None
    match = matching.locate(region, picture, stated)
    return float(match.found), geometry.iou(match.box, stated) if match.found else 0.0, match.correlation
