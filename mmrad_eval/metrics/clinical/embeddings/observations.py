"""The 14 observations in the order of CheXbert's heads, and its classes in the product's label values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HEADS = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)
"""CheXbert's order (its ``label.py``). chexpert-labeler and the MIMIC csv order differently: join by name."""

_VALUES = np.array([2, 1, 0, -1], dtype=np.int8)


def values(classes: Sequence[Sequence[int]]) -> NDArray[np.int8]:
    """(n, 14) classes 0 blank, 1 positive, 2 negative, 3 uncertain to 1/0/-1/2 = positive/negative/uncertain/blank."""
    return _VALUES[np.asarray(classes, dtype=np.int64).reshape(-1, len(HEADS))]
