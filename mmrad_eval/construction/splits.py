"""Which patients are for training and which for testing: official splits as they are, else by the patient's digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmrad_eval.datasets.splits import TEST, TRAIN, VALIDATE, drawn

WORDS = {"val": VALIDATE, "valid": VALIDATE, "validation": VALIDATE, "dev": VALIDATE}
"""Other words for a split -> ours."""
_STRICTER = (TRAIN, VALIDATE, TEST)


@dataclass(frozen=True)
class Splits:
    """The split of each patient."""

    seed: int
    official: Mapping[str, str]
    """Cluster -> split, where the source has splits; empty where it has one or none."""
    held_out: frozenset[str]
    moved: int = 0
    """Patients whose images the source has in several splits; all of theirs take the strictest."""

    def of(self, patient: str | None, identity: str) -> str:
        """The split of an image; of one without a patient, that of the image by itself."""
        cluster = patient if patient is not None else f"study:{identity}"
        if cluster in self.held_out or identity in self.held_out:
            return TEST
        return self.official.get(cluster) or drawn(cluster, self.seed)


def settled(known: Iterable[tuple[str, str | None, str | None]], seed: int, held_out: frozenset[str]) -> Splits:
    """The splits of (id, patient, split in the source). A source with one split alone has none to keep."""
    official: dict[str, str] = {}
    names: Counter[str] = Counter()
    moved: set[str] = set()
    for identity, patient, split in known:
        word = WORDS.get((split or "").lower(), (split or "").lower())
        if word not in _STRICTER:
            continue
        names[word] += 1
        cluster = patient if patient is not None else f"study:{identity}"
        before = official.setdefault(cluster, word)
        if before != word:
            moved.add(cluster)
            official[cluster] = max(before, word, key=_STRICTER.index)
    return Splits(seed, official if len(names) > 1 else {}, held_out, len(moved) if len(names) > 1 else 0)
