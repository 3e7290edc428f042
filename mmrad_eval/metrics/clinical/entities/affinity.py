"""RaTEScore's formula: how much a match of two types of entities weighs, and the F1 of both directions.

Zhao et al., EMNLP 2024. Figures and formula as in the package RaTEScore 0.6.0, ``scorer.py`` (MIT).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from mmrad_eval.metrics.clinical.entities.records import UNDEFINED

TYPES = ("ABNORMALITY", "ANATOMY", "DISEASE", "NON-ABNORMALITY", "NON-DISEASE")
_DENIED = {"NON-ABNORMALITY": True, "NON-DISEASE": True, "ABNORMALITY": False, "DISEASE": False}


@dataclass(frozen=True)
class Affinity:
    """Weights by (own type, partner's type) in the order of ``TYPES``, found by a search on human ratings."""

    rows: tuple[tuple[float, ...], ...]
    denied: float
    """Factor of a match where one side denies what the other states."""

    def weight(self, own: str, partner: str) -> float:
        """The weight of a match; it is not symmetric."""
        return self.rows[TYPES.index(own)][TYPES.index(partner)]

    def factor(self, own: str, partner: str) -> float:
        """1, or ``denied`` where just one of both is denied; anatomy is neither."""
        apart = own in _DENIED and partner in _DENIED and _DENIED[own] != _DENIED[partner]
        return self.denied if apart else 1.0


LONG = Affinity(
    (
        (0.4276119164393705, 0.6240929990607657, 0.0034478181112993847, 0.5431049700217344, 0.27005425386213877),
        (0.7487824274337533, 0.2856134859160784, 0.4592143222158069, 0.02097055139911715, 0.00013736314126696204),
        (0.8396510075734789, 0.9950209388542061, 0.8460555030578727, 0.9820689020512646, 0.3789136708096537),
        (0.16546764653692908, 0.018670610691852826, 0.719397354576018, 0.0009357166071730684, 0.0927333564267591),
        (0.7759420231214385, 0.1839139293714062, 0.10073046076318157, 0.03860183811876373, 0.34065681486566446),
    ),
    denied=0.8716553966489615,
)
SHORT = Affinity(
    (
        (0.4070293318365468, 0.6952639610605605, 0.28342529466226446, 0.9479148658006686, 0.23875064111146294),
        (0.5829759950441763, 0.7709590751917746, 0.0006059634829551632, 0.794672584951181, 0.27982942400798977),
        (0.8840397619834857, 0.9637659445696822, 0.19018958438059513, 0.6962283914800402, 0.943727057946997),
        (0.1712744286898638, 0.4485149671497294, 0.00045065329822896076, 0.0007887930317199857, 0.8555432840895761),
        (0.9555801066212176, 0.13122106162635216, 0.6072996585919443, 0.05650711141169969, 0.3214769399791204),
    ),
    denied=0.3611577852354489,
)


@dataclass(frozen=True)
class Side:
    """The entities of one report."""

    vectors: Tensor
    """(n, hidden) float32."""
    types: Sequence[str]


TIE = 1e-6
"""Cosines closer than this are equal: an entity found twice under two types has one vector, and rounding decides."""


@dataclass(frozen=True)
class _Match:
    own: str
    partner: str
    cosine: float
    margin: float
    """How much nearer the partner is than any entity of another type."""


def rate(candidate: Side, reference: Side, affinities: Sequence[Affinity]) -> tuple[list[float], float]:
    """RaTEScore under each of the affinities, UNDEFINED where a side has no entity; and the smallest margin of a match.

    Of equally near partners the first of the entity's own type counts, else the first. The package leaves these to
    rounding, and its score can depend on which it takes.
    """
    if not candidate.types or not reference.types:
        return [UNDEFINED for _ in affinities], math.inf
    found = [_nearest(reference, candidate), _nearest(candidate, reference)]
    scores = []
    for affinity in affinities:
        one, other = (_weighted(direction, affinity) for direction in found)
        scores.append(2 * one * other / (one + other) if one + other else 0.0)
    return scores, min(match.margin for direction in found for match in direction)


def _nearest(own: Side, other: Side) -> list[_Match]:
    """The nearest entity of the other side for each entity."""
    mine, theirs = (functional.normalize(side.vectors, p=2, dim=1) for side in (own, other))
    found = []
    for vector, kind in zip(mine, own.types, strict=True):
        cosines = (theirs @ vector).tolist()
        best = max(cosines)
        near = [index for index, cosine in enumerate(cosines) if cosine >= best - TIE]
        chosen = next((index for index in near if other.types[index] == kind), near[0])
        partner = other.types[chosen]
        rest = [cosine for cosine, name in zip(cosines, other.types, strict=True) if name != partner]
        found.append(_Match(kind, partner, cosines[chosen], best - max(rest, default=-math.inf)))
    return found


def _weighted(found: Sequence[_Match], affinity: Affinity) -> float:
    """The mean cosine by weight; 0 where nothing weighs."""
    weights = [affinity.weight(match.own, match.partner) for match in found]
    total = sum(weights)
    if not total:
        return 0.0
    terms = (w * m.cosine * affinity.factor(m.own, m.partner) for w, m in zip(weights, found, strict=True))
    return sum(terms) / total
