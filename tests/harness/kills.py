"""A process that is killed at a chosen change of a folder: before any of them, or in the middle of any write.

Python reports each opening, renaming, removal and truncation of a file, and each new folder, to its audit hooks before
it happens, so that no place of the code can evade the count. Between two of these the state changes by writes alone;
of those the kernel ends the process itself, at any byte: a file may grow to a limit (RLIMIT_FSIZE) and no further,
whoever writes it.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_PATHS = {"os.rename": 2, "os.remove": 1, "os.mkdir": 1, "os.rmdir": 1, "os.truncate": 1, "os.link": 2, "os.symlink": 2}
"""Event -> how many of its arguments are paths."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def changes(event: str, arguments: tuple[Any, ...], below: str) -> bool:
    """Whether an event of Python's is about to change what lies below a folder."""
    if event == "open":
        path, _, flags = arguments
        return isinstance(flags, int) and bool(flags & _WRITES) and _lies(path, below)
    count = _PATHS.get(event, 0)
    return any(_lies(path, below) for path in arguments[:count])


def _lies(path: object, below: str) -> bool:
    return isinstance(path, str | bytes | os.PathLike) and os.path.abspath(os.fsdecode(path)).startswith(below)  # noqa: PTH100 (strings are faster)


def watch(folder: Path, then: Callable[[int, str], None]) -> None:
    """Call ``then`` with number and event before each change of the folder, to the end of this process."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if (event == "open" or event in _PATHS) and changes(event, arguments, str(folder)):
            seen += 1
            then(seen, event)

    sys.addaudithook(hook)


def before_change(at: int, folder: Path) -> Callable[[], None]:
    """What makes a process die before its n-th change of the folder."""

    def install() -> None:
        watch(folder, lambda seen, _: os.kill(os.getpid(), signal.SIGKILL) if seen == at else None)

    return install


def at_byte(limit: int) -> Callable[[], None]:
    """What makes a process die once a file that it writes has grown to so many bytes."""

    def install() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which Python ignores
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return install


def full_at(limit: int) -> Callable[[], None]:
    """What makes each write fail that would let a file grow beyond so many bytes, as on a disk that is full."""

    def install() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return install


def dies(work: Callable[[], object], install: Callable[[], None]) -> bool:
    """Do the work in a process of its own, armed by ``install``; whether it was killed."""
    child = os.fork()
    if child == 0:
        install()
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def every_change(folder: Path, work: Callable[[], object]) -> int:
    """How many changes of the folder the work makes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        watch(folder, lambda *_: _count(writer))
        try:
            work()
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as counted:
        return len(counted.read())


def _count(writer: int) -> None:
    os.write(writer, b".")


def sizes(folder: Path) -> Iterator[int]:
    """Sizes at which a writer of these files may be stopped: none, within and at the end of each line, all but one."""
    found = {0, 1}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            ends = [at + 1 for at, byte in enumerate(data) if byte == 0x0A] if data[:1] == b"{" else [len(data)]
            lines = ends if len(ends) <= 8 else [ends[0], ends[len(ends) // 2], ends[-1]]
            found.update(at for end in lines for at in (end // 2, end - 1, end))
    yield from sorted(found)
