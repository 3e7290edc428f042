"""How often subgroups that do not differ are found to differ, and how often subgroups that do are.

    .venv/bin/python benchmarks/statistics/subgroups.py [--sets 2000]

Each data set has studies of patients whose values agree, a corpus F1 of findings and a skewed mean. Printed for each
design: the share of data sets in which the smallest max-T of all pairs, any simultaneous interval, and the least max-T
of each subgroup against the rest say that there is a difference at 5 %.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from mmrad_eval.results.statistics.bootstrap import StatisticsPart
from mmrad_eval.results.statistics.grouped import contrasts, grouped, simultaneous

RESAMPLES = 1000
DESIGNS = ((200, 150, 2), (200, 150, 5), (100, 40, 3), (60, 60, 2), (1000, 700, 5))
"""Studies, patients, subgroups."""


def columns(sums: Any) -> Any:
    """(..., 5) sums -> a corpus F1 and a mean."""
    f1 = 2 * sums[..., 0] / (2 * sums[..., 0] + sums[..., 1] + sums[..., 2])
    return np.stack([f1, sums[..., 3] / sums[..., 4]], axis=-1)


def found(rng: np.random.Generator, studies: int, patients: int, groups: int, effect: float) -> tuple[bool, bool, bool]:
    """Whether a difference is found, in the three ways; ``effect`` is what the first subgroup gains in log odds."""
    patient = rng.integers(patients, size=studies)
    group = rng.integers(groups, size=studies) if groups > 2 else patient % 2
    ability = rng.normal(0, 0.5, patients)[patient] + 0.4 + effect * (group == 0)
    findings = rng.integers(4, size=studies)
    hits = rng.binomial(findings, 1 / (1 + np.exp(-ability)))
    skewed = rng.beta(2, 5, studies) + 0.1 * effect * (group == 0)
    statistics = np.column_stack([hits, rng.poisson(0.8, studies), findings - hits, skewed, np.ones(studies)])
    members = group == np.arange(groups)[:, None]
    parts = [StatisticsPart(range(5), columns)]
    every = grouped(
        statistics, [f"p{i}" for i in patient], members, parts, resamples=RESAMPLES, seed=int(rng.integers(1 << 30))
    )
    size = np.array([len(set(patient[inside])) for inside in members], dtype=np.float64)
    outside = np.array([len(set(patient[~inside])) for inside in members], dtype=np.float64)
    a, b = np.triu_indices(groups, 1)
    value, drawn = every.value[0][b] - every.value[0][a], every.replicated[:, 0][:, b] - every.replicated[:, 0][:, a]
    smaller = np.minimum(size[a], size[b])
    pairs = contrasts(value.ravel(), drawn.reshape(RESAMPLES, -1), np.repeat(smaller, 2))
    low, high = simultaneous(value[:, 0], drawn[:, :, 0], smaller)
    rest = contrasts(
        (every.value[0] - every.value[1]).ravel(),
        (every.replicated[:, 0] - every.replicated[:, 1]).reshape(RESAMPLES, -1),
        np.repeat(np.minimum(size, outside), 2),
    )
    apart = bool(((low > 0) | (high < 0)).any())
    return bool(np.nanmin(pairs.p) <= 0.05), apart, bool(np.nanmin(rest.p) <= 0.05)


def main() -> None:
    """Simulate each design without and with a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=2000)
    sets = parser.parse_args().sets
    print("studies patients groups effect   pairs  interval  rest")
    for effect in (0.0, 1.0):
        for design in DESIGNS:
            rng = np.random.default_rng(20_260_527)
            shares = np.mean([found(rng, *design, effect) for _ in range(sets if not effect else sets // 10)], axis=0)
            numbers = "  ".join(f"{share:.3f}" for share in shares)
            print("{:7d} {:8d} {:6d}".format(*design), f"{effect:6.1f}   {numbers}", flush=True)


if __name__ == "__main__":
    main()
