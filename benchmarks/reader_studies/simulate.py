"""How often intervals of a reader study hold the truth: simulated studies of known preferences, ties and errors.

    .venv/bin/python benchmarks/reader_studies/simulate.py [--studies 2000]

Intervals are computed as ``readers merge`` computes them, from 400 resamples. From five readers on the truth is that of
all readers; below, it is that of the readers who were drawn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import combinations, product

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.reader_studies import simulation
from mmrad_eval.reader_studies.simulation import Scatter, SimulatedReadings
from mmrad_eval.results.statistics.bootstrap import Estimates
from mmrad_eval.results.statistics.bradley_terry import fit, strengths_of
from mmrad_eval.results.statistics.crossed import FEW_READERS, CrossedReadings, mean_of

RESAMPLES = 400
TIE = 0.6
STRENGTHS = np.array([0.6, 0.0, -0.6])
PAIRS = list(combinations(range(3), 2))
ERRORS = np.array([0.6, 1.1])
SIZES = ((20, 3), (100, 3), (20, 5), (40, 5), (60, 8))
SCATTERS = (Scatter(0.8, 0.4), Scatter(0.8, 0.0))
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)

Study = tuple[Estimates, FloatArray]
"""The intervals of one study, and the truth."""


def marginal(lead: FloatArray, deviation: float) -> FloatArray:
    """(..., 3) chances of the outcomes over a normal effect on the log odds."""
    chances = simulation.outcome_chances(lead[..., None] + deviation * _NODES, TIE)
    found: FloatArray = (chances * (_WEIGHTS / _WEIGHTS.sum())[:, None]).sum(axis=-2)
    return found


def true_chances(lead: FloatArray, drawn: SimulatedReadings, readers: int, scatter: Scatter) -> FloatArray:
    """(pairs, 3) over all cases, and over all readers or these."""
    if readers >= FEW_READERS:
        return marginal(lead, float(np.hypot(scatter.cases, scatter.readers)))
    found: FloatArray = marginal(lead + drawn.effects, scatter.cases).mean(axis=0)
    return found


def share(cases: int, readers: int, scatter: Scatter, random: np.random.Generator, seed: int) -> Study:
    """The share of preferences for the first of two systems, a tie being half of one."""
    drawn = simulation.preferences(STRENGTHS[:2], TIE, cases, readers, scatter=scatter, random=random)
    crossed = CrossedReadings(drawn.case, drawn.reader, resamples=RESAMPLES, seed=seed)
    chances = true_chances(STRENGTHS[:1] - STRENGTHS[1:2], drawn, readers, scatter)
    return crossed.estimate(mean_of((drawn.values + 1) / 2), "share"), chances[:, 0] + chances[:, 1] / 2


def strengths(cases: int, readers: int, scatter: Scatter, random: np.random.Generator, seed: int) -> Study:
    """Davidson's strengths of three systems."""
    drawn = simulation.preferences(STRENGTHS, TIE, cases, readers, scatter=scatter, random=random)
    crossed = CrossedReadings(drawn.case, drawn.reader, resamples=RESAMPLES, seed=seed)
    lead = np.array([STRENGTHS[a] - STRENGTHS[b] for a, b in PAIRS])
    truth = fit(PAIRS, 1000 * true_chances(lead, drawn, readers, scatter)[None], 3).strength[0]
    rows = np.repeat(np.arange(len(PAIRS))[None], len(drawn.values), axis=0)
    return crossed.estimate(strengths_of(PAIRS, rows, drawn.values, 3)), truth


def errors(cases: int, readers: int, scatter: Scatter, random: np.random.Generator, seed: int) -> Study:
    """Mean errors of two systems."""
    drawn = simulation.error_counts(ERRORS, cases, readers, scatter=scatter, random=random)
    crossed = CrossedReadings(drawn.case, drawn.reader, resamples=RESAMPLES, seed=seed)
    truth = ERRORS if readers >= FEW_READERS else ERRORS * np.exp(drawn.effects[:, 0]).mean()
    return crossed.estimate(mean_of(drawn.values), "count"), truth


QUANTITIES: tuple[tuple[str, Callable[..., Study]], ...] = (
    ("share of preferences", share),
    ("strengths", strengths),
    ("errors per report", errors),
)


def coverage(quantity: Callable[..., Study], cases: int, readers: int, scatter: Scatter, studies: int) -> FloatArray:
    """(values,) the share of studies whose interval holds the truth."""

    def held() -> Iterator[FloatArray]:
        random = np.random.default_rng(1)
        for seed in range(studies):
            found, truth = quantity(cases, readers, scatter, random, seed)
            yield ((found.low <= truth) & (truth <= found.high)).astype(np.float64)

    covered: FloatArray = np.mean(list(held()), axis=0)
    return covered


def main() -> None:
    """Print one line a setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    for (name, quantity), (cases, readers), scatter in product(QUANTITIES, SIZES, SCATTERS):
        began = time.perf_counter()
        covered = ", ".join(f"{value:.3f}" for value in coverage(quantity, cases, readers, scatter, studies))
        words = f"{name}: {cases} cases, {readers} readers (sd {scatter.readers:g})"
        print(f"{words}: {covered}  ({time.perf_counter() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
