"""How many cases and readers a study needs: simulated studies, counted as ``merge`` counts them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmrad_eval.core.errors import UsageError
from mmrad_eval.reader_studies import simulation
from mmrad_eval.reader_studies.simulation import Scatter, SimulatedReadings
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.statistics.crossed import FEW_READERS, CrossedReadings, difference_of, mean_of
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn

RESAMPLES = 200
MIDDLE_RATING, MEAN_ERRORS = 3.5, 1.0
"""Around which ratings differ; what the first system's reports have."""


@dataclass(frozen=True)
class Expected:
    """What a study is expected to find of two systems."""

    form: str
    preference: float = 0.6
    """Of the choices that a typical reader makes of a typical case, the share for the first."""
    ties: float = 0.2
    difference: float = 0.3
    """In levels of a rating, or in errors per report."""
    scatter: Scatter = field(default_factory=Scatter)


@dataclass(frozen=True)
class _Size:
    cases: int
    readers: int
    found: int
    width: float
    """Mean half width of the interval."""


def plan_table(
    expected: Expected,
    cases: Sequence[int],
    readers: Sequence[int],
    *,
    power: float = 0.8,
    studies: int = 400,
    seed: int = 1,
) -> Table:
    """The chance that a study of each size finds what is there, and the smallest size that does as often as asked."""
    _check(expected)
    random = np.random.default_rng(seed)
    sizes = [_simulated(expected, n, m, studies, random) for m in sorted(set(readers)) for n in sorted(set(cases))]
    each = 1 if expected.form == "preference" else 2
    rows = [
        Row(
            {
                "readers": Cell(size.readers),
                "cases": Cell(size.cases),
                "readings": Cell(size.cases * each),
                "power": Cell(size.found / studies, *wilson(size.found, studies)),
                "width": Cell(size.width),
                "about": Cell("these readers only" if size.readers < FEW_READERS else "readers like them"),
            }
        )
        for size in sizes
    ]
    columns = (
        TableColumn("readers", kind="count"),
        TableColumn("cases", kind="count"),
        TableColumn("readings", title="readings per reader", kind="count"),
        TableColumn("power", title="studies that detect the difference, %", kind="percent", interval=True, beside=True),
        TableColumn("width", title="half-width of the interval", kind="score"),
        TableColumn("about", title="generalizes to"),
    )
    notes = [_assumed(expected), _recommended(sizes, each, power, studies)]
    return Table("readers-plan", f"{studies} simulated studies of each size", columns, tuple(rows), tuple(notes))


def _check(expected: Expected) -> None:
    if expected.form == "preference" and not (0 < expected.preference < 1 and 0 <= expected.ties < 1):
        raise UsageError("--preference and --ties are shares: above 0 and below 1, such as --preference 0.6 --ties 0.2")
    if expected.form == "errors" and expected.difference >= MEAN_ERRORS:
        raise UsageError(
            f"--difference {expected.difference:g}: reports have {MEAN_ERRORS:g} errors; name a smaller difference"
        )


def _simulated(expected: Expected, cases: int, readers: int, studies: int, random: np.random.Generator) -> _Size:
    found, widths = 0, []
    for number in range(studies):
        drawn = _drawn(expected, cases, readers, random)
        crossed = CrossedReadings(drawn.case, drawn.reader, resamples=RESAMPLES, seed=number)
        if expected.form == "preference":
            estimate, nothing = crossed.estimate(mean_of((drawn.values + 1) / 2), "share"), 0.5
        else:
            estimate, nothing = crossed.estimate(difference_of(drawn.values[:, 0], drawn.values[:, 1])), 0.0
        low, high = float(estimate.low[0]), float(estimate.high[0])
        found += not low <= nothing <= high
        widths.append((high - low) / 2)
    return _Size(cases, readers, found, float(np.mean(widths)))


def _drawn(expected: Expected, cases: int, readers: int, random: np.random.Generator) -> SimulatedReadings:
    scatter, half = expected.scatter, expected.difference / 2
    if expected.form == "preference":
        lead = math.log(expected.preference / (1 - expected.preference))
        tie = expected.ties / (1 - expected.ties) * 2 * math.cosh(lead / 2)
        strengths = np.array([lead / 2, -lead / 2])
        return simulation.preferences(strengths, tie, cases, readers, scatter=scatter, random=random)
    if expected.form == "errors":
        means = np.array([MEAN_ERRORS, MEAN_ERRORS - expected.difference])
        return simulation.error_counts(means, cases, readers, scatter=scatter, random=random)
    means = np.array([MIDDLE_RATING - half, MIDDLE_RATING + half])
    return simulation.ratings(means, cases, readers, scatter=scatter, random=random)


def _assumed(expected: Expected) -> str:
    scatter = f"standard deviation of cases {expected.scatter.cases:g} and of readers {expected.scatter.readers:g}"
    if expected.form == "preference":
        return (
            f"Two systems; a typical reader of a typical case has {expected.ties:.0%} ties and, of the other choices, "
            f"{expected.preference:.0%} for the first; {scatter}, in log odds."
        )
    unit = "in logs" if expected.form == "errors" else "in levels"
    what = f"{MEAN_ERRORS:g} errors per report" if expected.form == "errors" else f"ratings around {MIDDLE_RATING:g}"
    return f"Two systems; {what}, a difference of {expected.difference:g}; {scatter}, {unit}."


def _recommended(sizes: Sequence[_Size], each: int, power: float, studies: int) -> str:
    """The size with the fewest readings in all, of those that say something about other readers if there are any."""
    enough = [size for size in sizes if size.found >= power * studies]
    several = [size for size in enough if size.readers >= FEW_READERS]
    if not enough:
        return f"No size detects it in {power:.0%} of the studies: name more cases or readers."
    best = min(several or enough, key=lambda size: (size.cases * size.readers, size.readers))
    words = f"Recommended: {best.readers} readers, {best.cases} cases, {best.cases * each} readings per reader"
    if several:
        return f"{words}; the fewest readings that detect it in {power:.0%} of the studies."
    return f"{words}; with fewer than {FEW_READERS} readers the study generalizes to no other readers."
