"""Tells an answer that declines from a report, by what its clauses say.

A text declines where a clause does and none says what is seen in the patient. Where both stand in a text it is a
report, and the clauses that decline are a disclaimer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from mmrad_eval.datasets.raw_text.clauses import Clause, Kind, clauses, kind_of_clause
from mmrad_eval.datasets.raw_text.clauses import words as w
from mmrad_eval.datasets.raw_text.clauses.elsewhere import TELLING
from mmrad_eval.datasets.raw_text.clauses.said import ReadClause, of_patient, read
from mmrad_eval.datasets.raw_text.clauses.words import ENGLISH
from mmrad_eval.datasets.raw_text.vocabulary import SEEN
from mmrad_eval.datasets.words import among, words_of

Declined = Literal["", "declined", "no image seen"]

_SPOKEN = (
    frozenset().union(*(ENGLISH[kind] for kind in (w.ME, w.MACHINE, w.YOU, w.EXPERT, w.CANNOT, w.SORRY)))
    | among(
        "can able possible image images picture pictures photo attachment attached file link upload uploaded please "
        "medical advice"
    )
    | TELLING
)
"""One of these is in each text that declines and names organs or findings."""
OFTEN_SEEN = among("heart lung lungs cardiac pleural effusion pneumothorax clear normal acute")
"""One of these is in almost every report; a look for them costs less than one for all that may be seen."""
_ANNOUNCED = re.compile(
    r"\b(?:for reference|usual|checklist|generic|example|sample|template|hypothetical|illustrat\w+|fictional|mock"
    r"|typical(?:ly)?|in general|generally|usually"
    r"|general (?:information|guid\w+|overview|approach|terms)|educational|how (?:\w+[ -]){0,4}(?:works?|read"
    r"|interpreted|organized|structured|to)|(?:radiologists?"
    r"|doctors?|clinicians?) (?:\w+ ){0,2}(?:look|assess|check|evaluate|examine|review)|format|structured report"
    r"|report usually|(?:can|could|to) (?:explain|tell you(?!$)|outline)|common findings"
    r"|a (?:\w+ ){0,3}(?:report|read|write-up) (?:would|might|could|may)"
    r"|a normal (?:chest )?(?:x-?ray|film|radiograph))\b",
    re.IGNORECASE,
)
"""What announces words that are about no patient."""
_OF_THIS_ONE = re.compile(
    r"\b(?:(?:this|the|your|these) (?:[\w-]+ ){0,3}(?:image|x-?ray|radiograph|film|picture"
    r"|scan)s? (?:\w+ ){0,2}(?:shows?"
    r"|demonstrates?|reveals?|appears?|suggests?|depicts?)|in (?:this|the) (?:\w+ ){0,2}(?:image|x-?ray|radiograph"
    r"|film"
    r"|picture)|i (?:can )?(?:see|observe|note)\b|what (?:i|is) (?:can )?(?:see|observe|visible)"
    r"|description of (?:the"
    r"|this) image)",
    re.IGNORECASE,
)


_SHOWS = re.compile(
    r"\b(?:shows?|showing|shown|demonstrates?|reveals?|depicts?|suggests?|reviewed|dictated|signed)\b"
    r"|^\W*(?:this|it) is an? "
)
"""Of a picture that shows something, or was looked at."""
_NAMED = re.compile(r"^\W*(?:[\w-]+ ){0,4}(?:xray|radiograph|film|image)s?\W*$")
"""A picture that is only named."""
_TAKE_IT = re.compile(r"(?:so |please )*(?:take|treat|use|keep|bear|read|handle|do not|don't)\b", re.IGNORECASE)
_PICTURES = "|".join(sorted(w.PICTURES))
_ONE_PICTURE = re.compile(
    r"\b(?:the|your|this|that|these|any|no|an?|my) (?:(?!about|on|with|of|regarding)\w+ ){0,3}"
    rf"(?:{_PICTURES})\b|\b(?:{'|'.join(sorted(w.PICTURES - w.MANY))})\b"
)
"""A picture, and not pictures at large."""
_PICTURE = re.compile(rf"\b(?:{_PICTURES})\b")
_ABOUT_IT = re.compile(rf"\b(?:about|regarding|concerning) (?:\w+ ){{0,3}}?(?:{_PICTURES})\b")
_DEALT_WITH = w.DO + w.RULE + w.ADVICE + w.EXPERT + w.DECLINE + w.MACHINE + w.PAST + w.DEALT_WITH
_SENTENCE_ENDS = ".!?\u3002"
_NEAR = 3
_OF_LETTERS = 0.7
"""Of the characters of speech, at least this share are letters and spaces."""
_LABEL = re.compile(r"\W*(?:important|(?:please )?note|disclaimer|caution|remember|reminder)\W*", re.IGNORECASE)
_LINKED = re.compile(r"^(?:however|that said|nevertheless|nonetheless|still)\W+", re.IGNORECASE)


class _Told(NamedTuple):
    clause: Clause
    kind: Kind


def declines(text: str) -> Declined:
    """Whether a text declines, and whether because no picture came; empty for a report."""
    if _cannot_decline(text):
        return ""
    told = []
    for one in _told(text):
        if one.kind == "seen":
            return ""
        told.append(one)
    kinds = {one.kind for one in told}
    if "limited" in kinds and not kinds & {"declined", "missing"}:
        return ""
    if kinds.isdisjoint({"declined", "missing"}):
        said = [read(one.clause.said) for one in told]
        if not _is_speech(text) or (kinds.isdisjoint({"talk", "lost"}) and not _of_the_task(said)):
            return ""
        return "no image seen" if "lost" in kinds or _of_pictures_alone(said) else "declined"
    return "no image seen" if "missing" in kinds else "declined"


def declines_outright(text: str) -> bool:
    """Whether a clause of a text declines or says that no picture came: more than that it speaks of no patient."""
    kinds = {one.kind for one in _told(text)}
    return "seen" not in kinds and not kinds.isdisjoint({"declined", "missing"})


def declines_by_mark(text: str) -> bool:
    """As in "[Refused]": a few words in brackets."""
    c = read(text.strip("[](){}<> "))
    return 0 < len(c.tokens) <= _NEAR and c.any(w.DECLINE) and w.YOU not in c.has


def _only_text(c: ReadClause) -> bool:
    return len(c.tokens) > _NEAR and c.every(w.TEXT, w.ONLY)


def _of_the_task(said: Sequence[ReadClause]) -> bool:
    """Whether clauses of which nothing else is known speak of a picture or a task, and none of a patient."""
    if any(of_patient(c) or c.foreign or _SHOWS.search(c.text) or _names(c) or c.any(_patient(c)) for c in said):
        return False
    return any(_PICTURE.search(c.text) or c.every(w.ME, w.DO) or _only_text(c) for c in said)


def _names(c: ReadClause) -> bool:
    return bool(_NAMED.match(c.text)) and not c.any(w.NOT + w.DO + w.SEND + w.LOOK + w.GONE)


def _patient(c: ReadClause) -> str:
    """What may be said of a patient; of diseases and of certainty others speak too."""
    return w.ORGAN + w.STATE + ("" if c.any(w.EXPERT + w.DECLINE + w.RULE) else w.SICKNESS + w.JUDGE)


def _of_pictures_alone(said: Sequence[ReadClause]) -> bool:
    """Whether clauses speak of a picture, or of text in its place, and of nothing that is done with it."""
    of_one = any(_ONE_PICTURE.search(_ABOUT_IT.sub("", c.text)) or _only_text(c) for c in said)
    return of_one and not any(c.any(_DEALT_WITH) or c.words("ask") for c in said)


def _is_speech(text: str) -> bool:
    """Whether a text is of words: an I among marks and broken characters speaks to nobody."""
    letters = sum(c.isalpha() or c.isspace() for c in text)
    return "\ufffd" not in text and letters >= _OF_LETTERS * len(text)


def without_disclaimers(text: str, *, alone: bool = False) -> tuple[str, list[str], bool]:
    """A report without the clauses that decline, those clauses, and whether one says that no picture came.

    A text in which nobody says what is seen stays as it is, unless ``alone``: that is said elsewhere.
    """
    if _cannot_decline(text) or not any(map(_may_decline, clauses(text))):
        return text, [], False
    told = list(_told(text))
    dropped = [t for t in told if t.kind in {"declined", "missing"}]
    dropped += [b for a, b in pairwise(told) if a in dropped and b not in dropped and _goes_on(text, a, b)]
    if not dropped or (not alone and all(t.kind != "seen" for t in told)):
        return text, [], False
    labels = [one for one, other in pairwise(told) if other in dropped and _LABEL.fullmatch(one.clause.said)]
    kept = "".join(text[t.clause.start : t.clause.end] for t in told if t not in dropped and t not in labels)
    return _LINKED.sub("", kept.strip()), [t.clause.said for t in dropped], any(t.kind == "missing" for t in dropped)


def _goes_on(text: str, declined: _Told, after: _Told) -> bool:
    """As in "I'm an AI, so take this with care": an order in the same sentence, about nothing that is seen."""
    return (
        after.kind in {"", "talk", "lecture"}
        and text[: after.clause.start].rstrip()[-1:] not in _SENTENCE_ENDS
        and declined.clause.end == after.clause.start
        and _TAKE_IT.match(after.clause.said) is not None
    )


def _may_decline(clause: Clause) -> bool:
    spoken = not clause.said.isascii() or not words_of(clause.said).isdisjoint(_SPOKEN)
    return spoken and kind_of_clause(clause.said) in {"declined", "missing"}


def _cannot_decline(text: str) -> bool:
    if not text.isascii():
        return False
    words = words_of(text)
    return words.isdisjoint(_SPOKEN) and (not words.isdisjoint(OFTEN_SEEN) or SEEN.search(text) is not None)


def _told(text: str) -> Iterator[_Told]:
    """Each clause and what it says; what is announced as an example or as general says nothing of the patient."""
    general = False
    before: Kind = ""
    for clause in clauses(text):
        kind = kind_of_clause(clause.said)
        aside = before == "limited" and text[: clause.start].rstrip()[-1:] not in _SENTENCE_ENDS
        if kind == "missing" and aside and w.YOU not in read(clause.said).has:
            kind = "limited"  # "made to the report only, as the images are not available"
        before = kind
        if _OF_THIS_ONE.search(clause.said):
            general = False
        elif _ANNOUNCED.search(clause.said):
            general = True
        yield _Told(clause, "lecture" if general and kind in {"seen", "limited"} else kind)
