"""Chance for self-consistency: for each study, the trace of another patient with the most similar labels.

Boilerplate is consistent with anything, so what two texts of different patients have in common is the floor. The donor
is the study of another patient whose reference has the labels nearest to the study's own (Jaccard over positive and
uncertain observations), then the nearest number of steps, then the next one in the order of id digests, so that it is
the same for every model. Where the data has no traces, the donor's reference report takes their place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.values import Study
from mmrad_eval.metrics.consistency.statements import Statement, statements, trace_facts
from mmrad_eval.metrics.facts.extractors import Extractor
from mmrad_eval.metrics.facts.labels import label_many
from mmrad_eval.metrics.labelf1 import POSITIVE, UNCERTAIN

_BLOCK = 512


@dataclass(frozen=True)
class ChanceDonor:
    """What another patient's trace says."""

    study: str
    statements: tuple[Statement, ...]


def donors(corpus: Corpus, extract: Extractor) -> dict[str, ChanceDonor]:
    """Study id -> donor; a study has none where there is no other patient."""
    studies = sorted(corpus.scored, key=lambda s: hashlib.sha256(s.id.encode()).digest())
    traced = [s for s in studies if s.trace is not None]
    pool = traced if len({s.cluster for s in traced}) > 1 else studies
    if not pool:
        return {}
    texts = [_reference(s, corpus) for s in pool]
    facts = trace_facts([s.trace for s in pool if s.trace is not None], extract) if pool is traced else extract(texts)
    said = [statements(f) for f in facts]
    nearest = _nearest(studies, pool, corpus)
    return {
        study.id: ChanceDonor(pool[j].id, said[j]) for study, j in zip(studies, nearest, strict=True) if j is not None
    }


def donors_digest(chosen: Mapping[str, str]) -> str:
    """The first 12 digits of the SHA-256 of who stands in for whom, by ids of studies: for signatures."""
    text = "\n".join(f"{study}\t{donor}" for study, donor in sorted(chosen.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _nearest(studies: Sequence[Study], pool: Sequence[Study], corpus: Corpus) -> list[int | None]:
    own = _positive([_reference(s, corpus) for s in studies])
    others = _positive([_reference(s, corpus) for s in pool])
    steps, other_steps = (np.array([_steps(s) for s in group], float) for group in (studies, pool))
    clusters = {name: k for k, name in enumerate(dict.fromkeys(s.cluster for s in (*studies, *pool)))}
    mine, theirs = (np.array([clusters[s.cluster] for s in group]) for group in (studies, pool))
    place = {s.id: k for k, s in enumerate(studies)}
    ring = np.array([place[s.id] for s in pool])
    chosen: list[int | None] = []
    for start in range(0, len(studies), _BLOCK):
        rows = slice(start, start + _BLOCK)
        shared = own[rows] @ others.T
        union = own[rows].sum(1)[:, None] + others.sum(1)[None] - shared
        alike = np.where(union > 0, shared / np.maximum(union, 1), 1.0)
        ahead = (ring[None] - np.arange(start, start + len(shared))[:, None]) % max(len(studies), 1)
        apart = np.minimum(np.abs(steps[rows][:, None] - other_steps[None]), 99)
        score = alike * 1e6 - apart * 1e4 - ahead / max(len(studies), 1)
        score[mine[rows][:, None] == theirs[None]] = -np.inf
        best = score.argmax(1)
        chosen += [int(j) if np.isfinite(score[i, j]) else None for i, j in enumerate(best)]
    return chosen


def _steps(study: Study) -> int:
    return len(study.trace.steps) if study.trace else 0


def _reference(study: Study, corpus: Corpus) -> str:
    return (study.reference.target(corpus.target) if study.reference else None) or ""


def _positive(texts: Sequence[str]) -> FloatArray:
    """(n, 14) 1 where an observation is positive or uncertain."""
    return np.isin(label_many(texts), [POSITIVE, UNCERTAIN]).astype(np.float64)
