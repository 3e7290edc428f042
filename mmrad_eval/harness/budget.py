"""Budgets: money, requests and time after which no new study starts."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Card
from mmrad_eval.harness.counts import RequestCounts
from mmrad_eval.harness.stopping import Stop, StopSignal
from mmrad_eval.results.run.spent import cost

NOT_IN_BATCHES = (
    "--batch submits all requests before any reply shows what it costs: leave --budget and --max-requests out; "
    "--dry-run prices it"
)
"""Why a budget can't hold where requests go in provider batches."""

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
                "`price = [prompt, completion]` in US dollars per million tokens, and name it as the model"
            )


class BudgetGuard:
    """Watches what a run spends, on its model and then on its judge."""

    def __init__(self, budget: Budget) -> None:
        """The time of the budget begins with the first account: loading data and metrics is no part of it."""
        self.budget = budget
        self._began: float | None = None
        self._accounts: list[tuple[RequestCounts, Card]] = []

    def account(self, counts: RequestCounts, card: Card) -> Callable[[int], Stop | None]:
        """A function from the number of studies in progress to the stop that the budget calls for, if it does.

        ``counts`` are read each time: each study in progress that has no request in flight will send at least one more.
        """
        self.budget.check(card)
        self._accounts.append((counts, card))
        self._passed()
        return (lambda _: None) if self.budget == Budget() else (lambda begun: self._stop(counts, card, begun))

    @contextmanager
    def clock(self, stop_signal: StopSignal) -> Iterator[None]:
        """While held, the end of the time stops the run wherever it waits."""
        if self.budget.seconds is None:
            yield
            return
        left = max(0.0, self.budget.seconds - self._passed())
        timer = asyncio.get_running_loop().call_later(left + 0.001, self._time_stops, stop_signal)
        try:
            yield
        finally:
            timer.cancel()

    def _time_stops(self, stop_signal: StopSignal) -> None:
        stop_signal.set(Stop(self._time_is_up() or "--max-time", draining=True))

    def _stop(self, counts: RequestCounts, card: Card, begun: int) -> Stop | None:
        reason = self._time_is_up() or self._requests_are_sent(begun) or self._money_is_spent(counts, card, begun)
        return Stop(reason, draining=True) if reason else None

    def _passed(self) -> float:
        """Seconds since the time of the budget began, which it does now if it had not."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        return now - self._began

    def _time_is_up(self) -> str:
        limit = self.budget.seconds
        if limit is None or self._passed() < limit:
            return ""
        return f"--max-time: {limit:.0f} s have passed"

    def _requests_are_sent(self, begun: int) -> str:
        limit = self.budget.requests
        ended = sum(counts.sent - counts.in_flight for counts, _ in self._accounts)
        if limit is None or ended + begun < limit:
            return ""
        return f"--max-requests: {limit} requests are sent or about to be"

    def _money_is_spent(self, counts: RequestCounts, card: Card, begun: int) -> str:
        limit = self.budget.usd
        if limit is None:
            return ""
        used = sum(cost(counts.usage, card) or 0.0 for counts, card in self._accounts)
        in_flight = begun * (cost(counts.usage, card) or 0.0) / counts.replies if counts.replies else 0.0
        if used + in_flight < limit:
            return ""
        more = f", and about {in_flight:.2f} are in flight" if in_flight else ""
        return f"--budget: {used:.2f} of {limit:.2f} US dollars are spent{more}"


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
