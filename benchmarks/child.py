"""What one command takes as a process of its own, as the kernel tells it (``wait4``)."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MEBIBYTE = 1024 if platform.system() == "Linux" else 1024**2
"""The kernel's units of ``ru_maxrss`` in one: kilobytes on Linux, bytes on macOS."""

VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")


@dataclass(frozen=True)
class Used:
    """What one process used: seconds of wall time and of processor time, and its peak memory in MB (2**20 bytes)."""

    wall: float
    cpu: float
    peak_mb: float

    def less(self, start: Used) -> Used:
        """What is left without the cost of starting."""
        return Used(max(self.wall - start.wall, 1e-9), max(self.cpu - start.cpu, 0.0), self.peak_mb)


def used_by(command: Sequence[str], folder: Path | None = None, extra: Mapping[str, str] | None = None) -> Used:
    """Run a command to its end in ``folder``, with ``extra`` in its environment; shows its output only if it fails."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        environment = os.environ | dict(extra or {})
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users have their bytecode
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output.read()[-3000:]}")
    return Used(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _MEBIBYTE)


def instructions_of(command: Sequence[str], extra: Mapping[str, str], folder: Path | None = None) -> int:
    """The instructions of one command of Python, counted by valgrind, without the kernel's."""
    words = [*VALGRIND, *(command if command[0].endswith("python") else [sys.executable, *command])]
    environment = os.environ | {"PYTHONHASHSEED": "0"} | dict(extra)
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"I +refs: +([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return int(found[1].replace(",", ""))
