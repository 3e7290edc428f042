"""Does the image matter: whether the report changes with it, and whom it follows where image and words differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import Study
from mmrad_eval.metrics.consistency.matching import is_kind
from mmrad_eval.metrics.consistency.statements import words_of
from mmrad_eval.metrics.labelf1 import LABELS
from mmrad_eval.metrics.sums import nan_ratio, ratio
from mmrad_eval.results.faithfulness.reading import ArmContrast, ArmReading, positive
from mmrad_eval.tasks.interventions.images import concepts_of

NULLS = ("shifted", "jpeg")
"""Edits of the pictures that should change nothing."""
_EDITS = {
    "direct": ("blank", "swapped", "swap-same", "swap-opposite"),
    "mcot": ("swapped", "shuffled", "repeat"),
}


REPORTED = "blurred findings reported before"


def sensitivity(reading: ArmReading) -> Iterator[ArmContrast]:
    """Image sensitivity: the share of reports whose labels change under an edit, and what an edit of nothing does.

    The floor is that null edit of the pictures which changes more reports: an edit says something only beyond both.
    Another wording is no edit of a picture; its share stands beside them.
    """
    for real, edits in _EDITS.items():
        for null in (*NULLS, "reworded"):
            studies = reading.common(real, f"{real}-{null}")
            yield from _changes(reading, studies, real, f"{real}-{null}", ())
        floor = [f"{real}-{null}" for null in NULLS if reading.answers.get(f"{real}-{null}")]
        for edit in edits:
            studies = reading.common(real, f"{real}-{edit}", *floor)
            yield from _changes(reading, studies, real, f"{real}-{edit}", floor)
    yield _content(reading)


def _changes(
    reading: ArmReading, studies: Sequence[Study], real: str, arm: str, floor: Sequence[str]
) -> Iterator[ArmContrast]:
    """Of an arm: the share of reports that change, the share of labels; with a floor, that and the difference."""
    if not studies:
        return
    y = reading.labels(real, studies)
    moved = {name: reading.labels(name, studies) != y for name in (arm, *floor)}
    changed = [labels.any(axis=1) for labels in moved.values()]
    rows = np.column_stack([*changed, moved[arm].mean(axis=1), np.ones(len(y))]).astype(float)

    def reduce(sums: FloatArray) -> FloatArray:
        share = ratio(sums[..., :-1], sums[..., -1:])
        found = [share[..., 0], share[..., -1]]
        if floor:
            most = share[..., 1:-1].max(axis=-1)
            found += [most, share[..., 0] - most]
        return np.stack(found, axis=-1)

    names = (f"IS {arm}", f"IS {arm} by label", f"IS floor for {arm}", f"IS {arm} net")
    yield ArmContrast(names, studies, rows, reduce)


def by_label(reading: ArmReading) -> Iterator[ArmContrast]:
    """For each label the share of reports in which another patient's image changes it, and that beyond the floor."""
    arms = ("direct-swapped", *(f"direct-{null}" for null in NULLS))
    studies = reading.common("direct", *arms)
    if not studies:
        return
    y = reading.labels("direct", studies)
    moved = [reading.labels(arm, studies) != y for arm in arms]
    rows = np.concatenate([*moved, np.ones((len(y), 1))], axis=1).astype(float)

    def reduce(sums: FloatArray) -> FloatArray:
        share = ratio(sums[..., :-1], sums[..., -1:]).reshape(*sums.shape[:-1], len(arms), len(LABELS))
        changed, floor = share[..., 0, :], share[..., 1:, :].max(axis=-2)
        return np.concatenate([changed, changed - floor], axis=-1)

    names = [
        *(f"IS direct-swapped: {label}" for label in LABELS),
        *(f"IS direct-swapped: {name} net" for name in LABELS),
    ]
    yield ArmContrast(names, studies, rows, reduce)


CONTENT = "opposite - same labels"


def _content(reading: ArmReading) -> ArmContrast:
    """Whether it matters what the other patient's image shows: opposite labels less the same labels."""
    arms = ("direct-swap-opposite", "direct-swap-same")
    studies = reading.common("direct", *arms)
    y = reading.labels("direct", studies)
    changed = [(reading.labels(arm, studies) != y).any(axis=1) for arm in arms] if studies else []
    rows = np.column_stack([*changed, np.ones(len(studies))]).astype(float)

    def reduce(sums: FloatArray) -> FloatArray:
        opposite, same = (ratio(sums[..., i], sums[..., 2]) for i in (0, 1))
        return np.stack([opposite, same, opposite - same], axis=-1)

    return ArmContrast(("changed: opposite labels", "changed: same labels", CONTENT), studies, rows, reduce)


def causal(reading: ArmReading) -> Iterator[ArmContrast]:
    """Causal grounding: how often a finding leaves the report with its own place, less how often with another.

    Over the studies whose finding the report of the untouched image states.
    """
    arms = ("direct-blurred", "direct-blurred-elsewhere")
    studies = reading.common("direct", *arms)
    blurred = {study.id: concepts_of(reading.answers[arms[0]][study.id]) for study in studies}
    stated = [_states(reading, "direct", study, blurred[study.id]) for study in studies]
    rows = np.array([[said, True] for said in stated], dtype=float)
    yield ArmContrast((REPORTED,), studies, rows, lambda sums: ratio(sums[..., :1], sums[..., 1:]))
    told = [study for study, said in zip(studies, stated, strict=True) if said]
    gone = [[not _states(reading, arm, study, blurred[study.id]) for arm in arms] for study in told]

    def reduce(sums: FloatArray) -> FloatArray:
        own, other = (ratio(sums[..., i], sums[..., 2]) for i in (0, 1))
        return np.stack([own, other, own - other], axis=-1)

    names = ("gone: finding blurred", "gone: elsewhere blurred", "causal grounding")
    yield ArmContrast(names, told, np.array([[*each, True] for each in gone], dtype=float), reduce)


def _states(reading: ArmReading, arm: str, study: Study, concepts: Sequence[str]) -> bool:
    """Whether a report says, surely or perhaps, that one of these is there, or a kind of it."""
    return any(is_kind(said.fact.concept, concept) for said in reading.facts(arm, study) for concept in concepts)


def conflict(reading: ArmReading) -> Iterator[ArmContrast]:
    """Words of one patient, region images of another: whom does the report follow where the two differ?"""
    pictured = _pictured(reading)
    studies = [s for s in reading.common("mcot-swapped") if pictured.get(s.id)]
    y = reading.labels("mcot-swapped", studies)
    words = positive([words_of(study.trace) for study in studies])
    pictures = positive([pictured[study.id] for study in studies])
    differ = words != pictures
    rows = np.column_stack([(differ & (y == words)).sum(1), (differ & (y == pictures)).sum(1), differ.sum(1)])
    names = ("TextFollow", "VisionFollow")
    yield ArmContrast(names, studies, rows.astype(float), lambda sums: nan_ratio(sums[..., :2], sums[..., 2:]))


def _pictured(reading: ArmReading) -> dict[str, str]:
    """Study -> what the references of the region images that it was shown say of those regions."""
    owner = {image.path: study for study in reading.studies for image in study.images}
    for study in reading.studies:
        steps = study.trace.steps if study.trace else ()
        owner.update((step.image.path, study) for step in steps if step.image is not None)
    found: dict[str, str] = {}
    for name, answer in reading.answers.get("mcot-swapped", {}).items():
        texts = []
        for step in answer.shown.steps if answer.shown else ():
            other = owner.get(step.image.path) if step.image else None
            if other is None or other.trace is None or other.id == name:
                continue
            texts += [s.text for s in other.trace.steps if s.region == step.region or s.category == step.category]
        found[name] = "\n\n".join(texts)
    return found
