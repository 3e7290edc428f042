"""What each server lets a run send: waits that it asks for, and its own account of requests a minute.

Both are kept for each address: where one server asks to wait, requests go to another. One answer holds an address for
``FIRST_HOLD`` seconds at most; a longer wait counts for others once a second answer asks for one with no reply between.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mmrad_eval.harness import ratelimits

FIRST_HOLD = 30.0
"""Seconds that a single answer holds its address: as long as the longest wait between two tries of our own."""
_LONGEST_TRUST = 60.0
"""Seconds after its last request until an address gets one more, whatever its account says: its answer decides."""


class Wait(NamedTuple):
    """What a run waits for."""

    until: float
    """A moment of ``time.monotonic``."""
    reason: str


@dataclass
class _Address:
    held_until: float = 0.0
    asks: int = 0
    """Answers that asked to wait, since its last reply."""
    account: ratelimits.Account | None = None
    counted_at: float = 0.0
    taken_at: float = 0.0

    def left(self, now: float) -> float:
        """Requests that the server would take now, as far as it is known."""
        account = self.account
        if account is None:
            return float("inf")
        return min(account.size, account.left + (now - self.counted_at) * account.rate)

    def free_at(self, now: float) -> float:
        """When it takes one more request; not after ``now`` where it does already."""
        return max(self.held_until, self._allowed_at(now))

    def take(self, now: float) -> None:
        """One more request leaves for it."""
        self.taken_at = now
        if self.account is not None:
            self.account, self.counted_at = self.account._replace(left=max(0.0, self.left(now) - 1)), now

    def _allowed_at(self, now: float) -> float:
        account = self.account
        if account is None:
            return now
        lacking = min(1.0, account.size) - self.left(now)  # a whole request, or all there ever is
        if lacking <= 0:
            return now
        refill = lacking / account.rate if account.rate > 0 else _LONGEST_TRUST
        return min(now + refill, self.taken_at + _LONGEST_TRUST)


@dataclass
class Holds:
    """The addresses of one client; a client that names none has one without a name."""

    _addresses: dict[str, _Address] = field(default_factory=lambda: {"": _Address()})
    _limited: bool = False
    """Whether any of them has asked to wait or told its limits, as most never do."""

    def name(self, addresses: Iterable[str]) -> None:
        """From now on these are the addresses."""
        self._addresses = {address: _Address() for address in addresses} or {"": _Address()}

    def hold(self, address: str, seconds: float) -> None:
        """An answer of ``address`` asked to wait; of any of them, where a client does not say of which."""
        self._limited = True
        for one in self._of(address):
            one.asks += 1
            longest = seconds if one.asks > 1 else min(seconds, FIRST_HOLD)
            one.held_until = max(one.held_until, time.monotonic() + longest)

    def replied(self, address: str) -> None:
        """``address`` answered a request, so that whoever asked to wait before it spoke for itself."""
        for one in self._of(address):
            one.asks = 0

    def told(self, address: str, headers: Mapping[str, str], *, tokens: float, in_flight: int) -> None:
        """Read a server's own account of its limits; ``tokens``: of a request, about."""
        account = ratelimits.account(headers, tokens=tokens)
        if account is None:
            return
        self._limited = True
        now = time.monotonic()
        for one in self._of(address):
            # at first, those in flight may not have been counted yet
            left = account.left - max(0, in_flight - 1) if one.account is None else min(one.left(now), account.left)
            one.account, one.counted_at = account._replace(left=max(0.0, left)), now

    def ready(self, address: str) -> bool:
        """Whether this address takes a request now."""
        now = time.monotonic()
        return any(one.free_at(now) <= now for one in self._of(address))

    def others_ready(self, address: str) -> bool:
        """Whether another address takes a request now."""
        return any(other != address and self.ready(other) for other in self._addresses)

    def take(self) -> None:
        """One more request leaves, for the address that lets most through."""
        now = time.monotonic()
        free = [one for one in self._addresses.values() if one.free_at(now) <= now]
        if free:
            max(free, key=lambda one: one.left(now)).take(now)

    def wait(self) -> Wait | None:
        """Until when no address takes a request, and why; None where one does now."""
        if not self._limited:
            return None
        now = time.monotonic()
        address, one = min(self._addresses.items(), key=lambda pair: pair[1].free_at(now))
        until = one.free_at(now)
        if until <= now:
            return None
        who = address or "the server"
        asks = "asks to wait" if one.held_until >= until else "has reached its rate limit"
        return Wait(until, f"{who} {asks}")

    def _of(self, address: str) -> Iterable[_Address]:
        return (self._addresses[address],) if address in self._addresses else self._addresses.values()
