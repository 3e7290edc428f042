"""Scoring over several processes of this machine."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, Self

from mmrad_eval.core.connections import Guard, in_force
from mmrad_eval.core.errors import MmradError
from mmrad_eval.results.scoring.chunk import Chunk, ChunkMeasurer, MeasuredChunk, WorkerMeasurer

if TYPE_CHECKING:
    Worker = Connection[Any, Any]


@dataclass(frozen=True)
class Processes:
    """A mapper over ``count`` worker processes; what they can't make is measured here meanwhile.

    Each worker has one chunk at a time, in turn. MmradError where one ends before its work is done, however it does:
    then nothing is published.
    """

    count: int

    def __call__(self, measurer: ChunkMeasurer, chunks: Iterable[Chunk], /) -> Iterator[MeasuredChunk]:
        """One result a chunk, in order."""
        pickled, here = measurer.divided()
        if pickled is None:
            yield from map(measurer, chunks)
            return
        with _Pool() as pool:
            waiting: deque[tuple[Worker, Chunk]] = deque()
            for chunk in chunks:
                if len(waiting) < self.count:
                    worker = pool.start()
                    with self._alive():
                        worker.send(pickled)
                else:
                    worker, before = waiting.popleft()
                    yield self._received(worker, here, before)
                with self._alive():
                    worker.send(chunk)
                waiting.append((worker, chunk))
            for worker, before in waiting:
                yield self._received(worker, here, before)

    def _received(self, worker: Worker, here: ChunkMeasurer | None, chunk: Chunk) -> MeasuredChunk:
        """What a worker made of a chunk, with what this process makes of it; the worker's error is raised."""
        with self._alive():
            there: MeasuredChunk | MmradError = worker.recv()
        if isinstance(there, MmradError):
            raise there
        return there if here is None else there.beside(here(chunk))

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError) as error:
            raise MmradError(
                f"one of {self.count} workers ended before its work was done (killed, perhaps because memory ran out); "
                "nothing was written; run again, with fewer --workers if memory is short"
            ) from error


class _Pool:
    """Worker processes, which end when it is left, and when the process that has it ends."""

    def __init__(self) -> None:
        self._guard = in_force()
        self._context = get_context("spawn")  # a fork would copy this process without its threads
        self._workers: list[tuple[Worker, BaseProcess]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for end, process in self._workers:
            end.close()
            process.terminate()
        for _, process in self._workers:
            process.join()

    def start(self) -> Worker:
        """A new worker, which is sent its metrics first: what is given at the start must fit in a pipe's buffer.

        (A process that is killed before it has read what it is started with would be waited for without end.)
        """
        ours, theirs = Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._guard.allowed, self._guard.names), daemon=True
        )
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is this process's to answer
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # only the worker holds it now, so its end is seen here
        self._workers.append((ours, process))
        return ours


def _work(end: Worker, allowed: set[str] | None, names: frozenset[str]) -> None:
    """Measure chunk after chunk; a worker reaches what the command may reach, and ends when that is gone."""
    with Guard(allowed, names):
        try:
            measure = WorkerMeasurer(end.recv())
            while True:
                end.send(measure(end.recv()))
        except (EOFError, ConnectionError):
            return
