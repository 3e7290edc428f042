"""Stored statistics of several runs with the formulas that turn their sums into columns: what every test works on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray, Metric
from mmrad_eval.core.errors import MmradError
from mmrad_eval.metrics import suite
from mmrad_eval.results.leaderboard.policy_rows import held_values
from mmrad_eval.results.run.scores import ScoreBlock, Scores
from mmrad_eval.results.run.summary import Summary
from mmrad_eval.results.statistics.bootstrap import StatisticsPart, finite

_EQUAL = 1e-9
Reduce = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class SharedColumn:
    """A column that all runs have under one signature."""

    label: str
    name: str
    better: str
    metric: str
    signature: str

    @property
    def sign(self) -> int:
        """-1 where lower is better, else 1."""
        return -1 if self.better == "lower" else 1


@dataclass(frozen=True)
class Stored:
    """One run as it was scored."""

    name: str
    """What it is called in messages."""
    scores: Scores
    summary: Summary


@dataclass(frozen=True)
class HeldPolicies:
    """What a metric gives reports that see no image: they are the same for all runs, and stand in columns of each."""

    labels: tuple[str, ...]
    """All columns of the metric."""
    reduce: Reduce
    statistics: FloatArray
    """(studies, K)."""

    def over(self, inside: NDArray[np.bool_] | None) -> dict[str, float | None]:
        """Column -> value over the studies that are ``inside``; None: over all."""
        kept = self.statistics if inside is None else self.statistics[inside]
        with np.errstate(all="ignore"):  # an undefined value is nan, by contract
            values = map(finite, np.asarray(self.reduce(kept.sum(axis=0)), dtype=np.float64))
        return held_values(dict(zip(self.labels, values, strict=True)))


@dataclass(frozen=True)
class SharedColumns:
    """What several runs have in common, study by study."""

    ids: tuple[str, ...]
    """Studies that were scored in every run, sorted."""
    clusters: tuple[str, ...]
    """Patient of each, or the study itself."""
    statuses: tuple[tuple[str, ...], ...]
    """Status of each study, run by run."""
    columns: tuple[SharedColumn, ...]
    parts: tuple[StatisticsPart, ...]
    statistics: tuple[FloatArray, ...]
    """(studies, K) of each run."""
    notes: tuple[str, ...]
    """Columns that can't be compared, and why, one sentence each."""
    policies: tuple[HeldPolicies, ...] = ()

    def policies_over(self, inside: NDArray[np.bool_] | None = None) -> dict[str, float | None]:
        """What reports that see no image get over these studies, or those ``inside``, by the column that holds it."""
        return {label: value for held in self.policies for label, value in held.over(inside).items()}


def shared(runs: Sequence[Stored], wanted: Callable[[SharedColumn], bool] | None = None) -> SharedColumns:
    """The studies and columns that all runs have, of those that are ``wanted``."""
    ids = sorted(set.intersection(*(_scored_ids(run.scores) for run in runs)))
    rows = [_rows(run.scores, ids) for run in runs]
    columns: list[SharedColumn] = []
    parts: list[StatisticsPart] = []
    held = _Held(rows)
    notes: list[str] = []
    policies: list[HeldPolicies] = []
    for first in _current(runs[0].scores):
        made = [SharedColumn(c.label, c.name, c.better, first.metric, first.signature) for c in first.columns]
        known = {column.label for column in columns}
        kept = [i for i, c in enumerate(made) if c.label not in known and (wanted is None or wanted(c))]
        if not kept:
            continue
        try:
            blocks = _same(first, runs)
            statistics, reduce = _formula(first, runs, blocks)
        except _Apart as why:
            notes.append(str(why))
            continue
        parts.append(StatisticsPart(held.places(statistics), _only(reduce, kept, len(made))))
        columns += [made[i] for i in kept]
        labels = tuple(column.label for column in made)
        if held_values(dict.fromkeys(labels)):
            policies.append(HeldPolicies(labels, reduce, statistics[0][rows[0]]))
    notes += _elsewhere(runs)
    clusters = runs[0].scores.clusters
    return SharedColumns(
        ids=tuple(ids),
        clusters=tuple(clusters[i] for i in rows[0]),
        statuses=tuple(tuple(run.scores.rows.statuses[i] for i in at) for run, at in zip(runs, rows, strict=True)),
        columns=tuple(columns),
        parts=tuple(parts),
        statistics=held.arrays(len(ids)),
        notes=tuple(notes),
        policies=tuple(policies),
    )


class _Held:
    """The statistics of several runs, each column once: one labeler counts the same under each of its policies."""

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        """``rows``: for each run, the rows of the studies that all runs have."""
        self._rows = [slice(len(at)) if at == [*range(len(at))] else np.asarray(at, dtype=np.intp) for at in rows]
        self._places: dict[bytes, int] = {}
        self._columns: list[list[FloatArray]] = [[] for _ in rows]

    def places(self, statistics: Sequence[FloatArray]) -> Sequence[int]:
        """Take in (n, k) statistics of each run; returns where each of the k columns lies among those held."""
        pairs = list(zip(statistics, self._rows, strict=True))
        found = [self._place([array[:, i][at] for array, at in pairs]) for i in range(statistics[0].shape[1])]
        whole = range(found[0], found[0] + len(found))
        return whole if found == list(whole) else found

    def arrays(self, studies: int) -> tuple[FloatArray, ...]:
        """(studies, K) of each run."""
        return tuple(np.column_stack(c) if c else np.empty((studies, 0)) for c in self._columns)

    def _place(self, column: Sequence[FloatArray]) -> int:
        digest = hashlib.blake2b(digest_size=16)
        for values in column:
            digest.update(np.ascontiguousarray(values).data)
        place = self._places.setdefault(digest.digest(), len(self._places))
        if place == len(self._columns[0]):
            for held, values in zip(self._columns, column, strict=True):
                held.append(values)
        return place


class _Apart(Exception):  # noqa: N818 (no error: a reason, caught in the same file)
    """Why a metric can't be compared."""


def _scored_ids(scores: Scores) -> set[str]:
    return {name for name, answer in zip(scores.rows.ids, scores.rows.answers, strict=True) if answer}


def _rows(scores: Scores, ids: Sequence[str]) -> list[int]:
    where = {name: i for i, name in enumerate(scores.rows.ids)}
    return [where[name] for name in ids]


def _current(scores: Scores) -> list[ScoreBlock]:
    """The newest block of each metric that tables show."""
    blocks: dict[str, ScoreBlock] = {}
    for block in scores.blocks:  # the newest come first
        if block.shown:
            blocks.setdefault(block.metric, block)
    return list(blocks.values())


def _same(first: ScoreBlock, runs: Sequence[Stored]) -> list[ScoreBlock]:
    """The block of that metric in each run; _Apart where one lacks it or has it under another signature."""
    blocks = [first]
    for run in runs[1:]:
        block = next((b for b in _current(run.scores) if b.metric == first.metric), None)
        if block is None:
            missing = run.summary.missing.get(first.metric)
            why = f"{missing.what}; {missing.remedy}" if missing else f"mmrad-eval score {run.scores.path.parent}"
            raise _Apart(f"{first.metric}: {run.name} was not scored with it: {why}")
        if block.signature != first.signature:
            field = differing_field(first.signature, block.signature)
            raise _Apart(f"{first.metric}: computed differently in {runs[0].name} and in {run.name}: {field}")
        blocks.append(block)
    return blocks


def differing_field(first: str, second: str) -> str:
    """The first field of two signatures that is not the same, with both values."""
    one, two = (dict(_field(part) for part in text.split("|")) for text in (first, second))
    for key in [*one, *(key for key in two if key not in one)]:
        if one.get(key) != two.get(key):
            return f"{key} is {one.get(key, 'absent')} in one and {two.get(key, 'absent')} in the other"
    return f"{first} in one and {second} in the other"


def _field(part: str) -> tuple[str, str]:
    key, colon, value = part.partition(":")
    if colon:
        return key, value
    return ("version", part) if part[:1] == "v" and part[1:].isdigit() else ("metric", part)


def _formula(
    first: ScoreBlock, runs: Sequence[Stored], blocks: Sequence[ScoreBlock]
) -> tuple[list[FloatArray], Reduce]:
    """The statistics of each run and the formula of the metric, checked against the values that were stored.

    Where the metric can't be made here (weights, a plugin), a column that is a plain mean of the studies' own values is
    still comparable, and shown to be one by giving the stored value.
    """
    metric, why = _metric(first)
    if metric is not None and tuple(metric.statistics) == tuple(first.statistics):
        statistics = [_extended(run.scores, block) for run, block in zip(runs, blocks, strict=True)]
        if all(_gives(run, s, metric.reduce, first) for run, s in zip(runs, statistics, strict=True)):
            return statistics, metric.reduce
        why = (
            "its formula no longer gives the value that was stored: from another version or other options; score again"
        )
    elif metric is not None:
        why = "its statistics are not those that were stored: another version; score again"
    means = [_own_values(run.scores, block) for run, block in zip(runs, blocks, strict=True)]
    reduce = _mean_of(len(first.columns))
    if all(_gives(run, m, reduce, first) for run, m in zip(runs, means, strict=True)):
        return means, reduce
    raise _Apart(f"{first.metric}: {why}")


def _metric(block: ScoreBlock) -> tuple[Metric | None, str]:
    try:
        made = suite([block.metric])
    except MmradError as error:
        return None, str(error)
    found = next((metric for metric in made if metric.name == block.metric), None)
    return found, "" if found else "; ".join(str(missing) for missing in made.missing)


def _extended(scores: Scores, block: ScoreBlock) -> FloatArray:
    return scores.statistics(block, *(scores.block(signature) for signature in block.requires))


def _own_values(scores: Scores, block: ScoreBlock) -> FloatArray:
    """(n, 2 columns): each study's own value, zero where undefined, then whether it is defined."""
    values = scores.values(block)
    defined = np.isfinite(values)
    return np.concatenate([np.where(defined, values, 0.0), defined.astype(np.float64)], axis=1)


def _mean_of(columns: int) -> Reduce:
    def reduce(sums: FloatArray) -> FloatArray:
        return sums[..., :columns] / sums[..., columns:]

    return reduce


def _only(reduce: Reduce, kept: Sequence[int], columns: int) -> Reduce:
    """The same formula, some of its columns."""
    if len(kept) == columns:
        return reduce
    return lambda sums: np.asarray(reduce(sums))[..., list(kept)]


def _gives(run: Stored, statistics: FloatArray, reduce: Reduce, block: ScoreBlock) -> bool:
    """Whether the formula gives what the summary says.

    Two metrics may have a column in common, such as the F1 of No Finding; the summary then names the last of them.
    """
    holders: dict[str, set[str]] = {}
    for one in _current(run.scores):
        for column in one.columns:
            holders.setdefault(column.label, set()).add(one.signature)
    total = statistics[run.scores.scored].sum(axis=0)
    with np.errstate(all="ignore"):  # an undefined value is nan, by contract
        values = np.asarray(reduce(total), dtype=np.float64)
    for value, column in zip(values, block.columns, strict=True):
        stored = run.summary.columns.get(column.label)
        if stored is None or stored.signature not in {block.signature, *holders.get(column.label, ())}:
            return False
        if (stored.value is None) != (not np.isfinite(value)):
            return False
        if stored.value is not None and abs(value - stored.value) > _EQUAL * max(1.0, abs(stored.value)):
            return False
    return True


def _elsewhere(runs: Sequence[Stored]) -> list[str]:
    """Metrics that the first run lacks and another one has."""
    known = {block.metric for block in _current(runs[0].scores)}
    lacking = {b.metric: run.name for run in runs[1:] for b in _current(run.scores) if b.metric not in known}
    return [
        f"{metric}: {runs[0].name} was not scored with it ({name} was): mmrad-eval score {runs[0].scores.path.parent}"
        for metric, name in lacking.items()
    ]
