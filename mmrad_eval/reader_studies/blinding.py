"""Reports as readers see them: form and layout all alike, words untouched.

What tells a program from a person, or one program from another, before a word is read: headings, capitals, bullets,
line breaks, greetings and closing remarks, marks where names were removed. Findings, numbers and their order stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

EMPTY = "(no report)"
HIDDEN = "[...]"

_FENCE = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_MARKUP = re.compile(r"\*\*|__(?!_)(?=\S)|(?<=\S)__(?!_)|`|^\s{0,3}#{1,6}\s+|^\s*>\s?", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*•\u2013]|\(?\d{1,2}[.)])\s+", re.MULTILINE)
_REMOVED = re.compile(r"\[\*\*.*?\*\*\]|_{2,}|\bX{3,}\b|\[?(?:REDACTED|DEIDENTIFIED)\]?")
_KIND = r"(?:report|findings|impression|interpretation|description|analysis)"
_PREAMBLE = re.compile(
    r"^\s*(?:(?:sure|certainly|of course|okay|absolutely)\b[^.:!\n]{0,40}(?:[.:!]|\n)\s*)?"
    r"(?:(?:here(?:'s|\b)|below (?:is|are)\b|the following (?:is|are)\b|based on\b|after (?:reviewing|analy[sz]ing)\b)"
    rf"[^\n:.]{{0,160}}(?:{_KIND}\b[^\n:.]{{0,60}}:\s*|:[ ]*\n))?",
    re.IGNORECASE,
)
_POSTAMBLE = re.compile(
    r"(?:^|(?<=[.!?])\s+)(?:please (?:note|let me know|consult)|let me know|note: (?:this|i)|i hope|disclaimer|"
    r"this (?:report|is) (?:was|an?) (?:ai|generated|automat))\b.*\Z",
    re.IGNORECASE | re.DOTALL,
)
_HEADING = re.compile(
    r"(?:^|(?<=[.!?]\s)|(?<=\n))[ \t]*(final report|chest (?:x-?ray|radiograph)(?: report)?|radiology report|report|"
    r"findings?|impressions?|conclusions?|summary|indication|technique|comparison|history)[ \t]*(?::|(?=\n))[ \t]*",
    re.IGNORECASE,
)
_KEPT = {"findings": "Findings", "finding": "Findings"} | dict.fromkeys(
    ("impression", "impressions", "conclusion", "conclusions", "summary"), "Impression"
)
_SENTENCE = re.compile(r"((?:^|[.!?]\s+|\n)[\"'(]*)([a-z])")
_ACRONYMS = (
    *(
        "AP",
        "PA",
        "CT",
        "MRI",
        "NG",
        "OG",
        "ET",
        "ETT",
        "PICC",
        "IV",
        "IVC",
        "SVC",
        "ICD",
        "AICD",
        "CABG",
        "COPD",
        "CHF",
    ),
    *("TB", "RA", "LLL", "RLL", "RML", "LUL", "RUL", "ICU", "IJ", "CM", "MM", "TAVR", "AI"),
)
_UNITS = {"CM": "cm", "MM": "mm"}
_ACRONYM = re.compile(rf"\b({'|'.join(name.lower() for name in _ACRONYMS)})\b")


def blinded(text: str, names: Sequence[str] = ()) -> str:
    """The report in the one form that all reports of a study have; ``names`` of systems are hidden."""
    plain = _REMOVED.sub(HIDDEN, text.replace("\r\n", "\n").replace("\r", "\n"))
    plain = _MARKUP.sub("", _FENCE.sub("", plain))
    plain = _POSTAMBLE.sub("", _PREAMBLE.sub("", plain, count=1))
    plain = _without_names(plain, names)
    sections = [f"{name}: {_capitals(body)}" if name else _capitals(body) for name, body in _sections(plain)]
    return "\n\n".join(sections) or EMPTY


def _without_names(text: str, names: Sequence[str]) -> str:
    known = sorted({name for name in names if len(name) > 2}, key=len, reverse=True)
    if not known:
        return text
    pattern = "|".join(re.escape(name) for name in known)
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", HIDDEN, text, flags=re.IGNORECASE)


def _sections(text: str) -> list[tuple[str, str]]:
    """(heading, words on one line) of each section; other headings are left out, a lone one has no use."""
    parts = _HEADING.split(text)
    found = [("", _line(parts[0]))]
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        found.append((_KEPT.get(heading.lower(), ""), _line(body)))
    filled = [(name, body) for name, body in found if body]
    return filled if len(filled) > 1 else [("", body) for _, body in filled]


def _line(text: str) -> str:
    """Words on one line, without bullets and numbers; a line that ended without a stop, as bullets do, gets one."""
    lines = [" ".join(line.split()) for line in _BULLET.sub("", _unnumbered(text)).split("\n")]
    out = ""
    for line in filter(None, lines):
        ends = not out or out[-1] in ".:;,!?-" or not line[0].isupper() or _runs_on(out)
        out = f"{out}{'' if ends else '.'} {line}" if out else line
    return out if not out or out[-1] in ".!?:" else f"{out}."


def _unnumbered(text: str) -> str:
    """A list "1. ... 2. ..." without its numbers, wherever its lines break."""
    at, number = 0, 1
    while found := re.compile(rf"(?:^|(?<=[\s.])){number}[.)]\s+(?=\S)").search(text, at):
        if number == 1 and text[: found.start()].strip():
            break
        before = text[: found.start()].rstrip()
        text = f"{before}\n{text[found.end() :]}"
        at, number = len(before), number + 1
    return text


def _runs_on(text: str) -> bool:
    """Whether a line is long enough to have been broken in the middle of a sentence."""
    return len(text.rsplit(". ", 1)[-1]) > 60


def _capitals(text: str) -> str:
    """A text all in capitals, or all without, written as sentences are."""
    letters = [c for c in text if c.isalpha()]
    if letters and sum(c.isupper() for c in letters) > 0.6 * len(letters):
        text = text.lower()
        text = _ACRONYM.sub(lambda found: _UNITS.get(found[1].upper(), found[1].upper()), text)
    return _SENTENCE.sub(lambda found: found[1] + found[2].upper(), text)
