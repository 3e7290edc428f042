"""What the kernel tells of other processes: each may end, or become another program, between two looks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path


def command_of(process: int) -> str:
    """Its command line, empty where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def children(process: int) -> list[int]:
    """Those that any of its threads started and that have not ended."""
    found = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(child) for child in path.read_text().split()]
        except OSError:
            continue  # the thread has ended
    return found


def descendants(process: int) -> list[int]:
    """Children, and theirs."""
    return [below for child in children(process) for below in (child, *descendants(child))]


def started(words: str) -> list[int]:
    """Descendants of this process whose command line holds these words."""
    return [process for process in descendants(os.getpid()) if words in command_of(process)]


def alive(process: int) -> bool:
    """Whether it still runs: one that has ended and waits to be asked for its status does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(processes: Iterable[int], seconds: float = 60.0) -> bool:
    """Whether all have ended, or do so within a time."""
    left, end = list(processes), time.monotonic() + seconds
    while (left := [one for one in left if alive(one)]) and time.monotonic() < end:
        time.sleep(0.02)
    return not left
