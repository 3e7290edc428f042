"""Own looks: how often directed use is found by strength of use, and how often anything is where nothing is used.

.venv/bin/python benchmarks/faithfulness/own_looks.py [RUNS]

Answers are drawn, not asked: 200 patients, each with a finding in its own film with chance .3. A reader of its look
states the donor's finding in a share of studies (its strength). In every arm each report changes with the given chance
for no reason at all, as a sampled model's does. A comparison counts as found where the page would call it positive
(Holm over all comparisons that are there).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from mmrad_eval.core.values import Answer, Image, Report, Step, Study, Trace
from mmrad_eval.results.faithfulness.looks_used import DIRECTED, looks_used
from mmrad_eval.results.faithfulness.reading import ArmReading

PATIENTS, RESAMPLES = 200, 500
ILL, WELL = "There is a pneumothorax.", "No pneumothorax."
LOOK = Trace((Step("left lung", ("left lung",), "lungs", image=Image("/x.png", role="region", source="tool")),))
CHANGED = Trace((Step("pneumothorax"),))
ARMS = ("mcot-loop", "redraw-kept", "redraw-foreign", "redraw-lacking", "redraw-noise", "redraw-removed")
STUDIES = [Study(f"s{i}", patient=f"p{i}", reference=Report(WELL, WELL)) for i in range(PATIENTS)]


def found(runs: int, strength: float, noise: float, seed: int) -> tuple[float, float]:
    """(share of runs in which directed use is positive, share in which any comparison is)."""
    rng, directed, anything = np.random.default_rng(seed), 0, 0
    for _ in range(runs):
        own, reads = rng.random(PATIENTS) < 0.3, rng.random(PATIENTS) < strength
        answers = {}
        for arm in ARMS:
            states = own.copy()
            if arm == "redraw-foreign":
                states |= reads
            states ^= rng.random(PATIENTS) < noise
            shown = None if arm == "mcot-loop" else CHANGED
            answers[arm] = {
                study.id: Answer(study.id, "ok", report=Report(ILL if ill else WELL), trace=LOOK, shown=shown)
                for study, ill in zip(STUDIES, states, strict=True)
            }
        tests = looks_used(ArmReading(STUDIES, "findings", answers), RESAMPLES).tests
        directed += tests[DIRECTED].positive
        anything += any(test.positive for test in tests.values())
    return directed / runs, anything / runs


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    start = time.perf_counter()
    print(f"{PATIENTS} patients, {RESAMPLES} resamples\n\n| strength | noise | directed use found | anything found |")
    print("|---|---|---|---|")
    for noise in (0.05, 0.2):
        for strength in (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0):
            many = runs if not strength else max(1, runs // 5)
            directed, anything = found(many, strength, noise, seed=int(1000 * strength + 10_000 * noise))
            print(f"| {strength:g} | {noise:g} | {directed:.3f} | {anything:.3f} | {many} runs", flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
