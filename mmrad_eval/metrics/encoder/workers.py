"""Independent pieces of work side by side, each on one core of its own.

Texts are shared out among cores, not the matrices of one text: products of a report's size lose much of a second core,
and most of the first where other processes make one thread wait for the other. And what one core computes does not
depend on how many there are.
"""

from __future__ import annotations

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
    pool = ThreadPoolExecutor(max(1, min(given, len(jobs))), "mmrad-encoder", _keep_to_one_core)
    try:
        waiting: deque[Future[R]] = deque(pool.submit(_without_gradients, run, job) for job in jobs)
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(given)  # the number that was set last is what threads yet to come start with


def _keep_to_one_core() -> None:
    """Of this thread alone; asking for the number makes torch settle it before anyone sets another."""
    torch.set_num_threads(1)
    torch.get_num_threads()


def _without_gradients(run: Callable[[J], R], job: J) -> R:
    with torch.inference_mode():
        return run(job)
