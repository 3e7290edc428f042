"""Which cases readers see: at random, by strata, or more often where systems disagree, always with known chances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Study
from mmrad_eval.results.scoring.subgroups import subgroups

SampleRule = Literal["random", "stratified", "disagreement"]
RULES: Mapping[SampleRule, str] = {
    "random": "simple random sample of {n} of {total} cases",
    "stratified": "{n} of {total} cases, equally many from each stratum ({strata}) as far as there are",
    "disagreement": "{n} of {total} cases, more likely where the systems' findings differ more",
}
BASE = 0.25
"""Weight of a case on which all systems agree; one on which no two share a finding has this and 1."""


def chances(sizes: Sequence[float], n: int) -> FloatArray:
    """(cases,) chances proportional to sizes, none above 1, that sum to ``n``."""
    size = np.asarray(sizes, np.float64)
    if not 0 < n <= len(size):
        raise UsageError(f"--cases {n}: {len(size):,} is the most that can be shown")
    sure = np.zeros(len(size), bool)
    while True:
        left = n - sure.sum()
        found = np.where(sure, 1.0, left * size / max(size[~sure].sum(), 1e-300))
        over = (found >= 1) & ~sure
        if not over.any() or left == 0:
            return np.minimum(found, 1.0)
        sure |= over


def draw(inclusion: FloatArray, random: np.random.Generator, strata: Sequence[str] = ()) -> list[int]:
    """Cases drawn with exactly these chances, their sum many of them, in random order.

    Systematic sampling of a list in random order (Madow, Ann Math Stat 1949), stratum after stratum, so that each gets
    as many as its chances sum to.
    """
    order = random.permutation(len(inclusion))
    if strata:
        order = np.array(sorted(order, key=lambda i: strata[i]))
    ends = np.cumsum(inclusion[order])
    n = round(float(ends[-1]))
    marks = random.random() + np.arange(n)
    picked = order[np.minimum(np.searchsorted(ends, marks * ends[-1] / n, side="right"), len(order) - 1)]
    return [int(case) for case in random.permutation(picked)]


def stratified(strata: Sequence[str], n: int) -> FloatArray:
    """(cases,) chances that take equally many of each stratum, and more of others where one has too few."""
    if not 0 < n <= len(strata):
        raise UsageError(f"--cases {n}: {len(strata):,} is the most that can be shown")
    held = {name: strata.count(name) for name in sorted(set(strata))}
    wanted = dict.fromkeys(held, 0)
    while sum(wanted.values()) < n:
        free = [name for name in held if wanted[name] < held[name]]
        wanted[min(free, key=lambda name: wanted[name])] += 1
    return np.array([wanted[name] / held[name] for name in strata])


def strata_of(names: Sequence[str], studies: Sequence[Study]) -> list[str]:
    """The stratum of each study: its groups by each attribute (``subgroups``), joined; ``unknown`` where none is known.

    UsageError where an attribute puts one study into several groups, which are no strata.
    """
    parts: list[list[str]] = []
    for name in names:
        members = subgroups(name, studies, option="--strata").members
        found = {study.id: [group for group, ids in members.items() if study.id in ids] for study in studies}
        if any(len(groups) > 1 for groups in found.values()):
            raise UsageError(f"--strata {name}: a study may be in several of its groups, so they cannot be strata")
        parts.append([(found[study.id] or ["unknown"])[0] for study in studies])
    return [", ".join(groups) for groups in zip(*parts, strict=True)]


def disagreement(findings: Sequence[frozenset[str]]) -> float:
    """How much the findings of several reports of one case differ: mean over pairs of 1 - shared / all."""
    pairs = [(a, b) for i, a in enumerate(findings) for b in findings[:i]]
    apart = [1 - len(a & b) / len(a | b) if a | b else 0.0 for a, b in pairs]
    return sum(apart) / len(apart) if apart else 0.0
