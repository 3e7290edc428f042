"""A report as the set of its findings: each thing once, with all that the report says of it, and what it denies.

What lies on both sides is a finding on each. Statements of one thing are one finding: "Left effusion. The effusion is
small." A finding in general and what it is said to be, in one sentence, are one: "opacity consistent with pneumonia".
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files

from mmrad_eval.metrics.consistency.statements import apart, zones_apart
from mmrad_eval.metrics.facts.extract import Fact
from mmrad_eval.metrics.facts.lexicon import lexicon
from mmrad_eval.metrics.facts.sentences import sentences
from mmrad_eval.metrics.findings.details import Detailed, detailed
from mmrad_eval.metrics.findings.significance import SIGNIFICANT, Scheme, Tier, table, weight

DOUBTED = 0.5
"""What a doubtful finding weighs beside a sure one, on either side: a hedge is half a bet (source none)."""
DIFFUSE = frozenset(
    ("edema", "interstitial_disease", "emphysema", "hyperinflation", "heart_failure", "low_lung_volumes")
)
"""What is by nature in both lungs: "bilateral" says nothing of it."""
MISSING = ("", ())
_REPORTS = 1 << 13
"""Distinct texts that are remembered."""
_TOLERANCE, _LEAST = 0.2, 2.0
"""Sizes differ by more than a fifth and at least 2 mm (radmatch 0.2.2: size, > 20 % and >= 2 mm)."""


@dataclass(frozen=True, slots=True)
class Naming:
    """A concept that a finding goes by, and whether surely."""

    concept: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a report says is there, surely or perhaps."""

    concept: str
    sure: bool
    side: str = ""
    zone: str = ""
    severity: str = ""
    change: str = ""
    size: tuple[float, ...] = ()
    position: str = ""
    strength: str = ""
    old: bool = False
    lateral: bool = False
    sentence: int = 0
    spans: tuple[tuple[int, int], ...] = ()
    also: tuple[Naming, ...] = ()
    """What it is said to be besides, in general or as a diagnosis."""

    @property
    def displaced(self) -> bool:
        """Whether it is a tube or line that is not where it belongs."""
        return self.position == "displaced"

    @property
    def names(self) -> tuple[Naming, ...]:
        """All that it is said to be."""
        return (Naming(self.concept, self.sure), *self.also)


@dataclass(frozen=True)
class Stake:
    """What a finding weighs."""

    tier: Tier
    parts: tuple[float, ...]
    """The weight of each of its names, less where it is doubtful."""

    @property
    def weight(self) -> float:
        """That of its weightiest name."""
        return max(self.parts)

    @property
    def significant(self) -> bool:
        """Whether something would be done about it."""
        return self.tier in SIGNIFICANT


@dataclass(frozen=True)
class FoundReport:
    """All that a report says."""

    findings: tuple[Finding, ...]
    denials: tuple[Fact, ...]
    gone: tuple[Fact, ...]
    """Denials that compare: "the effusion has resolved"."""
    sentences: int
    understood: int
    """Sentences of which at least one fact is known."""
    stakes: dict[tuple[str, float | None], tuple[Stake, ...]] = field(default_factory=dict, compare=False)

    @property
    def empty(self) -> bool:
        """Whether it states nothing at all, not even that something is absent."""
        return not self.findings and not self.denials

    def at_stake(self, scheme: Scheme, age: float | None) -> tuple[Stake, ...]:
        """The stake of each finding, in order."""
        key = (scheme, age)
        if key not in self.stakes:
            concepts = frozenset(finding.concept for finding in self.findings)
            self.stakes[key] = tuple(_stake(finding, concepts, scheme, age) for finding in self.findings)
        return self.stakes[key]


@lru_cache(maxsize=_REPORTS)
def read(text: str) -> FoundReport:
    """The findings and denials of a text, each once."""
    said: list[Finding] = []
    denials: list[Fact] = []
    total = understood = 0
    for number, (start, sentence) in enumerate(sentences(text, lexicon())):
        if not any(character.isalpha() for character in sentence):
            continue
        total += 1
        details = detailed(sentence)
        understood += bool(details)
        denials += [_moved(d.fact, start) for d in details if d.fact.status == "absent"]
        said += _linked([f for d in details if d.fact.status != "absent" for f in _found(d, start, number)])
    gone = tuple(fact for fact in denials if fact.change == "gone")
    return FoundReport(tuple(_merged(said)), tuple(denials), gone, total, understood)


def _found(d: Detailed, start: int, number: int) -> list[Finding]:
    """A fact as a finding on each of its sides."""
    fact = d.fact
    spans = ((fact.span[0] + start, fact.span[1] + start),)
    sure = fact.status == "present"
    both = fact.side == "both" and fact.category != "devices"
    sides = ("left", "right") if both and fact.concept not in DIFFUSE else ("" if fact.side == "both" else fact.side,)
    zone = "" if fact.zone == "several" else fact.zone
    return [
        Finding(
            fact.concept,
            sure,
            "" if fact.category == "devices" else side,
            zone,
            fact.severity,
            fact.change,
            d.size,
            d.position,
            d.strength,
            d.old,
            d.lateral,
            number,
            spans,
        )
        for side in sides
    ]


def _linked(findings: list[Finding]) -> list[Finding]:
    """The findings of one sentence, those in general folded into what they are said to be, at the same place."""
    if len(findings) < 2:
        return findings
    general = _general()
    kept: list[Finding | None] = list(findings)
    for i, low in enumerate(findings):
        for j, high in enumerate(kept):
            if i == j or high is None or kept[i] is None or low.concept not in general.get(high.concept, ()):
                continue
            if low.side == high.side and not zones_apart(low.zone, high.zone):
                kept[j] = _filled(high, low, also=(*high.also, *low.names))
                kept[i] = None
    return [finding for finding in kept if finding is not None]


def _merged(said: Sequence[Finding]) -> list[Finding]:
    """Each thing once, in the order in which it is first said."""
    kept: list[Finding] = []
    for finding in said:
        same = [i for i, known in enumerate(kept) if _same(known, finding)]
        exact = [i for i in same if kept[i].side == finding.side]
        if not same:
            kept.append(finding)
        for i in same if not finding.side else (exact or same)[:1]:  # what names no side may be said of both
            kept[i] = _filled(kept[i], finding, kept[i].also or finding.also)
    return kept


def _same(known: Finding, finding: Finding) -> bool:
    """Whether two statements can be of one thing: nothing that they say differs."""
    if known.concept != finding.concept or known.displaced != finding.displaced:
        return False
    if apart(known.side, finding.side) or zones_apart(known.zone, finding.zone):
        return False
    differ = _both_differ(known.severity, finding.severity) or _both_differ(known.change, finding.change)
    return not differ and not sizes_differ(known.size, finding.size)


def _both_differ(a: str, b: str) -> bool:
    return bool(a and b) and a != b


def sizes_differ(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether two sizes are both said and differ by more than readers do."""
    return any(abs(x - y) >= _LEAST and abs(x - y) > _TOLERANCE * x for x, y in zip(a, b, strict=False))


def _filled(known: Finding, more: Finding, also: tuple[Naming, ...]) -> Finding:
    """What both say together."""
    sure = known.sure or (more.sure and more.concept == known.concept)
    return replace(
        known,
        sure=sure,
        side=known.side or more.side,
        zone=known.zone or more.zone,
        severity=known.severity or more.severity,
        change=known.change or more.change,
        size=known.size or more.size,
        position=known.position or more.position,
        strength="" if sure else known.strength or more.strength,
        old=known.old or more.old,
        lateral=known.lateral and more.lateral,
        spans=tuple(dict.fromkeys((*known.spans, *more.spans))),
        also=tuple(dict.fromkeys(also)),
    )


def _moved(fact: Fact, start: int) -> Fact:
    span = (fact.span[0] + start, fact.span[1] + start)
    return Fact(
        fact.concept, fact.status, fact.side, fact.zone, fact.category, fact.severity, fact.change, span
    )  # much faster than replacing one field


def _stake(finding: Finding, beside: frozenset[str], scheme: Scheme, age: float | None) -> Stake:
    rules = table()
    tier = rules.tier(finding, beside, age)
    first = weight(scheme, finding.concept, tier)
    parts = [first if finding.sure else first * DOUBTED]
    for name in finding.also:
        own = rules.tier(replace(finding, concept=name.concept, also=()), beside, age)
        value = weight(scheme, name.concept, own)
        parts.append(value if name.sure else value * DOUBTED)
    return Stake(tier, tuple(parts))


def denied_weight(scheme: Scheme, concept: str) -> float:
    """What a finding of which nothing but its name is known weighs."""
    return weight(scheme, concept, table().tier(Finding(concept, sure=True), frozenset(), None))


def is_kind(concept: str, general: str) -> bool:
    """Whether one concept is the other in general, by the table of entailments."""
    return general in _general().get(concept, ())


@cache
def kin(concept: str) -> frozenset[str]:
    """The concept, what it is in general, and what it is of others in general: all that it can be paired with."""
    general = _general()
    specific = (other for other, wider in general.items() if concept in wider)
    return frozenset((concept, *general.get(concept, ()), *specific))


@cache
def _general() -> Mapping[str, frozenset[str]]:
    """Specific concept -> what it is in general, from ``entailments.toml``."""
    found = tomllib.loads(files(__package__).joinpath("entailments.toml").read_text(encoding="utf-8"))
    pairs = [(specific, entry["general"]) for entry in found["entails"] for specific in entry["specific"]]
    return {a: frozenset(general for specific, general in pairs if specific == a) for a, _ in pairs}
