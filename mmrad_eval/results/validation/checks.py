"""What an audit found: checks, and what broke them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    """One thing that does not hold."""

    row: str
    column: str
    stated: str | float
    expected: str | float
    why: str
    """What it looks like, as far as that can be told."""

    @property
    def off(self) -> float | None:
        """By how much; None where it is no matter of amount."""
        if isinstance(self.stated, float) and isinstance(self.expected, float):
            return self.stated - self.expected
        return None


@dataclass(frozen=True)
class Check:
    """One thing that must hold, over so many rows or cells."""

    name: str
    looked: int
    broken: list[Broken]
    worst: str = ""
    """The largest deviation that was seen, beside what is allowed, in words."""
