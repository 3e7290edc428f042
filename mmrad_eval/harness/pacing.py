"""How many requests are in flight at a time, and how long a failed one waits."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmrad_eval.core.errors import Stopped
from mmrad_eval.harness.holds import Holds
from mmrad_eval.harness.stopping import Stop

START, MOST = 16, 256
"""Concurrent requests where the run does not say: the first, and the most that they grow to."""

_HOLDS = 2.0  # latency holds while the mean over a window is under this many times the best one seen
_FEW = 3  # troubles that may be chance
_ASKED_SHARE, _FAULT_SHARE = 0.1, 0.25
"""Shares of what comes back, since the last cut, above which the limit is halved: of 429, of faults."""
_REMEMBERED = 200  # replies and faults after which older ones count half
_COOLING = 1.0  # seconds after a cut during which replies to requests sent before it don't cut again


@dataclass(frozen=True)
class Retry:
    """When to try again, in seconds and tries."""

    faults: int = 5
    """Tries of one request that gets server errors, broken connections or malformed replies."""
    timeouts: int = 2
    throttled: int = 12
    first: float = 0.5
    """The first wait; it doubles, and half of it is chance."""
    longest: float = 30.0
    longest_asked: float = 600.0
    """A server that asks to wait longer than this is not waited for: that study fails, and the others go on."""
    first_patience: float = 5.0
    """The same for one that has not replied yet: an address that is wrong is more likely than a server that starts."""
    patience: float = 60.0
    """How long a server that takes no connection is waited for before the run stops."""

    def tries(self, kind: str) -> int:
        """How often a request is tried that fails in this way."""
        return {"timeout": self.timeouts, "throttled": self.throttled}.get(kind, self.faults)

    def wait(self, tries: int, after: float | None) -> float:
        """Seconds before the next try; never less than the server asks for."""
        backoff = min(self.longest, self.first * 2.0 ** min(tries - 1, 30))
        chance = 0.5 + random.random() / 2  # noqa: S311 (spreads retries out; not a secret)
        return max(backoff * chance, after or 0.0)


@dataclass
class _Window:
    replies: int = 0
    seconds: float = 0.0


@dataclass
class Pace:
    """A limit on concurrent requests that learns: raised while latency holds, halved when a server asks for less."""

    limit: float = START
    most: int = MOST
    adaptive: bool = True
    few: int | None = None
    """The most concurrent requests until it is proven that requests are answered at all; None: it is."""
    in_flight: int = 0
    holds: Holds = field(default_factory=Holds)
    """What each server takes at the moment."""
    stopped: Stop | None = None
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    _window: _Window = field(default_factory=_Window)
    _best: float = float("inf")
    _seen: dict[str, float] = field(default_factory=dict)
    """What came back lately: ``good`` replies, servers that ``asked`` for less, ``fault``."""
    _cut: bool = False
    _cut_at: float = float("-inf")
    _tokens: float = 0.0
    """Of a request, about."""
    _timer: asyncio.TimerHandle | None = None

    @classmethod
    def fixed(cls, limit: int) -> Pace:
        """At most ``limit`` concurrent requests; halved only when a server asks for less, and grown back."""
        return cls(limit=limit, most=limit)

    async def enter(self) -> None:
        """Wait for a place; Stopped where the run is stopping."""
        if self.stopped is not None and (not self.stopped.draining or self._must_wait()):
            raise Stopped(self.stopped.reason)
        if self._waiting or not self._free():
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            self._later()
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled() and place.exception() is None:
                    self._leave()  # it was given a place in the moment in which it was cancelled
                raise
            return
        self._take()

    def leave(self) -> None:
        """Give the place back."""
        self._leave()

    @property
    def wanted(self) -> int:
        """Concurrent conversations that fill the limit: some are between two requests, the limit may double."""
        limit = self._limit
        return limit + (limit // 4 if limit >= self.most else limit) + 4

    @property
    def least_wanted(self) -> int:
        """As few of them as keep the limit filled, and let it grow."""
        return self._limit + 1

    def proven(self) -> None:
        """A request was answered: key, model and settings are accepted, and more may leave."""
        if self.few is not None:
            self.few = None
            self._wake()

    def replied(self, latency: float, tokens: int = 0) -> None:
        """A reply came: raise the limit if replies come as fast as they did. ``tokens``: of prompt and answer."""
        self._seen["good"] = self._seen.get("good", 0.0) + 1
        self._forget()
        if tokens > 0:
            self._tokens = tokens if not self._tokens else 0.9 * self._tokens + 0.1 * tokens
        if not self.adaptive or self.limit >= self.most:
            return
        window = self._window
        window.replies += 1
        window.seconds += latency
        if window.replies < self.limit:
            return
        mean = window.seconds / window.replies
        self._window = _Window()
        self._best = min(self._best, mean)
        if mean <= _HOLDS * self._best:
            self.limit = min(self.most, self.limit + 1 if self._cut else self.limit * 2)
            self._wake()

    def throttled(self, after: float | None, address: str = "") -> None:
        """A server asked for less: send it nothing for ``after`` seconds, and halve the limit where it asks often."""
        if after:
            self.holds.hold(address, after)
        self._trouble("asked", _ASKED_SHARE)

    def troubled(self) -> None:
        """A server broke or did not answer: halve the limit where it often does; single faults are no overload."""
        self._trouble("fault", _FAULT_SHARE)

    def _trouble(self, kind: str, share: float) -> None:
        """Halve the limit once for all sent before, where this kind is more than ``share`` of what came back."""
        self._seen[kind] = self._seen.get(kind, 0.0) + 1
        self._forget()
        now = time.monotonic()
        often = self._seen[kind] >= _FEW and self._seen[kind] > share * sum(self._seen.values())
        if not often or now - self._cut_at <= _COOLING:
            return
        self._cut, self._cut_at = True, now
        self._window = _Window()
        self._seen.clear()
        self.limit = max(1.0, self.limit / 2)

    def _forget(self) -> None:
        """Let old replies count for less, so that a server that begins to fail is noticed however long it was well."""
        if sum(self._seen.values()) >= _REMEMBERED:
            self._seen = {kind: count / 2 for kind, count in self._seen.items()}

    def told(self, headers: Mapping[str, str], address: str = "") -> None:
        """Read a server's own account of its limits a minute, and from now on stay within it."""
        self.holds.told(address, headers, tokens=self._tokens, in_flight=self.in_flight)

    def stop(self, stop: Stop) -> None:
        """Let nothing more in, or, while draining, nothing that a server holds; what is in flight goes on."""
        self.stopped = stop
        self._wake()

    @property
    def _limit(self) -> int:
        return int(self.limit) if self.few is None else min(int(self.limit), self.few)

    def _free(self) -> bool:
        return self.in_flight < self._limit and not self._must_wait()

    def _must_wait(self) -> bool:
        """Whether no server takes a request now, however few are in flight."""
        return self.holds.wait() is not None

    def _take(self) -> None:
        self.in_flight += 1
        self.holds.take()

    def _leave(self) -> None:
        self.in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        """Give free places to those who wait, or tell them that there will be none."""
        stop = self.stopped
        while self._waiting and (stop is None or stop.draining) and self._free():
            place = self._waiting.popleft()
            if not place.done():
                self._take()
                place.set_result(None)
        if stop is not None and (not stop.draining or self._must_wait()):
            while self._waiting:
                place = self._waiting.popleft()
                if not place.done():
                    place.set_exception(Stopped(stop.reason))
        if self._waiting:
            self._later()

    def _later(self) -> None:
        """Look again when the hold ends or the server takes one more, as no leaving request might do it."""
        if self._timer is not None or self.in_flight >= self._limit:
            return  # who leaves looks again
        wait = self.holds.wait()  # it may have ended since it was looked at
        seconds = 0.0 if wait is None else max(0.0, wait.until - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(seconds + 0.001, self._released)

    def _released(self) -> None:
        self._timer = None
        self._wake()
