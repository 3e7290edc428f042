"""A faithfulness page of 600 studies: the whole command, with every reply stored.

    .venv/bin/python benchmarks/faithfulness/measure.py [FOLDER]

Makes the studies, lets an invented model answer every arm once, then times `mmrad-eval faithfulness` again: with the
runs on disk, and with nothing but the journal of replies (every run is made again from it, and scored). Wall time,
processor time and peak memory are those of the child process; each is the middle of three. A shared machine
can be twice as fast in one hour as in another, so the processor time also stands as a multiple of what ten million
additions in Python take at that moment. With FOLDER, material and results stay there, and a second call finds them.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.chat_server import served  # noqa: E402 (of this checkout)
from benchmarks.child import Used, additions, used_by  # noqa: E402 (of this checkout)

COMMAND = Path(sys.executable).with_name("mmrad-eval")
STUDIES = 600
TIMES = 3
BUDGETS = {"runs on disk": 17.0, "replies alone": 35.0}
"""Times the processor time of ten million additions: 5 s and 10 s in the hour in which the first figures were taken."""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary, served(HERE / "model.py") as address:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).absolute()
        if not (folder / "traces.jsonl").exists():
            subprocess.run([sys.executable, str(HERE / "material.py"), str(folder), str(STUDIES)], check=True)
        load = f"load {os.getloadavg()[0]:.1f}"
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {load}\n")
        print(f"| {STUDIES} studies | wall seconds | times 10 million additions | CPU seconds | peak memory |")
        print("|---|---|---|---|---|")
        for name, data in (("traces", folder / "traces.jsonl"), ("boxes of findings", folder / "boxed")):
            results = folder / f"results of {data.stem}"
            words = [
                *(str(COMMAND), "faithfulness", "openai:invented", "--base-url", address, "--data", str(data)),
                *("--out", str(results), "-q"),
            ]
            row(f"{name}: all arms asked", [used_by(words, folder)])
            row(f"{name}: runs on disk", [used_by(words, folder) for _ in range(TIMES)])
            found = []
            for _ in range(TIMES):
                shutil.rmtree(results / "runs")
                found.append(used_by(words, folder))
            row(f"{name}: replies alone", found)


def row(name: str, found: list[Used]) -> None:
    """One line of the table."""
    wall, cpu, memory = (median(getattr(used, part) for used in found) for part in ("wall", "cpu", "peak_mb"))
    times = cpu / median(additions() for _ in range(TIMES))
    late = "  over the budget" if times > BUDGETS.get(name.partition(": ")[2], times) else ""
    print(f"| {name} | {wall:.1f} | {times:.1f} | {cpu:.1f} | {memory:.0f} MB |{late}", flush=True)


if __name__ == "__main__":
    main()
