"""Independent pieces of work side by side, each on one core of its own.

Texts are shared out among cores, not the matrices of one text: products of a report's size lose much of a second core,
and most of the first where other processes make one thread wait for the other. And what one core computes does not
depend on how many there are.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

J = TypeVar("J")
R = TypeVar("R")


def cores() -> int:
    """How many threads torch was given: ``OMP_NUM_THREADS``, or one for each core."""
    return int(torch.get_num_threads())


def side_by_side(run: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
    """``run(job)`` of each job in their order, without gradients, on as many threads as torch was given."""
    given = cores()
    if given == 1:
        for job in jobs:
            yield _without_gradients(run, job)
        return
    over = threading.Event()
    pool = ThreadPoolExecutor(max(1, min(given, len(jobs))), "mmrad-encoder", _begin, (over,))
    try:
        waiting: deque[Future[R]] = deque(pool.submit(_without_gradients, run, job) for job in jobs)
        while waiting:
            yield waiting.popleft().result()
    finally:
        over.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(given)  # the number that was set last is what threads yet to come start with


class NotWantedError(Exception):
    """Work that no one waits for any more, after Ctrl-C or another job's error; raised and kept in its thread."""


def still_wanted() -> None:
    """Called between the steps of a long job: raise NotWantedError where no one waits for it."""
    over: threading.Event | None = getattr(_mine, "over", None)
    if over is not None and over.is_set():
        raise NotWantedError


_mine = threading.local()


def _begin(over: threading.Event) -> None:
    """Keep this thread to one core; asking for the number makes torch settle it before anyone sets another."""
    _mine.over = over
    torch.set_num_threads(1)
    torch.get_num_threads()


def _without_gradients(run: Callable[[J], R], job: J) -> R:
    with torch.inference_mode():
        return run(job)
