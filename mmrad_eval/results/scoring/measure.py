"""Measuring: the one path from metrics and examples to statistics, values and columns with intervals.

Scoring, scores of texts, and every check of numbers go through ``measure``: metrics that others require come first,
equal statistics are measured and held once, a wrong shape or an undefined number is refused, and a metric that lacks
something is named with the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import Corpus, FloatArray, Metric, Sharing
from mmrad_eval.core.errors import MissingError
from mmrad_eval.core.values import Example
from mmrad_eval.metrics import Suite, judge_metrics, suite
from mmrad_eval.results.run.summary import ColumnSummary, MissingColumns
from mmrad_eval.results.scoring import languages
from mmrad_eval.results.scoring.chunk import Chunk, ChunkMeasurer, Fitted, Mapper, in_chunks
from mmrad_eval.results.scoring.languages import LanguageTally, ReferenceLanguages
from mmrad_eval.results.statistics.bootstrap import StatisticsPart, bootstrap_sums, finite
from mmrad_eval.results.statistics.weights import cluster_index, cluster_sums

_ROWS = 2048  # studies whose own values are held at once


_EVERY = slice(None)


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

    def extended(self, rows: slice | NDArray[np.bool_] = _EVERY) -> FloatArray:
        """(rows, k) own statistics, then those it requires; ``rows`` is a slice or a mask of studies."""
        return self.store[rows][:, self.positions] if self.requires else self.statistics[rows]

    @property
    def positions(self) -> Sequence[int]:
        """Columns of the store that ``reduce`` takes."""
        return [i for m in (self, *self.requires) for i in m.at] if self.requires else self.at

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., k) extended statistics or their sums -> (..., columns); nan where undefined."""
        with np.errstate(all="ignore"):  # an undefined value is nan, by contract
            columns: FloatArray = np.asarray(self.metric.reduce(sums), dtype=np.float64)
        return columns

    def values(self) -> Iterator[FloatArray]:
        """(rows, columns) each study's own values, some studies at a time."""
        for start in range(0, len(self.store), _ROWS):
            yield self.reduce(self.extended(slice(start, start + _ROWS)))

    @property
    def own(self) -> FloatArray:
        """(n, columns) each study's own values."""
        return np.concatenate([np.empty((0, len(self.metric.columns))), *self.values()])


@dataclass
class Measurement:
    """What was measured, and what could not be."""

    metrics: list[Measured]
    """Those that others require included, each before what requires it."""
    lacking: dict[str, MissingColumns]
    """Registry name of a metric that was asked for -> why it has no numbers."""
    spoken: LanguageTally = field(default_factory=LanguageTally)
    """Reports that count as empty, and references that a metric left out, because of their language."""

    @property
    def shown(self) -> list[Measured]:
        """Those that were asked for."""
        return [m for m in self.metrics if m.shown]

    def complete(self) -> list[Measured]:
        """Those that were asked for; MissingError where one could not be measured."""
        for name, missing in self.lacking.items():
            raise MissingError(f"{name} can't be computed: {missing.what}", missing.remedy)
        return self.shown


def measure(
    metrics: Sequence[Metric],
    corpus: Corpus,
    examples: Iterable[Chunk],
    n: int,
    *,
    mapper: Mapper = map,
    progress: Callable[[int, int], None] | None = None,
) -> Measurement:
    """Fit ``metrics`` to the corpus and measure ``n`` examples, which come in chunks.

    ``mapper`` applies the measuring of one chunk to all of them; ``progress`` is told how many examples are done.
    """
    suite_of = metrics if isinstance(metrics, Suite) else Suite(metrics)
    spoken = languages.spoken(corpus)
    found, portable = _fit(suite_of, corpus, spoken)
    store = np.empty((n, _places(found.metrics)))
    for m in found.metrics:
        m.store = store
    fitted = [Fitted(m.metric, m.context, m.signature, m.at, m.metric.name in portable) for m in found.metrics]
    measurer = ChunkMeasurer(fitted, spoken, suite_of.told, encoders=suite_of.encoders, encoding=suite_of.encoding)
    unread = {m.metric.name: LanguageTally() for m in found.metrics}
    start = 0
    for chunk in mapper(measurer, examples):
        for m in [m for m in found.metrics if m.metric.name in chunk.missing]:
            if m in found.metrics:
                _drop(m, found, chunk.missing[m.metric.name])
        measurer.gone.update(unread.keys() - {m.metric.name for m in found.metrics})
        for at, statistics in chunk.filled.items():
            store[start : start + chunk.n, at.start : at.stop] = statistics
        found.spoken.add(chunk.wrong)
        for name, tally in chunk.unread.items():
            unread[name].add(tally)
        start += chunk.n
        if progress:
            progress(start, n)
    for m in found.metrics:
        found.spoken.add(unread[m.metric.name])
    return found


def measure_examples(
    metrics: Sequence[Metric], corpus: Corpus, examples: Sequence[Example], mapper: Mapper = map
) -> list[Measured]:
    """The same of examples that are at hand; MissingError names a metric that can't be computed here."""
    return measure(metrics, corpus, in_chunks(examples), len(examples), mapper=mapper).complete()


def _fit(metrics: Suite, corpus: Corpus, spoken: ReferenceLanguages) -> tuple[Measurement, AbstractSet[str]]:
    """Each metric with its context, required ones first; and the names of those that workers can make."""
    done: dict[str, Measured] = {}
    portable = set(metrics.portable)
    lacking: dict[str, MissingColumns] = {}
    asked = {metric.name: metric for metric in metrics}

    def fitted(metric: Metric, *, shown: bool) -> Measured:
        if metric.name not in done:
            if judge_metrics.asks(metric):
                raise MissingError(judge_metrics.WHAT, judge_metrics.REMEDY)
            if why := languages.unread_by(metric, corpus, spoken):
                raise MissingError(why, languages.REMEDY)
            requires = [
                fitted(asked[n], shown=True) if n in asked else fitted(_made(n, portable), shown=False)
                for n in metric.requires
            ]
            context = metric.fit(corpus)
            done[metric.name] = Measured(metric, context, metric.signature(context), shown, requires)
        return done[metric.name]

    for metric in metrics:
        try:
            fitted(metric, shown=True)
        except MissingError as error:
            lacking[metric.name] = MissingColumns(error.what, error.remedy)
    return Measurement(list(done.values()), lacking), portable


def _made(name: str, portable: set[str]) -> Metric:
    """A metric that another one requires and that was not asked for."""
    made = suite([name])
    portable |= made.portable
    if made.missing:
        raise MissingError(made.missing[0].what, made.missing[0].remedy)
    return next(metric for metric in made if metric.name == name)


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


def _drop(gone: Measured, found: Measurement, why: MissingColumns) -> None:
    """Take out a metric and those that require it."""
    found.metrics.remove(gone)
    if gone.shown:
        found.lacking[gone.metric.name] = why
    for m in [m for m in found.metrics if gone in m.requires]:
        if m in found.metrics:
            _drop(m, found, why)


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
                value=finite(estimates.value[at]) if n else None,
                low=finite(estimates.low[at]),
                high=finite(estimates.high[at]),
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
