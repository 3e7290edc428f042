"""What is on disk of provider batches: one manifest each, written and synced before anything of the batch is sent.

The request key is the id of a request in its batch, so a reply says itself where it belongs, whoever finds it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.whole_files import written_whole

FOLDER = "batches"
"""Beside the segments of a model's journal."""
_LATEST = 253402300800.0  # the year 10,000: no calendar goes on
Step = Literal["planned", "uploaded", "created", "done", "void"]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One batch: which requests, and how far it has come."""

    label: str
    """16 hexadecimal digits of the SHA-256 of its sorted keys and of the time when it was planned."""
    provider: str
    model: str
    made: Annotated[float, msgspec.Meta(ge=0, lt=_LATEST)]
    """Seconds of the epoch."""
    keys: tuple[str, ...]
    step: Step = "planned"
    """``done``: its results are stored; ``void``: it was never made, or ended without any."""
    file: str = ""
    """The provider's id of the uploaded requests, where it has one."""
    batch: str = ""
    """The provider's id of the batch."""
    why: str = ""
    """Why it is void, or what its provider says of it."""
    replies: int = 0
    """Requests that its results answered."""

    @property
    def open(self) -> bool:
        """Whether its results are still to come."""
        return self.step not in {"done", "void"}


class Manifests:
    """The manifests of one model's batches over one dataset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Manifest]:
        """All of them, the oldest first; DataError for one that can't be read: it may have been paid for."""
        found = [self._read(path) for path in self.folder.glob("*.json")]
        return sorted(found, key=lambda one: (one.made, one.label))

    def write(self, manifest: Manifest) -> Manifest:
        """Whole or not at all, and on the disk when it returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with written_whole(self.folder / f"{manifest.label}.json") as part, part.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
            file.flush()
            os.fsync(file.fileno())
        _sync(self.folder)
        return manifest

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Held while batches are made; UsageError where another process of this machine makes some."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"{self.folder}: another process is creating batches for this model; wait until it has finished"
                ) from None
            except OSError:
                pass  # a file system without locks
            yield

    def _read(self, path: Path) -> Manifest:
        try:
            return msgspec.json.decode(decode.read_bytes(path), type=Manifest)
        except decode.FAULTS as error:
            raise DataError(
                f"{path}: this is not the manifest of a batch ({error}); its requests may have been paid for: look for "
                f"{path.stem} at the provider, then remove the file"
            ) from error


def planned(provider: str, model: str, keys: Sequence[str], now: float) -> Manifest:
    """A manifest of what is about to be sent."""
    label = hashlib.sha256(f"{now!r} {' '.join(sorted(keys))}".encode()).hexdigest()[:16]
    return Manifest(label=label, provider=provider, model=model, made=now, keys=tuple(keys))


def _sync(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # systems whose folders can't be opened
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
