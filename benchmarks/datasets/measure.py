"""Measures 227,835 MIMIC-shaped studies: describing all, and the time until a run of ten would ask its first.

    python benchmarks/datasets/measure.py [FOLDER]

Makes the folder with make_mimic.py where it is not there. Wall time, processor time and peak memory are those of the
child process.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.child import used_by  # noqa: E402 (of this checkout)

COMMAND = Path(sys.executable).with_name("mmrad-eval")
BUDGETS = {"describe": (60.0, 2.0), "start of a run of ten": (3.0, None)}
"""Seconds of wall time, and GB."""


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary) / "mimic"
        if not folder.exists():
            subprocess.run([sys.executable, str(HERE / "make_mimic.py"), str(folder)], check=True)
        data = str(folder)
        commands = {
            "describe": [str(COMMAND), "data", "describe", data],
            "start of a run of ten": [
                *(str(COMMAND), "--model", "baseline:normal", "--task", "direct", "--data", data, "--limit", "10"),
                *("--out", str(Path(temporary) / "results"), "--dry-run"),
            ],
        }
        load = f"load {os.getloadavg()[0]:.1f}"
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {load}")
        print(f"{'what':<24}{'wall s':>8}{'cpu s':>8}{'GB':>6}  budget")
        for name, words in commands.items():
            used = used_by(words)
            memory = used.peak_mb / 1024
            seconds, most = BUDGETS[name]
            held = used.wall < seconds and (most is None or memory < most)
            budget = f"{seconds:g} s" + (f", {most:g} GB" if most else "")
            print(f"{name:<24}{used.wall:>8.2f}{used.cpu:>8.2f}{memory:>6.2f}  {budget}{'' if held else '  MISSED'}")


if __name__ == "__main__":
    main()
