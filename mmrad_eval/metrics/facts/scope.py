"""Decides how each mention of a sentence is meant: present, absent, uncertain, or not said of this image.

A sentence becomes a row of items (the longest phrases of the vocabulary, and single words), the row is cut into
clauses, and in a clause cues reach forward over lists or backward to what stands before them. Structures ("the heart",
"lungs") are judged by the attributes of their clause.
"""

from __future__ import annotations

from mmrad_eval.core.structs import Value
from mmrad_eval.metrics.facts.cues import alternatives, carry
from mmrad_eval.metrics.facts.items import SAID, Item, clauses, items
from mmrad_eval.metrics.facts.lexicon import Lexicon, Meaning, Role, Status
from mmrad_eval.metrics.facts.organs import locate
from mmrad_eval.metrics.facts.structures import judge, judged


class Mention(Value, frozen=True, gc=False):
    """A phrase that speaks of a concept, and how it is meant."""

    meaning: Meaning
    status: Status | None
    """None: a structure that is only said to be as before, or a finding of the past."""
    start: int
    end: int
    """Offsets in the sentence."""
    item: int
    """Its place in the row of items."""
    judgement: str = ""
    """Of a structure: the attribute that judges it."""


class SentenceReading(Value, frozen=True):
    """A sentence taken apart."""

    words: list[str]
    row: list[Item]
    mentions: list[Mention]


def read(sentence: str, words: Lexicon) -> SentenceReading:
    """The items of a sentence and its mentions, in order."""
    found, row = items(sentence, words)
    roles = 0
    for item in row:
        roles |= item.roles
    if not roles & SAID:
        return SentenceReading(found, row, [])
    before: list[Item] = []
    for clause in clauses(row):
        carry(clause, before)
        judge(clause, before)
        if roles & Role.ORGAN:
            locate(clause, found)
        if any(item.roles & ~Role.VERB for item in clause):
            before = clause  # the "is" of "but is still enlarged" says nothing by itself
    if roles & Role.OR:
        alternatives(row)
    return SentenceReading(found, row, _mentions(row))


def _mentions(row: list[Item]) -> list[Mention]:
    found: list[Mention] = []
    for i, item in enumerate(row):
        if item.sense is None or not item.roles & SAID:
            continue
        if item.roles & Role.ANATOMY:
            found += [
                Mention(m, judged(item, m), item.start, item.end, i, item.judgement) for m in item.sense.anatomies
            ]
        if item.roles & Role.FINDING:
            meanings = [item.organ] if item.organ else [m for m in item.sense.findings if m.concept]
            found += [Mention(m, _meant(item, m), item.start, item.end, i) for m in meanings]
    return found


def _meant(item: Item, meaning: Meaning) -> Status | None:
    return "absent" if meaning.gone and item.status == "present" else item.status
