"""Three ways of saying what a report's sentence says, and errors that are put into it.

Written from general knowledge of how radiologists dictate, with none of this package's word lists: what its rules make
of words that they were not written for is what is measured.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

Rewording = Callable[[str], str]

_SYNONYMS: Mapping[str, str] = {
    r"pleural effusions?": "fluid in the pleural space",
    r"effusions?": "pleural fluid",
    r"cardiomegaly": "cardiac enlargement",
    r"enlarged": "increased in size",
    r"opacity": "density",
    r"opacities": "densities",
    r"infiltrates?": "airspace opacity",
    r"unremarkable": "without abnormality",
    r"within normal limits": "normal",
    r"osseous structures": "bones",
    r"bony structures": "bones",
    r"osseous": "bony",
    r"bibasilar": "both lung bases",
    r"bilaterally": "on both sides",
    r"hyperexpanded": "overinflated",
    r"hyperinflated": "overexpanded",
    r"visualized": "visible",
    r"identified": "seen",
    r"degenerative changes": "spondylosis",
    r"cardiac silhouette": "heart",
    r"lungs": "lung fields",
    r"thoracic spine": "dorsal spine",
    r"consolidations?": "airspace consolidation",
    r"acute": "new",
    r"silhouette": "contour",
}
_FILLERS = re.compile(
    r"\s+(?:is|are|was|were)\s+(?:seen|noted|identified|visualized|demonstrated|present)\b", re.IGNORECASE
)


def terse(sentence: str) -> str:
    """As dictated in a hurry: no articles, no verbs."""
    text = re.sub(r"^there (?:is|are|was|were) (?:an? |some )?", "", sentence, flags=re.IGNORECASE)
    text = _FILLERS.sub("", text)
    text = re.sub(r"^(?:the|an?) ", "", text, flags=re.IGNORECASE)
    text = re.sub(
        r"\b(?:is|are|appears?|remains?) (?=normal|clear|enlarged|unremarkable|intact|elevated|stable)", "", text
    )
    return text[:1].upper() + text[1:]


def wordy(sentence: str) -> str:
    """With much around it."""
    body = sentence.rstrip(".")
    lowered = body[:1].lower() + body[1:] if body[1:2].islower() or body[1:2] == " " else body
    if re.match(r"no\b", lowered):
        return f"In this region there is {lowered} on the present radiograph."
    if re.match(r"there (?:is|are)\b", lowered):
        return f"On closer inspection, {lowered} in this region."
    if re.search(r"\b(?:is|are|was|were|appears?|has|have|shows?|demonstrates?)\b", lowered):
        return f"It can be appreciated that {lowered}."
    return f"One observes the following here: {lowered}."


def synonyms(sentence: str) -> str:
    """In other words for the same things."""
    text = sentence
    for pattern, instead in _SYNONYMS.items():
        text = re.sub(rf"\b{pattern}\b", instead, text, flags=re.IGNORECASE)
    return text[:1].upper() + text[1:]


STYLES: Mapping[str, Rewording] = {"terse": terse, "wordy": wordy, "synonyms": synonyms}

INVENTED = (
    "There is a large right apical pneumothorax.",
    "A moderate left pleural effusion is seen.",
    "There is a spiculated nodule in the left upper lobe.",
    "An acute fracture of the right sixth rib is noted.",
    "There is dense consolidation in the right lower lobe.",
    "The heart is markedly enlarged.",
    "Interstitial pulmonary edema is present.",
    "Free air lies under the right hemidiaphragm.",
)
FOREIGN = (
    "A Chilaiditi configuration is present.",
    "There is pectus excavatum.",
    "An azygos fissure is seen on the right.",
    "A cervical rib is present on the left.",
    "There is dextrocardia.",
    "The stomach bubble is displaced medially.",
    "A tracheobronchopathia pattern is suspected.",
    "There is a Bochdalek defect on the left.",
)
"""Findings in words that a rule labeler of chest reports need not know."""
KINDS = ("side", "negation", "invention", "boxes", "foreign words")
OTHER = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}


def swapped(text: str) -> str | None:
    """Left for right; None where neither is said, or both are."""
    sides = {word.lower() for word in re.findall(r"\b(?:left|right)\b", text, re.IGNORECASE)}
    if len(sides) != 1:
        return None
    return re.sub(r"\b(?:left|right)\b", lambda found: OTHER.get(found[0], found[0]), text, flags=re.IGNORECASE)


def negated(text: str) -> str | None:
    """A denial without its denying word; None where there is none, or where what is denied is a list of doubts."""
    if (
        re.search(r"\b(?:not|without|negative)\b", text, re.IGNORECASE)
        or len(re.findall(r"\bno\b", text, re.IGNORECASE)) != 1
    ):
        return None
    if re.search(
        r"\bno (?:large|definite|new|other|acute abnormal|evidence of acute|change|acute)\b", text, re.IGNORECASE
    ):
        return None
    edited = re.sub(r"\bno (?:evidence of |visible |signs? of )?", "", text, count=1, flags=re.IGNORECASE)
    edited = re.sub(r"\b(there (?:is|are)) (?=\w)", r"\1 ", edited)
    return edited[:1].upper() + edited[1:]


def invented(report: str, draw: random.Random) -> str | None:
    """A finding whose words the report does not have."""
    words = ("pneumothora", "effusion", "nodul", "fractur", "consolidat", "heart", "edema", "free")
    new = [s for s, word in zip(INVENTED, words, strict=True) if word not in report.lower()]
    if "pleural fluid" in report.lower():
        new = [s for s in new if "effusion" not in s]
    if re.search(r"cardi|heart", report, re.IGNORECASE):
        new = [s for s in new if "heart" not in s]
    if re.search(
        r"opacit|infiltrat|airspace|air space|pneumonia|lungs? (?:are|is) clear|clear lungs", report, re.IGNORECASE
    ):
        new = [s for s in new if "consolidation" not in s]
    return draw.choice(new) if new else None
