"""Does the image matter: whether the report changes with it, and whom it follows where image and words differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import Study
from mmrad_eval.results.faithfulness.reading import Bools, Contrast, Reading, nan_ratio, positive, ratio, words_of


def sensitivity(reading: Reading) -> Iterator[Contrast]:
    """Image sensitivity: the share of reports whose labels change under an edit, net of an edit of nothing."""
    edits = {"direct": ("direct-swapped", "direct-blank"), "mcot": ("mcot-swapped", "mcot-shuffled", "mcot-repeat")}
    for real, arms in edits.items():
        for arm in arms:
            studies = reading.common(real, arm, f"{real}-null")
            if not studies:
                continue
            y, other, null = (reading.labels(name, studies) for name in (real, arm, f"{real}-null"))
            yield _changes(studies, arm, (y, other, null))
            if arm == "direct-swapped":
                yield from _by_donor(reading, studies, arm, (y, other, null))


def _changes(studies: Sequence[Study], name: str, labels: tuple[Bools, Bools, Bools]) -> Contrast:
    """``labels``: of the real arm, of the edited one, of the one with an edit of nothing."""
    y, other, null = labels
    changed, noise = (y != other).any(axis=1), (y != null).any(axis=1)
    rows = np.column_stack([changed, noise, (y != other).mean(axis=1), np.ones(len(y))]).astype(float)

    def reduce(sums: FloatArray) -> FloatArray:
        n = sums[..., 3:]
        share = ratio(sums[..., :3], n)
        return np.concatenate([share, share[..., :1] - share[..., 1:2]], axis=-1)

    names = (f"IS {name}", f"IS null for {name}", f"IS {name} by label", f"IS {name} net")
    return Contrast(names, studies, rows, reduce)


def _by_donor(
    reading: Reading, studies: Sequence[Study], name: str, labels: tuple[Bools, Bools, Bools]
) -> Iterator[Contrast]:
    """The same where the other patient's reference has the same labels, and where it has others."""
    by_id = {study.id: study for study in reading.studies}
    known = [by_id.get(reading.donors.get(study.id, "")) for study in studies]
    own = positive([reading.reference(study) for study in studies])
    theirs = positive([reading.reference(study) if study else "" for study in known])
    same = (own == theirs).all(axis=1)
    present = np.array([study is not None for study in known])
    for what, keep in (("same", present & same), ("other", present & ~same)):
        at = np.flatnonzero(keep).tolist()
        if at:
            y, other, null = (each[at] for each in labels)
            chosen = [studies[i] for i in at]
            yield _changes(chosen, f"{name} ({what} labels)", (y, other, null))


def conflict(reading: Reading) -> Iterator[Contrast]:
    """Words of one patient, region images of another: whom does the report follow where the two differ?"""
    pictured = _pictured(reading)
    studies = [s for s in reading.common("mcot-swapped") if pictured.get(s.id)]
    y = reading.labels("mcot-swapped", studies)
    words = positive([words_of(study.trace) for study in studies])
    pictures = positive([pictured[study.id] for study in studies])
    differ = words != pictures
    rows = np.column_stack([(differ & (y == words)).sum(1), (differ & (y == pictures)).sum(1), differ.sum(1)])
    names = ("TextFollow", "VisionFollow")
    yield Contrast(names, studies, rows.astype(float), lambda sums: nan_ratio(sums[..., :2], sums[..., 2:]))


def _pictured(reading: Reading) -> dict[str, str]:
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
