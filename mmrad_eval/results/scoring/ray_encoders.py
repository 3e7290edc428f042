"""Encoders over the nodes of a Ray cluster: one actor an encoder, which is sent distinct texts and sends back records.

The records come back as they are stored, and the command keeps them as if it had made them: a journal's index is read
when it is opened, so what actors wrote themselves none of the others would see, and folders need not be shared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.connections import Guard, in_force
from mmrad_eval.core.errors import MissingError, MmradError, PluginError, one_line
from mmrad_eval.metrics.suites import Setup
from mmrad_eval.results.scoring.chunk import Chunk, ChunkMeasurer

if TYPE_CHECKING:
    from mmrad_eval.metrics.encoders import SourceKey, TextEncoder, TextEncoders


@dataclass(frozen=True)
class Node:
    """Where an actor may be."""

    place: Any
    """Ray's strategy of scheduling."""
    cores: int
    gpus: float = 0.0


@dataclass(frozen=True)
class Batch:
    """Texts that are with an actor or on their way."""

    key: SourceKey
    texts: Sequence[Any]
    result: Any


@dataclass(frozen=True)
class ActorSetup:
    """What an actor makes its encoder of, and what that must come to."""

    key: SourceKey
    signature: str
    kind: str
    told: Mapping[str, Any]
    folder: str
    """Where the command was started: weights may be named from there."""
    threads: int


@dataclass
class RayEncoders:
    """What the encoders of a suite have to say of each chunk is asked of actors before the command measures it."""

    ray: Any
    measurer: ChunkMeasurer
    """What measures in this process."""
    engines: TextEncoders
    """Those of the measurer."""
    nodes: Sequence[Node]
    received: Callable[[Any], Any]
    """Waits for a result, as long as the command has patience."""
    _actors: dict[SourceKey, Any] = field(default_factory=dict)
    _coming: dict[SourceKey, set[Any]] = field(default_factory=dict)

    def ask(self, chunk: Chunk) -> list[Batch]:
        """Send what is not known of a chunk, and not on its way, to the actors."""
        batches = []
        for key, texts in self.measurer.texts_wanted(chunk).items():
            coming = self._coming.setdefault(key, set())
            if new := [text for text in texts if text not in coming]:
                coming.update(new)
                batches.append(Batch(key, new, self._actor(key).encode.remote(new)))
        return batches

    def take(self, chunk: Chunk, batches: Sequence[Batch]) -> None:
        """Keep what the actors said; afterwards all that ``chunk`` needs is known."""
        while batches:
            for batch in batches:
                said: list[bytes] | MmradError = self.received(batch.result)
                if isinstance(said, MmradError):
                    raise said
                self.engines.source(batch.key).results.keep(batch.texts, said)
                self._coming[batch.key].difference_update(batch.texts)
            batches = self.ask(chunk)  # of an encoder that needs what the first one said

    def _actor(self, key: SourceKey) -> Any:
        """The actor of an encoder: on a node with a GPU where there is one; several share it where there are few."""
        if key not in self._actors:
            capable = [node for node in self.nodes if node.gpus] or self.nodes
            node = capable[len(self._actors) % len(capable)]
            beside = -(-self.engines.count // len(capable))  # encoders that share a node
            told = {name: value for name, value in self.measurer.told.items() if name != "texts"}
            signature, threads = self.engines.source(key).signature, max(1, node.cores // beside)
            setup = ActorSetup(key, signature, self.engines.kind(), told, str(Path.cwd()), threads)
            guard, kind = in_force(), self.ray.remote(max_restarts=-1, max_task_retries=-1)(EncoderActor)
            place = {"num_cpus": 0, "num_gpus": min(1.0, node.gpus / beside), "scheduling_strategy": node.place}
            self._actors[key] = kind.options(**place).remote(guard.allowed, guard.names, setup)
        return self._actors[key]


class EncoderActor:
    """One encoder on some node: it reaches what the command may reach."""

    def __init__(self, allowed: set[str] | None, names: frozenset[str], setup: ActorSetup) -> None:
        Guard(allowed, names).__enter__()
        self._setup = setup
        self._encoder: TextEncoder | None = None

    def encode(self, texts: Sequence[Any]) -> list[bytes] | MmradError:
        """The JSON of one record a text, or the error that ends the command."""
        try:
            self._encoder = self._encoder or _made(self._setup)
            return [msgspec.json.encode(record) for record in self._encoder(texts)]
        except MissingError as error:
            return MmradError(f"a node of the cluster can't encode: {error}")
        except MmradError as error:
            return error
        except Exception as error:  # noqa: BLE001 (it is raised again where somebody reads it)
            return MmradError(f"an encoder of the cluster failed: {one_line(error)}")


def _made(setup: ActorSetup) -> TextEncoder:
    """The encoder; PluginError where it would give other numbers than the command's."""
    from mmrad_eval.metrics.clinical.engines import Engines

    with suppress(OSError):
        os.chdir(setup.folder)
    engines = Engines(Setup(setup.told))
    with suppress(ImportError):
        import torch

        torch.set_num_threads(setup.threads)
    if (own := engines.kind()) != setup.kind:
        raise PluginError(
            f"a node of the cluster encodes on {own}, but this command encodes on {setup.kind}: their numbers differ "
            "in the last digits; run the command on a node of the same kind"
        )
    encoder = engines.source(setup.key)
    if encoder.signature != setup.signature:
        raise PluginError(
            f"a node of the cluster encodes as {encoder.signature}, but this command encodes as {setup.signature}: "
            "install the same version and the same weights on every node"
        )
    return encoder
