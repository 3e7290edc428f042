"""Workers who go through items together, as many as requests may be in flight, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

from mmrad_eval.harness.pacing import Pace
from mmrad_eval.harness.stopping import Stop, StopSignal

T = TypeVar("T")


class Intake(Generic[T]):
    """Lets items begin one after another, until the run stops or its budget is spent."""

    def __init__(
        self,
        items: Iterator[T],
        stop_signal: StopSignal,
        over_budget: Callable[[int], Stop | None] = lambda _: None,
    ) -> None:
        """``over_budget`` is called before each item with the number of those in progress."""
        self._items, self._signal, self._over_budget = items, stop_signal, over_budget
        self._begun = 0

    def items(self) -> Iterator[T]:
        """What is left; several workers may take from it at a time."""
        while self._signal.stop is None:
            stop = self._over_budget(self._begun)
            if stop is not None:
                self._signal.set(stop)
                return
            try:
                item = next(self._items)
            except StopIteration:
                return
            self._begun += 1
            try:
                yield item
            finally:
                self._begun -= 1


async def run_workers(
    take: Callable[[], Iterator[T]], do: Callable[[T], Awaitable[None]], pace: Pace, *, closely: bool = False
) -> None:
    """``do`` all that ``take`` yields, which each worker calls for itself and which share what is left.

    The number of workers follows the pace, so that no more is begun than can be asked soon: what a budget or Ctrl-C
    stops has not begun. With ``closely``, no more items are begun than that takes, so that what belongs to one of them
    is sent close together. The first exception of ``do`` ends all.
    """
    running, done = 0, False

    def wanted() -> int:
        return pace.least_wanted if closely else pace.wanted

    async def worker() -> None:
        nonlocal running, done
        for item in take():
            await do(item)
            enlist()
            if running > wanted():
                break
        else:
            done = True
        running -= 1

    def enlist() -> None:
        nonlocal running
        while not done and running < wanted():
            running += 1
            group.create_task(worker())

    try:
        async with asyncio.TaskGroup() as group:
            enlist()
    except ExceptionGroup as failures:  # a full disk stops every worker at once; one of them speaks for all
        raise _first(failures) from failures


def _first(failure: Exception) -> Exception:
    return _first(failure.exceptions[0]) if isinstance(failure, ExceptionGroup) else failure
