"""De-identification marks: what stands in a report where a name, date or place was taken out."""

from __future__ import annotations

import re
from typing import Literal

How = Literal["keep", "mask", "drop"]

VERSION = 1
"""Raised whenever equal text would be cleaned otherwise."""
MASK = "___"
MARKS: dict[str, re.Pattern[str]] = {
    "___": re.compile(r"_{2,}"),
    "XXXX": re.compile(r"(?<![A-Za-z])X{3,}(?![A-Za-z])"),
    "[REDACTED]": re.compile(r"\[(?:REDACTED|DEIDENTIFIED|REMOVED)\]", re.IGNORECASE),
    "[**...**]": re.compile(r"\[\*\*.*?\*\*\]"),
    "<PERSON>": re.compile(
        r"<(?:PERSON|NAME|DATE(?:_TIME)?|TIME|LOCATION|HOSPITAL|ORGANIZATION|AGE|ID|PHONE(?:_NUMBER)?|DOCTOR|PATIENT)>"
    ),
}
"""Name of the mark -> its spellings: MIMIC-CXR, Open-i, general tools, MIMIC-III, and taggers such as Presidio."""
ANY = re.compile("|".join(f"(?:{pattern.pattern})" for pattern in MARKS.values()), re.IGNORECASE)

GAP = re.compile(r"(?P<between>(?<=\S)[ \t]{2,}(?=[^\s.,;:)]))|[ \t]+(?=[.,;:)\n]|$)")
"""Space that a dropped mark leaves: between two words, or before a stop."""


def count(text: str) -> dict[str, int]:
    """How often each mark stands in a text; marks that are not there are left out."""
    found = {name: len(pattern.findall(text)) for name, pattern in MARKS.items()}
    return {name: n for name, n in found.items() if n}


def clean(text: str, how: How) -> str:
    """The text with its marks kept, each replaced by ``___``, or dropped with the space that they leave."""
    if how == "keep":
        return text
    if how == "mask":
        return ANY.sub(MASK, text)
    return GAP.sub(lambda match: " " if match["between"] else "", ANY.sub("", text))
