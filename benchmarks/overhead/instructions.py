"""Instructions a request, counted by valgrind: what a client costs in its own code, whatever else the machine does.

    .venv/bin/python benchmarks/overhead/instructions.py [--only CLIENTS] [--requests FEW MANY]

Text requests to a server that answers at once, 64 at once; the difference of two runs, so that starting Python does not
count. The kernel's share is not counted, and valgrind takes fifty times as long as the program itself.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import material  # noqa: E402 (lies beside this script)
from measure import SCRIPTS, Trial, server  # noqa: E402 (as above)

from benchmarks.child import instructions_of  # noqa: E402 (as above)

AT_ONCE = 64


def counted(trial: Trial, n: int) -> int:
    """The instructions of one whole run."""
    shutil.rmtree(trial.work, ignore_errors=True)
    trial.work.mkdir()
    words, extra = trial.command(n)
    return instructions_of(words, extra, trial.work)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="names of clients, by commas")
    parser.add_argument("--requests", type=int, nargs=2, default=(60, 260), help="requests of the two runs")
    given = parser.parse_args()
    few, many = given.requests
    print("| client | thousands of instructions a request |\n|---|---|")
    with tempfile.TemporaryDirectory() as temporary, server(0.0) as url:
        text, _ = material.made(Path(temporary), many, 1)
        for name in given.only.split(",") if given.only else (*SCRIPTS, "mmrad-eval"):
            trial = Trial(name, url, text, AT_ONCE, Path(temporary) / "work")
            each = (counted(trial, many) - counted(trial, few)) / (many - few)
            print(f"| {name} | {each / 1000:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
