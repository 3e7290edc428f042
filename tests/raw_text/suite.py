"""What the generated suites of raw text share: a case, what is wanted of it, and the words that fill the forms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmrad_eval.core.values import Answer, Example, Reply, Study
from mmrad_eval.tasks.answers import read_answer

MADE_UP = ""
"""The source of a form that nobody is known to use; a reader that knows only what was seen fails it."""


@dataclass(frozen=True)
class Wanted:
    """What a text means; None: not looked at."""

    status: str | None = None
    findings: str | None = None
    """The text that is scored where findings are asked for."""
    impression: str | None = None
    thought: str | None = None
    """Words that the trace must hold; the empty text: there is no trace."""
    event: str | None = None
    """An event that must be counted."""
    no_event: str | None = None


@dataclass(frozen=True)
class Case:
    """One text, where its form is seen (empty: nowhere), and what it means."""

    form: str
    source: str
    raw: str
    wanted: Wanted


def plain(text: str) -> str:
    """A text without regard to white space."""
    return " ".join(text.split())


def faults(case: Case) -> list[str]:
    """What the reader of replies makes of a text that it should not."""
    return differences(read_answer(Reply(case.raw), "findings"), case.wanted)


def differences(answer: Answer, wanted: Wanted) -> list[str]:
    """Each point in which an answer is not what is wanted."""
    scored = Example(Study("s"), answer).candidate
    trace = answer.trace.text if answer.trace else ""
    points = (
        (wanted.status, answer.status),
        (wanted.findings, scored),
        (wanted.impression, answer.report.impression or ""),
    )
    found = [f"{seen!r}, not {want!r}" for want, seen in points if want is not None and plain(want) != plain(seen)]
    if wanted.thought == "" and trace:
        found.append(f"trace {trace!r}")
    if wanted.thought and plain(wanted.thought) not in plain(trace):
        found.append(f"trace {trace!r} without {wanted.thought!r}")
    if wanted.event and not answer.events.get(wanted.event):
        found.append(f"events {answer.events}, not {wanted.event}")
    if wanted.no_event and answer.events.get(wanted.no_event):
        found.append(f"event {wanted.no_event}")
    return found


def rate(cases: Iterable[Case]) -> tuple[int, int]:
    """(right, all)."""
    wrong = [bool(faults(case)) for case in cases]
    return wrong.count(False), len(wrong)


FINDINGS = (
    "The heart is normal in size. The lungs are clear.",
    "There is a small left pleural effusion. No pneumothorax is seen.",
    "Right lower lobe opacity, 2 cm. The mediastinum is not widened.",
    "Lungs are hyperinflated; a 5 mm nodule lies in the left upper lobe.",
)
IMPRESSIONS = (
    "No acute cardiopulmonary process.",
    "Small left effusion.",
    "Right lower lobe pneumonia is likely.",
    "Emphysema. Follow-up CT in 6 months.",
)
THOUGHTS = (
    "The left lung may hold a large pneumothorax. FINDINGS: perhaps an effusion. I look again.",
    "Let me see.\n\nImpression: cardiomegaly? No, the ratio is fine.\nI am done.",
    "First the lines and tubes, then the lungs.\nThe report: not yet.",
)
