"""Whom a model may be trained on: the patients of one split, none of whom is tested on or held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Study
from mmrad_eval.datasets.lazy import outlines
from mmrad_eval.datasets.splits import read_held_out

_TESTED = ("test", "gold", "held", "eval")
"""How names of splits begin that no model may be trained on."""


@dataclass(frozen=True)
class TrainingSet:
    """The studies that may be exported, and how many may not, by reason."""

    ids: frozenset[str]
    left_out: Mapping[str, int]
    held_out: Mapping[str, int]
    """Hold-out file -> how many of its ids the data has."""


def training_set(
    studies: Sequence[Study], split: str, hold_out: Iterable[Path] = (), *, source: str = "the data"
) -> TrainingSet:
    """The studies of ``split`` whose patients have no study in another split, and none in a hold-out list.

    A study without a patient id is a patient of its own. UsageError where ``split`` is one to test on, or where the
    data names no splits: then nothing tells who is a test patient.
    """
    if split.lower().startswith(_TESTED):
        raise UsageError(f"--split {split}: a model must not be tested on what it was trained on; name another")
    outlined = [(study.id, study.cluster, study.split or "") for study in outlines(studies)]
    names = Counter(name for _, _, name in outlined)
    if split not in names:
        there = ", ".join(f"{name or 'no split'} ({count:,})" for name, count in names.most_common())
        raise UsageError(
            f"{source} has no split {split!r}, and without it the training patients are unknown; it has: {there}. "
            "Name another with --split, or split the data by patient: --data 'DATA?split=patient'"
        )
    elsewhere = {patient for _, patient, name in outlined if name != split}
    lists = {str(path): read_held_out([path]) for path in hold_out}
    ids = frozenset[str]().union(*lists.values())
    held = {patient for identity, patient, _ in outlined if ids & {identity, patient}}
    kept: set[str] = set()
    left_out: Counter[str] = Counter()
    for identity, patient, name in outlined:
        if name != split:
            left_out["they belong to another split"] += 1
        elif patient in held:
            left_out["their patients are on a hold-out list"] += 1
        elif patient in elsewhere:
            left_out["their patients also have a study in another split"] += 1
        else:
            kept.add(identity)
    known = {word for identity, patient, _ in outlined for word in (identity, patient)}
    return TrainingSet(frozenset(kept), dict(left_out), {path: len(named & known) for path, named in lists.items()})
