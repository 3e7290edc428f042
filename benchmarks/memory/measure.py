"""Memory of a run over 1,000 and over 11,000 studies: what 10,000 more cost, with one metric and with the whole suite.

    .venv/bin/python benchmarks/memory/measure.py

Reports are invented, few sentences alike, which is the hardest case for what is remembered of texts; every study is of
a patient of its own. Peak memory is the kernel's, of the child process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.child import used_by
from benchmarks.clinical.reports import reports

COMMAND = Path(sys.executable).with_name("mmrad-eval")
SIZES = (1000, 11_000)
BUDGET = 50
"""MB for 10,000 studies more."""


def peak(data: Path, n: int, metrics: str, results: Path) -> float:
    """MB of a whole run."""
    words = [
        *(str(COMMAND), "--model", "baseline:shuffle", "--task", "direct", "--data", str(data), "--limit", str(n)),
        *("--metrics", metrics, "--out", str(results), "--quiet"),
    ]
    return used_by(words).peak_mb


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = folder / "studies.jsonl"
        lines = (json.dumps({"id": f"s{i}", "findings": text}) for i, text in enumerate(reports(SIZES[-1], seed=9)))
        data.write_text("\n".join(lines))
        print("| metrics | 1,000 studies | 11,000 studies | 10,000 more |\n|---|---|---|---|")
        for metrics in ("bleu@r2gen-iu", "paper"):
            few, many = (peak(data, n, metrics, folder / f"{metrics} {n}") for n in SIZES)
            late = "  over the budget" if many - few > BUDGET else ""
            print(f"| `{metrics}` | {few:.0f} MB | {many:.0f} MB | {many - few:.0f} MB |{late}", flush=True)


if __name__ == "__main__":
    main()
