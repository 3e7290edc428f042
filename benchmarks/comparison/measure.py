"""What `compare` and `ranks` take on large results: two runs of 50,000 studies, and 200 runs side by side.

    .venv/bin/python benchmarks/comparison/measure.py [--studies 50000] [--runs 200] [--keep FOLDER]

Two files of 500 invented reports are scored with the suite `paper`; their rows are repeated under other ids and
patients, which leaves every mean and every ratio of sums as it is, until there are enough studies. Runs for `ranks` are
one run with other values. Each command is a process of its own; wall time, processor time and peak memory are its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.child import used_by  # noqa: E402 (of this checkout)
from benchmarks.clinical.reports import reports, rewritten  # noqa: E402 (of this checkout)
from mmrad_eval.results.run.files import file_digest  # noqa: E402 (of this checkout)
from mmrad_eval.results.run.record import RunIdentity  # noqa: E402 (of this checkout)

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
REAL = 500
"""Studies that are really scored."""
COMPARED, RANKED = 20.0, 3.0
"""Budgets in seconds of wall time: 50,000 studies compared, 200 runs ranked."""


def scored(folder: Path) -> list[Path]:
    """Two scored runs of ``REAL`` studies."""
    references = reports(REAL, seed=1)
    table(folder / "references.csv", "findings", references)
    for number in (2, 3):
        table(folder / f"reports{number}.csv", "report", rewritten(references, seed=number))
        used_by(
            [COMMAND, "score", "-p", f"reports{number}.csv", "-r", "references.csv", "--name", f"system {number}"],
            folder,
        )
    return sorted(path.parent for path in (folder / "results").rglob("run.json"))


def table(path: Path, column: str, texts: list[str]) -> None:
    """A csv of texts, each of another patient."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("study_id", "patient_id", column))
        writer.writerows((f"s{i}", f"p{i}", text) for i, text in enumerate(texts))


def enlarge(run: Path, studies: int) -> None:
    """Repeat the rows of a run until it has so many studies."""
    times = studies // REAL
    stored = pq.read_table(run / "scores.parquet")
    names = {name: stored.column(name).to_pylist() for name in ("id", "patient")}
    whole = pa.concat_tables([stored] * times)
    for name, values in names.items():
        repeated = pa.array([f"{value}-{i}" for i in range(times) for value in values])
        whole = whole.set_column(whole.column_names.index(name), whole.schema.field(name), repeated)
    pq.write_table(whole, run / "scores.parquet", compression="zstd", row_group_size=1024)
    summary = json.loads((run / "summary.json").read_text())
    for place in (summary, *summary["columns"].values()):
        for key in {"n", "scored", "defined", "clusters"} & place.keys():
            place[key] *= times
    summary["statuses"] = {status: n * times for status, n in summary["statuses"].items()}
    summary |= {"scores": file_digest(run / "scores.parquet"), "rest": ""}
    (run / "summary.json").write_text(json.dumps(summary))


def several(run: Path, folder: Path, runs: int) -> Path:
    """A results folder of so many runs of other values."""
    chooser = random.Random(4)
    summary, record = (json.loads((run / name).read_text()) for name in ("summary.json", "run.json"))
    summary |= {"answers": "", "scores": "", "rest": ""}  # no other files lie beside it
    out = folder / "several"
    for i in range(runs):
        identity = record["identity"] | {"model": record["identity"]["model"] | {"id": f"system {i}"}}
        name = msgspec.convert(identity, RunIdentity).id()
        part = out / "runs" / "data" / "imported" / f"system {i}" / name
        part.mkdir(parents=True)
        columns = {label: other(column, chooser) for label, column in summary["columns"].items()}
        (part / "summary.json").write_text(json.dumps(summary | {"run": name, "columns": columns}))
        card = record["card"] | {"id": f"system {i}", "name": f"system {i}"}
        (part / "run.json").write_text(json.dumps(record | {"id": name, "card": card, "identity": identity}))
    return out


def other(column: dict[str, Any], chooser: random.Random) -> dict[str, Any]:
    """A column with another value and an interval around it."""
    if column["value"] is None:
        return column
    value = column["value"] * chooser.uniform(0.5, 1.5)
    return column | {"value": value, "low": value * 0.9, "high": value * 1.1}


def main() -> None:
    """Make what is needed, measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--keep", help="folder for the generated runs; a second call finds them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.keep or temporary).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "several").exists():
            shutil.rmtree(folder / "results", ignore_errors=True)
            runs = scored(folder)
            several(runs[0], folder, given.runs)
            for run in runs:
                enlarge(run, given.studies)
        runs = sorted(path.parent for path in (folder / "results").rglob("run.json"))
        load = f"load {os.getloadavg()[0]:.1f}"
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {load}\n")
        print("| | wall seconds | CPU seconds | peak memory |\n|---|---|---|---|")
        compare = [COMMAND, "compare", *map(str, runs)]
        row(f"`compare`: 2 runs of {given.studies:,} studies", compare, folder, COMPARED)
        row(f"`ranks`: {given.runs:,} runs", [COMMAND, "ranks", "several"], folder, RANKED)
        row(f"`leaderboard`: {given.runs:,} runs", [COMMAND, "leaderboard", "several"], folder, RANKED)


def row(name: str, command: list[str], folder: Path, budget: float) -> None:
    """One line of the table."""
    used = used_by(command, folder)
    late = f"  over the budget of {budget:g} s" if used.wall > budget else ""
    print(f"| {name} | {used.wall:.1f} | {used.cpu:.1f} | {used.peak_mb:.0f} MB |{late}", flush=True)


if __name__ == "__main__":
    main()
