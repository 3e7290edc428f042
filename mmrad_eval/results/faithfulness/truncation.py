"""Answers that were cut off at the token limit: from how many on nothing is concluded, and why."""

from __future__ import annotations

from collections.abc import Mapping

MOST_CUT = 0.1
"""Share of an arm's answers that may be cut off before nothing is concluded from it."""


def cut_too_often(truncated: Mapping[str, int], answered: Mapping[str, int]) -> str:
    """Why nothing is concluded from these arms, of which the worst is named; empty where fragments are few."""
    shares = {arm: truncated.get(arm, 0) / n for arm, n in answered.items() if n}
    worst = max(shares, key=lambda arm: shares[arm], default="")
    if not worst or shares[worst] < MOST_CUT:
        return ""
    return (
        f"{truncated[worst]:,} of {answered[worst]:,} answers of {worst} were cut off at the token limit, so "
        "fragments would be compared; raise `--max-tokens`"
    )
