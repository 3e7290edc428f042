"""A clause as the rules see it: its words, what each stands for, and whether it speaks of the patient."""

from __future__ import annotations

import re
from typing import NamedTuple

from mmrad_eval.datasets.raw_text.clauses import words as w
from mmrad_eval.datasets.raw_text.clauses.elsewhere import letters_elsewhere
from mmrad_eval.datasets.raw_text.clauses.phrases import plain
from mmrad_eval.datasets.raw_text.clauses.words import letters
from mmrad_eval.datasets.words import among

_TOKEN = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_ARTICLE = re.compile(r"i [a-z]{3,}i\b")
"""Italian for "the": "I polmoni sono chiari"."""
_ADJUNCT = re.compile(
    r"\b(?:on|in|by|from|at|of|around)\s+(?:(?:this|the|these|that|those|current|single|plain|chest|frontal|a|an"
    r"|both|supine|medical|provided|attached|submitted|specific|your)\s+)+(?:images?|pictures?|xrays?|radiographs?"
    r"|films?|scans?|cxrs?|photos?|studies|study|views?|projections?|examination)\b(?!\s+(?:that|which|i)\b)"
    r"|\bon plain films?\b|\bby xray\b"
)
"""Where something was looked for: "on this film" is no task."""
AT_LARGE = re.compile(
    r"\b(?:in|from|on|of|using|based on|with)\s+(?:medical\s+|any\s+|such\s+|chest\s+|the\s+\w+\s+of\s+)*"
    r"(?:images|pictures|xrays|radiographs|films|scans|photos|an xray|an image)\b"
)
"""Pictures at large: what can't be told from them is no finding."""
_POINTING = among("it this that these those so one")
_SEES = among("see sees seeing find finding identify detect view note notice appreciate discern believe think")
_ONE_PICTURE = re.compile(
    r"\b(this|the|that|these|such an?|your|my|an?) (?:(?:pa|ap|and lateral|and|frontal|portable|bedside|supine|upright"
    r"|single|chest|medical|digital|attached|provided|uploaded|shared|submitted|given)\s+)+"
    r"(image|picture|xray|radiograph|film|scan|photo|study|cxr)(?=s?\b)(?!s?[ -]based)"
)
"""A picture that is named by how it was taken or that it was sent: "this portable radiograph"."""
_BASED = re.compile(r"\b\w+-based\b")
_ABOUT, _ON = among("about regarding concerning"), among("on with")
_NOTICE = among("detect identify recognize recognise process say tell answer reply respond continue attempt let help")
"""What is done before a picture is interpreted, or says nothing of it."""
_BEFORE_A_PICTURE = among(
    "the this that these those your such any a an my medical chest diagnostic frontal of attached provided uploaded"
)
_SPOKEN = w.ME + w.YOU + w.EXPERT + w.RULE + w.DECLINE + w.CANNOT + w.SORRY


class ReadClause(NamedTuple):
    """A clause and the letters of its words."""

    text: str
    """In one spelling."""
    tokens: tuple[str, ...]
    """Its words, without where something was looked for."""
    kinds: tuple[str, ...]
    """The letters of each word."""
    has: frozenset[str]
    """All letters, those of other languages too."""

    def any(self, wanted: str) -> bool:
        """Whether a word stands for one of these."""
        return not self.has.isdisjoint(wanted)

    def every(self, *wanted: str) -> bool:
        """Whether the clause has one of the letters of each."""
        return not any(self.has.isdisjoint(one) for one in wanted)

    def words(self, *wanted: str) -> bool:
        """Whether one of these words is said."""
        return not set(wanted).isdisjoint(self.tokens)

    def first(self, wanted: str, after: int = -1) -> int:
        """Where a word that stands for one of these is, after a place; -1 where there is none."""
        for at in range(after + 1, len(self.kinds)):
            if not set(wanted).isdisjoint(self.kinds[at]):
                return at
        return -1

    def order(self, *steps: str) -> bool:
        """Whether words stand for these, one after the other, with anything between them."""
        at = -1
        for step in steps:
            at = self.first(step, at)
            if at < 0:
                return False
        return True

    @property
    def asks(self) -> bool:
        """Whether the clause is a question."""
        return self.text.rstrip().endswith(("?", "\uff1f"))

    @property
    def foreign(self) -> bool:
        """Whether the clause is in another language than English."""
        return w.FOREIGN in self.has


def read(clause: str) -> ReadClause:
    """The words of a clause; the image in "image analysis" or "image evidence" is none."""
    text = _BASED.sub("", _ONE_PICTURE.sub(_as_one, plain(clause)))
    tokens = tuple(_TOKEN.findall(_ADJUNCT.sub(" ", text)))
    kinds = [letters(token) for token in tokens]
    if _ARTICLE.match(text):
        kinds[0] = kinds[0].replace(w.ME, "")
    for at, follows in enumerate(zip(tokens[1:], kinds[1:], strict=True)):
        if (
            w.PICTURE in kinds[at]
            and follows[0] not in _POINTING
            and not {w.PRODUCT, w.TECHNIQUE}.isdisjoint(follows[1])
        ):
            kinds[at] = kinds[at].replace(w.PICTURE, "")
    for at in range(1, len(tokens)):
        if w.PICTURE in kinds[at] and _is_dealt_with(tokens, kinds, at):
            kinds[at] = kinds[at].replace(w.PICTURE, w.PRODUCT + w.DEALT_WITH)
    return ReadClause(text, tokens, tuple(kinds), frozenset({*"".join(kinds), *letters_elsewhere(clause)}))


def _is_dealt_with(tokens: tuple[str, ...], kinds: list[str], picture: int) -> bool:
    """Whether a picture is what is interpreted or spoken of, and not what is seen or sent."""
    at = picture - 1
    while at > 0 and (tokens[at] in _BEFORE_A_PICTURE or w.PICTURE in kinds[at]):
        at -= 1
    if any(w.GONE in kind for kind in kinds[picture:]) or tokens[picture + 1 : picture + 2] == ("that",):
        return False
    if tokens[at] in _ABOUT or (at > 0 and tokens[at] in _ON and w.DO in kinds[at - 1]):
        return True
    return w.DO in kinds[at] and tokens[at] not in _NOTICE


def _as_one(named: re.Match[str]) -> str:
    return f"{named[1]} {'image' if named[2] == 'study' else named[2]}"


def of_patient(c: ReadClause) -> bool:
    """Whether a clause speaks of an organ, a finding, a device, or of how the film was made."""
    if c.any(w.ORGAN + w.TECHNIQUE + w.REPORTED) or (w.PATIENT in c.has and w.YOU not in c.has):
        return True
    if w.STATE in c.has and not c.any(_SPOKEN):
        return True
    if not c.any(w.STATE + w.SICKNESS) or AT_LARGE.search(c.text):
        return False
    seeing = next((at for at, token in enumerate(c.tokens) if token in _SEES), -1)
    return seeing >= 0 and c.first(w.STATE + w.SICKNESS, seeing) > 0 and c.first(w.NOT + w.CANNOT) < seeing
