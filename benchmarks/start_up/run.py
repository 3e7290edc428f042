"""Start-up: wall and CPU time of commands, medians of ten runs after a warm-up, beside what Python itself needs.

python benchmarks/start_up/run.py
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.child import used_by

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


def main() -> None:
    print(f"{'command':<24}{'wall s':>10}{'CPU s':>10}")
    for name, command in COMMANDS.items():
        try:
            used_by(command)
        except FileNotFoundError:
            print(f"{name:<24}{'not installed':>20}")
            continue
        runs = [used_by(command) for _ in range(RUNS)]
        wall, cpu = (statistics.median(getattr(used, part) for used in runs) for part in ("wall", "cpu"))
        print(f"{name:<24}{wall:>10.3f}{cpu:>10.3f}")


if __name__ == "__main__":
    main()
