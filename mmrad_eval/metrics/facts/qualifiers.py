"""Side, zone, severity and change of a mention, from the words of its noun phrase.

The phrase of a mention reaches back to the last comma, conjunction, verb or other finding, and forward to the phrase
of the next finding. Findings that are joined directly ("left effusion and atelectasis") share a side and a zone that
only one of them states.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import NamedTuple

from mmrad_eval.metrics.facts.items import FORWARD, Item
from mmrad_eval.metrics.facts.lexicon import Lexicon, Role
from mmrad_eval.metrics.facts.scope import Mention, SentenceReading

_JOINT = Role.COMMA | Role.AND | Role.OR
_BOUND = _JOINT | Role.STOP | Role.BRACKET | Role.VERB | Role.WITH | Role.FINDING | Role.COLON
_END = Role.STOP | Role.BRACKET

_LINKS = frozenset(
    ("by", "represents", "represent", "representing", "reflects", "reflect", "reflecting", "due", "from", "secondary")
)
_LINK_REACH = 6
_INNER = frozenset(
    ("atrium", "ventricle", "atrial", "ventricular", "heart", "main", "mainstem", "brachiocephalic", "innominate")
)
"""Structures in the middle that have a side in their name: a lead in the right ventricle is not on the right."""
_ZONED = frozenset(("lungs", "pleura_diaphragm"))
_DENSITY = frozenset(("opacity", "interstitial_disease", "vascular_prominence", "scarring"))
"""For these, "increased" before the noun says how it looks and not what became of it."""


class Qualifiers(NamedTuple):
    """Empty strings where nothing is said."""

    side: str = ""
    zone: str = ""
    severity: str = ""
    change: str = ""


class _Phrase(NamedTuple):
    before: int
    after: int
    """Items ``before:after`` are the mention's phrase."""
    direct: bool
    """Whether it is joined to the mention before it by nothing but a comma or a conjunction."""


def qualify(reading: SentenceReading, words: Lexicon) -> list[Qualifiers]:
    """The qualifiers of each mention of a sentence, in the mentions' order."""
    places = reading.mentions
    phrases = [_phrase(reading.row, m) for m in places]
    found = [_qualifiers(reading, m, p, words) for m, p in zip(places, phrases, strict=True)]
    for i in range(1, len(found)):  # what one of a list states holds for those joined to it, first forward, then back
        if places[i].item != places[i - 1].item and (phrases[i].direct or _explains(reading, places[i - 1], places[i])):
            found[i] = _share(found[i], found[i - 1], places[i], words)
    for i in range(len(found) - 1, 0, -1):
        if places[i].item != places[i - 1].item and phrases[i].direct:
            found[i - 1] = _share(found[i - 1], found[i], places[i - 1], words)
    return found


def _explains(reading: SentenceReading, first: Mention, second: Mention) -> bool:
    """Whether the second is what the first is or comes from: "left basilar opacity consistent with atelectasis"."""
    between = reading.row[first.item + 1 : second.item]
    if len(between) > _LINK_REACH or any(x.roles & (_END | Role.AND | Role.OR | Role.DENY_AFTER) for x in between):
        return False
    return any(x.roles & (Role.LINKED | Role.DOUBT_AFTER) or x.word in _LINKS for x in between)


def _share(own: Qualifiers, other: Qualifiers, mention: Mention, words: Lexicon) -> Qualifiers:
    meaning = mention.meaning
    if own.side or own.zone or meaning.concept not in words.sided:
        return own
    return own._replace(side=other.side, zone=other.zone if meaning.category in _ZONED else "")


def _phrase(row: list[Item], mention: Mention) -> _Phrase:
    at = mention.item
    before = at
    while before and not row[before - 1].roles & _BOUND:
        before -= 1
    direct = bool(before and row[before - 1].roles & _JOINT) and _only_joined(row, before)
    after = tail = at + 1
    while after < len(row) and not row[after].roles & (_END | Role.FINDING):
        if row[after].roles & (_BOUND | FORWARD):
            tail = after
        after += 1
    if after < len(row) and row[after].roles & Role.FINDING:
        after = tail  # the words just before the next finding are its own
    return _Phrase(before, after, direct)


def _only_joined(row: list[Item], before: int) -> bool:
    """Whether nothing but joints stands between the phrase and the finding before it."""
    i = before - 1
    while i >= 0 and row[i].roles & _JOINT:
        i -= 1
    return i >= 0 and bool(row[i].roles & Role.FINDING)


def _qualifiers(reading: SentenceReading, mention: Mention, phrase: _Phrase, words: Lexicon) -> Qualifiers:
    meaning, item = mention.meaning, reading.row[mention.item]
    own = reading.row[phrase.before : phrase.after]
    first, last = own[0].first, own[-1].last
    side = zone = ""
    if meaning.concept in words.sided:
        subject = _subject(reading.row, phrase.before)
        parts = [reading.words[start:end] for start, end in ((first, item.last), (item.last, last), (subject, first))]
        side = next(filter(None, (_side(part, words.qualifiers["side"]) for part in parts)), "")
        if "than" in parts[1] and _side(parts[1], words.qualifiers["side"]) not in {"", side}:
            side = "both"  # "right effusion larger than left"
        if meaning.category in _ZONED:
            zone = next(filter(None, (_zone(part, words.qualifiers["zone"]) for part in parts)), "")
    severity = _severity(reading, item, first, words.qualifiers["severity"])
    return Qualifiers(side, zone, severity, _change(own, item, meaning.concept))


def _subject(row: list[Item], before: int) -> int:
    """First word of the subject whose predicate a phrase is ("the left lung shows ..."), else its own first."""
    i = before
    while i and not row[i - 1].roles & (_BOUND & ~Role.VERB):
        i -= 1
    return row[i].first


def _side(words: list[str], table: Mapping[str, str]) -> str:
    sides = {table[w] for w, following in zip_longest(words, words[1:]) if w in table and following not in _INNER}
    return next(iter(sides)) if len(sides) == 1 else "both" if sides else ""


def _zone(words: list[str], table: Mapping[str, str]) -> str:
    zones = [table[word] for word in words if word in table]
    return zones[0] if len(set(zones)) == 1 else "several" if zones else ""


def _severity(reading: SentenceReading, item: Item, first: int, table: Mapping[str, str]) -> str:
    """The nearest word of degree before the finding; for a structure, before the attribute that judges it."""
    judge = item.judge
    start, end = (first, item.last) if judge is None else (max(0, judge.first - 3), judge.first)
    return next((table[w] for w in reversed(reading.words[start:end]) if w in table), "")


def _change(own: list[Item], item: Item, concept: str) -> str:
    for x in sorted(own, key=lambda x: abs(x.first - item.first)):
        if x.sense is None or not x.sense.change or x is item:
            continue
        if concept in _DENSITY and x.word == "increased" and x.first < item.first:
            continue
        return x.sense.change
    return ""


def place_of(region: str, words: Lexicon) -> tuple[str, str]:
    """The side and the zone that the name of a region states."""
    named = region.lower().replace("-", " ").split()
    return _side(named, words.qualifiers["side"]), _zone(named, words.qualifiers["zone"])
