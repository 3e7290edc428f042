"""Ctrl-C during a run: pressed once, requests in flight finish; pressed twice, the command quits immediately."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from mmrad_eval.harness.stopping import Stop, StopSignal

INTERRUPTED = "interrupted"
"""The reason of a run that was stopped by Ctrl-C."""


def finishing(in_flight: int) -> str:
    """What is said when Ctrl-C was pressed once and requests are still in flight; empty where none is."""
    if not in_flight:
        return ""
    requests, replies = ("request", "its reply") if in_flight == 1 else ("requests", "their replies")
    return f"interrupted: waiting for {in_flight} {requests} in flight; press Ctrl-C again to quit without {replies}"


class Interrupts:
    """While held, Ctrl-C stops the run; raises KeyboardInterrupt where it came a second time."""

    def __init__(self, stop_signal: StopSignal, told: Callable[[], None] = lambda: None) -> None:
        """``told`` is called when the run is interrupted for the first time."""
        self._signal, self._told = stop_signal, told
        self._loop = asyncio.get_running_loop()
        self._handles = threading.current_thread() is threading.main_thread()  # Python lets no other thread do it
        self.presses = 0
        """How often the run was interrupted."""

    def interrupt(self, reason: str = INTERRUPTED) -> None:
        """Stop, as Ctrl-C does."""
        self.presses += 1
        if self.presses > 1:  # do not wait for requests in flight
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
        self._signal.set(Stop(reason, interrupted=True))
        if self.presses == 1:
            self._told()

    def __enter__(self) -> Self:
        if self._handles:
            self._loop.add_signal_handler(signal.SIGINT, self.interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._handles:
            self._loop.remove_signal_handler(signal.SIGINT)
        if self.presses > 1 and isinstance(error, asyncio.CancelledError):
            raise KeyboardInterrupt from None


@contextmanager
def interruptible(stop_signal: StopSignal) -> Iterator[None]:
    """Ctrl-C pressed once ends the run after the current study; pressed twice, immediately."""

    def interrupted(_number: int, _frame: object) -> None:
        if stop_signal.stop is not None:
            raise KeyboardInterrupt
        stop_signal.set(Stop(INTERRUPTED, interrupted=True))

    if threading.current_thread() is not threading.main_thread():  # where Python lets nobody handle signals
        yield
        return
    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
