"""Files that appear whole or not at all: written under another name, then renamed; and what binds them together."""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"
_MACHINE = f"{uuid.getnode():012x}"
_TEMPORARY = re.compile(r"\..+?\.(?:(?P<machine>[0-9a-f]{12})\.)?(?P<pid>\d{1,9})\.[0-9a-f]{8}")
_OLD = 86400.0  # seconds after which nobody writes a file any longer


def temporary(path: Path) -> Path:
    """A name beside ``path`` that no other writer uses."""
    return path.with_name(f".{path.name}.{_MACHINE}.{os.getpid()}.{uuid.uuid4().hex[:8]}")


def sweep(folder: Path) -> None:
    """Remove temporary files that writers left which are no more: killed ones of this machine, or a day old.

    A writer of another machine can't be asked, and one of version 0.1.0 does not name its machine.
    """
    for path in folder.glob(".*"):
        found = _TEMPORARY.fullmatch(path.name)
        if found is None or _alive(int(found["pid"])):
            continue
        with suppress(OSError):
            if found["machine"] == _MACHINE or time.time() - path.stat().st_mtime > _OLD:
                path.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


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
