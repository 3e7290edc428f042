"""Throws changed samples at every reader until the time is up, and names each way in which one failed.

    python -m benchmarks.fuzz.campaign --minutes 10 --seed 1 [--only REPLY]

The core suite runs the first cases of one seed (tests/fuzz); this goes on. Exit status 1 where anything was found.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from tests.fuzz.mutations import mutated
from tests.fuzz.readers import Reader, readers


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=10.0)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--only", default="")
    given = asked.parse_args()
    warnings.simplefilter("ignore")
    chosen = [reader for reader in readers() if given.only in reader.name]
    end = time.monotonic() + 60 * given.minutes
    found: Counter[str] = Counter()
    case = 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            for reader in chosen:
                fault = tried(reader, f"{given.seed} {reader.name} {case}", Path(folder))
                if fault and not found[fault]:
                    print(f"{reader.name}, seed {given.seed}, case {case}: {fault}", flush=True)
                found.update([fault] if fault else [])
            case += 1
    print(f"{case * len(chosen):,} cases of {len(chosen)} readers, {found.total():,} faults of {len(found)} kinds")
    sys.exit(bool(found))


def tried(reader: Reader, seed: str, folder: Path) -> str:
    """How the reader failed, in words that are the same for the same defect; empty where it did not."""
    try:
        reader.run(mutated(reader.sample, random.Random(seed)), folder / "case")
    except Exception as error:  # noqa: BLE001 - the kind that must not come is any
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "mmrad_eval" in frame.filename] or frames
        return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno} ({str(error)[:100]!r:.100})"
    return ""


if __name__ == "__main__":
    main()
