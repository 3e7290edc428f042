"""Finds the sections of a report by their headings, in every spelling seen in the wild.

``FINDINGS:``, ``Findings -``, ``**Findings**``, ``## Findings``, ``1. FINDINGS:``, ``IMPRESSION (preliminary):``,
``FINDINGS The heart ...``, and headings in running text (``Findings: ... Impression: ...``). A text without any heading
has no sections: both are None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from mmrad_eval.core.values import ClinicalContext, Report

HEADINGS: dict[str, tuple[str, ...]] = {
    "findings": (
        "findings",
        "finding",
        "chest findings",
        "radiographic findings",
        "imaging findings",
        "key findings",
        "report findings",
        "description",
        "observations",
        "hallazgos",
        "befund",
    ),
    "impression": (
        "impression",
        "impressions",
        "imp",
        "conclusion",
        "conclusions",
        "opinion",
        "final impression",
        "overall impression",
        "final diagnosis",
        "summary",
        "interpretation",
        "diagnosis",
        "impresión",
        "conclusión",
        "beurteilung",
    ),
    "both": (
        "findings and impression",
        "findings/impression",
        "findings / impression",
        "findings & impression",
        "findings and impressions",
        "impression and findings",
        "impression/findings",
    ),
    "indication": (
        "indication",
        "indications",
        "clinical indication",
        "reason for exam",
        "reason for examination",
        "reason for the exam",
        "reason for study",
        "clinical information",
        "clinical question",
    ),
    "history": ("history", "clinical history", "patient history", "medical condition"),
    "comparison": (
        "comparison",
        "comparisons",
        "comparison study",
        "comparison studies",
        "comparison exam",
        "compared to",
        "prior studies",
    ),
    "technique": (
        "technique",
        "procedure",
        "procedure comments",
        "examination",
        "exam",
        "study",
        "type of exam",
        "views",
    ),
    "age": ("age", "patient age"),
    "sex": ("sex", "gender", "patient sex"),
    "other": (
        "notification",
        "recommendation",
        "recommendations",
        "recommendation(s)",
        "wet read",
        "final report",
        "addendum",
        "addenda",
    ),
}
"""Section -> the headings that open it, in lower case."""

_SECTION = {heading: section for section, headings in HEADINGS.items() for heading in headings}
_SAME_LETTER = str.maketrans({"\u0130": "i", "\u0131": "i", "\u017f": "s"})
"""Letters that a pattern takes for an i or an s whatever their case, and ``lower`` does not."""

_MARKS = str.maketrans("", "", "*_")
"""Drops what makes a heading bold or slanted."""


def _pattern(headings: Iterator[str] | list[str]) -> str:
    longest_first = sorted(headings, key=lambda h: (-len(h), h))
    return "|".join(re.escape(h).replace(r"\ ", r"[ \t]++") for h in longest_first)


_NAME = _pattern(list(_SECTION))
_MAIN = _pattern([h for s in ("findings", "impression", "both") for h in HEADINGS[s] if h != "imp"])
_NOTE = r"(?:[ \t]*+\([^()\n]{1,40}\))?"  # "(preliminary)" between the name and its colon
_LINE = re.compile(
    rf"""^[ \t]*+(?:>[ \t]*+)?(?:(?:\#{{1,6}}|\(?[0-9]{{1,2}}[.)]|[-•*])[ \t]++)?[*_]{{0,3}}[ \t]*+
    (?P<name>{_NAME}){_NOTE}[ \t]*+
    (?: [*_]{{1,3}}[ \t]*+[:\u2013\u2014-]?
      | :[ \t]*+[*_]{{0,3}}
      | (?<=[ \t])[\u2013\u2014-](?=[ \t])
      | [\u2013\u2014-](?=[ \t]*+\r?$)
      | (?=\r?$)
    )[ \t]*+""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
"""A name at the beginning of a line, closed by a colon, a dash, its own bold marks, or the end of the line.

Spaces are taken whole and never given back (``*+``), so that a line of a hundred thousand takes no longer than it must.
"""
_BARE = re.compile(
    rf"^[ \t]*(?P<name>{_MAIN.upper()})[ \t]+(?=[A-Z0-9][a-z.])".replace(r"[ \T]", r"[ \t]"), re.MULTILINE
)
"""A name in capitals that runs into its sentence: ``FINDINGS The heart is normal.``"""
_INLINE = re.compile(rf"\s*[*_]{{0,3}}(?P<name>{_NAME}){_NOTE}[*_]{{0,3}}[ \t]*:[ \t]*[*_]{{0,3}}[ \t]*", re.IGNORECASE)
"""A name with a colon after the end of a sentence, with or without a space: ``Age:50-60.Gender:M.Indication: Cough.``
"""
_SENTENCE_END = re.compile(r"[.!?;:)\]*_>](?=([^.!?;\]>:(]{0,80}+(?:\([^()\n]{1,40}\)[^.!?;\]>:(]{0,20}+){0,2}+):)")
"""The end of a sentence, and what stands between it and the next colon: no other sentence, notes in brackets aside.

It looks no further than a heading can be long, so that a text of nothing but marks takes no longer than another one.
"""
_CAPITAL = re.compile(r"(?P<name>Findings|FINDINGS|Impression|IMPRESSION|Conclusion|CONCLUSION)[ \t]*:[ \t]*")
"""A main name with a capital and a colon, wherever it stands after space."""


class Section(NamedTuple):
    """One section: its kind (a key of ``HEADINGS``), and where heading, body and end lie in the text."""

    name: str
    start: int
    body: int
    end: int


def _at_lines(text: str) -> Iterator[re.Match[str]]:
    """The headings at the beginning of a line, tried only there: a search would try every character."""
    start = 0
    while True:
        if match := _LINE.match(text, start) or _BARE.match(text, start):
            yield match
        start = text.find("\n", start) + 1
        if not start:
            return


def _within(text: str) -> Iterator[re.Match[str]]:
    """The headings with a colon that stand in running text, and those at the beginning of a line once more."""
    reached = 0
    for end in _SENTENCE_END.finditer(text):
        if end.end() < reached or not ("(" in end[1] or _plain(end[1].translate(_MARKS)) in _SECTION):
            continue
        if match := _INLINE.match(text, end.end()):
            reached = match.end()
            yield match
    for match in _CAPITAL.finditer(text):
        if text[match.start() - 1 : match.start()].isspace():
            yield match


def find(text: str) -> list[Section]:
    """The sections in the order of the text; what stands before the first heading belongs to none."""
    marks: list[tuple[int, int, str]] = []
    found = list(_at_lines(text))
    if text.count(":") > sum(":" in match[0] for match in found):  # the others end in a colon of their own
        found = sorted((*found, *_within(text)), key=lambda match: (match.start("name"), -match.end()))
    for match in found:
        if marks and match.start("name") < marks[-1][1]:
            continue
        marks.append((match.start(), match.end(), _section(match["name"])))
    ends = [start for start, _, _ in marks[1:]] + ([len(text)] if marks else [])
    return [Section(name, start, body, end) for (start, body, name), end in zip(marks, ends, strict=True)]


@lru_cache(maxsize=256)
def _section(name: str) -> str:
    """The kind of section that a heading opens, a key of ``HEADINGS``."""
    return _SECTION[_plain(name)]


def _plain(name: str) -> str:
    """A heading's name as ``HEADINGS`` has it."""
    return " ".join(name.translate(_SAME_LETTER).lower().split())


def bodies(text: str) -> dict[str, str]:
    """Section -> its text without outer space; sections of one name are joined by a newline, empty ones left out."""
    found: dict[str, str] = {}
    for section in find(text):
        body = text[section.body : section.end].strip()
        if body:
            found[section.name] = f"{found[section.name]}\n{body}" if section.name in found else body
    return found


def read_report(text: str) -> Report:
    """The report with its findings and impression; a text without a heading for either has None for both.

    One section under a heading for both ("FINDINGS/IMPRESSION:") is the findings and the impression.
    """
    found = bodies(text)
    both = found.get("both")
    return Report(text=text, findings=found.get("findings", both), impression=found.get("impression", both))


def read_context(text: str) -> ClinicalContext:
    """Indication, comparison, technique, history, age and sex, where their headings stand in the text."""
    found = {name: body.rstrip(".") if name in {"age", "sex"} else body for name, body in bodies(text).items()}
    return ClinicalContext(**{field: found.get(field) for field in ClinicalContext.__struct_fields__})


def join(findings: str | None, impression: str | None) -> str:
    """A whole report of sections that came apart."""
    parts = (("Findings", findings), ("Impression", impression))
    return "\n".join(f"{name}: {text}" for name, text in parts if text)
