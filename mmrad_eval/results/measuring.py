"""Measuring: metrics over examples, chunk by chunk, in memory; their statistics to columns with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmrad_eval.core.contracts import Corpus, FloatArray, Metric
from mmrad_eval.core.errors import MissingError, PluginError
from mmrad_eval.core.values import Example
from mmrad_eval.metrics import suite
from mmrad_eval.results.statistics.bootstrap import Part, bootstrap
from mmrad_eval.results.summary import ColumnSummary, Missing


@dataclass(eq=False)
class Measured:
    """One metric on its way through the studies."""

    metric: Metric
    context: Any
    signature: str
    shown: bool
    requires: list[Measured] = field(default_factory=list)
    statistics: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def extended(self, rows: slice) -> FloatArray:
        """(rows, k) own statistics, then those it requires."""
        return np.concatenate([m.statistics[rows] for m in (self, *self.requires)], axis=1)


def fit_all(metrics: Sequence[Metric], corpus: Corpus, lacking: dict[str, Missing]) -> list[Measured]:
    """Each metric with its context, required ones first; what can't be had goes to ``lacking``."""
    done: dict[str, Measured] = {}
    asked = {metric.name: metric for metric in metrics}

    def fitted(metric: Metric, *, shown: bool) -> Measured:
        if metric.name not in done:
            requires = [
                fitted(asked[n], shown=True) if n in asked else fitted(_made(n), shown=False) for n in metric.requires
            ]
            context = metric.fit(corpus)
            done[metric.name] = Measured(metric, context, metric.signature(context), shown, requires)
        return done[metric.name]

    for metric in metrics:
        try:
            fitted(metric, shown=True)
        except MissingError as error:
            lacking[metric.name] = Missing(error.what, error.remedy)
    return list(done.values())


def _made(name: str) -> Metric:
    """A metric that another one requires and that was not asked for."""
    made = suite([name])
    if made.missing:
        raise MissingError(made.missing[0].what, made.missing[0].remedy)
    return next(metric for metric in made if metric.name == name)


def measure_all(
    measured: list[Measured],
    chunks: Iterable[Sequence[Example]],
    n: int,
    lacking: dict[str, Missing],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fill each metric's (n, k) statistics; those that turn out to lack something move to ``lacking``."""
    for m in measured:
        m.statistics = np.empty((n, len(m.metric.statistics)))
    start = 0
    for examples in chunks:
        rows = slice(start, start + len(examples))
        for m in list(measured):
            if m not in measured:
                continue  # it required one that was taken out
            try:
                m.statistics[rows] = _checked(m, examples)
            except MissingError as error:
                _drop(m, measured, lacking, Missing(error.what, error.remedy))
        start += len(examples)
        if progress:
            progress(start, n)


def _drop(gone: Measured, measured: list[Measured], lacking: dict[str, Missing], why: Missing) -> None:
    """Take out a metric and those that require it."""
    for m in [m for m in measured if m is gone or gone in m.requires]:
        measured.remove(m)
        if m.shown:
            lacking[m.metric.name] = why


def _checked(m: Measured, examples: Sequence[Example]) -> FloatArray:
    found = np.asarray(m.metric.measure(examples, m.context), dtype=np.float64)
    wanted = (len(examples), len(m.metric.statistics))
    if found.shape != wanted:
        raise PluginError(f"metric {m.metric.name}: measure returned {found.shape} statistics, {wanted} are declared")
    if not np.isfinite(found).all():
        row, column = np.argwhere(~np.isfinite(found))[0]
        raise PluginError(
            f"metric {m.metric.name}: statistic {m.metric.statistics[column]!r} of study "
            f"{examples[row].study.id!r} is {found[row, column]}; statistics are finite, and an undefined value is "
            "a count of 0"
        )
    return found


def summarise(
    measured: Sequence[Measured], clusters: Sequence[str], resamples: int, seed: int
) -> dict[str, ColumnSummary]:
    """Value, interval and coverage of each column that was asked for; ``clusters`` (n,) are patients."""
    shown = [m for m in measured if m.shown]
    if not shown:
        return {}
    n = len(clusters)
    start, where = 0, {}
    for m in measured:
        where[m.signature] = list(range(start, start + m.statistics.shape[1]))
        start += m.statistics.shape[1]
    shared = np.concatenate([m.statistics for m in measured], axis=1)
    parts = [Part([i for r in (m, *m.requires) for i in where[r.signature]], m.metric.reduce) for m in shown]
    estimates = bootstrap(shared, clusters, parts, resamples=resamples, seed=seed)
    columns: dict[str, ColumnSummary] = {}
    at = 0
    for m in shown:
        with np.errstate(all="ignore"):  # as above
            defined = np.isfinite(np.asarray(m.metric.reduce(m.extended(slice(None))))).sum(axis=0)
        for i, column in enumerate(m.metric.columns):
            columns[column.label] = ColumnSummary(
                value=_number(estimates.value[at]) if n else None,
                low=_number(estimates.low[at]),
                high=_number(estimates.high[at]),
                n=n,
                defined=int(defined[i]) if n else 0,
                name=column.name,
                profile=column.profile,
                metric=m.metric.name,
                signature=m.signature,
                better=column.better,
                best=column.best,
            )
            at += 1
    return columns


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
