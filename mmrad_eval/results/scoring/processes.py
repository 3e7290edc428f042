"""Scoring over several processes of this machine."""

from __future__ import annotations

import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from mmrad_eval.core.connections import Guard, in_force
from mmrad_eval.core.errors import MmradError
from mmrad_eval.results.scoring.chunk import Chunk, ChunkMeasurer, MeasuredChunk, WorkerMeasurer, kept_here

if TYPE_CHECKING:
    Worker = Connection[Any, Any]

_IN_HAND = 2  # chunks of a worker: one that it measures, and the next, so that it never waits for this process


@dataclass(frozen=True)
class Processes:
    """A mapper over ``count`` worker processes; what they can't make is measured here meanwhile.

    Each worker has a chunk and the next one, in turn. MmradError where one ends before its work is done, however it
    does: then nothing is published.
    """

    count: int
    say: Callable[[str], None] = lambda _: None
    """Told which metrics are measured here."""

    def __call__(self, measurer: ChunkMeasurer, chunks: Iterable[Chunk], /) -> Iterator[MeasuredChunk]:
        """One result a chunk, in order."""
        pickled, here = measurer.divided()
        if kept := kept_here(here):
            self.say(kept)
        if pickled is None:
            yield from map(measurer, chunks)
            return
        with _Pool() as pool:
            workers: list[Worker] = []
            waiting: deque[tuple[Worker, Chunk]] = deque()
            for number, chunk in enumerate(chunks):
                if len(workers) < self.count:
                    workers.append(pool.start())
                    with self._alive():
                        _send(workers[-1], pickled)
                elif len(waiting) == _IN_HAND * self.count:
                    yield self._received(*waiting.popleft(), here)
                worker = workers[number % self.count]
                with self._alive():
                    _send(worker, chunk)
                waiting.append((worker, chunk))
            while waiting:
                yield self._received(*waiting.popleft(), here)

    def _received(self, worker: Worker, chunk: Chunk, here: ChunkMeasurer | None) -> MeasuredChunk:
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
        given: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=_read, args=(end, given), daemon=True).start()
        try:
            pickled = given.get()
            if pickled is not None:
                measure = WorkerMeasurer(pickled)
                while (chunk := given.get()) is not None:
                    _send(end, measure(chunk))
        except ConnectionError:
            return


def _send(end: Worker, value: object) -> None:
    """Send as ``end.send`` does, which leaves a view of its buffer in the error where the other side is gone.

    Such an error, kept to the end of the process, makes Python 3.12 end with a segmentation fault.
    """
    end.send_bytes(pickle.dumps(value))


def _read(end: Worker, given: SimpleQueue[Any]) -> None:
    """Take in what comes, then None; both sides would wait without end if each sent before the other had read."""
    try:
        while True:
            given.put(end.recv())
    except (EOFError, OSError):
        given.put(None)
