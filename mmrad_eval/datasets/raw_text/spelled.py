"""Words that a program spelled: a list, a quoted text or a value for nothing, as a whole text or within its frame.

A frame is whatever marks the report in a text: a tag, a box of LaTeX, a code fence, a heading, a line before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmrad_eval.core.values import Report
from mmrad_eval.datasets.raw_text import structured
from mmrad_eval.datasets.raw_text.nothing import is_value, means_nothing

_QUOTES, _QUOTED = "[(\"'", "])\"'"
_LONGEST = 16
"""Characters of a word for nothing; a value may be longer where it begins with a digit."""
_BEGINS = "[(\"' \t\n"
"""What a text that spells another one begins with."""


def spelled(words: str) -> str:
    """The text that a list, a tuple or a quoted text spells in JSON or Python; other words as they are."""
    if words.removeprefix("b")[:1] not in _QUOTES or words[-1:] not in _QUOTED:
        return words
    value = structured.literal(words.removeprefix("b"))
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Sequence) and structured.is_empty(value):
        return ""
    report = structured.report_in(value) if isinstance(value, Sequence) else None
    return words if report is None else report.text


def as_said(report: Report) -> Report:
    """A report whose sections, or whose text without any, are the words that they spell; one of no words is empty."""
    parts = [part for part in (report.findings, report.impression) if part]
    for part in parts or (report.text,):  # hardly any spells anything, so all are looked at quickly first
        if part[:1] in _BEGINS or len(part) <= _LONGEST or part[0].isdigit():
            break
    else:
        return report
    if not parts:
        said = _said(report.text)
        return report if said == report.text else Report(said, report.findings, report.impression)
    text, told = report.text, {part: _said(part, alone=len(parts) == 1) for part in parts}
    if all(part == said for part, said in told.items()):
        return report
    for part, said in told.items():
        text = text.replace(part, said) if said else text  # words for nothing stay where they stand
    found = (part and told[part] for part in (report.findings, report.impression))
    return Report(text, *found)


def _said(part: str, *, alone: bool = True) -> str:
    """The words of one part; ``alone``: no other stands beside it, so that a bare value says nothing."""
    bare = part.strip()
    said = spelled(bare)
    if means_nothing(said) or (alone and is_value(said)):
        return ""
    return part if said == bare else said
