"""Tells what a broken model or server writes: noise, a loop, a form that nobody filled in, the prompt once more."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from mmrad_eval.datasets.words import among, words_of

FORM = "a form that is not filled in"
NOISE = 8
"""Characters from which on a text without a word is noise; a shorter one says nothing."""
_PERIOD = 24
"""Words that a loop may have."""
_ROUNDS, _ROUNDS_OF_MANY, _MANY = 8, 5, 40
"""A loop is eight rounds, or five of forty words in all."""
_MOST_OF = 0.5
_RUN_LENGTH = 30
"""Characters of a run of one mark; and of a word that may be a loop without spaces."""
_LETTER = re.compile(r"[^\W\d_]")
_STANDS_FOR = frozenset(
    ("string", "str", "text", "findings", "impression", "report", "findings text", "impression text")
)
"""Words of a schema that stand for a text."""
_LONGEST_STANDING = max(map(len, _STANDS_FOR))
_FEW = 3
_BESIDE, _NEARLY = 6, 0.9
_RUN = re.compile(r"([^\s])\1{29,}")
_SHORT = re.compile(r"(.{2,24}?)\1{9,}", re.DOTALL)
_CHECKED = 4000
"""Characters at the end of a text in which a loop of characters is looked for."""
_FILL = (
    r"insert|describe|summari[sz]e|enter|add|your|list|provide|write|fill|specify|include|placeholder|text"
    r"|findings?|impression|report|name|date"
    r"|to be filled|tbd|todo|details|here|to be|completed?|pending"
)
_GAP = re.compile(
    rf"\[[^\[\]\n{{}}\"']{{0,200}}\]|\{{{{?[^{{}}\n:\"']{{0,80}}\}}?\}}|<(?:{_FILL})[^<>\n]{{0,60}}>|\((?:to be"
    rf"|insert|enter|describe)[^()\n]{{0,80}}\)|\b(?:TODO|TBD|N/A)\b|\.{{3,}}|\u2026",
    re.IGNORECASE,
)
_ASKED = re.compile(rf"\[\W*(?:{_FILL})\b[^\[\]\n]{{0,80}}\]|<(?:{_FILL})[^<>\n]{{0,60}}>", re.IGNORECASE)
_PLACEHOLDERS = among(
    "provided available applicable given specified supplied unavailable pending tbd unspecified undefined determined "
    "completed filled above below"
)
_BESIDE_PLACEHOLDERS = among(
    "not no none nothing n a data information content text section findings finding impression report currently yet at "
    "this time is are was were been has have be to the here by in out radiologist physician doctor clinician see "
    "please refer"
)
_LONGEST_PLACEHOLDER = 60
_GAP_SIGNS = ("$", "[", "{", "<", "(", "\u2026")
_GAP_WORDS = ("...", "TODO", "TBD", "todo")
_FILLS = re.compile(rf"\b(?:{_FILL})\b|^\W*$", re.IGNORECASE)
_FORM = re.compile(r"\b(?:findings?|impression|report|conclusion)\b|\W|_|\d", re.IGNORECASE)
_ORDERS = re.compile(
    r"""^\W*(?:
    (?:please\ |now\ |kindly\ |instruction\W+|question\W+|task\W+|user\W+|human\W+)*(?:write|generate|describe
      |provide|give|create|produce|report|summari[sz]e|start\ with|enter|insert|use\ prose|leave\ out|make\ no\ remarks
      |begin)\ (?=[a-z]).{0,120}\b(?:findings|impression|reports?|images?|x-?rays?|stud(?:y|ies)|radiographs?|heading
      |section|prose|examination|request)\b
    |you\ (?:are|act\ as)\ (?:a|an)\b.{0,80}\b(?:radiologist|assistant|expert|doctor|physician)
    |your\ (?:task|job)\ is\ to\b.{0,120}
    |you\ will\ be\ (?:given|shown)\b.{0,120}
    |you\ (?:write|will\ write|read)\b.{0,60}\b(?:reports?|examinations?|images?)
    |given\ (?:the|this|an?)\b.{0,60}\b(?:write|generate|describe|provide)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ROLE = re.compile(r"^\W*(?:findings|impression|user|assistant|human|system|instruction|image)\W*$", re.IGNORECASE)
_ORDER = among(
    "enter insert your "
    "write generate describe provide give create produce report summarize summarise start you given use leave "
    "make begin"
)
_ALIKE = 10
"""Sentences in a row that differ in a number or a word."""
_ITEM = re.compile(r"(?:^|(?<=[.!?]\s))\(?\d{1,3}[.)]\s+", re.MULTILINE)
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_PARTS = re.compile(r"(?<=[.!?])\s+|\n+")
_NAMES = 8
"""Words that a form of blanks has beside them."""
_LABEL = re.compile(r"^[\W_]*[A-Za-z][A-Za-z /-]{1,30}:", re.MULTILINE)
_CHOICE = re.compile(r"\[[^\[\]\n]{1,80}(?:/|,? or )[^\[\]\n]{1,80}\]|\[\s*\]|_{3,}|\$[A-Z_]{4,}|\bX{3,}\b")
"""A blank, or words to choose from: [clear/opacities]."""
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+|\s+(?=ASSISTANT:)")


def degenerate(text: str) -> str:
    """What is wrong with a text as a whole, in words; empty for a text that somebody may have meant."""
    if is_noise(text):
        return "a text without words"
    if is_form(text):
        return FORM
    if is_order(text):
        return "the prompt, or one like it, and no answer"
    if _pieces(text)[1] >= _RUN_LENGTH and (run := _RUN.search(text)):
        return f"a loop of {run[1]!r}"
    unit = loop(text) or nearly_a_loop(text)
    return f"a loop of {unit!r}" if unit else ""


@lru_cache(maxsize=4)
def _pieces(text: str) -> tuple[list[str], int]:
    """The pieces of a text between spaces, and the characters of the longest."""
    pieces = text.split()
    return pieces, max(map(len, pieces), default=0)


def is_noise(text: str) -> bool:
    """Marks, digits, broken characters or one letter alone, or one of them over half of the text."""
    body = text.strip()
    if len(body) <= NOISE:
        return False
    if not _LETTER.search(body) or body == body[0] * len(body):
        return True
    if _pieces(body)[1] < _RUN_LENGTH or not _RUN.search(body):
        return False
    rest = _RUN.sub(" ", body)
    return len(rest) < len(body) * _MOST_OF and len(rest.split()) < _FEW


@lru_cache(maxsize=8)
def is_form(text: str) -> bool:
    """Brackets where words should be, or a text that stands for another."""
    if "orem ipsum" in text or (len(body := text.strip()) <= _LONGEST_STANDING and body.lower() in _STANDS_FOR):
        return True
    if len(text) <= _LONGEST_PLACEHOLDER and stands_for_nothing(text):
        return True
    blanked = "X" in text and "XXX" in text and len(words_of(text)) <= _NAMES  # de-identified reports hold it too
    if not blanked and not _has_gap(text):
        return False
    if not _FORM.sub("", _LABEL.sub("", _CHOICE.sub("", _ASKED.sub("", text)))) and ":" in text:
        return True
    gaps = _GAP.findall(text)
    if not gaps or _FORM.sub("", _GAP.sub("", text)):
        return False
    return all(_FILLS.search(gap) or len(gap.split()) < 3 for gap in gaps)


def stands_for_nothing(text: str) -> bool:
    """Whether a text says of itself that it is none, as "Not provided."; "None." may mean that nothing was found."""
    words = words_of(text)
    if not words:
        return bool(text.strip()) and not any(c.isalnum() for c in text)
    return not words.isdisjoint(_PLACEHOLDERS) and words <= _PLACEHOLDERS | _BESIDE_PLACEHOLDERS


def _has_gap(text: str) -> bool:
    """Whether something that may be a gap of a form stands in a text; a single character is found fastest."""
    return (
        any(map(text.__contains__, _GAP_SIGNS))
        or ("_" in text and "__" in text)
        or ("/" in text and ("N/A" in text or "n/a" in text))
        or any(map(text.__contains__, _GAP_WORDS))
    )


def is_order(text: str) -> bool:
    """Nothing but orders to write a report."""
    text = text[:_CHECKED]
    if words_of(text).isdisjoint(_ORDER):
        return False
    said = [s for s in _SENTENCES.split(text.strip()) if s.strip(" \t*_#:")]
    said = [s for s in said if not _ROLE.match(s)]
    return bool(said) and all(_ORDERS.match(sentence) for sentence in said)


def loop(text: str) -> str:
    """The words that are repeated without end; empty where nothing is."""
    words, longest = _pieces(text)
    if (often := _often(words)) and (found := _period(_longest(words, often))):
        return " ".join(found)
    if longest < _RUN_LENGTH:
        return ""
    tail = text[-_CHECKED:]
    glued = _SHORT.search(tail)
    if glued and glued[1].strip(" -=*_#.\n") and len(glued[0]) > len(tail) * _MOST_OF:
        return glued[1].strip()
    return ""


def _often(words: list[str]) -> set[str]:
    """The words that occur as often as those of a loop; none where no loop can be made of them."""
    counts = Counter(words)
    if len(words) - len(counts) < _ROUNDS - 1 or max(counts.values()) < _ROUNDS_OF_MANY:
        return set()
    often = {word: n for word, n in counts.items() if n >= _ROUNDS_OF_MANY}
    return set(often) if max(often.values()) >= _ROUNDS or sum(often.values()) >= _MANY else set()


def nearly_a_loop(text: str) -> str:
    """A sentence that is repeated with a number or a word changed each time; empty where none is."""
    words, _ = _pieces(text)
    if len(words) < _ALIKE * _FEW or len(set(words)) > len(words) * _MOST_OF:
        return ""
    said = [s for s in _PARTS.split(_ITEM.sub("", text)) if s.strip()]
    alike = 1
    for before, after in pairwise(said):
        alike = alike + 1 if _are_alike(before, after) else 1
        if alike >= _ALIKE:
            return " ".join(after.split())
    return ""


def _are_alike(one: str, other: str) -> bool:
    """Whether two sentences differ in a number alone, or in one word of several."""
    a, b = _DIGITS.sub("0", one).lower().split(), _DIGITS.sub("0", other).lower().split()
    if len(a) != len(b) or len(a) < _FEW:
        return False
    changed = sum(x != y for x, y in zip(a, b, strict=True))
    return changed == 0 or (changed == 1 and len(a) > _FEW)


def _longest(words: list[str], often: set[str]) -> list[str]:
    """The longest run of words that all occur often: a loop lies within one."""
    marked = bytes(map(often.__contains__, words))
    run = max(marked.split(b"\0"), key=len)
    start = marked.find(run)
    return words[start : start + len(run)]


def _period(words: list[str]) -> list[str]:
    """The shortest unit that is repeated often enough within the words."""
    for period in range(1, min(_PERIOD, len(words) // _ROUNDS_OF_MANY) + 1):
        run = longest = end = 0
        for i in range(period, len(words)):
            run = run + 1 if words[i] == words[i - period] else 0
            if run > longest:
                longest, end = run, i
        rounds = longest // period + 1 if longest else 0
        if rounds >= _ROUNDS or (rounds >= _ROUNDS_OF_MANY and longest + period >= _MANY):
            return words[end - period + 1 : end + 1]
    return []


def says_nothing(text: str) -> bool:
    """Whether a loop is of so few words that nobody meant them, and nothing stands beside it."""
    if len(text.split()) < _FEW:
        return bool(loop(text))  # without a space
    words = loop(text).split()
    if not 0 < len(words) <= _FEW:
        return False
    left = [word for word in text.split() if word not in words]
    return len(left) < _BESIDE and len(left) <= len(text.split()) * (1 - _NEARLY)
