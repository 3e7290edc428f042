"""The 14 CheXpert observations of a report, projected from its mentions, without any weights.

Conventions are those of the public CheXpert labeler (Irvin et al., AAAI 2019): a report is positive, negative,
uncertain or blank in each observation; of several mentions a positive one wins, then an uncertain one, then a negative
one; heart failure makes Cardiomegaly uncertain; No Finding is positive where nothing but devices is positive or
uncertain, and nothing else abnormal that counts is present.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from mmrad_eval.metrics.facts.extract import mentions
from mmrad_eval.metrics.facts.items import JOINTS, items
from mmrad_eval.metrics.facts.lexicon import Role, Status, lexicon
from mmrad_eval.metrics.facts.scope import Mention
from mmrad_eval.metrics.facts.sentences import sentences
from mmrad_eval.metrics.labelf1 import BLANK, FIVE, LABELS, NEGATIVE, POSITIVE, UNCERTAIN, Codes
from mmrad_eval.metrics.language import ENGLISH, UNDECIDED, is_strange, language

__all__ = ["BLANK", "FIVE", "LABELS", "NEGATIVE", "POSITIVE", "UNCERTAIN", "Code", "label", "label_many", "project"]

Code = int
"""1, 0, -1, 2: positive, negative, uncertain, blank."""

_TEXTS = 1 << 14
"""Distinct texts whose labels are remembered: a reference is labelled once for all models of a process."""

_WORD = re.compile(r"(?!x+\b)[a-z]{2}", re.IGNORECASE)
"""The beginning of a word that can be read: no mark of de-identification (XXXX), and in Latin letters."""

_ANSWER = re.compile(r"\W*(?:yes|no|not|true|false|ok|okay|fine)\W*", re.IGNORECASE)
"""An answer to a question that nobody put to a report."""

_READ = frozenset((ENGLISH, UNDECIDED))
_NOTHING = (BLANK,) * len(LABELS)
_MARKS = JOINTS | Role.COLON | Role.BRACKET | Role.QUESTION
_NO_FINDING = LABELS.index("No Finding")

_CODE: dict[Status, Code] = {"present": POSITIVE, "uncertain": UNCERTAIN, "absent": NEGATIVE}
_RANK: dict[Code, int] = {POSITIVE: 3, UNCERTAIN: 2, NEGATIVE: 1, BLANK: 0}


def label(text: str) -> dict[str, Code]:
    """Observation -> 1, 0, -1 or 2 (positive, negative, uncertain, blank), in the order of LABELS."""
    return dict(zip(LABELS, _codes(text), strict=True))


def label_many(texts: Sequence[str]) -> Codes:
    """(n, 14) codes in the order of LABELS; equal texts are read once."""
    return np.array([_codes(text) for text in texts], dtype=np.int8).reshape(len(texts), len(LABELS))


@lru_cache(maxsize=_TEXTS)
def _codes(text: str) -> tuple[Code, ...]:
    if not _WORD.search(text) or _ANSWER.fullmatch(text) or language(text) not in _READ:
        return _NOTHING  # a text that says nothing does not say that nothing was found
    pieces = [sentence for _, sentence in sentences(text, lexicon())]
    found = [mention for piece in pieces for mention in mentions(piece)]
    codes = project(found)
    if codes[_NO_FINDING] == POSITIVE and not _understood(pieces, named=bool(found)):
        return (*codes[:_NO_FINDING], BLANK, *codes[_NO_FINDING + 1 :])
    return codes


def _understood(pieces: Sequence[str], *, named: bool) -> bool:
    """Whether a text without findings was read: it has words of the vocabulary, and no sentence in another language."""
    words = lexicon()
    if not named and not any(item.roles & ~_MARKS for piece in pieces for item in items(piece, words)[1]):
        return False
    if not named and is_strange(" ".join(pieces)):
        return False
    return len(pieces) == 1 or all(language(piece) in _READ for piece in pieces)


def project(found: Iterable[Mention]) -> tuple[Code, ...]:
    """Mentions to codes in the order of LABELS."""
    codes: dict[str, Code] = {}
    hinted: set[str] = set()
    other = False
    for mention in found:
        meaning = mention.meaning
        status = _asked(mention)
        if mention.status in {"present", "uncertain"} and meaning.counts and not meaning.judges and not meaning.labels:
            other = True
        if status is None:
            continue
        for name in meaning.labels:
            if _RANK[_CODE[status]] > _RANK[codes.get(name, BLANK)]:
                codes[name] = _CODE[status]
        if status == "present":
            hinted.update(meaning.hints)
    for name in hinted:
        if codes.get(name, BLANK) in (BLANK, NEGATIVE):
            codes[name] = UNCERTAIN
    found_something = any(code in (1, -1) for name, code in codes.items() if name != "Support Devices")
    if not found_something and not other:
        codes["No Finding"] = POSITIVE
    return tuple(codes.get(name, BLANK) for name in LABELS)


def _asked(mention: Mention) -> Status | None:
    """The status that counts for a label; a mediastinum or heart that is only said to be as before is uncertain."""
    if mention.meaning.quiet and mention.status in {"absent", None} and mention.judgement:
        return None
    if mention.status is None and mention.judgement == "same":
        return "uncertain"
    if mention.meaning.cautious and mention.status == "present":
        return "uncertain"
    return mention.status
