"""How often intervals of a reader study hold the truth: simulated studies of known preferences, ties and errors.

    .venv/bin/python benchmarks/reader_studies/simulate.py [--studies 2000] [--seed 1] [--only errors] [--tie 0.6]
        [--sizes 20x5,60x8]

Intervals are computed as ``readers merge`` computes them, from 400 resamples, those of strengths from 200. From five
readers on the truth is that of all readers; below, it is that of the readers who were drawn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.reader_studies import simulation
from mmrad_eval.reader_studies.simulation import Scatter, SimulatedReadings
from mmrad_eval.results.statistics.bootstrap import Estimates
from mmrad_eval.results.statistics.bradley_terry import fit, strengths_of
from mmrad_eval.results.statistics.crossed import FEW_READERS, CrossedReadings, difference_of, mean_of

RESAMPLES, DRAWS = {"share": 400, "strengths": 200, "errors": 400}, 10
"""Resamples of a study, and how many sets of them there are: studies take turns, which saves most of the time."""
STRENGTHS = np.array([0.6, 0.0, -0.6])
PAIRS = list(combinations(range(3), 2))
ERRORS = np.array([0.6, 1.1])
SIZES = ((20, 3), (100, 3), (20, 5), (40, 5), (100, 5), (60, 8), (20, 10), (100, 10))
SCATTERS = (Scatter(0.8, 0.4), Scatter(0.8, 0.0))
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)

Study = tuple[Estimates, FloatArray]
"""The intervals of one study, and the truth."""


@dataclass(frozen=True)
class Design:
    """What a study looks like."""

    cases: int
    readers: int
    scatter: Scatter = SCATTERS[0]
    tie: float = 0.6
    """Davidson's parameter: with 0.6 about a quarter of the readings are level, with 0.15 one in fourteen."""

    @property
    def all_readers(self) -> bool:
        """Whether the truth is that of all readers, or of these."""
        return self.readers >= FEW_READERS

    @lru_cache(maxsize=DRAWS)  # noqa: B019 (a design lives as long as the process)
    def crossed(self, seed: int, resamples: int) -> CrossedReadings:
        """Every case by every reader."""
        names = list(product(range(self.cases), range(self.readers)))
        cases, readers = [f"case {case}" for case, _ in names], [f"reader {reader}" for _, reader in names]
        return CrossedReadings(cases, readers, resamples=resamples, seed=seed)


def marginal(lead: FloatArray, tie: float, deviation: float) -> FloatArray:
    """(..., 3) chances of the outcomes over a normal effect on the log odds."""
    chances = simulation.outcome_chances(lead[..., None] + deviation * _NODES, tie)
    found: FloatArray = (chances * (_WEIGHTS / _WEIGHTS.sum())[:, None]).sum(axis=-2)
    return found


def true_chances(lead: FloatArray, drawn: SimulatedReadings, design: Design) -> FloatArray:
    """(pairs, 3) over all cases, and over all readers or these."""
    scatter = design.scatter
    if design.all_readers:
        return marginal(lead, design.tie, float(np.hypot(scatter.cases, scatter.readers)))
    found: FloatArray = marginal(lead + drawn.effects, design.tie, scatter.cases).mean(axis=0)
    return found


def preferences(design: Design, strengths: FloatArray, random: np.random.Generator) -> SimulatedReadings:
    """Every pair, in every case, by every reader."""
    size = {"cases": design.cases, "readers": design.readers, "scatter": design.scatter}
    return simulation.preferences(strengths, design.tie, random=random, **size)  # type: ignore[arg-type]


def share(design: Design, random: np.random.Generator, crossed: CrossedReadings) -> Study:
    """The share of preferences for the first of two systems, a tie being half of one."""
    drawn = preferences(design, STRENGTHS[:2], random)
    chances = true_chances(STRENGTHS[:1] - STRENGTHS[1:2], drawn, design)
    return crossed.estimate(mean_of((drawn.values + 1) / 2), "share"), chances[:, 0] + chances[:, 1] / 2


def strengths(design: Design, random: np.random.Generator, crossed: CrossedReadings) -> Study:
    """Davidson's strengths of three systems."""
    drawn = preferences(design, STRENGTHS, random)
    lead = np.array([STRENGTHS[a] - STRENGTHS[b] for a, b in PAIRS])
    truth = fit(PAIRS, 1000 * true_chances(lead, drawn, design)[None], 3).strength[0]
    rows = np.repeat(np.arange(len(PAIRS))[None], len(drawn.values), axis=0)
    return crossed.estimate(strengths_of(PAIRS, rows, drawn.values, 3)), truth


def errors(design: Design, random: np.random.Generator, crossed: CrossedReadings) -> Study:
    """Mean errors of two systems, and their difference."""
    drawn = simulation.error_counts(ERRORS, design.cases, design.readers, scatter=design.scatter, random=random)
    truth = ERRORS if design.all_readers else ERRORS * np.exp(drawn.effects[:, 0]).mean()
    means = crossed.estimate(mean_of(drawn.values), "count")
    apart = crossed.estimate(difference_of(drawn.values[:, 0], drawn.values[:, 1]))
    both = (np.concatenate(pair) for pair in zip(_ends(means), _ends(apart), strict=True))
    return Estimates(*both), np.append(truth, truth[1] - truth[0])


def _ends(found: Estimates) -> tuple[FloatArray, FloatArray, FloatArray]:
    return found.value, found.low, found.high


Quantity = Callable[[Design, np.random.Generator, CrossedReadings], Study]
QUANTITIES: dict[str, Quantity] = {"share": share, "strengths": strengths, "errors": errors}


def coverage(name: str, design: Design, studies: int, seed: int = 1) -> FloatArray:
    """(3, values) the shares of studies whose interval holds the truth, lies below it, lies above it."""

    def held() -> Iterator[FloatArray]:
        random = np.random.default_rng(seed)
        for number in range(studies):
            crossed = design.crossed(DRAWS * seed + number % DRAWS, RESAMPLES[name])
            found, truth = QUANTITIES[name](design, random, crossed)
            below, above = found.high < truth, found.low > truth
            yield np.array([(found.low <= truth) & (truth <= found.high), below, above], dtype=np.float64)

    covered: FloatArray = np.mean(list(held()), axis=0)
    return covered


def main() -> None:
    """Print one line a setting: for each value what holds the truth, and in brackets what lies below and above it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=QUANTITIES, action="append")
    parser.add_argument("--tie", type=float, default=0.6)
    parser.add_argument("--sizes", default=",".join(f"{cases}x{readers}" for cases, readers in SIZES))
    given = parser.parse_args()
    sizes = [tuple(map(int, size.split("x"))) for size in given.sizes.split(",")]
    for name, scatter, (cases, readers) in product(given.only or QUANTITIES, SCATTERS, sizes):
        began = time.perf_counter()
        design = Design(cases, readers, scatter, given.tie)
        covered = coverage(name, design, given.studies, given.seed).T
        values = ", ".join(f"{held:.3f} ({below:.3f} {above:.3f})" for held, below, above in covered)
        words = f"{name}: {cases} cases, {readers} readers (sd {scatter.readers:g})"
        print(f"{words}: {values}  [{time.perf_counter() - began:.0f} s]", flush=True)


if __name__ == "__main__":
    main()
