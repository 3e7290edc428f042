"""Finds the organ in which a finding lies: a mass in the abdomen is not one of the lungs."""

from __future__ import annotations

from mmrad_eval.metrics.facts.items import BACKWARD, JOINTS, SAID, Item
from mmrad_eval.metrics.facts.lexicon import Meaning, Role, Sense

_OF_CHEST = frozenset(("lungs", "pleura_diaphragm"))
"""Categories whose findings mean lungs and pleura unless another organ is named."""
_IN = frozenset(("in", "of", "within", "involving", "from", "throughout"))
_OVER = frozenset(("over", "overlying", "projecting", "overlies", "at"))
_REACH = 6
"""Words from a finding to its preposition ("mass measuring 3 cm in the liver")."""
_THROUGH = Role.ANEW | Role.CHANGE | Role.SEEN | Role.VERB | BACKWARD | Role.DOUBT_AFTER
"""What may stand between a finding and its place ("mass is seen in the liver")."""


_CHEST = frozenset(("pleural", "pulmonary", "lung", "lungs", "lobar", "lobe", "airspace", "interstitial"))
"""Words of a finding's own phrase that leave no doubt where it lies."""


def locate(clause: list[Item], words: list[str]) -> None:
    """Set the organ of each finding of a clause that is said to lie in another one than lungs and pleura."""
    if not any(item.roles & Role.ORGAN for item in clause):
        return
    subject = _subject(clause)
    for i in reversed(range(len(clause))):
        item = clause[i]
        if not item.roles & Role.FINDING or item.sense is None or not _CHEST.isdisjoint(words[item.first : item.last]):
            continue
        if item.sense.findings[0].category not in _OF_CHEST:
            continue
        organ = _after(clause, i) or _before(clause, i) or subject
        if organ is not None and organ.sense is not None:
            item.organ = _held(organ.sense, words[item.last - 1])
        elif i + 2 < len(clause) and clause[i + 1].roles & Role.OR:  # "no nodule or mass in the breast"
            item.organ = clause[i + 2].organ


def _held(place: Sense, word: str) -> Meaning | None:
    """What a finding is in its place: an abnormality of the organ, or what fills the space."""
    return place.holds.get(word) if place.holds is not None else place.organ


def _after(clause: list[Item], i: int) -> Item | None:
    """The organ of the place that follows: "mass in the left breast"."""
    for k, x in enumerate(clause[i + 1 : i + 1 + _REACH], i + 1):
        if x.word in _IN or x.word in _OVER:
            organ = _named(clause, k + 1)
            if organ is None and x.word in _OVER and k + 1 < len(clause) and clause[k + 1].word in _OVER:
                continue  # "projecting over"
            if organ is None or (x.word in _OVER and not (organ.sense and organ.sense.projects)):
                return None
            return organ
        if x.roles & ~_THROUGH:
            return None
    return None


def _named(clause: list[Item], start: int) -> Item | None:
    """The organ that a place names, past its articles and adjectives ("the right upper abdomen")."""
    for x in clause[start : start + _REACH]:
        if x.roles & Role.ORGAN:
            return x
        if x.roles & (SAID | Role.VERB | JOINTS):
            return None
    return None


def _before(clause: list[Item], i: int) -> Item | None:
    """The organ that describes the finding right after it: "left breast mass"."""
    lead = clause[i - 1] if i else None
    return lead if lead is not None and lead.roles & Role.ORGAN else None


def _subject(clause: list[Item]) -> Item | None:
    """The organ of whose state the whole clause speaks: "the abdomen shows no mass"."""
    organ = None
    for x in clause:
        if x.roles & (Role.VERB | Role.COLON):
            return organ
        if x.roles & (Role.FINDING | Role.ATTRIBUTE | Role.DENY_AFTER) or (x.roles & SAID and not x.roles & Role.ORGAN):
            return None
        if x.word in _IN or x.word in _OVER:
            return None
        if x.roles & Role.ORGAN:
            organ = x
    return None
