"""De-identification marks: what stands in a report where a name, date or place was taken out."""

from __future__ import annotations

import re

MARKS: dict[str, re.Pattern[str]] = {
    "___": re.compile(r"_{2,}"),
    "XXXX": re.compile(r"\bX{3,}\b"),
    "[REDACTED]": re.compile(r"\[(?:REDACTED|DEIDENTIFIED|REMOVED)\]", re.IGNORECASE),
    "[**...**]": re.compile(r"\[\*\*.*?\*\*\]"),
    "<PERSON>": re.compile(r"<(?:PERSON|NAME|DATE|TIME|LOCATION|HOSPITAL|AGE|ID|PHONE|DOCTOR|PATIENT)>"),
}
"""Name of the mark -> its spellings: MIMIC-CXR, OpenI, general tools, MIMIC-III, and taggers such as Presidio."""


def count(text: str) -> dict[str, int]:
    """How often each mark stands in a text; marks that are not there are left out."""
    found = {name: len(pattern.findall(text)) for name, pattern in MARKS.items()}
    return {name: n for name, n in found.items() if n}
