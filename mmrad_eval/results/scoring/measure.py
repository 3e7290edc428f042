"""Measuring: metrics over examples, chunk by chunk, in memory; their statistics to columns with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmrad_eval.core.contracts import Corpus, FloatArray, Metric, Sharing
from mmrad_eval.core.errors import MissingError, PluginError
from mmrad_eval.core.values import Example
from mmrad_eval.metrics import judge_metrics, suite
from mmrad_eval.results.run.summary import ColumnSummary, MissingColumns
from mmrad_eval.results.statistics.bootstrap import StatisticsPart, bootstrap_sums
from mmrad_eval.results.statistics.weights import cluster_index, cluster_sums

_ROWS = 2048  # studies whose own values are held at once


@dataclass(eq=False)
class Measured:
    """One metric on its way through the studies."""

    metric: Metric
    context: Any
    signature: str
    shown: bool
    requires: list[Measured] = field(default_factory=list)
    store: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    """(n, K) the statistics of all metrics; this one's are the columns ``at``."""
    at: range = range(0)

    @property
    def statistics(self) -> FloatArray:
        """(n, k) own statistics."""
        return self.store[:, self.at.start : self.at.stop]

    def extended(self, rows: slice) -> FloatArray:
        """(rows, k) own statistics, then those it requires."""
        return self.store[rows, self.positions] if self.requires else self.statistics[rows]

    @property
    def positions(self) -> Sequence[int]:
        """Columns of the store that ``reduce`` takes."""
        return [i for m in (self, *self.requires) for i in m.at] if self.requires else self.at

    def values(self) -> Iterator[FloatArray]:
        """(rows, columns) each study's own values, some studies at a time."""
        for start in range(0, len(self.store), _ROWS):
            with np.errstate(all="ignore"):  # an undefined value is nan, by contract
                yield np.asarray(self.metric.reduce(self.extended(slice(start, start + _ROWS))), dtype=np.float64)


def fit_all(metrics: Sequence[Metric], corpus: Corpus, lacking: dict[str, MissingColumns]) -> list[Measured]:
    """Each metric with its context, required ones first; what can't be had goes to ``lacking``."""
    done: dict[str, Measured] = {}
    asked = {metric.name: metric for metric in metrics}

    def fitted(metric: Metric, *, shown: bool) -> Measured:
        if metric.name not in done:
            if judge_metrics.asks(metric):
                raise MissingError(judge_metrics.WHAT, judge_metrics.REMEDY)
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
            lacking[metric.name] = MissingColumns(error.what, error.remedy)
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
    lacking: dict[str, MissingColumns],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fill each metric's (n, k) statistics; those that turn out to lack something move to ``lacking``."""
    store = np.empty((n, _places(measured)))
    for m in measured:
        m.store = store
    start = 0
    for examples in chunks:
        rows = slice(start, start + len(examples))
        filled: set[range] = set()
        for m in list(measured):
            if m not in measured or m.at in filled:
                continue  # it required one that was taken out, or another one has the same statistics
            try:
                m.statistics[rows] = _checked(m, examples)
                filled.add(m.at)
            except MissingError as error:
                _drop(m, measured, lacking, MissingColumns(error.what, error.remedy))
        start += len(examples)
        if progress:
            progress(start, n)


def _places(measured: Sequence[Measured]) -> int:
    """Give each metric its columns of the store, those that share statistics the same ones; returns their number."""
    shared: dict[tuple[str, int], range] = {}
    end = 0
    for m in measured:
        k = len(m.metric.statistics)
        same = (m.metric.measures, k) if isinstance(m.metric, Sharing) else None
        if same in shared:
            m.at = shared[same]
            continue
        m.at = range(end, end + k)
        end += k
        if same is not None:
            shared[same] = m.at
    return end


def _drop(gone: Measured, measured: list[Measured], lacking: dict[str, MissingColumns], why: MissingColumns) -> None:
    """Take out a metric and those that require it."""
    measured.remove(gone)
    if gone.shown:
        lacking[gone.metric.name] = why
    for m in [m for m in measured if gone in m.requires]:
        if m in measured:
            _drop(m, measured, lacking, why)


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
    measured: Sequence[Measured], clusters: Sequence[str], resamples: int, seed: int, *, last: bool = False
) -> dict[str, ColumnSummary]:
    """Value, interval and coverage of each column that was asked for; ``clusters`` (n,) are patients.

    With ``last``, nothing else will be done with what was measured, and the statistics are let go of.
    """
    shown = [m for m in measured if m.shown]
    if not shown:
        return {}
    n = len(clusters)
    parts = [StatisticsPart(m.positions, m.metric.reduce) for m in shown]
    coverage = [sum((np.isfinite(v).sum(axis=0) for v in m.values()), np.zeros(len(m.metric.columns))) for m in shown]
    names, index = cluster_index(clusters)
    sums = cluster_sums(shown[0].store, index, len(names), in_place=last)
    if last:  # they are as large as the sums
        for m in measured:
            m.store = np.empty((0, 0))
    estimates = bootstrap_sums(sums, parts, resamples=resamples, seed=seed)
    columns: dict[str, ColumnSummary] = {}
    at = 0
    for m, defined in zip(shown, coverage, strict=True):
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
