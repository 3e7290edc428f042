"""Whether two versions compute the same numbers: everything that needs neither weights nor a live model, run in both.

    .venv/bin/python benchmarks/numbers/compare.py OLD NEW [--old-python BIN] [--new-python BIN] [--keep FOLDER]

OLD and NEW are checkouts (folders) or commits of this repository. Each runs under its own interpreter (default: the
checkout's ``.venv/bin/python``, or the one that runs this script) with its own results folder: every baseline over
every task that baselines can run, a chat model on loopback (model.py) over every task, a file of reports, texts from
Python; every lexical, rule, consistency and grounding metric; then `leaderboard`, `compare`, `ranks`, `paper`,
`faithfulness`, `probe`, `metaeval`, `reproduce` and `audit`. Every number that differs is listed; names that changed
are in ``read.RENAMED``. Exit status 1 where something differs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.chat_server import served  # noqa: E402 (of this checkout)
from benchmarks.numbers.read import Leaves, read, same, size  # noqa: E402 (of this checkout)

METRICS = "lexical,facts,consistency,grounding"
BASELINES = tuple(f"baseline:{name}" for name in ("evidence", "normal", "reference", "shuffle"))
CONTROLS = ("tcot-blind", "mcot-blind", "mcot-swapped", "mcot-shuffled", "mcot-repeat", "mcot-random")
EDITS = tuple(
    f"direct-{edit}"
    for edit in (
        *("shifted", "jpeg", "reworded", "blank", "swapped", "swap-same", "swap-opposite"),
        *("blurred", "blurred-elsewhere"),
    )
)
GIVEN = ("direct", "tcot", "bcot", "mcot", "crops", "crops-atlas", *CONTROLS)
GENERATED = ("tcot-self", "mcot-loop")
HEADLINES = "the headline columns"
SHOWN = 20
"""Differences that are printed of one file; all of them are in differences.json."""


@dataclass(frozen=True)
class Side:
    """One version."""

    name: str
    checkout: Path
    python: str
    folder: Path

    def run(self, *words: str, out: str = "", allowed: Sequence[int] = (0,)) -> None:
        """Run one command line to its end, its standard output to the file ``out``; others' exit ends this script."""
        environment = os.environ | {"PYTHONPATH": str(self.checkout), "OPENAI_API_KEY": "none", "COLUMNS": "200"}
        start = time.perf_counter()
        done = subprocess.run(
            [self.python, *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        print(f"  {self.name}: {' '.join(words[-8:])[:100]}: {time.perf_counter() - start:.0f} s", flush=True)
        if done.returncode not in allowed:
            raise SystemExit(
                f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
            )
        if out:
            (self.folder / out).write_text(done.stdout)

    def command(self, *words: str, out: str = "", allowed: Sequence[int] = (0,), whole: Sequence[str] = ()) -> None:
        """Run one command of mmrad-eval; ``whole``: what its help says where it does not show all, and how it does."""
        if whole:
            told = [self.python, "-m", "mmrad_eval", words[0], "--help"]
            environment = os.environ | {"PYTHONPATH": str(self.checkout)}
            said = subprocess.run(told, env=environment, capture_output=True, text=True, check=True).stdout
            words = (*words, *whole[1:]) if whole[0] in " ".join(said.split()) else words
        self.run("-m", "mmrad_eval", *words, out=out, allowed=allowed)


def measure(side: Side, address: str, material: Path) -> None:
    """Everything that one version computes, into its folder."""
    models = [word for name in BASELINES for word in ("--model", name)]
    edited = models[:2] + models[-2:]
    chat = ("--model", "openai:invented", "--base-url", address)
    quiet = ("--metrics", METRICS, "--quiet")
    side.command(*models, "--task", ",".join(GIVEN), *quiet)
    side.command(*edited, "--task", ",".join(EDITS), *quiet)
    side.command("--model", f"file:{material / 'reports.csv'}", "--task", "imported,mcot", *quiet)
    side.command(*chat, "--task", ",".join((*GIVEN, *GENERATED)), *quiet)
    side.command("score", "-p", str(material / "reports.csv"), "-r", "demo", "-M", METRICS, "--name", "mine")
    side.run(str(HERE / "material.py"), "score")
    for model in ("baseline:evidence", "openai:invented"):
        where = ("--base-url", address) if model.startswith("openai") else ()
        side.command("faithfulness", model, *where, "--out", "faith", "-q", "--metrics", f"{METRICS}")
    side.command("leaderboard", "--format", "json", out="leaderboard.json")
    side.command("ranks", "--format", "json", out="ranks.json", whole=(HEADLINES, "--columns", "all"))
    side.command("paper", "--out", "paper", "--no-figures")
    runs = side.folder / "results" / "runs" / "demo"
    for task in ("mcot", "direct"):
        chosen = [str(next((runs / task / model).iterdir())) for model in ("baseline_evidence", "baseline_normal")]
        chosen += [str(next(folder.iterdir())) for folder in sorted((runs / task).glob("openai*"))]
        every, printed = (HEADLINES, "--metrics", "all"), ("--format", "json")
        side.command("compare", *chosen, "--margin", "0.05", *printed, out=f"compare-{task}.json", whole=every)
        side.command("compare", *chosen[:2], "--method", "bca", *printed, out=f"compare-bca-{task}.json", whole=every)
    side.command("power", *chosen[:2], "--format", "json", out="power.json")
    rated, scored = str(material / "rated.csv"), str(material / "scored.csv")
    named = "lexical,facts"
    side.command("probe", "-M", named, "--format", "json", out="probe.json")
    rating = ("--rating", "rating=lower", "--format", "json")
    side.command("metaeval", rated, "-M", named, *rating, out="metaeval.json", whole=("--all-metrics", "--all-metrics"))
    side.command("reproduce", scored, "-M", named, "--format", "json", out="reproduce.json")
    side.command("audit", scored, "-r", "demo", "--format", "json", out="audit.json", allowed=(0, 1))


def report(old: dict[str, Leaves], new: dict[str, Leaves], keep: Path) -> int:
    """Print what differs; returns how many leaves do."""
    wrong, total, everything = 0, 0, {}
    for name in sorted(old.keys() | new.keys()):
        before, now = old.get(name, {}), new.get(name, {})
        keys = sorted(before.keys() | now.keys())
        differing = {key: [before.get(key), now.get(key)] for key in keys if not same(before.get(key), now.get(key))}
        total += sum(size(now.get(key, before.get(key))) for key in keys)
        wrong += len(differing)
        if differing:
            everything[name] = differing
            print(f"{name}: {len(differing):,} of {len(keys):,} differ")
            for key, (was, is_now) in list(differing.items())[:SHOWN]:
                print(f"    {key}: {was} -> {is_now}")
    (keep / "differences.json").write_text(json.dumps(everything, indent=1))
    print(f"{total:,} values in {len(old.keys() | new.keys()):,} runs and tables: {wrong:,} numbers or columns differ")
    return wrong


def checked_out(version: str, keep: Path, name: str) -> Path:
    """The folder of a checkout, or a commit's files written below ``keep``."""
    if Path(version).is_dir():
        return Path(version).resolve()
    folder = keep / f"{name}-checkout"
    folder.mkdir()
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", version], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder


def side_of(name: str, version: str, python: str, keep: Path) -> Side:
    """One side with an empty results folder."""
    checkout = checked_out(version, keep, name)
    own = checkout / ".venv" / "bin" / "python"
    folder = keep / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return Side(name, checkout, python or (str(own) if own.exists() else sys.executable), folder)


def main() -> None:
    """Run both sides and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--old-python", default="")
    parser.add_argument("--new-python", default="")
    parser.add_argument("--keep", help="folder for the results of both sides")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, served(HERE / "model.py") as address:
        keep = Path(given.keep or temporary).absolute()
        keep.mkdir(parents=True, exist_ok=True)
        old = side_of("old", given.old, given.old_python, keep)
        new = side_of("new", given.new, given.new_python, keep)
        material = keep / "material"
        material.mkdir(exist_ok=True)
        Side("old", old.checkout, old.python, material).run(str(HERE / "material.py"), "make")
        for side in (old, new):
            measure(side, address, material)
        raise SystemExit(report(read(old.folder), read(new.folder), keep) > 0)


if __name__ == "__main__":
    main()
