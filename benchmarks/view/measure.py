"""How long reading pages take to open, and how large they are: 1,000 studies of two runs, and 50,000 of one.

    .venv/bin/python benchmarks/view/measure.py [--times 5] [--keep FOLDER]     needs Chromium (scripts/env-browser)

A page is drawn once Chromium, headless and new to it, has shown the first frame after the list stands there, counted
from the start of navigation; a study is opened once its report is there, from the press of its link. CPU seconds are
those of the page's own thread: Chromium sets priorities itself, so on a busy machine wall time is mostly waiting.
Medians. ``--keep`` leaves runs and pages in a folder, and uses those that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.browser import Browser, driven

TEXT = "The heart is enlarged. There is a small left pleural effusion. No pneumothorax. "
SIZES = ((1_000, 2), (50_000, 1))
"""Studies and runs."""
WATCH = """
new MutationObserver((_, watch) => {
  if (document.documentElement?.dataset.ready !== "yes") return;
  watch.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.mmradDrawn = performance.now(); }));
}).observe(document, { attributes: true, subtree: true, childList: true });
"""
OPEN = """
const begin = performance.now(), done = arguments[0], link = [...document.querySelectorAll("#rows a")].at(-1);
link.click();
(function look() {
  if (document.querySelector("#study-title")?.textContent === link.textContent) done(performance.now() - begin);
  else requestAnimationFrame(look);
})();
"""


def called(*words: str, folder: Path) -> None:
    """One command of ours."""
    program = str(Path(sys.executable).with_name("mmrad-eval"))
    subprocess.run([program, *words], cwd=folder, check=True, capture_output=True)


def page_of(folder: Path, studies: int, runs: int) -> Path:
    """A page of scored runs of invented reports of 48 words."""
    page = folder / "page.html"
    if page.exists():
        return page
    folder.mkdir(parents=True)
    rows = [{"study_id": f"s{i}", "patient_id": f"p{i // 2}", "findings": f"{TEXT * 4}{i}"} for i in range(studies)]
    (folder / "studies.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in range(runs):
        said = [{"study_id": row["study_id"], "report": f"{name} {TEXT * 4}"} for row in rows]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))
        given = ["--predictions", f"{name}.jsonl", "--references", "studies.jsonl", "--metrics", "bleu@r2gen-iu,rules"]
        called("score", *given, folder=folder)
    made = [str(path.parent) for path in sorted(folder.glob("results/runs/**/run.json"))]
    called("view", *made, "--out", page.name, "--in", "results", folder=folder)
    return page


def busy(window: Browser) -> float:
    """CPU seconds that the page's thread has worked since it began."""
    found = window.do("/goog/cdp/execute", {"cmd": "Performance.getMetrics", "params": {}})["metrics"]
    return float(next(one["value"] for one in found if one["name"] == "TaskDuration"))


def opened(driver: str, profile: Path, page: Path) -> tuple[float, float, float, float]:
    """Wall and CPU seconds until a page is drawn, and until a study of it is, in a browser that never saw it."""
    with driven(driver, profile) as window:
        for command, given in (
            ("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH}),
            ("Performance.enable", {"timeDomain": "threadTicks"}),
        ):
            window.do("/goog/cdp/execute", {"cmd": command, "params": given})
        window.open(page)
        window.wait("return window.mmradDrawn", 60)
        drawn, worked = float(window.js("return window.mmradDrawn")) / 1000, busy(window)
        study = float(window.do("/execute/async", {"script": OPEN, "args": []})) / 1000
        return drawn, worked, study, busy(window) - worked


def sizes(page: Path) -> tuple[float, float]:
    """MB of the page, and of what lies beside it."""
    beside = page.with_name(f"{page.stem}_pieces")
    return page.stat().st_size / 1e6, sum(file.stat().st_size for file in beside.glob("*")) / 1e6


def main() -> None:
    """Print one row a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    driver = shutil.which("chromedriver")
    if driver is None:
        raise SystemExit("no chromedriver; scripts/env-browser installs it")
    print(f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores; seconds: wall (CPU)")
    print("| studies x runs | page | pieces beside it | drawn | a study opened |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for studies, runs in SIZES:
            page = page_of((given.keep or Path(temporary)) / f"of-{studies}", studies, runs)
            profiles = (Path(temporary) / f"profile-{studies}-{turn}" for turn in range(given.times))
            found = [opened(driver, profile, page) for profile in profiles]
            drawn, worked, study, more = (median(column) for column in zip(*found, strict=True))
            size, beside = sizes(page)
            times = f"{drawn:.2f} ({worked:.2f}) | {study:.2f} ({more:.2f})"
            print(f"| {studies:,} x {runs} | {size:.1f} MB | {beside:.1f} MB | {times} |", flush=True)


if __name__ == "__main__":
    main()
