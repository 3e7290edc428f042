"""10,000 paired resamples of 600 columns of statistics over 3,269 studies: ours beside scipy and RadEval.

    .venv/bin/python benchmarks/statistics/compare.py [--radeval FOLDER]

3,269 studies are MIMIC-CXR's official test split. Each contestant runs in a process of its own, so that its memory is
its own; times leave out making the data. scipy and RadEval do one column; what all 300 take is that times 300, as
neither shares work between columns.
RadEval's test needs only nltk and numpy: ``pip install --no-deps --target FOLDER RadEval``, then ``--radeval FOLDER``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

STUDIES, COLUMNS, RESAMPLES = 3269, 600, 10_000
PATIENTS = 293
"""Patients of that split."""


class Clock:
    """Wall and CPU seconds since it was made; the data is made before."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Both, so far."""
        return {"seconds": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu}


def data(columns: int) -> tuple[Any, Any]:
    """Two systems' statistics, (studies, columns): matched and possible counts; the second is a little better."""
    rng = np.random.default_rng(20240213)
    possible = rng.poisson(40, (STUDIES, columns // 2)) + 5.0
    share = rng.beta(6, 9, possible.shape)
    first, second = (rng.binomial(possible.astype(int), np.clip(share + gain, 0, 1)) for gain in (0.0, 0.002))
    arrays = []
    for matched in (first, second):
        array = np.empty((STUDIES, columns))
        array[:, 0::2], array[:, 1::2] = matched, possible
        arrays.append(array)
    return arrays[0], arrays[1]


def ratio(sums: Any) -> Any:
    """Corpus ratios, as BLEU's precisions are."""
    return sums[..., 0::2] / sums[..., 1::2]


def ours_bootstrap() -> dict[str, float]:
    """Paired bootstrap: one matrix product for both systems."""
    from mmrad_eval.results.statistics.bootstrap import StatisticsPart, percentile
    from mmrad_eval.results.statistics.paired import _replicates  # the part of `compare` that the budget is about

    first, second = data(COLUMNS)
    clock = Clock()
    found = _replicates([first], [second], [StatisticsPart(range(COLUMNS), ratio)], RESAMPLES, 1)
    low, high = percentile(found)
    return {**clock.read(), "low": float(low[0]), "high": float(high[0])}


def ours_everything() -> dict[str, float]:
    """Everything that `mmrad-eval compare` needs: bootstrap, randomisation, effect sizes, wins, max-T and Holm."""
    from mmrad_eval.results.statistics.bootstrap import StatisticsPart
    from mmrad_eval.results.statistics.paired import compare, family

    first, second = data(COLUMNS)
    clock = Clock()
    found = compare([first], [second], [StatisticsPart(range(COLUMNS), ratio)], resamples=RESAMPLES)
    adjusted = family([found])
    return {
        **clock.read(),
        "low": float(found.low[0]),
        "high": float(found.high[0]),
        "p": float(found.p[0]),
        "max-T": float(adjusted.max_t[0, 0]),
    }


def ours_by_patient() -> dict[str, float]:
    """The same clustered by patient, as it is in truth."""
    from mmrad_eval.results.statistics.bootstrap import StatisticsPart
    from mmrad_eval.results.statistics.paired import compare
    from mmrad_eval.results.statistics.weights import cluster_sums

    first, second = data(COLUMNS)
    patient = np.arange(STUDIES) % PATIENTS
    clock = Clock()
    sides = [[cluster_sums(side, patient, PATIENTS)] for side in (first, second)]
    found = compare(*sides, [StatisticsPart(range(COLUMNS), ratio)], resamples=RESAMPLES)
    return {**clock.read(), "low": float(found.low[0]), "high": float(found.high[0])}


def scipy_loop() -> dict[str, float]:
    """The paired bootstrap and permutation test of one corpus ratio, as scipy documents them."""
    from scipy import stats

    first, second = data(COLUMNS)
    a, n, b = first[:, 0], first[:, 1], second[:, 0]

    def difference(x: Any, y: Any, size: Any, axis: int = -1) -> Any:
        return y.sum(axis=axis) / size.sum(axis=axis) - x.sum(axis=axis) / size.sum(axis=axis)

    clock = Clock()
    found = stats.bootstrap(
        (a, b, n),
        difference,
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=RESAMPLES,
        batch=500,
        rng=1,
    )
    test = stats.permutation_test(
        (b, a),
        lambda y, x, axis: y.sum(axis=axis) - x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=500,
        rng=1,
    )
    one = clock.read()
    interval = found.confidence_interval
    return {**one, "low": float(interval.low), "high": float(interval.high), "p": float(test.pvalue)}


def radeval(folder: str) -> dict[str, float]:
    """RadEval's PairedTest of one column; the metric is the cheapest there can be, a ratio of sums of stored counts."""
    spec = importlib.util.spec_from_file_location("radeval_utils", Path(folder) / "radeval" / "utils.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    first, second = data(COLUMNS)
    systems = {name: [tuple(row) for row in side[:, :2].tolist()] for name, side in (("a", first), ("b", second))}

    def corpus(outputs: list[tuple[float, float]], _references: object) -> float:
        return sum(o[0] for o in outputs) / sum(o[1] for o in outputs)

    clock = Clock()
    test = module.PairedTest(systems, {"ratio": corpus}, [""] * STUDIES, n_samples=RESAMPLES)
    scores = test()[1]
    return {**clock.read(), "p": float(scores["b"]["ratio_pvalue"])}


def apart(name: str, *arguments: str) -> dict[str, float]:
    """Run one contestant in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--only", name, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--radeval", metavar="FOLDER", help="where RadEval was installed")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    said = parser.parse_args()
    contestants: dict[str, tuple[Callable[[], dict[str, float]], str, int]] = {
        "bootstrap": (ours_bootstrap, f"paired bootstrap of {COLUMNS} columns: mmrad-eval", 1),
        "everything": (ours_everything, "the same with randomisation test, max-T, Holm, effects: mmrad-eval", 1),
        "patients": (ours_by_patient, f"the same, {PATIENTS} patients: mmrad-eval", 1),
        "scipy": (scipy_loop, "bootstrap and permutation test, one column: scipy", COLUMNS // 2),
    }
    if said.radeval or said.only == "radeval":
        contestants["radeval"] = (
            lambda: radeval(said.radeval),
            "randomisation test, one column: RadEval",
            COLUMNS // 2,
        )
    if said.only:
        found = contestants[said.only][0]()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found | {"peak": peak}))
        return
    print(
        f"{RESAMPLES:,} resamples over {STUDIES:,} studies; times of one column are also given for all {COLUMNS // 2}"
    )
    for name, (_, title, times) in contestants.items():
        found = apart(name, *(["--radeval", said.radeval] if said.radeval else []))
        seconds = found.pop("seconds")
        whole = f" -> {seconds * times:,.0f} s for all" if times > 1 else ""
        rest = ", ".join(f"{key} {value:.4g}" for key, value in found.items() if key not in {"cpu", "peak"})
        used = f"CPU {found['cpu']:.2f} s, peak {found['peak']:.0f} MB"
        print(f"{title}: {seconds:.2f} s{whole}, {used}; first column: {rest}")


if __name__ == "__main__":
    main()
