"""What a clause says, by what its words stand for: a few rules over who, may or can not, does what, to what.

An inability or a policy about the task itself declines; one about an organ, a finding or a device is part of a report.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from mmrad_eval.datasets.raw_text.clauses import words as w
from mmrad_eval.datasets.raw_text.clauses.pictures import may_miss, misses
from mmrad_eval.datasets.raw_text.clauses.said import AT_LARGE, ReadClause, of_patient, read
from mmrad_eval.datasets.words import among

Kind = Literal["", "declined", "missing", "talk", "lost", "limited", "seen", "lecture"]
"""What a clause says.

``declined``, ``missing``: that somebody does not do the task, that no picture came. ``talk``, ``lost``: it is spoken to
the asker, and of nothing that is seen; of a picture that may be missing. ``limited``: what of the patient can't be
assessed. ``seen``: what is. ``lecture``: what is so in general, advice, an offer. Empty: none of these.
"""
_GENERAL = re.compile(
    r"^\W*(?:a|an|any|most|all|some)?\s*(?:normal|typical|healthy|standard|chest|frontal|\s)*(?:xrays?|radiographs?"
    r"|film|consolidations?|pneumonia|opacities|reports?)\s+(?:can|may|might|could|would|usually|typically|shows?"
    r"|include|appears? as|consists?|has|have|reads?)\b|\b(?:means?|refers? to|is when|is called)\b"
    r"|^\W*(?:in order to|to|before|so that (?:i|we)|signs? of)\b"
)
"""A sentence of a textbook, "A normal X-ray shows clear lungs", or a purpose."""
_THIS = re.compile(
    r"\b(?:this|these|here)\b|\b(?:i|we) (?:can )?see\b|^\W*there (?:is|are|may|might|could|appears?|seems?)\b"
)
_ONE = re.compile(r"^\W*the\b")
_OFFER = ("explain", "help", "discuss", "assist", "talk", "answer", "happy", "glad", "will", "would")
_FIRST = among("check lookfor assess note look evaluate first second third examine review")
_SAYS_WHO = among("confirm review reviewed verify verified interpret interpreted evaluate evaluated consult seek")
_SHORT = 5
_ADDRESS = w.ME + w.YOU + w.MACHINE + w.PLEASE + w.SORRY + w.DECLINE + w.CANNOT + w.ELSE + w.PAST


@lru_cache(maxsize=4096)
def kind_of_clause(clause: str) -> Kind:
    """What a clause says."""
    c = read(clause)
    if not c.tokens:
        return ""
    patient = of_patient(c)
    if misses(c, patient=patient):
        return "missing"
    if (_declines_of_patient if patient else _declines)(c):
        return "declined"
    return _about_patient(c) if patient else _talk(c)


def _declines(c: ReadClause) -> bool:
    """Whether a clause that does not speak of the patient declines."""
    me = w.ME + w.MACHINE
    act = w.DO + w.GIVE
    if c.words("confirm") and w.EXPERT in c.has:
        return True
    if w.JUDGE in c.has and not c.any(w.ME + w.RULE):
        return False
    return bool(
        (w.CANNOT in c.has and c.any(act + w.PRODUCT + w.ADVICE + w.RULE + w.PICTURE + w.MACHINE) and not _perceives(c))
        or (c.every(w.CANNOT, w.ME) and len(c.tokens) <= _SHORT and w.LOOK not in c.has)
        or c.every(w.DECLINE, me + w.PRODUCT + w.ADVICE + act)
        or c.every(w.PAST, me, act + w.PRODUCT + w.ADVICE + w.PICTURE + w.RULE + w.MACHINE)
        or c.every(w.NOT, w.RULE, me + act + w.ADVICE)
        or (c.every(w.NOT, me) and (c.order(w.NOT, act) or c.any(w.EXPERT)))
        or c.every(w.PAST, w.RULE)
        or (c.every(w.CANNOT, w.ME) and AT_LARGE.search(c.text) is not None and not _perceives(c))
        or (c.every(w.NOT, w.RULE) and len(c.tokens) < _SHORT)
        or c.every(w.NOT, w.ME, w.MACHINE + w.ELSE)
        or c.every(w.NOT, w.MACHINE, w.ADVICE)
        or (w.NOT in c.has and c.words("advice", "substitute"))
        or (w.NOT in c.has and _withheld(c))
        or c.every(w.ONLY, w.ME, act + w.PRODUCT + w.ADVICE + w.PICTURE)
        or (w.MACHINE in c.has and (w.ONLY in c.has or c.tokens[0] in {"as", "being"} or c.tokens[:2] == ("i", "am")))
        or (w.EXPERT in c.has and not _SAYS_WHO.isdisjoint(c.tokens) and c.any(w.REFER) and not c.any(w.PAST))
        or (c.words("ruleout") and c.every(w.RULE, w.ADVICE + w.ME))
        or (c.foreign and c.every(w.CANNOT, w.DO + w.PRODUCT + w.PICTURE + w.ME))
    )


def _perceives(c: ReadClause) -> bool:
    """As in "I can't see it": what is not seen may be in the picture."""
    return c.every(w.LOOK, w.NOT + w.CANNOT) and not c.any(w.DO + w.GIVE + w.PICTURE + w.ADVICE + w.RULE + w.EXPERT)


def _withheld(c: ReadClause) -> bool:
    """As in "No diagnosis will be given": advice, or a report, that nobody gives."""
    if not any(token in w.PARTICIPLES for token in c.tokens):
        return w.ADVICE in c.has and w.RULE in c.has and w.STATE not in c.has
    return w.ADVICE in c.has or c.words("report", "reports")


def _declines_of_patient(c: ReadClause) -> bool:
    """Whether a clause that names organs or findings declines all the same: it speaks to the asker, or at large."""
    if not c.any(w.NOT + w.CANNOT + w.DECLINE) or w.TECHNIQUE in c.has:
        return False
    if not c.any(w.ME + w.MACHINE) and w.CANNOT not in c.kinds[0]:
        return False
    if w.YOU in c.has or (AT_LARGE.search(c.text) and c.any(w.DO + w.GIVE + w.LOOK)):
        return True
    at = c.first(w.GIVE, c.first(w.NOT + w.CANNOT + w.DECLINE))
    head = c.first(w.ADVICE, at)
    return at >= 0 and 0 <= head < c.first(w.ORGAN + w.STATE) and c.tokens[head] not in {"clinical", "assessment"}


def _about_patient(c: ReadClause) -> Kind:
    """What a clause that speaks of the patient says."""
    vague = w.LECTURE in c.has or (w.MAYBE in c.has and not _ONE.search(c.text))
    if c.any(w.YOU + w.EXPERT) or c.asks or _GENERAL.search(c.text) or c.tokens[0] in _FIRST:
        return "lecture"
    if (vague and not _THIS.search(c.text)) or (w.ME in c.has and c.words(*_OFFER)):
        return "lecture"
    if (w.CANNOT in c.has and w.JUDGE not in c.has) or not c.any(w.ORGAN + w.STATE + w.REPORTED):
        return "limited"
    return "seen"


def _talk(c: ReadClause) -> Kind:
    """Whether a clause of which nothing else is known is spoken to the asker."""
    told = c.any(w.STATE + w.SICKNESS + w.JUDGE) or _perceives(c)
    if told and not c.any(w.YOU) and not c.every(w.ME, w.DEALT_WITH):
        return "lost" if c.words("it") and c.every(w.ME, w.LOOK, w.NOT + w.CANNOT) else ""
    if may_miss(c):
        return "lost"
    if c.foreign:
        return (
            "talk"
            if c.any(w.ME + w.SORRY + w.EXPERT + w.PLEASE) and c.any(w.NOT + w.CANNOT + w.EXPERT + w.DECLINE)
            else ""
        )
    sent_on = c.every(w.EXPERT, w.REFER + w.NOT + w.NEED + w.ONLY)
    return "talk" if sent_on or c.any(_ADDRESS) or c.every(w.RULE, w.NOT + w.ADVICE) else ""
