"""Keeps one server process: starts it, and ends it when its standard input closes, so that it never outlives the run.

    python server_watchdog.py [--remove FOLDER] COMMAND...

The run holds the other end of the pipe; however the run ends, the system closes it. Then the folder is removed, too,
which may hold pictures of patients. The file imports nothing of ours, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys

_GRACE = 15.0  # seconds between asking a server to end and ending it; vLLM needs about 1.5


def main() -> int:
    """Run the command in a process group of its own; returns its exit status."""
    words = sys.argv[1:]
    folder = ""
    if words[:1] == ["--remove"]:
        folder, words = words[1], words[2:]
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 (the run's own command)
    wanted = [False]

    def ask_to_end(_number: int, _frame: object) -> None:
        wanted[0] = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask_to_end)
    while child.poll() is None and not wanted[0]:
        with contextlib.suppress(InterruptedError):
            readable, _, _ = select.select([sys.stdin], [], [], 0.2)
            wanted[0] = wanted[0] or (bool(readable) and not os.read(0, 1024))
    if child.poll() is None:
        _end(child)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # workers that outlived their parent
    if folder and wanted[0]:
        shutil.rmtree(folder, ignore_errors=True)
    return child.returncode or 0


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


if __name__ == "__main__":
    sys.exit(main())
