"""Runs, and differences between runs, in subgroups of studies: who is read worse, and whether a gain holds for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.results.comparison.shared_columns import SharedColumns
from mmrad_eval.results.scoring.subgroups import Attribute, Subgroups
from mmrad_eval.results.statistics.bootstrap import LEVEL, RESAMPLES, SEED, Estimates, percentile
from mmrad_eval.results.statistics.grouped import Contrasts, Grouped, contrasts, grouped, simultaneous
from mmrad_eval.results.statistics.paired import run_weights

MIN_PATIENTS = 10
"""Patients below which a subgroup's numbers are not shown: they would say who it is, and nothing about its kind."""


@dataclass(frozen=True)
class Group:
    """One subgroup as far as the compared runs answered it."""

    name: str
    studies: int
    patients: int

    @property
    def shown(self) -> bool:
        """Whether it is large enough for a number."""
        return self.patients >= MIN_PATIENTS


@dataclass(frozen=True)
class Divided:
    """The studies that runs have in common, divided by one attribute."""

    attribute: Attribute
    groups: tuple[Group, ...]
    members: NDArray[np.bool_]
    """(groups, studies)."""
    unknown: int
    """Studies whose subgroup is not known."""

    @property
    def patients(self) -> FloatArray:
        """(groups,) patients of each."""
        return np.array([group.patients for group in self.groups], dtype=np.float64)

    @property
    def shown(self) -> list[int]:
        """Places of the groups that are large enough."""
        return [i for i, group in enumerate(self.groups) if group.shown]


@dataclass(frozen=True)
class Gap:
    """The subgroups between which a column of a run differs most, by their places."""

    worst: int
    best: int
    difference: float
    low: float
    high: float
    """Simultaneous over all pairs of subgroups: the pair was chosen for its size."""
    p: float
    """Adjusted for all pairs and columns of the run."""


def divide(found: SharedColumns, attribute: Subgroups) -> Divided:
    """The shared studies by an attribute; groups that none of them is in are left out.

    DataError where every group is too small.
    """
    groups, members = [], []
    for name, ids in attribute.members.items():
        inside = np.array([study in ids for study in found.ids], dtype=np.bool_)
        if inside.any():
            patients = {cluster for cluster, here in zip(found.clusters, inside, strict=True) if here}
            groups.append(Group(name, int(inside.sum()), len(patients)))
            members.append(inside)
    if not any(group.shown for group in groups):
        names = ", ".join(group.name for group in groups) or "none"
        raise DataError(
            f"--by {attribute.attribute.name}: no group has {MIN_PATIENTS} patients or more among the "
            f"{len(found.ids):,} studies that were scored (groups: {names})"
        )
    unknown = sum(study in attribute.unknown for study in found.ids)
    return Divided(attribute.attribute, tuple(groups), np.array(members).reshape(len(groups), -1), unknown)


def within_run(
    found: SharedColumns, divided: Divided, *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[Estimates, dict[int, Gap]]:
    """One run in each subgroup, (groups, columns) with percentile intervals, and the gap of each column."""
    every = grouped(found.statistics[0], found.clusters, divided.members, found.parts, resamples=resamples, seed=seed)
    value = every.value[0]
    low, high = percentile(every.replicated[:, 0].reshape(resamples, -1))
    inside = Estimates(value, low.reshape(value.shape), high.reshape(value.shape))
    shown = divided.shown
    pairs = [(i, j) for place, i in enumerate(shown) for j in shown[place + 1 :]]
    if not pairs:
        return inside, {}
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    difference = value[second] - value[first]
    replicated = every.replicated[:, 0][:, second] - every.replicated[:, 0][:, first]
    patients = np.minimum(divided.patients[first], divided.patients[second])
    tested = contrasts(difference.ravel(), replicated.reshape(resamples, -1), np.repeat(patients, difference.shape[1]))
    p = tested.p.reshape(difference.shape)
    gaps = {}
    for place, column in enumerate(found.columns):
        sizes = np.abs(difference[:, place])
        if not np.isfinite(sizes).any():
            continue
        chosen = int(np.nanargmax(sizes))
        low, high = simultaneous(difference[:, place], replicated[:, :, place], patients)
        ends = (difference[chosen, place], low[chosen], high[chosen])
        gaps[place] = _gap(pairs[chosen], ends, p[chosen, place], column.sign)
    return inside, gaps


def _gap(pair: tuple[int, int], difference: tuple[float, float, float], p: float, sign: int) -> Gap:
    """The gap from worst to best, never negative."""
    (first, second), (value, low, high) = pair, difference
    if value * sign < 0:
        first, second = second, first
    if value < 0:
        value, low, high = -value, -high, -low
    return Gap(first, second, value, low, high, p)


@dataclass(frozen=True)
class GroupDifferences:
    """A further arm minus the first one within each subgroup; (groups, columns) where not said otherwise."""

    first: FloatArray
    second: FloatArray
    within: Estimates
    """The difference in each subgroup."""
    against: Contrasts
    """That difference minus the one in all other studies, flattened; adjusted for the subgroups, columns and arms."""


def between_runs(
    found: SharedColumns,
    divided: Divided,
    arms: Sequence[int],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> list[GroupDifferences]:
    """Each further arm against the first; ``arms`` says how many runs each has, in the order of the statistics."""
    every = [
        grouped(statistics, found.clusters, divided.members, found.parts, resamples=resamples, seed=seed)
        for statistics in found.statistics
    ]
    starts = np.cumsum([0, *arms])
    sides = [every[start : start + runs] for start, runs in zip(starts, arms, strict=False)]
    made = [_difference(sides[0], side, resamples, seed) for side in sides[1:]]
    shown = np.zeros(len(divided.groups), np.bool_)
    shown[divided.shown] = True
    against = [np.where(shown[:, None], value[0] - value[1], np.nan) for _, value, _ in made]
    size = against[0].size
    rest = np.array(
        [len({c for c, here in zip(found.clusters, ~inside, strict=True) if here}) for inside in divided.members]
    )
    patients = np.repeat(np.minimum(divided.patients, rest), len(found.columns))
    joint = contrasts(
        np.concatenate([value.ravel() for value in against]),
        np.concatenate(
            [
                np.where(shown[:, None], drawn[:, 0] - drawn[:, 1], np.nan).reshape(resamples, -1)
                for _, _, drawn in made
            ],
            axis=1,
        ),
        np.tile(patients, len(made)),
        level=level,
    )
    out = []
    for i, ((first, second), value, drawn) in enumerate(made):
        part = slice(i * size, (i + 1) * size)
        own = Contrasts(joint.value[part], joint.low[part], joint.high[part], joint.p[part])
        low, high = percentile(drawn[:, 0].reshape(resamples, -1), level)
        within = Estimates(value[0], low.reshape(value[0].shape), high.reshape(value[0].shape))
        out.append(GroupDifferences(first, second, within, own))
    return out


def _difference(
    first: Sequence[Grouped], second: Sequence[Grouped], resamples: int, seed: int
) -> tuple[tuple[FloatArray, FloatArray], FloatArray, FloatArray]:
    """Values of both arms in the subgroups, their difference, and the same in each resample of patients and runs."""
    values = [np.mean([run.value for run in side], axis=0) for side in (first, second)]
    weights = run_weights(len(first), len(second), resamples, seed)
    drawn = sum(weights[:, i, None, None, None] * run.replicated for i, run in enumerate([*first, *second]))
    return (values[0][0], values[1][0]), values[1] - values[0], np.asarray(drawn)
