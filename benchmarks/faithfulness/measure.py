"""A faithfulness page of 600 studies: the whole command, with every reply stored.

    .venv/bin/python benchmarks/faithfulness/measure.py [FOLDER]

Makes the studies, lets an invented model answer every arm once, then times `mmrad-eval faithfulness` again: with the
runs on disk, and with nothing but the journal of replies (every run is made again from it, and scored). Wall time,
processor time and peak memory are those of the child process; each is the middle of three. With FOLDER, material and
results stay there, and a second call finds them.
"""

from __future__ import annotations

import json
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
from benchmarks.child import Used, used_by  # noqa: E402 (of this checkout)

COMMAND = Path(sys.executable).with_name("mmrad-eval")
STUDIES = 600
TIMES = 3
BUDGET = 0.4
"""Seconds of wall time an arm, where everything is stored: 10 s for the 25 arms that a page had at first."""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary, served(HERE / "model.py") as address:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).absolute()
        if not (folder / "traces.jsonl").exists():
            subprocess.run([sys.executable, str(HERE / "material.py"), str(folder), str(STUDIES)], check=True)
        load = f"load {os.getloadavg()[0]:.1f}"
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {load}\n")
        print(f"| {STUDIES} studies | arms | wall seconds | an arm | CPU seconds | peak memory |")
        print("|---|---|---|---|---|---|")
        for name, data in (("traces", folder / "traces.jsonl"), ("boxes of findings", folder / "boxed")):
            results = folder / f"results of {data.stem}"
            words = [
                *(str(COMMAND), "faithfulness", "openai:invented", "--base-url", address, "--data", str(data)),
                *("--out", str(results), "-q"),
            ]
            asked = [used_by(words, folder)]
            (page,) = (results / "faithfulness").rglob("*.json")
            arms = len(json.loads(page.read_bytes())["arms"])
            row(f"{name}: all arms asked", arms, asked)
            row(f"{name}: runs on disk", arms, [used_by(words, folder) for _ in range(TIMES)])
            found = []
            for _ in range(TIMES):
                shutil.rmtree(results / "runs")
                found.append(used_by(words, folder))
            row(f"{name}: replies alone", arms, found)


def row(name: str, arms: int, found: list[Used]) -> None:
    """One line of the table."""
    wall, cpu, memory = (median(getattr(used, part) for used in found) for part in ("wall", "cpu", "peak_mb"))
    late = "  over the budget" if wall > BUDGET * arms and "asked" not in name else ""
    print(f"| {name} | {arms} | {wall:.1f} | {wall / arms:.2f} | {cpu:.1f} | {memory:.0f} MB |{late}", flush=True)


if __name__ == "__main__":
    main()
