"""Budgets: money, requests and time after which no further study is begun."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Card, Usage

_MONEY = re.compile(r"\$?\s*(\d+(?:\.\d+)?)\s*(usd|\$)?", re.IGNORECASE)
_NUMBER = r"(\d+(?:\.\d+)?)"
_TIME = re.compile(rf"(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s?)?", re.IGNORECASE)


@dataclass(frozen=True)
class Budget:
    """What a run may spend; None: no limit."""

    usd: float | None = None
    requests: int | None = None
    seconds: float | None = None

    def check(self, card: Card) -> None:
        """UsageError where money is limited and nobody knows the price."""
        if self.usd is not None and card.price is None:
            raise UsageError(
                f"--budget needs a price, and the card of {card.label} has none: write a card file with "
                "`price = [prompt, completion]` in US dollars for a million tokens, and name it as the model"
            )

    def rest(self, spent: Spent, card: Card, seconds: float) -> Budget:
        """What is left of it."""
        used = cost(spent.usage, card) or 0.0
        return Budget(
            usd=None if self.usd is None else max(0.0, self.usd - used),
            requests=None if self.requests is None else max(0, self.requests - spent.requests),
            seconds=None if self.seconds is None else max(0.0, self.seconds - seconds),
        )


@dataclass(frozen=True)
class Spent:
    """What a run has used so far."""

    requests: int
    """That were sent."""
    usage: Usage
    begun: int
    """Studies that have begun and not ended."""
    replies: int = 0
    """Those that ``usage`` is of."""
    in_flight: int = 0
    """Those of ``requests`` that have no reply yet; each other study that has begun will send one at least."""


def cost(usage: Usage, card: Card) -> float | None:
    """US dollars of the tokens at the card's price, cached ones at full price; None where there is no price."""
    if card.price is None:
        return None
    prompt, completion = card.price
    return ((usage.prompt or 0) * prompt + (usage.completion or 0) * completion) / 1e6


def keeper(budget: Budget, card: Card) -> Callable[[Spent], str]:
    """A function that says, before a study is begun, why it may not be; the empty string where it may."""
    budget.check(card)
    start = time.monotonic()

    def why_not(spent: Spent) -> str:
        if budget.seconds is not None and time.monotonic() - start >= budget.seconds:
            return f"--max-time: {budget.seconds:.0f} s have passed"
        if budget.requests is not None and spent.requests - spent.in_flight + spent.begun >= budget.requests:
            return f"--max-requests: {budget.requests} requests are sent or about to be"
        used = cost(spent.usage, card)
        if budget.usd is not None and used is not None:
            under_way = spent.begun * used / spent.replies if spent.replies else 0.0
            if used + under_way >= budget.usd:
                more = f", and about {under_way:.2f} are under way" if under_way else ""
                return f"--budget: {used:.2f} of {budget.usd:.2f} US dollars are spent{more}"
        return ""

    return why_not


def usd(text: str) -> float:
    """``20usd``, ``$20`` or ``20`` as US dollars."""
    found = _MONEY.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--budget {text}: write an amount in US dollars, such as 20usd")
    return float(found[1])


def duration(text: str) -> float:
    """``90``, ``90s``, ``15m``, ``1h30m`` or ``2d`` as seconds."""
    found = _TIME.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise UsageError(f"--max-time {text}: write a duration, such as 90s, 15m or 1h30m")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest
