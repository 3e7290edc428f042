"""What figures read from answers: steps, lengths, regions, findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import UNSCORED_STATUSES, Trace
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.statistics.bootstrap import StatisticsPart, bootstrap

FEWEST, MIN_BINS = 20, 2
"""Studies that a point of a score by length rests on at least, and points that make a line."""


@dataclass
class Reading:
    """One run's answers, counted."""

    name: str
    steps: list[int] = field(default_factory=list)
    """Steps of each trace that has any."""
    words: list[int] = field(default_factory=list)
    """Words of each trace."""
    report: dict[str, int] = field(default_factory=dict)
    """Study -> words of its report."""
    own: bool = False
    """Whether the traces are the model's own, not shown to it."""
    categories: Counter[str] = field(default_factory=Counter)
    """Region category -> steps."""


def read_answers(folder: RunFolder, name: str) -> Reading:
    """Count the answers of a run: the trace that the model wrote, or else the one that it was shown."""
    reading = Reading(name)
    for answer in folder.answers():
        if answer.status in UNSCORED_STATUSES:
            continue
        reading.report[answer.study] = len(answer.report.text.split())
        own = answer.trace.reasoned() if answer.trace else None
        trace = own or answer.shown
        reading.own = reading.own or own is not None
        if trace is not None:
            _count(reading, trace)
    return reading


def _count(reading: Reading, trace: Trace) -> None:
    words = len(trace.text.split()) + sum(len(step.text.split()) for step in trace.steps)
    if trace.steps:
        reading.steps.append(len(trace.steps))
        reading.categories.update(step.category for step in trace.steps)
    if words:
        reading.words.append(words)


def findings(texts: Sequence[str]) -> dict[str, int]:
    """CheXpert observation -> texts that state it, by the rules of this package; most frequent first."""
    from mmrad_eval.metrics.facts.labels import LABELS, POSITIVE, label_many

    codes = label_many(list(texts))
    counts = (codes == POSITIVE).sum(axis=0)
    return dict(sorted(((name, int(n)) for name, n in zip(LABELS, counts, strict=True) if n), key=lambda x: -x[1]))


class LengthPoint(NamedTuple):
    """A column over studies whose reports are about as long; nan where there is no interval."""

    words: float
    value: float
    low: float
    high: float
    studies: int


def fifths(
    words: Sequence[int],
    statistics: FloatArray,
    clusters: Sequence[str],
    parts: Sequence[StatisticsPart],
    column: int,
    *,
    bins: int = 5,
) -> list[LengthPoint]:
    """A column over each fifth of the studies by length, with its interval; undefined values are left out.

    Fewer and larger parts where a fifth would hold under ``FEWEST`` studies, and none where two would. ``words``: of
    each study's report; ``statistics`` (studies, K) and ``clusters`` as ``bootstrap`` takes them.
    """
    lengths = np.asarray(words, dtype=np.float64)
    bins = min(bins, len(lengths) // FEWEST)
    if bins < MIN_BINS:
        return []
    points = []
    for rows in np.array_split(np.argsort(lengths, kind="stable"), bins):
        found = bootstrap(statistics[rows], [clusters[i] for i in rows], parts)
        value, low, high = (float(of[column]) for of in (found.value, found.low, found.high))
        if np.isfinite(value):
            points.append(LengthPoint(float(lengths[rows].mean()), value, low, high, len(rows)))
    return points
