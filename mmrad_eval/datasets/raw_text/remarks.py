"""What a model says of itself within a report: that it declines, that no picture came, that a section has no words."""

from __future__ import annotations

from mmrad_eval.core.values import Report
from mmrad_eval.datasets.raw_text import degenerate
from mmrad_eval.datasets.raw_text.declining import OFTEN_SEEN, Declined, declines, without_disclaimers
from mmrad_eval.datasets.raw_text.removed import Removed
from mmrad_eval.datasets.raw_text.wording import without_preamble
from mmrad_eval.datasets.words import words_of

_LONGEST_PLACEHOLDER = 120


def declined_in(lead: str, report: Report, removed: list[Removed]) -> Declined:
    """Whether a reply declines, in the report or in the words before it."""
    before = (piece.text for piece in removed if piece.kind == "preamble")
    return declines("\n".join(filter(None, (*before, lead, report.text))))


def undisclaimed(report: Report, removed: list[Removed], events: list[str], *, alone: bool = False) -> Report:
    """A report without the clauses that decline, each section by itself. ``alone``: findings stand elsewhere."""
    text, dropped, missing = without_disclaimers(report.text, alone=alone)
    if not dropped:
        return report
    text = without_preamble(text, removed)
    removed += [Removed("disclaimer", said) for said in dropped]
    events += ["no image seen"] if missing else []
    findings, impression = (
        part and without_disclaimers(part, alone=True)[0] for part in (report.findings, report.impression)
    )
    return Report(text, findings or None, impression or None)


def with_words(report: Report, removed: list[Removed], events: list[str]) -> Report:
    """A report of two sections without the one that says of itself that it is none: "Not provided.", "See below."."""
    if not (report.findings and report.impression):
        return report
    none = {part: _says_it_is_none(part) for part in (report.findings, report.impression)}
    if all(none.values()) or not any(none.values()):
        return report
    removed += [Removed("placeholder", part) for part, why in none.items() if why]
    events += ["no image seen"] if "no image seen" in none.values() else []
    findings, impression = (None if none[part] else part for part in (report.findings, report.impression))
    return Report(report.text, findings, impression)


def _says_it_is_none(part: str) -> str:
    if len(part) > _LONGEST_PLACEHOLDER or not words_of(part).isdisjoint(OFTEN_SEEN):
        return ""
    return "placeholder" if degenerate.is_form(part) else declines(part)
