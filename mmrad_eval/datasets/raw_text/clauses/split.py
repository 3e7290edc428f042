"""Splits a text into clauses: sentences, lines, and the parts that a conjunction joins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_PICTURE = "(?:image|x-?ray|picture|radiograph|film|file|scan|photo|attachment)"
_END = re.compile(
    r"(?<=[.!?;:])[\"')\]*_]*\s+|\n+|(?<=[\u3002\uff01\uff1f\uff1b])|\uff0c|\s+[\u2013\u2014-]\s+"
    r"|,?\s+\b(?:(?<!help )but|however|yet|because|since|although|though|whereas|therefore|hence)\b,?\s+"
    r"|,\s+(?:so|as|and so|and therefore|while|that said|which)\b,?\s+"
    rf"|(?<!soon)(?<!long)(?<!far)\s+as\s+(?=(?:no|there|you|i|the {_PICTURE})\b)"
    rf"|\s+(?=(?:once|as soon as|until|when|after|before|if) (?:you|i|the (?:\w+ )?{_PICTURE}"
    r"|describing|writing)\b)"
    r"|\s+(?=(?:in order to|so that i|so i) )|(?<=\byou)\s+that\s+(?=(?:there|no|this|the|it|i)\b)"
    r"|,\s+(?=(?:please |just |kindly )?(?:upload|send|attach|share|provide|resend)\b)"
    r"|(?<=\w)\s+(?=i(?:'ll| will| shall)\b)"
    r"|,\s+(?:aber|mais|pero|mas|ma|por lo que|et|und)\b\s*",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"^\W*(?:while|although|though|since|because|as|given|without|if|once|when|until|after|before|in case|despite|even"
    r"|whatever|whichever)\b",
    re.IGNORECASE,
)
_COMMA = re.compile(r",\s+(?!and\b|or\b)")


class Clause(NamedTuple):
    """A clause, and where it stands with what joins it to the next one."""

    said: str
    start: int
    end: int


def clauses(text: str) -> Iterator[Clause]:
    """The clauses of a text in order; together they cover the text."""
    start = 0
    for end in (*_END.finditer(text), None):
        stop, follows = (end.start(), end.end()) if end else (len(text), len(text))
        if follows > start:
            yield from _parts(text, start, stop, follows)
        start = follows


def _parts(text: str, start: int, stop: int, follows: int) -> Iterator[Clause]:
    """A clause, or a condition and what follows from it."""
    said = text[start:stop]
    if _CONDITION.match(said) and (comma := _COMMA.search(said)):
        yield Clause(said[: comma.start()].strip(), start, start + comma.end())
        said, start = said[comma.end() :], start + comma.end()
    yield Clause(said.strip(), start, follows)
