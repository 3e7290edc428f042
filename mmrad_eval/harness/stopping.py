"""Why a run stops before all of its studies are answered, as one value, and the signal that carries it to all parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from mmrad_eval.core.errors import MmradError, Stopped


@dataclass(frozen=True)
class Stop:
    """One reason to stop."""

    reason: str
    """For the user: what happened."""
    draining: bool = False
    """Whether studies that have begun may still send requests (a budget is spent): none that would have to wait."""
    interrupted: bool = False
    """Whether the user pressed Ctrl-C, which ends the whole command."""
    fatal: MmradError | None = None
    """An error that every request of the run would meet, such as an address that the data must not go to."""

    @classmethod
    def on(cls, error: MmradError) -> Stop:
        """For an error that ends the whole run."""
        return cls(str(error), fatal=error)

    @property
    def rank(self) -> int:
        """How much it stops: a stop gives way to one of a higher rank."""
        if self.fatal is not None:
            return 3
        return 2 if self.interrupted else 0 if self.draining else 1


def strongest(*stops: Stop | None) -> Stop | None:
    """The first of those of the highest rank; None where there is none."""
    return max((stop for stop in stops if stop is not None), key=lambda stop: stop.rank, default=None)


class StopSignal:
    """Where a run's stop is announced, read and waited for. Of two stops, the first of the higher rank counts."""

    def __init__(self) -> None:
        self.stop: Stop | None = None
        """Why the run stops; None while it goes on. May be read from any thread."""
        self._event = asyncio.Event()
        self._listeners: list[Callable[[Stop], None]] = []

    @property
    def reason(self) -> str:
        """The reason in words; empty while the run goes on."""
        return "" if self.stop is None else self.stop.reason

    def set(self, stop: Stop) -> None:
        """Stop, from the thread of the event loop."""
        if self.stop is not None and self.stop.rank >= stop.rank:
            return
        self.stop = stop
        self._event.set()
        for listener in self._listeners:
            listener(stop)

    def listen(self, listener: Callable[[Stop], None]) -> None:
        """Call ``listener`` with each stop that counts from now on."""
        self._listeners.append(listener)

    def check(self) -> None:
        """Stopped where no request may be sent any more."""
        if self.stop is not None and not self.stop.draining:
            raise Stopped(self.stop.reason)

    async def sleep(self, seconds: float) -> None:
        """Wait; Stopped as soon as the run stops for any reason."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        assert self.stop is not None
        raise Stopped(self.stop.reason)
