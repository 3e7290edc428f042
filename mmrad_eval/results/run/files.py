"""What binds the files of a run folder together: their digests, and a lock while they are put in place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits; empty where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


@contextmanager
def publishing(folder: Path) -> Iterator[None]:
    """Hold the folder's lock while files of one generation are put in place.

    The lock is advice among processes of one machine, and nothing that is read relies on it: digests do. Where the
    file system has no locks, the block runs without one.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("ab") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
