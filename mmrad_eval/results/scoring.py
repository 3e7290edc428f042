"""Scoring: examples to statistics, statistics to scores.parquet and summary.json. No model is asked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.canonical import canonical
from mmrad_eval.core.contracts import Corpus, FloatArray, Metric
from mmrad_eval.core.errors import DataError, MissingError, PluginError
from mmrad_eval.core.values import OPEN_STATUSES, Answer, Example, Status, Study, Target
from mmrad_eval.metrics import Suite, suite
from mmrad_eval.results.folder import RunFolder
from mmrad_eval.results.scores import Block, Rows, Scores, chunks, named, write_scores
from mmrad_eval.results.statistics.bootstrap import LEVEL, RESAMPLES, SEED, Part, bootstrap
from mmrad_eval.results.summary import ColumnSummary, Missing, Summary

CHUNK = 256
"""Studies whose answers and texts are held at once."""


@dataclass(eq=False)
class _Measured:
    """One metric on its way through the studies."""

    metric: Metric
    context: Any
    signature: str
    shown: bool
    requires: list[_Measured] = field(default_factory=list)
    statistics: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def extended(self, rows: slice) -> FloatArray:
        """(rows, k) own statistics, then those it requires."""
        return np.concatenate([m.statistics[rows] for m in (self, *self.requires)], axis=1)


@dataclass
class _Selected:
    """The studies of one scoring, in dataset order."""

    folder: RunFolder
    run: str
    target: Target
    studies: list[Study]
    rows: Rows
    offsets: list[int]
    """Where the answers of the scored ones are in the file of answers."""

    @property
    def scored(self) -> NDArray[np.bool_]:
        """(n,) whether the study is scored."""
        return np.array([bool(answer) for answer in self.rows.answers], dtype=np.bool_)


def score(
    folder: RunFolder,
    studies: Sequence[Study],
    metrics: Sequence[Metric],
    *,
    train: Sequence[Study] = (),
    resamples: int = RESAMPLES,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Measure ``metrics`` over the run's studies; write scores.parquet and summary.json; return the summary.

    ``studies`` is the run's selection; those without a reference for the target are left out. What
    was scored before stays, as long as the answers are the same.
    """
    selected = _select(folder, studies)
    rows = selected.rows
    lacking = {m.name: Missing(m.what, m.remedy) for m in metrics.missing} if isinstance(metrics, Suite) else {}
    measured = _fit(metrics, Corpus(selected.studies, train, selected.target), lacking)
    _measure(selected, measured, lacking, progress)

    old = folder.scores()
    carried, notes = _carried(old, rows, measured)
    new_blocks = _blocks(measured, carried)
    write_scores(folder.path / "scores.parquet", rows, new_blocks, _arrays(measured, selected.scored, old, carried))

    clusters = [study.cluster for study, scored in zip(selected.studies, selected.scored, strict=True) if scored]
    columns = _columns(measured, clusters, resamples, seed)
    before = folder.summary()
    if before is not None and carried:
        signatures = {block.signature for block in carried}
        columns = {
            label: column for label, column in before.columns.items() if column.signature in signatures
        } | columns
    summary = Summary(
        run=selected.run,
        n=len(rows.ids),
        scored=len(clusters),
        statuses=dict(sorted(Counter(rows.statuses).items())),
        studies=hashlib.sha256("\n".join(sorted(rows.ids)).encode()).hexdigest(),
        clusters=len(set(clusters)),
        cluster="patient" if all(study.patient is not None for study in selected.studies) else "study",
        columns=columns,
        missing=lacking,
        notes=tuple(notes),
        level=LEVEL,
        resamples=resamples,
        seed=seed,
    )
    folder.write_summary(summary)
    return summary


def _select(folder: RunFolder, studies: Sequence[Study]) -> _Selected:
    """The studies that count, and where their answers are."""
    run = folder.run
    target = run.deciding.selection.target
    selection = [study for study in studies if study.reference and study.reference.target(target)]
    twice = [name for name, count in Counter(study.id for study in selection).items() if count > 1]
    if twice:
        raise DataError(f"{folder.path}: {len(twice)} study ids occur more than once in the data, such as {twice[0]!r}")
    index = folder.answer_index()
    ids = tuple(study.id for study in selection)
    found = folder.answers_at(index[name] for name in ids if name in index)
    statuses: list[Status] = []
    answers: list[str] = []
    offsets: list[int] = []
    for name in ids:
        answer = next(found) if name in index else Answer(name)
        statuses.append(answer.status)
        if answer.status in OPEN_STATUSES:
            answers.append("")
        else:
            answers.append(_digest(answer))
            offsets.append(index[name])
    rows = Rows(ids, tuple(study.patient for study in selection), tuple(statuses), tuple(answers))
    return _Selected(folder, run.id, target, selection, rows, offsets)


def _digest(answer: Answer) -> str:
    return hashlib.sha256(canonical(answer)).hexdigest()[:16]


def _fit(metrics: Sequence[Metric], corpus: Corpus, lacking: dict[str, Missing]) -> list[_Measured]:
    """Each metric with its context, required ones first; what can't be had goes to ``lacking``."""
    done: dict[str, _Measured] = {}
    asked = {metric.name: metric for metric in metrics}

    def fitted(metric: Metric, *, shown: bool) -> _Measured:
        if metric.name not in done:
            requires = [
                fitted(asked[n], shown=True) if n in asked else fitted(_made(n), shown=False) for n in metric.requires
            ]
            context = metric.fit(corpus)
            done[metric.name] = _Measured(metric, context, metric.signature(context), shown, requires)
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


def _measure(
    selected: _Selected,
    measured: list[_Measured],
    lacking: dict[str, Missing],
    progress: Callable[[int, int], None] | None,
) -> None:
    """Fill each metric's (scored, k) statistics, chunk by chunk; those that turn out to lack something are removed."""
    folder, offsets = selected.folder, selected.offsets
    by_id = {study.id: study for study in selected.studies}
    for m in measured:
        m.statistics = np.empty((len(offsets), len(m.metric.statistics)))
    for start in range(0, len(offsets), CHUNK):
        answers = folder.answers_at(offsets[start : start + CHUNK])
        examples = [Example(by_id[answer.study], answer, selected.target) for answer in answers]
        rows = slice(start, start + len(examples))
        for m in list(measured):
            if m not in measured:
                continue  # it required one that was taken out
            try:
                m.statistics[rows] = _checked(m, examples)
            except MissingError as error:
                _drop(m, measured, lacking, Missing(error.what, error.remedy))
        if progress:
            progress(start + len(examples), len(offsets))


def _drop(gone: _Measured, measured: list[_Measured], lacking: dict[str, Missing], why: Missing) -> None:
    """Take out a metric and those that require it."""
    for m in [m for m in measured if m is gone or gone in m.requires]:
        measured.remove(m)
        if m.shown:
            lacking[m.metric.name] = why


def _checked(m: _Measured, examples: Sequence[Example]) -> FloatArray:
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


def _carried(old: Scores | None, rows: Rows, measured: Sequence[_Measured]) -> tuple[list[Block], list[str]]:
    """Blocks of an earlier scoring that stay, and notes about those that can't."""
    if old is None:
        return [], []
    signatures = {m.signature for m in measured}
    blocks = [block for block in old.blocks if block.signature not in signatures]
    if blocks and (old.rows.ids != rows.ids or old.rows.answers != rows.answers):
        gone = ", ".join(sorted({block.metric for block in blocks}))
        return [], [f"answers have changed since {gone} was computed, so it was dropped; score again with it"]
    return blocks, []


def _blocks(measured: Sequence[_Measured], carried: Sequence[Block]) -> list[Block]:
    from mmrad_eval.core.contracts import Column

    new = [
        (
            m.metric.name,
            m.signature,
            m.metric.statistics,
            m.metric.columns,
            tuple(r.signature for r in m.requires),
            m.shown,
        )
        for m in measured
    ]
    old = [
        (
            block.metric,
            block.signature,
            list(block.statistics),
            [Column(c.name, c.profile, c.better, c.best) for c in block.columns],  # type: ignore[arg-type] # read back
            block.requires,
            block.shown,
        )
        for block in carried
    ]
    return named([*new, *old])


def _arrays(
    measured: Sequence[_Measured],
    scored: NDArray[np.bool_],
    old: Scores | None,
    carried: Sequence[Block],
) -> Iterator[tuple[list[FloatArray], list[FloatArray]]]:
    """Statistics and values of all blocks, range by range."""
    kept = [(old.statistics(block), old.values(block)) for block in carried] if old else []
    before = np.concatenate([[0], np.cumsum(scored)])
    for start, stop in chunks(len(scored)):
        here = scored[start:stop]
        rows = slice(int(before[start]), int(before[stop]))
        statistics, values = [], []
        for m in measured:
            extended = m.extended(rows)
            with np.errstate(all="ignore"):  # an undefined value is nan, by contract
                own = np.asarray(m.metric.reduce(extended), dtype=np.float64)
            statistics.append(_spread(m.statistics[rows], here))
            values.append(_spread(own, here))
        for stored, own in kept:
            statistics.append(stored[start:stop])
            values.append(own[start:stop])
        yield statistics, values


def _spread(array: FloatArray, here: NDArray[np.bool_]) -> FloatArray:
    out = np.full((len(here), array.shape[1]), np.nan)
    out[here] = array
    return out


def _columns(
    measured: Sequence[_Measured], clusters: Sequence[str], resamples: int, seed: int
) -> dict[str, ColumnSummary]:
    """Value, interval and coverage of every column of the metrics that were asked for."""
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
