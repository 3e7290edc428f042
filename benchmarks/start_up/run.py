"""Start-up: wall and CPU time of commands, medians of ten runs after a warm-up, beside what Python itself needs.

python benchmarks/start_up/run.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import mmrad_eval": [sys.executable, "-c", "import mmrad_eval"],
    "mmrad-eval --help": [sys.executable, "-m", "mmrad_eval", "--help"],
    "mmrad-eval tasks": [sys.executable, "-m", "mmrad_eval", "tasks"],
    "mmrad-eval models": [sys.executable, "-m", "mmrad_eval", "models"],
    "mmrad-eval metrics": [sys.executable, "-m", "mmrad_eval", "metrics"],
    "mmrad-eval datasets": [sys.executable, "-m", "mmrad_eval", "datasets"],
    "lm-eval --help": ["lm-eval", "--help"],
    "inspect --help": ["inspect", "--help"],
    "lmms-eval --help": ["lmms-eval", "--help"],
}
RUNS = 10


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one run."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime


def main() -> None:
    print(f"{'command':<24}{'wall s':>10}{'CPU s':>10}")
    for name, command in COMMANDS.items():
        try:
            seconds(command)
        except FileNotFoundError:
            print(f"{name:<24}{'not installed':>20}")
            continue
        times = [seconds(command) for _ in range(RUNS)]
        walls, cpus = zip(*times, strict=True)
        print(f"{name:<24}{statistics.median(walls):>10.3f}{statistics.median(cpus):>10.3f}")


if __name__ == "__main__":
    main()
