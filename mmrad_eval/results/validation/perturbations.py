"""Controlled edits of a report: each changes one thing, and what it changes decides what a good metric should do.

All rules are plain text rules; an edit that finds nothing to change in a report leaves it out. The same report and
seed give the same edit, always.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")
Make = Callable[[str, str], str | None]
"""(report, what decides between several places) -> the edited report, None where the edit does not apply."""


@dataclass(frozen=True)
class Edit:
    """One kind of change."""

    name: str
    harmless: bool
    """Whether the report still says the same."""
    make: Make


def sentences(text: str) -> list[str]:
    """The sentences of a report, with their full stops."""
    return [part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part]


def reversed_sentences(text: str, _: str) -> str | None:
    """The last sentence first."""
    parts = sentences(text)
    return " ".join(parts[::-1]) if len(set(parts)) > 1 else None


def synonyms(text: str, _: str) -> str | None:
    """Other words for one thing that the report says."""
    edited = _replaced(text, SYNONYMS, most=1)
    return edited if edited != text else None


def flipped_negation(text: str, seed: str) -> str | None:
    """One finding that was absent is present, or one that was present is absent."""
    places = [
        (number, flipped) for number, part in enumerate(sentences(text)) if (flipped := _flip(part)) not in (None, part)
    ]
    return _at(text, places, seed)


def swapped_sides(text: str, _: str) -> str | None:
    """Left for right and right for left, in the whole report."""
    edited = _replaced(text, {"left": "right", "right": "left"})
    return edited if edited != text else None


def changed_severity(text: str, seed: str) -> str | None:
    """One finding milder or worse."""
    places = [
        (number, edited)
        for number, part in enumerate(sentences(text))
        if (edited := _replaced(part, SEVERITY, most=1)) != part
    ]
    return _at(text, places, seed)


def changed_measurement(text: str, seed: str) -> str | None:
    """One length ten times as large or as small: millimetres for centimetres."""
    places = []
    for number, part in enumerate(sentences(text)):
        edited = re.sub(
            r"(\d(?:\.\d+)?\s?)(mm|cm|millimeters?|centimeters?)\b",
            lambda found: found[1] + UNITS[found[2].lower()],
            part,
            count=1,
            flags=re.IGNORECASE,
        )
        if edited != part:
            places.append((number, edited))
    return _at(text, places, seed)


def dropped_finding(text: str, seed: str) -> str | None:
    """One sentence less: one that states something abnormal, where there is one."""
    parts = sentences(text)
    if len(parts) < 2:
        return None
    abnormal = [number for number, part in enumerate(parts) if not NORMAL.search(part)]
    gone = _choice(abnormal or list(range(len(parts))), seed)
    return " ".join(part for number, part in enumerate(parts) if number != gone)


def added_finding(text: str, seed: str) -> str | None:
    """One sentence more, about something that the report does not mention."""
    new = [sentence for word, sentence in FINDINGS.items() if word not in text.lower()]
    return f"{text.rstrip()} {_choice(new, seed)}" if new else None


EDITS: tuple[Edit, ...] = (
    Edit("sentence order", harmless=True, make=reversed_sentences),
    Edit("synonym", harmless=True, make=synonyms),
    Edit("negation", harmless=False, make=flipped_negation),
    Edit("side", harmless=False, make=swapped_sides),
    Edit("severity", harmless=False, make=changed_severity),
    Edit("measurement", harmless=False, make=changed_measurement),
    Edit("finding dropped", harmless=False, make=dropped_finding),
    Edit("finding added", harmless=False, make=added_finding),
)
"""Another patient's report is the last edit; it needs the other patient and is made by the probe."""

SYNONYMS: Mapping[str, str] = {
    "cardiomegaly": "enlargement of the heart",
    "enlarged heart": "cardiomegaly",
    "heart is enlarged": "cardiac silhouette is enlarged",
    "heart size is normal": "cardiac silhouette is not enlarged",
    "heart is normal in size": "cardiac silhouette is not enlarged",
    "normal heart size": "cardiac silhouette not enlarged",
    "pleural effusion": "pleural fluid",
    "pleural effusions": "pleural fluid collections",
    "pneumothorax": "collapse of the lung from pleural air",
    "opacity": "density",
    "opacities": "densities",
    "unremarkable": "normal",
    "within normal limits": "normal",
    "osseous": "bony",
    "bony": "osseous",
    "lungs are clear": "lungs show no opacity",
    "clear lungs": "lungs without opacity",
    "pulmonary edema": "fluid in the lungs",
    "enlarged": "increased in size",
    "tortuous": "unfolded",
}
SEVERITY: Mapping[str, str] = {
    "mild": "severe",
    "mildly": "severely",
    "minimal": "marked",
    "minimally": "markedly",
    "slight": "severe",
    "slightly": "severely",
    "small": "large",
    "tiny": "large",
    "trace": "large",
    "moderate": "minimal",
    "moderately": "minimally",
    "severe": "mild",
    "severely": "mildly",
    "marked": "minimal",
    "markedly": "minimally",
    "large": "small",
}
UNITS: Mapping[str, str] = {
    "mm": "cm",
    "cm": "mm",
    "millimeter": "centimeter",
    "millimeters": "centimeters",
    "centimeter": "millimeter",
    "centimeters": "millimeters",
}
FINDINGS: Mapping[str, str] = {
    "pneumothorax": "There is a large right apical pneumothorax.",
    "effusion": "There is a moderate left pleural effusion.",
    "nodule": "There is a 2 cm nodule in the left upper lobe.",
    "fracture": "There is an acute fracture of the right sixth rib.",
    "consolidation": "There is consolidation in the right lower lobe.",
    "mass": "There is a large mass in the right hilum.",
}
"""Word that must not be there -> the sentence that is added."""
NORMAL = re.compile(r"\b(no|not|without|normal|clear|unremarkable|intact|negative|free|stable|limits)\b", re.IGNORECASE)

_TO_PRESENT = (
    (r"\b(there (?:is|are|was|were)) no (?:evidence of |definite |focal |acute )?", r"\1 "),
    (r"^no (?:evidence of |definite |focal |acute )?(?=\w)", ""),
    (r"\bwithout (?:evidence of )?", "with "),
    (r"\b(is|are|was|were) not\b", r"\1"),
    (r"\bno (?:evidence of )?(?=\w)", ""),
)
_STATES = "enlarged|elevated|present|seen|noted|blunted|normal|clear|intact|unremarkable"
_TO_ABSENT = (
    (r"\b(there (?:is|are|was|were)) (?:a |an |some )?(?=\w)", r"\1 no "),
    (
        r"\b(is|are|was|were) (?=enlarged|elevated|present|seen|noted|blunted|normal|clear|intact|unremarkable)",
        r"\1 not ",
    ),
)


def _flip(sentence: str) -> str | None:
    for pattern, instead in (*_TO_PRESENT, *_TO_ABSENT):
        edited, count = re.subn(pattern, instead, sentence, count=1, flags=re.IGNORECASE)
        if count:
            return edited[:1].upper() + edited[1:]
    return None


def _replaced(text: str, words: Mapping[str, str], most: int = 0) -> str:
    """Whole words for others, longest first, with the first letter's case kept; at most ``most`` (0: all)."""
    names = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))

    def instead(found: re.Match[str]) -> str:
        new = words[found[0].lower()]
        return new.upper() if found[0].isupper() else new[:1].upper() + new[1:] if found[0][:1].isupper() else new

    return re.sub(rf"\b(?:{names})\b", instead, text, count=most, flags=re.IGNORECASE)


def _at(text: str, places: Sequence[tuple[int, str | None]], seed: str) -> str | None:
    """The report with one of several sentences changed."""
    if not places:
        return None
    number, edited = places[_number(seed) % len(places)]
    parts = sentences(text)
    parts[number] = edited or ""
    return " ".join(parts)


def _choice(options: Sequence[T], seed: str) -> T:
    return options[_number(seed) % len(options)]


def _number(seed: str) -> int:
    return int.from_bytes(sha256(seed.encode()).digest()[:8], "big")
