"""CheXbert's labels as facts: a concept and a status, no place."""

from __future__ import annotations

from collections.abc import Sequence

from mmrad_eval.metrics.clinical.embeddings.observations import HEADS
from mmrad_eval.metrics.facts.extract import Fact
from mmrad_eval.metrics.facts.lexicon import Status

_STATUS: dict[int, Status] = {1: "present", 2: "absent", 3: "uncertain"}
_CONCEPT: dict[str, tuple[str, str]] = {
    "Enlarged Cardiomediastinum": ("enlarged_cardiomediastinum", "heart_mediastinum"),
    "Cardiomegaly": ("cardiomegaly", "heart_mediastinum"),
    "Lung Opacity": ("opacity", "lungs"),
    "Lung Lesion": ("mass", "lungs"),
    "Edema": ("edema", "lungs"),
    "Consolidation": ("consolidation", "lungs"),
    "Pneumonia": ("pneumonia", "lungs"),
    "Atelectasis": ("atelectasis", "lungs"),
    "Pneumothorax": ("pneumothorax", "pleura_diaphragm"),
    "Pleural Effusion": ("pleural_effusion", "pleura_diaphragm"),
    "Pleural Other": ("pleural_scarring", "pleura_diaphragm"),
    "Fracture": ("fracture", "bones"),
    "Support Devices": ("hardware", "devices"),
}
"""Observation -> concept and category. No Finding says what is not there and is no fact."""


def label_facts(classes: Sequence[int]) -> tuple[Fact, ...]:
    """14 classes in the order of CheXbert's heads (0 blank, 1 positive, 2 negative, 3 uncertain) to facts."""
    return tuple(
        Fact(*_fact(name, _STATUS[one]))
        for name, one in zip(HEADS, classes, strict=True)
        if name in _CONCEPT and one in _STATUS
    )


def _fact(name: str, status: Status) -> tuple[str, Status, str, str, str]:
    concept, category = _CONCEPT[name]
    return concept, status, "", "", category
