"""Work that runs an event loop of its own, called where one may be running already, as in a notebook."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def outside_loops(work: Callable[[], T], interrupt: Callable[[], None] = lambda: None) -> T:
    """Do the work; in a thread of its own where this one has an event loop that runs already.

    ``interrupt`` is called for a KeyboardInterrupt meanwhile, such as a notebook's stop button.
    """
    if not _in_loop():
        return work()
    outcomes: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcomes.append(work())
        except BaseException as error:  # noqa: BLE001 (raised again where it was asked for)
            errors.append(error)

    thread = threading.Thread(target=run, name="mmrad_eval")
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:
            interrupt()
    if errors:
        raise errors[0]
    return outcomes[0]


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
