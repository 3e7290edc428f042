"""Workers who go through items together, as many as requests may be under way, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from mmrad_eval.harness.pacing import Pace

T = TypeVar("T")


async def go_through(take: Callable[[], Iterator[T]], do: Callable[[T], Awaitable[None]], pace: Pace) -> None:
    """``do`` all that ``take`` yields, which each worker calls for itself and which share what is left.

    The number of workers follows the pace, so that no more is begun than can be asked soon: what a budget or Ctrl-C
    stops has not begun. The first exception of ``do`` ends all.
    """
    running, done = 0, False

    async def worker() -> None:
        nonlocal running, done
        for item in take():
            await do(item)
            enlist()
            if running > pace.wanted:
                break
        else:
            done = True
        running -= 1

    def enlist() -> None:
        nonlocal running
        while not done and running < pace.wanted:
            running += 1
            group.create_task(worker())

    try:
        async with asyncio.TaskGroup() as group:
            enlist()
    except ExceptionGroup as failures:  # a full disk stops every worker at once; one of them speaks for all
        raise _first(failures) from failures


def _first(failure: Exception) -> Exception:
    return _first(failure.exceptions[0]) if isinstance(failure, ExceptionGroup) else failure
