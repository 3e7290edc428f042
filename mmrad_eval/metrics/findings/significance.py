"""How much each finding weighs: tiers by concept and by what is said of it, read from ``significance.toml``.

``SCHEMES`` are ways to weigh the same findings; a scheme is part of a metric's signature.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Protocol

Tier = Literal["urgent", "actionable", "minor", "expected"]
TIERS: tuple[Tier, ...] = ("urgent", "actionable", "minor", "expected")
SIGNIFICANT: frozenset[Tier] = frozenset(("urgent", "actionable"))
Scheme = Literal["tiers", "flat", "crimson", "radmatch", "triage"]
SCHEMES: tuple[Scheme, ...] = ("tiers", "flat", "crimson", "radmatch", "triage")
"""``tiers``: significance.toml. ``flat``: 1 each. ``crimson``: 1, .5, .25, 0 (crimson-score 0.2.2). ``radmatch``: 1
where an action is called for, else 0 (radmatch 0.2.2). ``triage``: eight findings in a published order of urgency, 1 to
1/8 (Baltruschat and others, European Radiology 31, 2021), and 0 for all others."""

_BY_TIER: Mapping[str, Mapping[Tier, float]] = {
    "flat": {"urgent": 1.0, "actionable": 1.0, "minor": 1.0, "expected": 1.0},
    "crimson": {"urgent": 1.0, "actionable": 0.5, "minor": 0.25, "expected": 0.0},
    "radmatch": {"urgent": 1.0, "actionable": 1.0, "minor": 0.0, "expected": 0.0},
}
_TRIAGE = (
    ("pneumothorax",),
    ("pleural_effusion",),
    ("opacity", "consolidation", "pneumonia"),
    ("edema", "vascular_prominence", "heart_failure"),
    ("atelectasis",),
    ("cardiomegaly",),
    ("mass", "nodule", "mediastinal_mass"),
    ("foreign_body", "endotracheal_tube", "enteric_tube", "central_line", "chest_tube", "cardiac_device"),
)


class Weighed(Protocol):
    """What a rule looks at."""

    @property
    def concept(self) -> str: ...  # noqa: D102
    @property
    def severity(self) -> str: ...  # noqa: D102
    @property
    def change(self) -> str: ...  # noqa: D102
    @property
    def displaced(self) -> bool: ...  # noqa: D102
    @property
    def old(self) -> bool: ...  # noqa: D102
    @property
    def size(self) -> tuple[float, ...]: ...  # noqa: D102


@dataclass(frozen=True)
class TierRule:
    """One entry of the table."""

    conditions: Mapping[str, Any]
    tier: Tier
    source: str

    def fits(self, finding: Weighed, beside: frozenset[str], age: float | None) -> bool:
        """Whether each condition holds; one that asks for what is not known does not."""
        return all(_CONDITIONS[key](finding, wanted, beside, age) for key, wanted in self.conditions.items())


def _known_size(finding: Weighed) -> float | None:
    return finding.size[0] if finding.size else None


_CONDITIONS: Mapping[str, Callable[[Weighed, Any, frozenset[str], float | None], bool]] = {
    "severity": lambda f, wanted, _b, _a: f.severity in wanted,
    "change": lambda f, wanted, _b, _a: f.change in wanted,
    "displaced": lambda f, wanted, _b, _a: f.displaced == wanted,
    "old": lambda f, wanted, _b, _a: f.old == wanted,
    "at_least": lambda f, wanted, _b, _a: (size := _known_size(f)) is not None and size >= wanted,
    "below": lambda f, wanted, _b, _a: (size := _known_size(f)) is not None and size < wanted,
    "age": lambda _f, wanted, _b, age: age is not None and age >= wanted,
    "with": lambda _f, wanted, beside, _a: not beside.isdisjoint(wanted),
}


@dataclass(frozen=True)
class Significance:
    """The rules by concept, in order."""

    rules: Mapping[str, tuple[TierRule, ...]]
    otherwise: TierRule
    weights: Mapping[Tier, float]

    def tier(self, finding: Weighed, beside: frozenset[str], age: float | None) -> Tier:
        """The tier of a finding, among the other concepts of its report, in a patient of this age (None: unknown)."""
        for rule in self.rules.get(finding.concept, ()):
            if not rule.conditions or rule.fits(finding, beside, age):
                return rule.tier
        return self.otherwise.tier


@cache
def table() -> Significance:
    """``significance.toml``."""
    found = tomllib.loads(files(__package__).joinpath("significance.toml").read_text(encoding="utf-8"))
    rules: dict[str, list[TierRule]] = {}
    for entry in found["rule"]:
        conditions = {key: value for key, value in entry.items() if key not in {"concepts", "tier", "source"}}
        for concept in entry["concepts"]:
            rules.setdefault(concept, []).append(TierRule(conditions, entry["tier"], entry["source"]))
    otherwise = TierRule({}, found["otherwise"]["tier"], found["otherwise"]["source"])
    return Significance({concept: tuple(some) for concept, some in rules.items()}, otherwise, found["weights"])


def weight(scheme: Scheme, concept: str, tier: Tier) -> float:
    """What a finding that is surely there weighs."""
    if scheme == "tiers":
        return table().weights[tier]
    if scheme == "triage":
        place = next((i for i, concepts in enumerate(_TRIAGE) if concept in concepts), None)
        return 0.0 if place is None else 1.0 - place / len(_TRIAGE)
    return _BY_TIER[scheme][tier]
