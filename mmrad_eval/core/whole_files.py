"""Files that appear whole or not at all: written under another name beside them, then renamed.

A process that is killed, or a disk that is full, leaves what was there before. What a killed writer left under the
other name is removed by the next one that writes into the folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_TEMPORARY = re.compile(
    r"\..+?\.(?:(?P<machine>[0-9a-f]{12})\.)?(?P<pid>\d{1,9})(?:-(?P<started>\d{1,20}))?\.[0-9a-f]{8}", re.DOTALL
)
_OLD = 86400.0  # seconds after which nobody writes a file any longer
_LONGEST_NAME = 100
"""Bytes of a file's name in its temporary one; a file system takes 255."""


def write_whole(path: Path, content: str | bytes) -> None:
    """Write one file, a text in UTF-8 with its line ends as they are; OSError names ``path``."""
    with written_whole(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A name to write ``path`` under, which is renamed where the block ends well, and removed where it does not.

    Where ``path`` is a link, the file that it leads to is written; what is no file (a pipe, a terminal) is written as
    it is. An OSError of the block that names no file, or the temporary one, names ``path``.
    """
    goal = path.resolve() if path.is_symlink() else path
    if goal.exists() and not goal.is_file() and not goal.is_dir():
        yield path
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(goal.parent.absolute())
    with part_of(goal, path) as part:
        yield part
        part.replace(goal)


@contextmanager
def part_of(goal: Path, named: Path | None = None) -> Iterator[Path]:
    """A name to write ``goal`` under until the block renames it, which is removed where the block does not end well.

    An OSError of the block that names no file, or that one, names ``goal``, or as what ``named`` it.
    """
    part = temporary(goal)
    try:
        yield part
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename in {None, str(part), os.fsencode(part)}:
            error.filename, error.filename2 = str(named or goal), None
        raise


def temporary(path: Path) -> Path:
    """A name beside ``path`` that no other writer uses."""
    name = os.fsdecode(os.fsencode(path.name)[:_LONGEST_NAME])
    started = _started(os.getpid())
    writer = f"{os.getpid()}" if started is None else f"{os.getpid()}-{started}"
    return path.with_name(f".{name}.{_machine()}.{writer}.{uuid.uuid4().hex[:8]}")


def sweep(folder: Path) -> None:
    """Remove temporary files that writers left which are no more: killed ones of this machine, or a day old.

    A writer of another machine can't be asked, and one of version 0.1.0 does not name its machine.
    """
    for path in folder.glob(".*"):
        found = _TEMPORARY.fullmatch(path.name)
        if found is None:
            continue
        ours = found["machine"] == _machine()
        if ours and _alive(int(found["pid"]), found["started"]):
            continue
        with suppress(OSError):
            if ours or time.time() - path.stat().st_mtime > _OLD:
                path.unlink()


@cache
def _sweep_once(folder: Path) -> None:
    with suppress(OSError):
        sweep(folder)


@cache
def _machine() -> str:
    """What can be asked about a process id: this boot of this machine, and in Linux the container that counts them.

    The address of its network stands for the boot only where none is known: without a network it is another one each
    time that it is asked for.
    """
    known = [platform.node()]
    try:
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    except OSError:
        known.append(f"{uuid.getnode():012x}")
    with suppress(OSError):
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.blake2b("\n".join(known).encode(), digest_size=6).hexdigest()


def _alive(pid: int, started: str | None) -> bool:
    """Whether a process still runs, and not another one that was given its number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    now = _started(pid)
    return started is None or now is None or now == started


def _started(pid: int) -> str | None:
    """When a process began, in clock ticks of this boot (proc(5), field 22 of stat); None where that can't be read."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = said.rpartition(")")[2].split()  # the second field is the program's name, in which all may stand
    return fields[19] if len(fields) > 19 else None
