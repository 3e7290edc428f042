"""Cuts a report into sentences with their offsets, and leaves out the sections that describe something else.

A wrapped line is no break; a blank line, a list item and a heading are. The text under headings such as INDICATION,
TECHNIQUE or COMPARISON is not read, because a question of the referring doctor is no finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mmrad_eval.metrics.facts.lexicon import Lexicon

_BREAK = re.compile(
    r"""
    [.;!?\n](?:                      # all begin with one of these, which the engine finds by itself
      (?<=\.)(?: (?<!\d\.)\.* | (?!\d) )     # a stop that is not inside a number
    | (?<=[;!])[;!]*
    | (?<=[\w)]\?)(?=\s|$)           # a question mark that ends something; before a word it asks about it
    | (?<=\n)[^\S\n]*\n              # a blank line
    | (?<=\n)(?=[^\S\n]*(?:[-*\u2022]\s|\d{1,2}[.)]\s|[A-Z][A-Za-z/&\ ]{1,40}:))  # a list item or a heading
    | (?<=\n)(?=[^\S\n]*(?P<line>[A-Z]))  # a line that may be a sentence of its own
    )
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:vs|dr|e\.g|i\.e|eg|ie|approx|poss|prob|bilat|mr|ms|mrs|cf|a\.m|p\.m|r\.o))$", re.IGNORECASE
)
_HEADING = re.compile(r"\s*([A-Za-z][A-Za-z/&' -]{1,40}):\s*")
_INSIDE = re.compile(r"(?<=\w)\s+(?=(?:FINDINGS?|IMPRESSIONS?|CONCLUSIONS?)\s*:)")
"""Before a heading in capitals that stands in a sentence without a stop before it."""
_SHORT = 50
"""Characters of a line that was ended on purpose, and not because it was full."""
_GOES_ON = re.compile(
    r"(?:[,/&(-]|\b(?:and|or|of|the|a|an|with|without|in|on|at|for|to|from|by|no|is|are|as|than|which|that))\s*$",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"\b(?:c/[wt]|d/t|[ehrsw]/o|s/p|b/l|f/u)\b|\bw/|\+/-"
    r"|[a-z\u00e0-\u024f]+(?:'[a-z]+)?|\d+(?:\.\d+)?|_+|[,:()/&?]|(?<=\s)[-\u2013\u2014]+(?=\s)|\u2014|--"
)
_PLAIN_TOKEN = re.compile(r"[a-z\u00e0-\u024f]+|\d+(?:\.\d+)?|_+|[,:()?]")
_SPECIAL = frozenset("/'&-\u2013\u2014")
"""One of these is in each sentence whose words need more than the plain pattern."""
_JOINED = re.compile(r"\b(non|un|re|hyper|hypo|over|under|pre|post|peri|sub|pseudo|anti)-(?=[a-z])")

_WRITTEN_OUT: Mapping[str, tuple[str, ...]] = {
    "b/l": ("bilateral",),
    "c/w": ("consistent", "with"),
    "c/t": ("ct",),
    "d/t": ("due", "to"),
    "e/o": ("evidence", "of"),
    "f/u": ("followup",),
    "h/o": ("history", "of"),
    "r/o": ("rule", "out"),
    "s/o": ("suggestive", "of"),
    "s/p": ("status", "post"),
    "w/": ("with",),
    "w/o": ("without",),
    "+/-": ("possible",),
    "isn't": ("is", "not"),
    "aren't": ("are", "not"),
    "wasn't": ("was", "not"),
    "weren't": ("were", "not"),
    "doesn't": ("does", "not"),
    "don't": ("do", "not"),
    "didn't": ("did", "not"),
    "hasn't": ("has", "not"),
    "haven't": ("have", "not"),
    "won't": ("will", "not"),
    "couldn't": ("could", "not"),
    "shouldn't": ("should", "not"),
    "can't": ("cannot",),
}
"""Short for several words; another slash is an "or"."""

Piece = tuple[int, str]
"""Offset of a sentence in its text, and the sentence."""


def lower(text: str) -> str:
    """Lower case of the same length, so that offsets stay true."""
    low = text.lower()
    if len(low) != len(text):  # a few letters, such as the dotted capital I, become two
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return low.replace("\u2019", "'")


def sentences(text: str, words: Lexicon) -> Iterator[Piece]:
    """The sentences that describe this image, in order; a heading that only names a section is cut off."""
    if ":" not in text:  # no heading
        yield from cut(text)
        return
    pieces = list(cut(text))
    headings = [_heading(sentence, words) for _, sentence in pieces]
    last_read = max((i for i, (kind, _) in enumerate(headings) if kind == "read"), default=-1)
    skipping = ""
    for i, ((start, sentence), (kind, length)) in enumerate(zip(pieces, headings, strict=True)):
        if kind in {"skip", "brief"}:
            skipping = kind
        elif kind == "read" or (skipping and i > last_read and _ended(text, pieces, i, brief=skipping == "brief")):
            skipping = ""
        if not skipping:
            yield start + length, sentence[length:]


def _ended(text: str, pieces: list[Piece], i: int, *, brief: bool) -> bool:
    """Whether a left-out section with no read heading after it is over.

    It is at the end of its paragraph, of its line where it is brief, of its sentence in a text of one line.
    """
    before = text[pieces[i - 1][0] : pieces[i][0]]
    return "\n" not in text or ("\n" if brief else "\n\n") in before.replace("\r", "").replace(" ", "")


def cut(text: str) -> Iterator[Piece]:
    """All sentences of a text, in order, without the stops between them."""
    start = 0
    for match in _BREAK.finditer(text):
        end = match.end()
        mark = match[0]
        if mark == "." and _ABBREVIATION.search(text, max(0, match.start() - 6), match.start()):
            continue
        if match["line"] and _wrapped(text[text.rfind("\n", 0, match.start()) + 1 : match.start()]):
            continue
        if mark == "?":
            yield start, text[start:end]
        elif match.start() > start:
            yield from _parted(start, text[start : match.start()])
        start = end
    if start < len(text):
        yield from _parted(start, text[start:])


def _wrapped(line: str) -> bool:
    """Whether a line goes on in the next one, though that begins with a capital."""
    line = line.strip()
    return len(line) >= _SHORT or _GOES_ON.search(line) is not None


def _parted(start: int, sentence: str) -> Iterator[Piece]:
    """A sentence, cut before headings that stand in it ("INDICATION: Cough FINDINGS: Clear lungs")."""
    at = 0
    if ":" in sentence:
        for match in _INSIDE.finditer(sentence):
            yield start + at, sentence[at : match.start()]
            at = match.end()
    yield start + at, sentence[at:]


def _heading(sentence: str, words: Lexicon) -> tuple[str, int]:
    """What heading a sentence opens with ("skip", "brief", "read" or ""), and how many characters are to be cut."""
    if ":" not in sentence:
        return "", 0
    match = _HEADING.match(sentence)
    if match is None:
        return "", 0
    name = " ".join(match[1].lower().split())
    if name in words.skip:
        return ("brief" if name in words.brief else "skip"), 0
    return ("read", match.end()) if name in words.read else ("", 0)


def tokens(sentence: str) -> tuple[list[str], list[tuple[int, int]]]:
    """Words and marks in lower case, and where each stands: "non-enlarged" is one word, "isn't" is two."""
    low = lower(sentence)
    if _SPECIAL.isdisjoint(low):
        plain = [(match[0], match.span()) for match in _PLAIN_TOKEN.finditer(low)]
        return [word for word, _ in plain], [span for _, span in plain]
    if "-" in low:
        low = _JOINED.sub(_hide, low)
    found: list[str] = []
    spans: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(low):
        word, span = match[0], match.span()
        if _HIDDEN in word:
            word = word.replace(_HIDDEN, "")
            if not word:
                continue
        if "'" in word or "/" in word:
            for part in _WRITTEN_OUT.get(word, (word.removesuffix("'s"),)):
                found.append(part)
                spans.append(span)
            continue
        found.append(_MARKS.get(word[0], word))
        spans.append(span)
    return found, spans


_MARKS = {"-": "-", "\u2013": "-", "\u2014": "-", "&": "and"}
"""Marks of one meaning, by their first character."""
_HIDDEN = "\u00f7"
"""Stands for a hyphen that joins; inside the range of letters of the token pattern, and no letter itself."""


def _hide(match: re.Match[str]) -> str:
    return match[1] + _HIDDEN
