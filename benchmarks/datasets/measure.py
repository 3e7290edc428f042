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
import time
from pathlib import Path

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("mmrad-eval")
BUDGETS = {"describe": (60.0, 2.0), "start of a run of ten": (3.0, None)}
"""Seconds of wall time, and GB."""


def measured(words: list[str], folder: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds, peak GB of one command."""
    start = time.perf_counter()
    with (folder / "out.txt").open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(words)} failed:\n{(folder / 'out.txt').read_text()}")
    kilobytes = used.ru_maxrss if platform.system() == "Linux" else used.ru_maxrss / 1024
    return wall, used.ru_utime + used.ru_stime, kilobytes / 1e6


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
            wall, cpu, memory = measured(words, Path(temporary))
            seconds, most = BUDGETS[name]
            held = wall < seconds and (most is None or memory < most)
            budget = f"{seconds:g} s" + (f", {most:g} GB" if most else "")
            print(f"{name:<24}{wall:>8.2f}{cpu:>8.2f}{memory:>6.2f}  {budget}{'' if held else '  MISSED'}")


if __name__ == "__main__":
    main()
