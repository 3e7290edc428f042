"""Ctrl-C while requests are under way: once lets them come to their end, a second time ends at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Self

INTERRUPTED = "interrupted"
"""Why a run stopped that got Ctrl-C."""


class Interrupts:
    """While held, Ctrl-C goes to ``stops``; raises KeyboardInterrupt where it came a second time."""

    def __init__(self, *stops: Callable[[str], None]) -> None:
        self._stops = stops
        self._loop = asyncio.get_running_loop()
        self.orders = 0
        """How often it was ordered to stop."""

    def order(self, why: str) -> None:
        """Stop, as Ctrl-C does."""
        self.orders += 1
        if self.orders > 1:  # do not wait for what is under way
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
        for stop in self._stops:
            stop(why)

    def __enter__(self) -> Self:
        self._loop.add_signal_handler(signal.SIGINT, self.order, INTERRUPTED)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._loop.remove_signal_handler(signal.SIGINT)
        if self.orders > 1 and isinstance(error, asyncio.CancelledError):
            raise KeyboardInterrupt from None
