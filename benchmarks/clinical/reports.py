"""Invented chest X-ray reports of usual length, the same for the same seed: what benchmarks and parity tests read."""

from __future__ import annotations

import random

SLOTS = {
    "side": ("right", "left", "bilateral"),
    "lobe": (
        "upper lobe",
        "lower lobe",
        "middle lobe",
        "lung base",
        "hilum",
        "apex",
        "costophrenic angle",
        "midlung zone",
    ),
    "degree": ("small", "mild", "moderate", "large", "minimal", "subtle", "stable", "new", "worsening", "improved"),
    "finding": (
        "pleural effusion",
        "consolidation",
        "atelectasis",
        "airspace opacity",
        "interstitial edema",
        "pulmonary nodule",
        "pneumothorax",
        "scarring",
        "infiltrate",
        "hyperinflation",
    ),
    "device": (
        "endotracheal tube",
        "right IJ catheter",
        "nasogastric tube",
        "dual-lead pacemaker",
        "PICC line",
        "chest tube",
    ),
    "n": tuple(str(number) for number in range(1, 10)),
    "heart": ("normal in size", "mildly enlarged", "at the upper limits of normal", "enlarged", "stable"),
}

SENTENCES = (
    "The heart is {heart}.",
    "Cardiomediastinal silhouette is {heart}, without significant change.",
    "No focal consolidation, pleural effusion, or pneumothorax.",
    "There is a {degree} {side} {finding} with adjacent {finding}.",
    "{degree} {finding} in the {side} {lobe}, which may represent pneumonia.",
    "No evidence of {finding} or {finding}.",
    "The {device} terminates {n}.{n} cm above the carina.",
    "Interval removal of the {device}; the {device} is unchanged in position.",
    "{degree} {finding} is seen at the {side} {lobe}, measuring {n} x {n} mm.",
    "Osseous structures are intact. Degenerative changes of the thoracic spine.",
    "The lungs are clear and well expanded.",
    "Pulmonary vascularity is within normal limits.",
    "Compared to the prior study, the {side} {finding} has {degree} progression (50%).",
    "Clinical correlation is suggested; consider CT for further evaluation of the {side} {lobe}.",
    "Findings: {degree} {finding}/{finding} at the {lobe}, can't exclude infection.",
    "Bony thorax: old {side} rib fracture, unchanged.",
    "Likely {finding}, less likely {finding}.",
    "___ was notified of the {finding} by telephone at {n}:{n}5 p.m.",
)


def report(chooser: random.Random, low: int = 4, high: int = 10) -> str:
    """One report of ``low`` to ``high`` sentences."""
    sentences = []
    for pattern in chooser.choices(SENTENCES, k=chooser.randint(low, high)):
        filled = pattern
        while "{" in filled:
            start, end = filled.index("{"), filled.index("}")
            filled = filled[:start] + chooser.choice(SLOTS[filled[start + 1 : end]]) + filled[end + 1 :]
        sentences.append(filled[0].upper() + filled[1:])
    return " ".join(sentences)


def reports(count: int, seed: int, low: int = 4, high: int = 10) -> list[str]:
    """Distinct reports."""
    chooser = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[report(chooser, low, high)] = None
    return list(found)


def rewritten(references: list[str], seed: int) -> list[str]:
    """For each reference a candidate: some of its sentences, mixed with some of another report."""
    chooser = random.Random(seed)
    candidates = []
    for reference in references:
        own, other = (text.split(". ") for text in (reference, chooser.choice(references)))
        mixed = [s for s in own if chooser.random() < 0.6] + [s for s in other if chooser.random() < 0.4]
        candidates.append(". ".join(mixed) or report(chooser, 2, 4))
    return candidates
