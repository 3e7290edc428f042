"""Tells the words of the prompt in a reply: a model may write down what it was asked, before its answer or after it.

The prompt may hold findings too, as evidence or in an earlier report. Those may be repeated; instructions may not.
Sentences of the evidence are never instructions, however they are worded.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mmrad_eval.datasets.raw_text.clauses import kind_of_clause
from mmrad_eval.datasets.words import among, plain_words, words_of

_SENTENCE = re.compile(r"[^\n.!?:]+[.!?:]*[\"')\]*]*\s*|\s+|[.!?:]+\s*")
_ROLE = re.compile(r"\A\W*(?:assistant|model|ai|answer|response)\W*[:\n]\s*", re.IGNORECASE)
_ROLES = among("user assistant human system model ai findings impression report")
_ORDERS = among(
    "rate name tell list answer look mark compare read state explain classify identify assess describe write give use "
    "summarize report note begin start do leave make provide generate create consider think mention focus include"
)
"""Words that an order begins with."""
_WORD = re.compile(r"[^\W_]+")
_SHARED = 8
"""Words that a reply shares with the prompt before it is looked at closely."""
_INSTRUCTED = 8
"""Words of instructions from which on they are the prompt, and no chance."""
_LABEL = 2
"""Words of a role or a heading between sentences of the prompt."""
_PARTED = bytes(
    ord("\n" if c in "\n.!?:" else c.lower() if c.isalnum() else " ") for c in map(chr, range(128))
) + bytes(128)
"""ASCII in lower case, with line ends where sentences end and spaces for other marks."""


def without_prompt(text: str, asked: str, told: str = "") -> tuple[str, list[str]]:
    """A reply without the sentences of the prompt that it begins and ends with, and those sentences.

    ``told``: what of the prompt is evidence, whose words a report may repeat.
    """
    if not asked:
        return text, []
    keys = _keys(text)
    if not _may_repeat(keys, asked) or len(words_of(text) & words_of(asked)) < _SHARED:
        return text, []
    known = frozenset(_keys(asked))
    evidence = frozenset(_keys(told))
    before = _repeated(keys, known, evidence)
    said = []
    if before:
        _, end = _places(text)[before - 1]
        said.append(text[:end].strip())
        text = _ROLE.sub("", text[end:])
        keys = _keys(text)
    after = _again(keys, known, evidence)
    if after is not None:
        start, _ = _places(text)[after]
        said.append(text[start:].strip())
        text = text[:start]
    if said and words_of(text) <= _ROLES:
        text = ""
    return text.strip() if said else text, said


def _may_repeat(keys: list[str], asked: str) -> bool:
    """Whether a reply may begin or end with sentences of the prompt; quick, and sure where it says no."""
    long = [key for key in keys if key.count(" ") >= _LABEL]
    if not long or _LABEL * (len(keys) - len(long)) >= _INSTRUCTED:
        return True
    lower = asked.lower()
    edges = [key for key in (long[0], long[-1]) if all(map(lower.__contains__, key.split()))]
    words = f" {_key(asked)} " if edges else ""
    return any(f" {key} " in words for key in edges)


def _keys(text: str) -> list[str]:
    """The sentences of a text without marks and case, in order; of plain text by a table of bytes."""
    if not text.isascii():
        return [key for sentence in _SENTENCE.findall(text) if (key := _key(sentence))]
    parts = text.encode("ascii").translate(_PARTED).decode("ascii").split("\n")
    return [key for part in parts if (key := " ".join(part.split()))]


def _key(sentence: str) -> str:
    """A sentence without marks and case."""
    return " ".join(plain_words(sentence) if sentence.isascii() else _WORD.findall(sentence.lower()))


def _places(text: str) -> list[tuple[int, int]]:
    """Where each of the sentences of ``_keys`` begins and ends."""
    return [found.span() for found in _SENTENCE.finditer(text) if _key(found[0])]


@lru_cache(maxsize=4096)
def _instructs(key: str) -> bool:
    return key.partition(" ")[0] in _ORDERS or kind_of_clause(key) not in {"seen", "limited"}


def _repeated(keys: list[str], known: frozenset[str], evidence: frozenset[str]) -> int:
    """How many sentences, repeated from the prompt, a text begins with; 0 where they are no instructions."""
    end = instructed = 0
    for place, key in enumerate(keys, start=1):
        words = key.count(" ") + 1
        if key in evidence:
            if not end:
                break  # an answer, and whatever follows it
            continue
        if key in known:
            instructed += words if _instructs(key) else 0
            end = place
        elif words > _LABEL:
            break
    return end if instructed >= _INSTRUCTED else 0


def _again(keys: list[str], known: frozenset[str], evidence: frozenset[str]) -> int | None:
    """The sentence from which on a text repeats instructions to its end; None where it does not."""
    start, instructed = len(keys), 0
    for place in range(len(keys) - 1, -1, -1):
        key = keys[place]
        words = key.count(" ") + 1
        if key in known and key not in evidence and _instructs(key):
            instructed += words
            start = place
        elif key not in known and words > _LABEL:
            break
    return start if instructed >= _INSTRUCTED else None
