"""Side, zone, severity and change of a mention, from the words of its noun phrase.

The phrase of a mention reaches back to the last comma, conjunction, verb or other finding, and forward to the phrase
of the next finding. Findings that are joined directly ("left effusion and atelectasis") share a side and a zone that
only one of them states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from mmrad_eval.metrics.facts.frames import Frame, frames, stands_under
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


_COMPARATIVES = frozenset(("larger", "smaller", "worse", "better", "more", "less"))
_SIDES_REACH = 6
"""Words after a comparative in which a side may follow: "larger than the one on the left"."""


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
    framed = frames(reading.row, reading.words, words.places)
    phrases = [_phrase(reading.row, m, framed) for m in places]
    found = [_qualifiers(reading, m, p, words) for m, p in zip(places, phrases, strict=True)]
    if framed:
        found = [
            _framed(q, stands_under(reading.row, m.item, framed), m, words) for q, m in zip(found, places, strict=True)
        ]
    for i in range(1, len(found)):  # what one of a list states holds for those joined to it, first forward, then back
        first, second = places[i - 1], places[i]
        if second.item != first.item and (_listed(first, second, phrases[i]) or _explains(reading, first, second)):
            found[i] = _share(found[i], found[i - 1], places[i], words)
    for i in range(len(found) - 1, 0, -1):
        if places[i].item != places[i - 1].item and _listed(places[i - 1], places[i], phrases[i]):
            found[i - 1] = _share(found[i - 1], found[i], places[i - 1], words)
    return found


def _listed(first: Mention, second: Mention, phrase: _Phrase) -> bool:
    """Whether two findings are of one list: what "no" begins is another one ("left effusion, no pneumothorax")."""
    return phrase.direct and (first.status == "absent") == (second.status == "absent")


def _framed(own: Qualifiers, place: tuple[str, ...], mention: Mention, words: Lexicon) -> Qualifiers:
    """What the place that is named before a finding says of it, where itself says nothing."""
    if not place or mention.meaning.concept not in words.sided:
        return own
    zoned = mention.meaning.category in _ZONED and not own.zone
    side = own.side or _side(place, words.qualifiers["side"])
    return own._replace(side=side, zone=_zone(place, words.qualifiers["zone"]) if zoned else own.zone)


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


def _phrase(row: list[Item], mention: Mention, framed: Sequence[Frame]) -> _Phrase:
    at = mention.item
    before = at
    while before and not row[before - 1].roles & _BOUND:
        before -= 1
    direct = bool(before and row[before - 1].roles & _JOINT) and _only_joined(row, before)
    after = tail = at + 1
    end = next((frame.first for frame in framed if frame.first > at), len(row))  # "..., and on the left, ..."
    while after < end and not row[after].roles & (_END | Role.FINDING):
        if row[after].roles & (_BOUND | FORWARD):
            tail = after
        after += 1
    if after < end and row[after].roles & Role.FINDING:
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
        text, sides, zones = reading.words, words.qualifiers["side"], words.qualifiers["zone"]
        parts = text[first : item.last], text[item.last : last], text[subject:first]
        side = _side(parts[0], sides) or _side(parts[1], sides) or _side(parts[2], sides)
        if "than" in parts[1] and _side(parts[1], sides) not in {"", side}:
            side = "both"  # "right effusion larger than left"
        if meaning.category in _ZONED:
            zone = _zone(parts[0], zones) or _zone(parts[1], zones) or _zone(parts[2], zones)
    severity = _severity(reading, item, first, words.qualifiers["severity"])
    return Qualifiers(side, zone, severity, _change(own, item, meaning.concept, reading.words, words))


def _subject(row: list[Item], before: int) -> int:
    """First word of the subject whose predicate a phrase is ("the left lung shows ..."), else its own first."""
    i = before
    while i and not row[i - 1].roles & (_BOUND & ~Role.VERB):
        i -= 1
    return row[i].first


def _side(words: Sequence[str], table: Mapping[str, str]) -> str:
    if table.keys().isdisjoint(words):
        return ""
    sides = {table[w] for w, following in zip_longest(words, words[1:]) if w in table and following not in _INNER}
    return next(iter(sides)) if len(sides) == 1 else "both" if sides else ""


def _zone(words: Sequence[str], table: Mapping[str, str]) -> str:
    if table.keys().isdisjoint(words):
        return ""
    zones = [table[word] for word in words if word in table]
    return zones[0] if len(set(zones)) == 1 else "several" if zones else ""


def _severity(reading: SentenceReading, item: Item, first: int, table: Mapping[str, str]) -> str:
    """The nearest word of degree before the finding; for a structure, before the attribute that judges it."""
    judge = item.judge
    start, end = (first, item.last) if judge is None else (max(0, judge.first - 3), judge.first)
    said = reading.words[start:end]
    return "" if table.keys().isdisjoint(said) else next((table[w] for w in reversed(said) if w in table), "")


def _change(own: list[Item], item: Item, concept: str, text: list[str], words: Lexicon) -> str:
    changes = [x for x in own if x.sense is not None and x.sense.change and x is not item]
    for x in sorted(changes, key=lambda x: abs(x.first - item.first)):
        assert x.sense is not None
        if _of_sides(x, text, words.qualifiers["side"]):
            continue
        if concept in _DENSITY and x.word == "increased" and x.first < item.first:
            continue
        return x.sense.change
    return ""


def _of_sides(x: Item, text: list[str], sides: Mapping[str, str]) -> bool:
    """Whether a comparative holds one side against the other, and not this image against one before."""
    if text[x.first] not in _COMPARATIVES:
        return False
    tail = text[x.last : x.last + _SIDES_REACH]
    if tail[:1] == ["than"]:
        return any(word in sides for word in tail)
    return tail[:1] in (["on"], ["in"], ["at"]) and any(word in sides for word in tail[1:3])


def place_of(region: str, words: Lexicon) -> tuple[str, str]:
    """The side and the zone that the name of a region states."""
    named = region.lower().replace("-", " ").split()
    return _side(named, words.qualifiers["side"]), _zone(named, words.qualifiers["zone"])
