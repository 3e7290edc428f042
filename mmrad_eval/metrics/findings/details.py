"""What a sentence says of its findings beyond the facts: size, where a tube ends, how strong a doubt is, old or new."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from mmrad_eval.metrics.facts.extract import Fact, facts_of
from mmrad_eval.metrics.facts.lexicon import lexicon

_SENTENCES = 1 << 14
SIZED = frozenset((
    *("nodule", "mass", "mediastinal_mass", "opacity", "granuloma", "consolidation", "calcification", "pneumothorax"),
    *("pleural_effusion", "aortic_aneurysm", "foreign_body", "lymphadenopathy", "bone_abnormality"),
))  # fmt: skip
"""What a length can be the size of."""

_LENGTH = re.compile(
    r"(?P<n>\d+(?:\.\d+)?)(?:\s*(?:mm|cm)?\s*(?:x|by)\s*(?P<m>\d+(?:\.\d+)?))?"
    r"(?:\s*(?:mm|cm)?\s*(?:x|by)\s*\d+(?:\.\d+)?)?\s*-?\s*(?P<unit>mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)\b"
    r"(?P<away>\s*(?:above|below|from|proximal|distal|superior|inferior|beyond|past|away))?"
)
_OLD = re.compile(r"\b(?:old|healed|healing|remote|chronic)\b")
_LASTING = re.compile(r"\b(?:chronic|long-?\s?standing|known)\b")
_COMPARED = re.compile(
    r"\b(?:prior|previous\w*|compar\w+|interval\w*|since|again|unchanged|stable|new|newly|now|increas\w+|decreas\w+|worse\w*|"
    r"better|improv\w+|progress\w*|persist\w*|resolv\w+|redemonstrat\w+|developed|larger|smaller|similar|remains?|reduced|"
    r"diminish\w+|enlarging|clearing|constant|regressed|earlier|longer|removed|before)\b"
)
_LATERAL = re.compile(r"\blateral (?:view|projection|radiograph|film|image)s?\b")
_DEGREE = re.compile(
    r"\s*(?:is|are|appears?|remains?|looks?)\s+(?:very\s+|only\s+|again\s+|now\s+)?"
    r"(?P<degree>tiny|trace|minimal|small|mild|slight|moderate|severe|large|marked|massive|extensive)\b(?!\s+[a-z]+ed\b)"
)
"""A degree that is said of a finding after it: "the effusion is small"."""
_ADJECTIVE = re.compile(r"[a-z-]+ (?:left |right )?$")
STRENGTHS = ("strong", "middling", "weak")
"""How much a doubtful phrase leaves to be believed, from most to least."""
_STRONG = re.compile(
    r"\b(?:likely|probabl\w+|prob|presum\w+|suspicious|suspected|most|favou?r\w*|concerning|worrisome)\b"
)
_WEAK = re.compile(
    r"\b(?:exclude\w*|ruled? out|less likely|unlikely|question\w*|doubtful|equivocal|versus|vs|not? certain)\b"
)


class Detailed(NamedTuple):
    """A fact and what its sentence adds."""

    fact: Fact
    size: tuple[float, ...]
    """Millimetres, largest first; empty where nothing is said."""
    position: str
    """Of a tube or line: ``right``, ``displaced``; empty where nothing is said."""
    strength: str
    """Of a doubtful one, one of STRENGTHS; else empty."""
    old: bool
    lateral: bool
    """Whether it is said of a lateral view."""


@lru_cache(maxsize=_SENTENCES)
def detailed(sentence: str) -> tuple[Detailed, ...]:
    """The facts of one sentence, in order, with their details."""
    facts = facts_of(sentence)
    if not facts:
        return ()
    low = sentence.lower()
    sizes = _sizes(low, facts)
    lateral = "lateral" in low and _LATERAL.search(low) is not None
    compared = _LASTING.search(low) is None or _COMPARED.search(low) is not None
    old = _OLD.search(low)
    strength = ""
    if any(fact.status == "uncertain" for fact in facts):
        strength = "weak" if _WEAK.search(low) else "strong" if _STRONG.search(low) else "middling"
    return tuple(
        Detailed(
            _said(fact, low, compared=compared),
            sizes.get(i, ()),
            _position(low, facts, i) if fact.category == "devices" else "",
            strength if fact.status == "uncertain" else "",
            old is not None and fact.concept in {"fracture", "bone_abnormality"},
            lateral,
        )
        for i, fact in enumerate(facts)
    )


def _said(fact: Fact, low: str, *, compared: bool) -> Fact:
    """A fact with the degree that is said after it, and without a change where nothing is compared ("chronic")."""
    after = None if fact.severity or fact.status == "absent" else _DEGREE.match(low, fact.span[1])
    change = fact.change if compared else ""
    if after is None and change == fact.change:
        return fact
    severity = lexicon().qualifiers["severity"][after["degree"]] if after else fact.severity
    return Fact(fact.concept, fact.status, fact.side, fact.zone, fact.category, severity, change, fact.span)


def _sizes(low: str, facts: tuple[Fact, ...]) -> dict[int, tuple[float, ...]]:
    """Index of a fact -> its size: each length goes to the nearest finding that can have one."""
    if "mm" not in low and "cm" not in low and "met" not in low:
        return {}
    places = [(i, fact.span) for i, fact in enumerate(facts) if fact.concept in SIZED and fact.status != "absent"]
    found: dict[int, tuple[float, ...]] = {}
    for match in _LENGTH.finditer(low) if places else ():
        if match["away"]:
            continue
        scale = 10.0 if match["unit"].startswith("c") else 1.0
        numbers = sorted((float(n) * scale for n in (match["n"], match["m"]) if n), reverse=True)
        nearest = min(places, key=lambda place: max(place[1][0] - match.end(), match.start() - place[1][1]))
        found.setdefault(nearest[0], tuple(numbers))
    return found


def _position(low: str, facts: tuple[Fact, ...], i: int) -> str:
    """Where a tube or line is said to end: from the word before it, and those between it and the next one."""
    fact = facts[i]
    end = next((g.span[0] for g in facts[i + 1 :] if g.category == "devices" and g.span[0] > fact.span[1]), len(low))
    before = _ADJECTIVE.search(low[max(0, fact.span[0] - 30) : fact.span[0]])
    words = (before[0] if before else "") + low[fact.span[0] : end]
    tables = (_patterns().get(fact.concept, {}), _patterns()["any"])
    for position in ("displaced", "right"):  # "1 cm above the carina, and should be withdrawn"
        if any(position in table and table[position].search(words) for table in tables):
            return position
    return ""


@cache
def _patterns() -> dict[str, dict[str, re.Pattern[str]]]:
    text = files(__package__).joinpath("positions.toml").read_text(encoding="utf-8")
    return {
        device: {position: re.compile(pattern) for position, pattern in table.items()}
        for device, table in tomllib.loads(text).items()
    }
