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
from mmrad_eval.datasets.headings import HEADINGS, SECTION, Opening, kind_of, may_open, opening, plain_name

_MARKS = str.maketrans("", "", "*_")
"""Drops what makes a heading bold or slanted."""


def _pattern(headings: Iterator[str] | list[str]) -> str:
    longest_first = sorted(headings, key=lambda h: (-len(h), h))
    return "|".join(re.escape(h).replace(r"\ ", r"[ \t]++") for h in longest_first)


_NAME = _pattern(list(SECTION))
_MAIN = _pattern([h for s in ("findings", "impression", "both") for h in HEADINGS[s] if h != "imp"])
_NOTE = r"(?:[ \t]*+\([^()\n]{1,40}\))?"  # "(preliminary)" between the name and its colon
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


_CLOSED = re.compile(r"[*_]{0,3}[ \t]*:[ \t]*[*_]{0,3}[ \t]*")
_RULES = ("---", "--+", "***", "===", "###", "~~~", "|", "**", "##", "#")
_FIRST_RULES = re.compile(r"\A(?:[ \t]*[-*=#~|]{1,}[ \t]*(?:\r?\n|\Z))+")
_BULLETS = "-*+\u2022\u25cf\u25aa\u2013"
_LAST_RULES = re.compile(r"(?:(?:\A|\r?\n)[ \t]*[-+*=#~|]{1,}[ \t]*)+\Z|[ \t]*\|\Z")


_BRACKETED = re.compile(rf"\[(?P<name>{_MAIN})\][ \t]*:?[ \t]*", re.IGNORECASE)
"""A main name in square brackets, wherever it stands."""


class Section(NamedTuple):
    """One section: its kind (a key of ``HEADINGS``), and where heading, body and end lie in the text."""

    name: str
    start: int
    body: int
    end: int


def _at_lines(text: str) -> Iterator[Opening]:
    """The headings at the beginning of a line, tried only there: a search would try every character."""
    start = 0
    while True:
        if match := _BARE.match(text, start):
            yield _opened(match)
        elif found := opening(text, start):
            yield found
        start = text.find("\n", start) + 1
        if not start:
            return


def _opened(match: re.Match[str]) -> Opening:
    name = match["name"]
    return Opening(match.start(), match.end(), SECTION.get(name.lower()) or SECTION[plain_name(name)])


def _within(text: str) -> Iterator[Opening]:
    """The headings with a colon that stand in running text, and those at the beginning of a line once more."""
    reached = 0
    for end in _SENTENCE_END.finditer(text):
        if end.end() < reached:
            continue
        name = end[1].translate(_MARKS)
        if ("(" in name or plain_name(name) in SECTION) and (match := _INLINE.match(text, end.end())):
            reached = match.end()
            yield _opened(match)
        elif kind := kind_of(name):
            closed = _CLOSED.match(text, end.end() + len(end[1]))
            reached = closed.end() if closed else end.end() + len(end[1]) + 1
            yield Opening(end.end(), reached, kind)
    for match in _BRACKETED.finditer(text) if "]" in text else ():
        yield _opened(match)
    for match in _CAPITAL.finditer(text):
        if text[match.start() - 1 : match.start()].isspace():
            yield _opened(match)


@lru_cache(maxsize=8)
def find(text: str) -> tuple[Section, ...]:
    """The sections in the order of the text; what stands before the first heading belongs to none."""
    if not may_open(text):
        return ()
    marks: list[Opening] = []
    found = list(_at_lines(text))
    own = sum([":" in text[at.start : at.body] for at in found])
    if "]" in text or text.count(":") > own:  # others end in a colon of their own
        found = sorted((*found, *_within(text)), key=lambda at: (_first_letter(text, at), -at.body))
    for at in found:
        if marks and _first_letter(text, at) < marks[-1].body:
            continue
        marks.append(at)
    if "closing" in [at.section for at in marks]:
        marks = list(_settled(marks))
    ends = [at.start for at in marks[1:]] + ([len(text)] if marks else [])
    return tuple(
        [Section(at.section, at.start, at.body, max(at.body, end)) for at, end in zip(marks, ends, strict=True)]
    )


def _settled(marks: list[Opening]) -> Iterator[Opening]:
    """The headings that open a section: a closing is the impression of findings before it that have no other one."""
    named = any(at.section in {"impression", "both"} for at in marks)
    described = False
    for at in marks:
        described = described or at.section == "findings"
        if at.section != "closing":
            yield at
        elif described and not named:
            yield at._replace(section="impression")


def _first_letter(text: str, at: Opening) -> int:
    """Where the name of a heading begins, after what decorates it."""
    if text[at.start].isalnum():
        return at.start
    return next((i for i in range(at.start, at.body) if text[i].isalnum()), at.start)


def bodies(text: str) -> dict[str, str]:
    """Section -> its text without outer space; sections of one name are joined by a newline, empty ones left out."""
    found: dict[str, str] = {}
    for section in find(text):
        body = tidied(text[section.body : section.end])
        if body:
            found[section.name] = f"{found[section.name]}\n{body}" if section.name in found else body
    return found


def tidied(body: str) -> str:
    """The words of a section: without rules, the bullet of a single item, and quotes around all of it."""
    body = unruled(body)
    if body[:1] in _BULLETS and "\n" not in body and body[1:2].isspace():
        body = body[1:].lstrip()
    if len(body) > 1 and body[0] in "\"'" and body[-1] == body[0] and body[0] not in body[1:-1]:
        body = body[1:-1].strip()
    return body


def unruled(body: str) -> str:
    """A section without outer space and without rules drawn above and below it."""
    body = body.strip()
    if body.endswith(_RULES) or body.startswith(_RULES):
        body = _LAST_RULES.sub("", _FIRST_RULES.sub("", body)).strip()
    return body


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
