"""What is stored of a text or a pair: CheXbert's classes and vector, BERTScore's three numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.values import Value


class Labelled(Value, frozen=True):
    """What CheXbert says of one text."""

    classes: tuple[int, ...]
    """14 classes in the order of ``observations.HEADS``: 0 blank, 1 positive, 2 negative, 3 uncertain."""
    raw: bytes = b""
    """The [CLS] vector, little-endian float32."""
    margin: float | None = None
    """The smallest distance between the best and the second class of any head; None where the engine does not say."""

    @classmethod
    def of(cls, classes: Sequence[int], vector: NDArray[np.float32], margin: float | None) -> Labelled:
        """From arrays."""
        return cls(tuple(classes), np.ascontiguousarray(vector, "<f4").tobytes(), margin)

    @property
    def vector(self) -> NDArray[np.float32]:
        """(hidden,) the [CLS] vector."""
        return np.frombuffer(self.raw, "<f4")


class Matched(Value, frozen=True):
    """BERTScore of one pair before rescaling."""

    precision: float
    recall: float
    f1: float
