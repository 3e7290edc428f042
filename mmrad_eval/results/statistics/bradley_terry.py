"""Strengths from pairwise preferences with ties: Davidson's extension of the Bradley-Terry model.

Davidson, J Am Stat Assoc 1970: of two systems with worths p and q, the first is preferred with a chance proportional to
p, the second to q, and neither to nu sqrt(p q). Strengths are log worths, with mean 0. Where one side was never, or
nearly never, preferred, the likelihood has no maximum: half a preference of each kind is then added to every pair that
was compared, which keeps the strengths finite and draws them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray

_STEPS, _CLOSE, _FAR = 50, 1e-9, 12.0
"""Newton steps; a step that is none; log odds beyond which there is no maximum nearby."""
_ADDED = 0.5


@dataclass(frozen=True)
class Strengths:
    """What preferences say of each system."""

    strength: FloatArray
    """(resamples, systems) log worths with mean 0."""
    tie: FloatArray
    """(resamples,) nu: 0 where nothing was a tie."""
    penalized: NDArray[np.bool_]
    """(resamples,) whether half a preference was added to each pair."""


def fit(pairs: Sequence[tuple[int, int]], outcomes: FloatArray, systems: int) -> Strengths:
    """(resamples, pairs, 3) how often the first was preferred, both were level, the second was preferred."""
    with_ties = bool(outcomes[:, :, 1].any())
    design = _design(pairs, systems, with_ties)
    found, whole = _newton(design, outcomes, systems)
    lost = np.flatnonzero(~whole)
    if len(lost):
        kinds = np.array([_ADDED, _ADDED * with_ties, _ADDED])
        compared = outcomes.sum(axis=(0, 2)) > 0
        found[lost] = _newton(design, outcomes[lost] + kinds * compared[:, None], systems)[0]
    strength = found[:, :systems] - found[:, :systems].mean(axis=1, keepdims=True)
    tie = np.exp(found[:, systems]) if with_ties else np.zeros(len(found))
    return Strengths(strength, tie, ~whole)


def strengths_of(
    pairs: Sequence[tuple[int, int]], rows: NDArray[np.int64], values: FloatArray, systems: int
) -> Callable[[FloatArray], FloatArray]:
    """Preferences -> a function of (resamples, readings) weights that returns (resamples, systems) strengths.

    ``rows`` and ``values`` (readings, judged): the pair, and 1 where its first is preferred, 0 level, -1 its second;
    nan where there is no preference.
    """
    outcomes = np.stack([values == 1, values == 0, values == -1], axis=-1).astype(np.float64)
    spread = np.zeros((len(values), len(pairs), 3))
    np.add.at(spread, (np.arange(len(values))[:, None], rows), outcomes)
    flat = spread.reshape(len(values), -1)
    return lambda weights: fit(pairs, (weights @ flat).reshape(len(weights), len(pairs), 3), systems).strength


def _design(pairs: Sequence[tuple[int, int]], systems: int, with_ties: bool) -> FloatArray:
    """(pairs, 3, parameters): the logit of each outcome; where nothing is level, that outcome has no parameters."""
    design = np.zeros((len(pairs), 3, systems + with_ties))
    for row, (first, second) in enumerate(pairs):
        design[row, 0, first] = design[row, 2, second] = 1
        if with_ties:
            design[row, 1, [first, second]] = 0.5
            design[row, 1, systems] = 1
    return design


def _newton(design: FloatArray, outcomes: FloatArray, systems: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(resamples, parameters), and whether the maximum was found and is no edge."""
    resamples, parameters = len(outcomes), design.shape[2]
    at = np.zeros((resamples, parameters))
    totals = outcomes.sum(axis=2)
    never = ~design[:, 1].any(axis=1)
    level = np.zeros((parameters, parameters))
    level[:systems, :systems] = 1.0  # the mean of the strengths is free: this holds it at 0
    flat = design.reshape(-1, parameters)
    twice = (flat[:, :, None] * flat[:, None, :]).reshape(len(flat), -1)
    active = np.arange(resamples)
    settled = np.zeros(resamples, np.bool_)
    for _ in range(_STEPS):
        logits = (at[active] @ flat.T).reshape(-1, len(design), 3)
        logits[:, never, 1] = -np.inf
        chance = np.exp(logits - logits.max(axis=2, keepdims=True))
        chance /= chance.sum(axis=2, keepdims=True)
        expected = totals[active][:, :, None] * chance
        slope = (outcomes[active] - expected).reshape(len(active), -1) @ flat
        mean = (chance[:, :, :, None] * design).sum(axis=2)
        bend = (expected.reshape(len(active), -1) @ twice).reshape(-1, parameters, parameters)
        bend -= (totals[active][:, :, None] * mean).transpose(0, 2, 1) @ mean
        step = np.linalg.solve(bend + level + 1e-10 * np.eye(parameters), slope[:, :, None])[:, :, 0]
        step *= np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(axis=1, keepdims=True), _CLOSE))
        at[active] += step
        done = np.abs(step).max(axis=1) < _CLOSE
        gone = np.abs(at[active]).max(axis=1) > _FAR
        settled[active[done & ~gone]] = True
        active = active[~done & ~gone]
        if not len(active):
            break
    return at, settled
