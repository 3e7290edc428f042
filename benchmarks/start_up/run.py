"""Start-up: wall time of commands, median of ten runs each after a warm-up, beside what Python itself needs.

python benchmarks/start_up/run.py
"""

from __future__ import annotations

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


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    print(f"{'command':<24}{'median s':>10}{'worst s':>10}")
    for name, command in COMMANDS.items():
        try:
            seconds(command)
        except FileNotFoundError:
            print(f"{name:<24}{'not installed':>20}")
            continue
        times = [seconds(command) for _ in range(RUNS)]
        print(f"{name:<24}{statistics.median(times):>10.3f}{max(times):>10.3f}")


if __name__ == "__main__":
    main()
