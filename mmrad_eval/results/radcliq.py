"""RadCliQ as numbers: a linear formula of four scores, by which published rows can be checked.

Yu et al., Patterns 2023. Read from CXR-Report-Metric's pickled models: scaler, then linear regression. Lower is better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import FloatArray


@dataclass(frozen=True)
class Formula:
    """Intercept and, for RadGraph, BERTScore, SembScore and BLEU-2: mean, scale and coefficient."""

    name: str
    mean: tuple[float, float, float, float]
    scale: tuple[float, float, float, float]
    coefficient: tuple[float, float, float, float]
    intercept: float

    @property
    def slope(self) -> FloatArray:
        """(4,) change of RadCliQ for one unit of each part."""
        slope: FloatArray = np.array(self.coefficient) / np.array(self.scale)
        return slope

    def value(self, parts: FloatArray) -> FloatArray:
        """(..., 4) parts to (...) RadCliQ; linear, so means of parts give the mean."""
        scaled = (np.asarray(parts, np.float64) - self.mean) / self.scale
        value: FloatArray = scaled @ np.array(self.coefficient) + self.intercept
        return value


V0 = Formula(
    "RadCliQ-v0",
    (0.539837601908, 0.6312549595, 0.771679786667, 0.460737206481),
    (0.301834444056, 0.224669507461, 0.247503338052, 0.303366709361),
    (-0.479625264486, -0.676217054237, -0.463665751618, 0.216586190529),
    1.641666666667,
)
V1 = Formula(
    "RadCliQ-v1",
    (0.537923124136, 0.617572562813, 0.764794212114, 0.447383353962),
    (0.302825841149, 0.224309384593, 0.253943911017, 0.298927167104),
    (-0.3770836826, -0.3703000997, -0.2526162179, 4.315e-12),
    2.4666e-10,
)
"""Identical reports: -1.44069. BLEU has no weight."""

PERFECT = float(V1.value(np.ones(4)))
"""The lowest value that v1 can take."""
