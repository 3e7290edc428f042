"""The findings of two reports side by side: which is which, what it earns, and every error by its kind.

One to one, with the largest sum of what is earned and not lost (Kuhn 1955). A pair earns the weight of the reference's
finding times a factor for each thing that differs; what the reference does not say is no error. docs/findings.md
derives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mmrad_eval.metrics.consistency.matching import contradicts
from mmrad_eval.metrics.consistency.statements import apart, zones_apart
from mmrad_eval.metrics.facts.extract import Fact
from mmrad_eval.metrics.findings.assignment import assign
from mmrad_eval.metrics.findings.reading import (
    DOUBTED,
    Finding,
    FoundReport,
    Naming,
    Stake,
    denied_weight,
    is_kind,
    kin,
    sizes_differ,
)
from mmrad_eval.metrics.findings.significance import Scheme

Kind = Literal[
    "false finding",
    "omission",
    "wrong location",
    "wrong severity",
    "comparison not in the reference",
    "omitted comparison",
    "wrong certainty",
    "wrong measurement",
    "wrong kind",
    "contradiction",
    "unsupported comparison",
    "unsupported view",
]
KINDS: tuple[Kind, ...] = (
    *("false finding", "omission", "wrong location", "wrong severity"),
    *("comparison not in the reference", "omitted comparison"),
    *("wrong certainty", "wrong measurement", "wrong kind", "contradiction"),
    *("unsupported comparison", "unsupported view"),
)
"""The six of ReXVal (Yu and others, Patterns 4, 2023), then our own."""

SEVERITIES = ("minimal", "mild", "moderate", "severe")
# What a pair keeps of its weight, by what differs (source none): half for what is wrong, an eighth less for what is
# left unsaid.
WRONG, UNSAID = 0.5, 0.875
SIDE_UNSAID = 0.75
"""A side that the reference states and the candidate does not."""
STEP = (1.0, 0.75, 0.5, 0.25)
"""By steps of severity between the two."""
DENIED = 0.5
"""Share of a finding's weight that a wrong denial costs, besides what the finding would have earned."""
UNSUPPORTED = 0.25
"""Share of a finding's weight that an assertion costs which no image could have told."""


@dataclass(frozen=True)
class Error:
    """One error, what it is about, and whether something would be done about that."""

    kind: Kind
    significant: bool
    reference: int = -1
    candidate: int = -1
    """Indices of findings; -1: none."""
    said: str = ""
    """What differs, in words."""
    cost: float = 0.0
    """Of an error that is about no finding of either report; the others have theirs in weights and pairs."""


@dataclass(frozen=True)
class Pair:
    """A finding of the reference and the one of the candidate that is taken for it."""

    reference: int
    candidate: int
    credit: float
    """What it earns."""
    share: float
    """The share of the candidate's finding that the reference supports."""
    beyond: float
    """Weight of what the candidate says it to be and the reference does not."""


@dataclass(frozen=True)
class Alignment:
    """Two reports side by side."""

    reference: FoundReport
    candidate: FoundReport
    stakes: tuple[tuple[Stake, ...], tuple[Stake, ...]]
    """Of the reference's findings, and of the candidate's."""
    pairs: tuple[Pair, ...]
    errors: tuple[Error, ...]
    credit: float
    cost: float

    @property
    def at_stake(self) -> float:
        """The weight of all that the reference finds."""
        return sum(stake.weight for stake in self.stakes[0])

    @property
    def abnormal(self) -> bool:
        """Whether the reference finds anything that is beyond the expected, and weighs anything."""
        return any(stake.tier != "expected" and stake.weight > 0 for stake in self.stakes[0])

    @property
    def score(self) -> float:
        """The study's score: at most 1; above -1 where the reference is abnormal, else at least 0."""
        if self.candidate.empty:
            return 0.0
        if not self.abnormal:
            return max(0.0, 1.0 - self.cost)
        whole = self.at_stake + self.cost
        return (self.credit - self.cost) / whole if whole else 0.0


def align(
    reference: FoundReport,
    candidate: FoundReport,
    *,
    scheme: Scheme = "tiers",
    age: float | None = None,
    prior: bool = False,
    lateral: bool = True,
) -> Alignment:
    """Hold a candidate against its reference.

    ``prior``: whether a prior study was shown to who wrote it; ``lateral``: whether a lateral view was, or may have
    been.
    """
    ours, theirs = reference.at_stake(scheme, age), candidate.at_stake(scheme, age)
    found = _Found(reference, candidate, (ours, theirs), prior=prior)
    found.match()
    found.leftovers()
    found.denials()
    found.unsupported(scheme, lateral=lateral)
    return Alignment(
        reference, candidate, (ours, theirs), tuple(found.pairs), tuple(found.errors), found.credit, found.cost
    )


class _Found:
    """What is known of two reports so far."""

    def __init__(
        self, reference: FoundReport, candidate: FoundReport, stakes: tuple[Sequence[Stake], ...], *, prior: bool
    ) -> None:
        self.reference, self.candidate = reference, candidate
        self.ours, self.theirs = stakes
        self.prior = prior
        self.pairs: list[Pair] = []
        self.errors: list[Error] = []
        self.credit = self.cost = 0.0

    def match(self) -> None:
        """Pair the findings, and say what differs in each pair."""
        gains: dict[tuple[int, int], float] = {}
        pairs: dict[tuple[int, int], Pair] = {}
        for i, r in enumerate(self.reference.findings):
            near = frozenset[str]().union(*(kin(name.concept) for name in r.names))
            for j, c in enumerate(self.candidate.findings):
                if c.concept not in near and near.isdisjoint(name.concept for name in c.also):
                    continue
                if (pair := _pair((i, j), r, self.ours[i], c, self.theirs[j], prior=self.prior)) is not None:
                    pairs[i, j] = pair
                    gains[i, j] = pair.credit + self.theirs[j].weight - pair.beyond
        for i, j in assign(gains):
            pair = pairs[i, j]
            self.pairs.append(pair)
            self.credit += pair.credit
            self.cost += pair.beyond
            significant = self.ours[i].significant
            r, c = self.reference.findings[i], self.candidate.findings[j]
            self.errors += [Error(kind, significant, i, j, said) for kind, said in _differences(r, c, prior=self.prior)]

    def leftovers(self) -> None:
        """What has no partner: a false finding and an omission, or one finding in the wrong place."""
        missed = [i for i in range(len(self.ours)) if all(pair.reference != i for pair in self.pairs)]
        false = [j for j in range(len(self.theirs)) if all(pair.candidate != j for pair in self.pairs)]
        for j in false:
            c = self.candidate.findings[j]
            if self._absorbed(c):
                continue
            self.cost += self.theirs[j].weight
            elsewhere = next((i for i in missed if self.reference.findings[i].concept == c.concept), None)
            if elsewhere is None:
                self.errors.append(Error("false finding", self.theirs[j].significant, -1, j))
                continue
            missed.remove(elsewhere)
            significant = self.theirs[j].significant or self.ours[elsewhere].significant
            self.errors.append(Error("wrong location", significant, elsewhere, j))
        self.errors += [Error("omission", self.ours[i].significant, i, -1) for i in missed]

    def _absorbed(self, c: Finding) -> bool:
        """Whether the reference says it without a side, and another finding of the candidate was taken for that."""
        return bool(c.side) and any(
            r.concept == c.concept and not r.side and r.displaced == c.displaced and d.side not in {"", c.side}
            for r, d in (
                (self.reference.findings[p.reference], self.candidate.findings[p.candidate]) for p in self.pairs
            )
        )

    def denials(self) -> None:
        """Findings of the reference that the candidate denies, once each."""
        paired = {pair.reference for pair in self.pairs}
        for i, r in enumerate(self.reference.findings):
            if not r.sure:
                continue
            fact = Fact(r.concept, "present", r.side, r.zone, severity=r.severity, change=r.change)
            if any(d.concept == r.concept and contradicts(d, fact) for d in self.reference.denials):
                continue  # it denies its own finding: who can tell?
            against = (d for d in self.candidate.denials if i not in paired or d.concept == r.concept)
            reassured = r.displaced and any(
                c.concept == r.concept and c.position == "right" for c in self.candidate.findings
            )
            if reassured or any(contradicts(d, fact) for d in against):
                self.cost += DENIED * self.ours[i].weight
                self.errors.append(Error("contradiction", self.ours[i].significant, i))

    def unsupported(self, scheme: Scheme, *, lateral: bool) -> None:
        """What the candidate says of images that were not shown."""
        for j, c in enumerate(self.candidate.findings):
            if c.change and not self.prior:
                self.cost += UNSUPPORTED * self.theirs[j].weight
                self.errors.append(Error("unsupported comparison", significant=False, candidate=j, said=c.change))
            if c.lateral and not lateral:
                self.cost += UNSUPPORTED * self.theirs[j].weight
                self.errors.append(Error("unsupported view", significant=False, candidate=j))
        for fact in () if self.prior else self.candidate.gone:
            cost = UNSUPPORTED * denied_weight(scheme, fact.concept)
            self.cost += cost
            said = f"{fact.concept.replace('_', ' ')} gone"
            self.errors.append(Error("unsupported comparison", significant=False, said=said, cost=cost))


def _pair(at: tuple[int, int], r: Finding, ours: Stake, c: Finding, theirs: Stake, *, prior: bool) -> Pair | None:
    """What the two would earn together; None where they are not of one thing."""
    if r.displaced != c.displaced and (c.displaced or c.position):
        return None
    if apart(r.side, c.side):
        return None
    names, others = r.names, c.names
    covered = _weighted([max(_covers(b, a) for b in others) for a in names], ours.parts)
    if not covered:
        return None
    share = _weighted([max(_covers(a, b) for a in names) for b in others], theirs.parts)
    beyond = sum(part * _beyond(b, names) for part, b in zip(theirs.parts, others, strict=True))
    factor = _factor(r, c, prior=prior)
    return Pair(*at, ours.weight * covered * factor, share * factor, min(beyond, theirs.weight))


def _weighted(shares: Sequence[float], parts: Sequence[float]) -> float:
    """Mean of shares by weight; of parts that weigh nothing, the plain mean."""
    total = sum(parts)
    if not total:
        return sum(shares) / len(shares)
    return sum(share * part for share, part in zip(shares, parts, strict=True)) / total


def _covers(said: Naming, wanted: Naming) -> float:
    """How far one name says another: wholly where it is the same or a kind of it, half where it is that in general."""
    if said.concept == wanted.concept or is_kind(said.concept, wanted.concept):
        share = 1.0
    elif is_kind(wanted.concept, said.concept):
        share = WRONG
    else:
        return 0.0
    return share if said.sure == wanted.sure else share * DOUBTED


def _beyond(said: Naming, names: Sequence[Naming]) -> float:
    """The share of a name of the candidate's that no name of the reference's bears out; certainty is another matter."""
    if any(said.concept == name.concept or is_kind(name.concept, said.concept) for name in names):
        return 0.0
    return WRONG if any(is_kind(said.concept, name.concept) for name in names) else 1.0


def _factor(r: Finding, c: Finding, *, prior: bool) -> float:
    """The product of what each thing that differs leaves; 1 where nothing does."""
    factor = 1.0
    if r.side and not c.side:
        factor *= SIDE_UNSAID
    if r.zone and r.zone != c.zone:
        factor *= WRONG if zones_apart(r.zone, c.zone) else UNSAID if not c.zone else 1.0
    if r.severity and r.severity != c.severity:
        factor *= STEP[_steps(r.severity, c.severity)] if c.severity else UNSAID
    if r.size:
        factor *= UNSAID if not c.size else WRONG if sizes_differ(r.size, c.size) else 1.0
    if r.position and not c.position:
        factor *= WRONG if r.displaced else UNSAID
    if prior and r.change != c.change:
        factor *= UNSAID if not (r.change and c.change) else WRONG
    return factor


def _steps(a: str, b: str) -> int:
    return abs(SEVERITIES.index(a) - SEVERITIES.index(b))


def _differences(r: Finding, c: Finding, *, prior: bool) -> list[tuple[Kind, str]]:
    """What is wrong in a pair; what is only left unsaid is no error but of a comparison."""
    found: list[tuple[Kind, str]] = []
    if r.concept != c.concept and r.concept not in {n.concept for n in c.names}:
        found.append(("wrong kind", f"{c.concept} for {r.concept}"))
    if r.sure != c.sure and r.concept == c.concept:
        found.append(("wrong certainty", "doubtful" if r.sure else "sure"))
    if zones_apart(r.zone, c.zone):
        found.append(("wrong location", f"{c.zone} for {r.zone}"))
    if r.severity and c.severity and r.severity != c.severity:
        found.append(("wrong severity", f"{c.severity} for {r.severity}"))
    if sizes_differ(r.size, c.size):
        found.append(("wrong measurement", f"{_mm(c.size)} for {_mm(r.size)}"))
    if prior and r.change != c.change:
        if not c.change:
            found.append(("omitted comparison", r.change))
        else:
            said = f"{c.change} for {r.change}" if r.change else c.change
            found.append(("comparison not in the reference", said))
    return found


def _mm(size: tuple[float, ...]) -> str:
    return " x ".join(f"{n:g}" for n in size) + " mm"
