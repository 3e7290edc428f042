"""Scoring over the nodes of a Ray cluster: Ray places the workers, and measures again what a lost one had.

Tried with Ray 2.60. What to know of it: it reports usage to its makers unless told not to, and ``ray.init()`` without
an address joins whatever cluster a file of the user's names; here both are said. What a restarted worker needs comes
with each call, since its constructor should hold no reference to the store (ray#53727).
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmrad_eval.core.connections import Guard, in_force, looking_up
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.errors import MissingError, MmradError, one_line
from mmrad_eval.core.values import DataUse
from mmrad_eval.results.scoring.chunk import (
    Chunk,
    ChunkMeasurer,
    MeasuredChunk,
    WorkerMeasurer,
    encoded_there,
    kept_here,
)
from mmrad_eval.results.scoring.ray_encoders import Batch, Node, RayEncoders

PATIENCE = 300.0
"""Seconds without any result after which the workers that have no core are named, and the command ends."""
_IN_FLIGHT = 4  # chunks of a worker that are with it or on their way: what the store holds stays at some megabytes
_STORE = 200 << 20  # bytes of the object store of a cluster of our own
_LOOK = 5.0  # seconds between two looks at what is waited for


@dataclass(frozen=True)
class RayWorkers:
    """A mapper over one worker a core of a cluster; what workers can't make is measured here meanwhile.

    A worker that is lost is started again by Ray, on another node if need be, and its chunks are measured again.
    """

    address: str
    """Host and port of the cluster's head; empty: a cluster of this machine for the time of this scoring."""
    data_use: DataUse
    """The class of what is measured, which a folder that a cluster of our own spills to states."""
    permit: Callable[[Sequence[str]], None]
    """Called with the addresses of all nodes before anything is sent; GateError where one is not permitted."""
    patience: float = PATIENCE
    say: Callable[[str], None] = lambda _: None
    """Told which metrics are measured here."""

    def __call__(self, measurer: ChunkMeasurer, chunks: Iterable[Chunk], /) -> Iterator[MeasuredChunk]:
        """One result a chunk, in order."""
        pickled, here = measurer.divided()
        engines = here.portable_encoders if here is not None and self.address else None
        if kept := kept_here(here) if here is None or engines is None else encoded_there(here):
            self.say(kept)
        if pickled is None and engines is None:
            yield from map(measurer, chunks)
            return
        with self._cluster() as (ray, nodes), _errors(ray):
            workers = self._workers(ray, nodes, pickled)
            received = partial(self._received, ray, [worker.ready for worker in workers])
            encoders = None if here is None or engines is None else RayEncoders(ray, here, engines, nodes, received)
            yield from _measured(workers, here, encoders, received, chunks)

    def _workers(self, ray: Any, nodes: Sequence[Node], pickled: bytes | None) -> list[_Worker]:
        """One a core; none where nothing is left to measure."""
        if pickled is None:
            return []
        guard, put = in_force(), ray.put(pickled)
        kind = ray.remote(max_restarts=-1, max_task_retries=-1, num_cpus=1)(ChunkActor)
        places = [node.place for node in nodes for _ in range(node.cores)]
        actors = [kind.options(scheduling_strategy=place).remote(guard.allowed, guard.names) for place in places]
        return [_Worker(actor, actor.ready.remote(), put) for actor in actors]

    def _received(self, ray: Any, ready: Sequence[Any], result: Any) -> Any:
        """What an actor sent back."""
        begun = time.monotonic()
        while not ray.wait([result], timeout=min(_LOOK, self.patience))[0]:
            if time.monotonic() - begun >= self.patience:
                raise MmradError(self._late(ray, ready))
        return ray.get(result)

    def _late(self, ray: Any, ready: Sequence[Any]) -> str:
        _, never = ray.wait(list(ready), num_returns=len(ready), timeout=0)
        lost = max(len(never), len(ready) - _cores(ray))
        waits = f"{lost} workers wait for cores" if lost != 1 else "1 worker waits for a core"
        what = (
            f"{waits}: the cluster has {_cores(ray)}, of which others may have some"
            if lost
            else "each worker has a core"
        )
        return (
            f"no result for {self.patience:.0f} s; {what}. Nothing was written; add a node, or run again with what "
            "there is"
        )

    @contextmanager
    def _cluster(self) -> Iterator[tuple[Any, Sequence[Node]]]:
        """The cluster, joined or started, and where its actors may be; left or ended afterwards."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            import ray
        except ImportError as error:
            raise MissingError("--workers ray needs Ray", "pip install 'mmrad-eval[ray]'") from error
        spill = None if self.address else Path(tempfile.mkdtemp(prefix="mmrad-ray-"))
        try:
            yield ray, self._begin(ray, spill)
        finally:
            ray.shutdown()
            if spill is not None:
                shutil.rmtree(spill, ignore_errors=True)

    def _begin(self, ray: Any, spill: Path | None) -> Sequence[Node]:
        """Join or start the cluster; its nodes, of which open data needs to know no single one.

        Data that is not open stays with the nodes that were permitted: a worker of a node that is lost waits for that
        node, and none is started on a node that joined since.
        """
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if spill is None:
                host, _, port = self.address.rpartition(":")
                with looking_up():  # a cluster that the user named, and that was permitted
                    socket.create_connection((host.strip("[]"), int(port)), _LOOK).close()  # Ray would look for minutes
                    ray.init(address=self.address, **quiet)
            else:
                mark(spill, self.data_use)
                own = {"object_store_memory": _STORE, "object_spilling_directory": str(spill)}
                ray.init(address="local", include_dashboard=False, **own, **quiet)
        except (OSError, RuntimeError, ray.exceptions.RayError) as error:
            raise MmradError(f"no Ray cluster at {self.address or 'this machine'}: {one_line(error)}") from error
        if spill is None:
            nodes = [node for node in ray.nodes() if node["Alive"]]
            self.permit([node["NodeManagerAddress"] for node in nodes])
            pinned = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
            found = []
            for node in nodes:
                place = "SPREAD" if self.data_use == "open" else pinned(node["NodeID"], soft=False)
                has = node["Resources"]
                found.append(Node(place, int(has.get("CPU", 0)), has.get("GPU", 0.0)))
            return found
        return [Node("SPREAD", _cores(ray))]


@dataclass(frozen=True)
class _Worker:
    """An actor, what is answered once it has a core, and where its measurer lies in the store."""

    actor: Any
    ready: Any
    put: Any


def _measured(
    workers: Sequence[_Worker],
    here: ChunkMeasurer | None,
    encoders: RayEncoders | None,
    received: Callable[[Any], Any],
    chunks: Iterable[Chunk],
) -> Iterator[MeasuredChunk]:
    """What workers and this process make of each chunk."""
    waiting: deque[tuple[Chunk, Any, list[Batch]]] = deque()

    def first() -> MeasuredChunk:
        chunk, result, batches = waiting.popleft()
        if encoders is not None:
            encoders.take(chunk, batches)
        there = None if result is None else received(result)
        if isinstance(there, MmradError):
            raise there
        made = here(chunk) if here is not None else None
        found = there.beside(made) if there is not None and made is not None else there or made
        assert found is not None  # a measurer without metrics makes neither
        return found

    for number, chunk in enumerate(chunks):
        if len(waiting) == _IN_FLIGHT * max(1, len(workers)):
            yield first()
        worker = workers[number % len(workers)] if workers else None
        result = worker.actor.measure.remote(worker.put, chunk) if worker else None
        waiting.append((chunk, result, encoders.ask(chunk) if encoders is not None else []))
    while waiting:
        yield first()


class ChunkActor:
    """A worker on some node: it reaches what the command may reach, and measures chunk after chunk."""

    def __init__(self, allowed: set[str] | None, names: frozenset[str]) -> None:
        Guard(allowed, names).__enter__()
        self._measurer: WorkerMeasurer | None = None

    def ready(self) -> None:
        """Answered once it has a core."""

    def measure(self, pickled: bytes, chunk: Chunk) -> MeasuredChunk | MmradError:
        """The statistics of a chunk, or the error that ends the command."""
        self._measurer = self._measurer or WorkerMeasurer(pickled)
        return self._measurer(chunk)


def _cores(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 0)))


@contextmanager
def _errors(ray: Any) -> Iterator[None]:
    """Errors of Ray in the words of ours."""
    try:
        yield
    except ray.exceptions.RayError as error:
        raise MmradError(f"the Ray cluster failed: {one_line(error)}; nothing was written, run again") from error
