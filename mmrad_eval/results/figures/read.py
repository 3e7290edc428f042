"""What figures read from answers: steps, lengths, regions, findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import UNSCORED_STATUSES, Trace
from mmrad_eval.results.run.folder import RunFolder


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
        trace = answer.trace or answer.shown
        reading.own = reading.own or answer.trace is not None
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


def binned(lengths: Sequence[int], values: FloatArray, bins: int = 5) -> list[tuple[float, float, float]]:
    """(mean length, mean value, standard error) in bins of equally many studies; undefined values are left out."""
    x, y = np.asarray(lengths, dtype=np.float64), np.asarray(values, dtype=np.float64)
    kept = np.isfinite(y)
    x, y = x[kept], y[kept]
    if len(x) < 2:
        return []
    order = np.argsort(x, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(x) // 2 or 1)) if len(part)]
    return [(float(x[p].mean()), float(y[p].mean()), float(y[p].std() / np.sqrt(len(p)))) for p in parts]
