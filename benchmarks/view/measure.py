"""A page over two runs of 1,000 studies: seconds to write it, and until Chromium has drawn it.

.venv/bin/python benchmarks/view/measure.py

What Chromium takes for an empty page is subtracted. Both are medians of five.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

N = 1000
TEXT = "The heart is enlarged. There is a small left pleural effusion. No pneumothorax. "
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom")


def seconds(command: list[str], folder: Path) -> float:
    """Wall time of one command."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    program = str(Path(sys.executable).with_name("mmrad-eval"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = [{"study_id": f"s{i}", "patient_id": f"p{i // 2}", "findings": f"{TEXT * 4}{i}"} for i in range(N)]
        (folder / "studies.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for name in ("one", "other"):
            said = [{"study_id": row["study_id"], "report": f"{name} {TEXT * 3}"} for row in rows]
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))
            given = ["--predictions", f"{name}.jsonl", "--references", "studies.jsonl", "--metrics", "bleu@r2gen-iu"]
            seconds([program, "score", *given], folder)
        runs = [str(path.parent) for path in sorted(folder.glob("results/runs/**/run.json"))]
        (folder / "empty.html").write_text("<!doctype html><title>empty</title>")
        written = median(
            seconds([program, "view", *runs, "--out", "page.html", "--in", "results"], folder) for _ in range(5)
        )
        drawn = {
            page: median(seconds([*CHROMIUM, (folder / page).as_uri()], folder) for _ in range(5))
            for page in ("empty.html", "page.html")
        }
    print(f"| {len(runs)} runs of {N} studies | seconds |\n|---|---|\n| written | {written:.2f} |")
    print(f"| drawn | {drawn['page.html'] - drawn['empty.html']:.2f} |")


main()
