"""Reader studies with a known truth: preferences, error counts and ratings of readers and cases that differ.

Cases and readers each have an effect of their own on what they find, drawn from normal distributions, so that readings
of one case, or by one reader, resemble each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mmrad_eval.core.contracts import FloatArray


@dataclass(frozen=True)
class Scatter:
    """Standard deviations of the effects, on the scale of log odds (preferences), logs (errors) or levels (ratings)."""

    cases: float = 0.8
    readers: float = 0.4


@dataclass(frozen=True)
class SimulatedReadings:
    """Readings of every case by every reader, (readings,) each."""

    case: list[str]
    reader: list[str]
    values: FloatArray
    """Preferences: (readings, pairs) 1 the first, 0 level, -1 the second. Else (readings, systems)."""
    effects: FloatArray
    """(readers, pairs or systems) the readers' own effects."""


def outcome_chances(lead: FloatArray, tie: float) -> FloatArray:
    """(...) log odds of the first over the second -> (..., 3) chances of first, level, second (Davidson)."""
    logits = np.stack([lead / 2, np.full(lead.shape, np.log(tie) if tie else -np.inf), -lead / 2], axis=-1)
    chances = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: FloatArray = chances / chances.sum(axis=-1, keepdims=True)
    return shares


def preferences(
    strengths: FloatArray, tie: float, cases: int, readers: int, *, scatter: Scatter, random: np.random.Generator
) -> SimulatedReadings:
    """Every pair of systems with these log worths, in every case, by every reader."""
    pairs = list(combinations(range(len(strengths)), 2))
    lead = np.array([strengths[a] - strengths[b] for a, b in pairs])
    by_reader = random.normal(0, scatter.readers, (readers, len(pairs)))
    by_case = random.normal(0, scatter.cases, (cases, len(pairs)))
    chances = outcome_chances(lead + by_case[:, None] + by_reader, tie)
    drawn = random.random(chances.shape[:-1])
    values = (drawn < chances[..., 0]).astype(np.float64) - (drawn >= chances[..., 0] + chances[..., 1])
    return _readings(values, by_reader)


def error_counts(
    means: FloatArray, cases: int, readers: int, *, scatter: Scatter, random: np.random.Generator
) -> SimulatedReadings:
    """Errors of each system's report: Poisson, around a mean that cases and readers multiply."""
    by_reader = random.normal(0, scatter.readers, (readers, 1)) - scatter.readers**2 / 2
    by_case = random.normal(0, scatter.cases, (cases, 1, len(means))) - scatter.cases**2 / 2
    values = random.poisson(means * np.exp(by_case + by_reader)).astype(np.float64)
    return _readings(values, np.repeat(by_reader, len(means), axis=1))


def ratings(
    means: FloatArray,
    cases: int,
    readers: int,
    *,
    scatter: Scatter,
    random: np.random.Generator,
    noise: float = 0.7,
) -> SimulatedReadings:
    """Ratings from 1 to 5 of each system's report: a normal latent, rounded."""
    by_reader = random.normal(0, scatter.readers, (readers, 1))
    by_case = random.normal(0, scatter.cases, (cases, 1, len(means)))
    latent = means + by_case + by_reader + random.normal(0, noise, (cases, readers, len(means)))
    return _readings(np.clip(np.rint(latent), 1, 5), np.repeat(by_reader, len(means), axis=1))


def _readings(values: FloatArray, effects: FloatArray) -> SimulatedReadings:
    cases, readers, _ = values.shape
    return SimulatedReadings(
        [f"case {i}" for i in range(cases) for _ in range(readers)],
        [f"reader {i}" for _ in range(cases) for i in range(readers)],
        values.reshape(cases * readers, -1),
        effects,
    )
