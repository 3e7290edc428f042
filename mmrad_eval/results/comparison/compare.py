"""Runs against each other over the same studies: what differs, by how much, and whether it is more than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError, UsageError, some
from mmrad_eval.results.comparison.lengths import SameLength, near, words_of
from mmrad_eval.results.comparison.shared_columns import SharedColumn, SharedColumns, Stored, shared
from mmrad_eval.results.leaderboard.optimized import was_optimized
from mmrad_eval.results.leaderboard.rows import ScoredRun
from mmrad_eval.results.leaderboard.sanity import sanity_line
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.naming import differences, facts, short_names
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.statistics import paired
from mmrad_eval.results.statistics.bootstrap import LEVEL, RESAMPLES, SEED, Method
from mmrad_eval.results.statistics.paired import Differences, Family
from mmrad_eval.results.statistics.weights import cluster_index, cluster_sums

_REPEATED = frozenset({"sample", "prompt", "seed", "version"})
"""What may differ between the runs of one arm."""


@dataclass(frozen=True)
class ComparedSide:
    """One side of a comparison: a run, or several of one question."""

    name: str
    folders: tuple[RunFolder, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class ComparableSides:
    """Sides that answer the same question, and the studies and columns that all of their runs have."""

    arms: tuple[ComparedSide, ...]
    stored: tuple[Stored, ...]
    """Every run of every side, in order."""
    found: SharedColumns


@dataclass(frozen=True)
class AsRun:
    """What an arm scored over its own studies, whatever the others answered."""

    name: str
    scored: int
    """Answers that were scored, in all of its runs."""
    n: int
    """Studies, counted once in each run."""
    statuses: dict[str, int]
    columns: tuple[dict[str, ColumnSummary], ...]
    """Of each run of the arm."""
    samples: tuple[ScoredRun, ...]
    """Its runs."""


@dataclass(frozen=True)
class Comparison:
    """The first arm against each other one."""

    arms: tuple[ComparedSide, ...]
    columns: tuple[SharedColumn, ...]
    differences: tuple[Differences, ...]
    """Of each further arm: that arm minus the first."""
    family: Family
    primary: tuple[int, int] | None
    """(position in ``differences``, column): tested alone, before the family."""
    all_ok: tuple[Differences, ...]
    """The same over the studies whose status is ok in every arm; empty where that is all of them."""
    as_run: tuple[AsRun, ...]
    studies: int
    ok_studies: int
    cluster: str
    """``patient`` or ``study``: what was resampled."""
    left_out: tuple[str, ...]
    """Studies that are not compared, and why."""
    apart: tuple[str, ...]
    """Metrics that are not compared, and why."""
    level: float
    resamples: int
    seed: int
    method: Method
    sanity: tuple[str, ...] = ()
    """What looks wrong in one of the runs."""
    stability: tuple[tuple[FloatArray, int], ...] = ()
    """For each difference, the share of prompts (or samples) that agree on its sign, and how many there are."""
    same_length: tuple[SameLength | None, ...] = ()
    """For each further arm, the difference over reports of about the same length; None where there are none."""
    policies: dict[str, float | None] = field(default_factory=dict)
    """What reports that see no image get over the compared studies, by the column that holds it."""

    def optimized(self, which: int, column: int) -> tuple[bool, bool]:
        """Whether the first arm's model, and that of a further one, was optimized for a column's metric."""
        metric = self.columns[column].metric
        return (was_optimized(self.arms[0].runs, metric), was_optimized(self.arms[which + 1].runs, metric))


def compare_runs(
    arms: Sequence[Sequence[RunFolder]],
    *,
    wanted: Callable[[SharedColumn], bool] | None = None,
    primary: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
    method: Method = "percentile",
    ok_too: bool = True,
    same_length: bool = False,
) -> Comparison:
    """Compare the first arm with each further one, over the studies that all of them answered.

    ``ok_too``: also over those whose status is ok in every arm, where that makes a difference. ``same_length``: also
    over those in which the reports are about equally long, which reads every answer.
    UsageError where they can't be compared, naming the field that differs; DataError where nothing is left.
    """
    sides = comparable(arms, wanted)
    known, stored, found = sides.arms, sides.stored, sides.found
    chosen = _primary(primary, found.columns, known)
    everything = _differences(known, found, np.ones(len(found.ids), np.bool_), resamples, seed, level, method)
    ok = np.array([all(s == "ok" for s in statuses) for statuses in zip(*found.statuses, strict=True)], dtype=np.bool_)
    all_ok = (
        () if not ok_too or ok.all() or not ok.any() else _differences(known, found, ok, resamples, seed, level, method)
    )
    return Comparison(
        arms=known,
        columns=found.columns,
        differences=everything,
        family=paired.family(everything, chosen),
        primary=chosen,
        all_ok=all_ok,
        as_run=_as_run(known, _scored_runs(known, stored)),
        studies=len(found.ids),
        ok_studies=int(ok.sum()),
        cluster="study" if any(run.summary.cluster == "study" for run in stored) else "patient",
        left_out=tuple(_left_out(known, stored, found)),
        apart=found.notes,
        level=level,
        resamples=resamples,
        seed=seed,
        method=method,
        sanity=sanity_line(_scored_runs(known, stored)),
        stability=_stability(known, found),
        same_length=_same_length(known, found, resamples, seed, level) if same_length else (),
        policies=found.policies_over(),
    )


def comparable(
    arms: Sequence[Sequence[RunFolder]], wanted: Callable[[SharedColumn], bool] | None = None
) -> ComparableSides:
    """What the runs have in common; UsageError or DataError where they can't be compared, as for ``compare_runs``."""
    if len(arms) < 2:
        raise UsageError("name at least two runs to compare")
    known = tuple(_arms(arms))
    _refuse(known)
    _refuse_mixed(known)
    stored = tuple(_stored(folder, arm.name) for arm in known for folder in arm.folders)
    found = shared(stored, wanted)
    if not found.columns:
        reasons = "; ".join(found.notes) or "no column is selected"
        raise UsageError(f"nothing can be compared: {reasons}")
    if not found.ids:
        raise DataError(f"no study was scored in all of {', '.join(arm.name for arm in known)}")
    return ComparableSides(known, stored, found)


def _arms(arms: Sequence[Sequence[RunFolder]]) -> list[ComparedSide]:
    runs = [[folder.run for folder in arm] for arm in arms]
    for arm in runs:
        differing = set(differences([facts(run) | {"model": run.card.label, "task": run.identity.task} for run in arm]))
        if differing - _REPEATED:
            raise UsageError(
                f"the runs of one side may differ in sample, seed and prompt only, and {arm[0].id} and the others "
                f"differ in {', '.join(sorted(differing - _REPEATED))}"
            )
    names = short_names([arm[0] for arm in runs])
    return [
        ComparedSide(
            name + (f" x{len(arm)}" if len(arm) > 1 else ""),
            *_ordered(folders, arm),
        )
        for name, folders, arm in zip(names, arms, runs, strict=True)
    ]


def _ordered(folders: Sequence[RunFolder], runs: Sequence[Run]) -> tuple[tuple[RunFolder, ...], tuple[Run, ...]]:
    """Runs of an arm by sample, then prompt, so that those of two arms stand beside each other."""
    order = sorted(range(len(runs)), key=lambda i: (runs[i].identity.sample, runs[i].identity.prompt))
    return tuple(folders[i] for i in order), tuple(runs[i] for i in order)


def _refuse(arms: Sequence[ComparedSide]) -> None:
    """UsageError where the runs do not answer the same question about the same data."""
    first = arms[0].runs[0].identity
    for arm in arms:
        for run in arm.runs:
            other = run.identity
            fields = (
                ("dataset", first.dataset, other.dataset),
                ("references (digest of the data)", first.dataset_digest[:12], other.dataset_digest[:12]),
                ("split", first.selection.split or "all", other.selection.split or "all"),
                ("target", first.selection.target, other.selection.target),
            )
            same_data = first.dataset_digest == other.dataset_digest
            for named, one, two in fields:
                if one != two and not (named == "dataset" and same_data):
                    raise UsageError(
                        f"{arms[0].name} ({arms[0].runs[0].id}) and {arm.name} ({run.id}) can't be compared: "
                        f"{named} is {one} in one and {two} in the other"
                    )


def _refuse_mixed(arms: Sequence[ComparedSide]) -> None:
    """UsageError where one arm was shown evidence made from the references and another one was not asked that way."""
    given = [arm for arm in arms if arm.runs[0].given and _shown(arm.folders[0])]
    generated = [arm for arm in arms if not arm.runs[0].given]
    if given and generated:
        raise UsageError(
            f"{given[0].name} was given evidence and {generated[0].name} was not: given and generated reasoning never "
            "share a table; compare each with `direct`, or run the reports under the same task (--model file:PATH)"
        )


def _shown(folder: RunFolder) -> bool:
    """Whether the task showed evidence for its first study."""
    answer = next(folder.answers(), None)
    return answer is not None and answer.shown is not None


def _stored(folder: RunFolder, name: str) -> Stored:
    scores, summary = folder.scores(), folder.summary()
    if scores is None or summary is None:
        raise DataError(f"{name} ({folder.path.name}) was never scored: mmrad-eval score {folder.path}")
    return Stored(name, scores, summary)


def _primary(
    label: str | None, columns: Sequence[SharedColumn], arms: Sequence[ComparedSide]
) -> tuple[int, int] | None:
    if label is None:
        return None
    labels = [column.label for column in columns]
    found = [i for i, column in enumerate(columns) if label in {column.label, column.name}]
    if len(found) != 1:
        import difflib

        near = [labels[i] for i in found] or difflib.get_close_matches(label, labels, n=3, cutoff=0.3)
        raise UsageError(
            f"--primary {label}: name one column that is compared, such as {' or '.join(near or labels[:3])}"
        )
    metric = columns[found[0]].metric
    for arm in arms[:2]:
        if was_optimized(arm.runs, metric):
            why = f"{arm.name} was optimized for {metric}"
            raise UsageError(f"--primary {label}: {why}; name a column of another metric")
    return (0, found[0])


def _sums(
    arms: Sequence[ComparedSide],
    found: SharedColumns,
    kept: np.ndarray[tuple[int], np.dtype[np.bool_]],
    only: Sequence[int] | None = None,
) -> list[list[FloatArray]]:
    """(patients, K) sums of each run of each arm; of those in ``only`` where it is given, in its order."""
    names, index = cluster_index([c for c, keep in zip(found.clusters, kept, strict=True) if keep])
    ends = list(accumulate(len(arm.runs) for arm in arms))
    runs = [found.statistics[end - len(arm.runs) : end] for arm, end in zip(arms, ends, strict=True)]
    wanted = range(len(arms)) if only is None else only
    return [[cluster_sums(statistics[kept], index, len(names)) for statistics in runs[i]] for i in wanted]


def _differences(  # noqa: PLR0917 (the private second half of `compare_runs`)
    arms: Sequence[ComparedSide],
    found: SharedColumns,
    kept: np.ndarray[tuple[int], np.dtype[np.bool_]],
    resamples: int,
    seed: int,
    level: float,
    method: Method,
) -> tuple[Differences, ...]:
    first, *others = _sums(arms, found, kept)
    return tuple(
        paired.compare(first, other, found.parts, resamples=resamples, seed=seed, level=level, method=method)
        for other in others
    )


def _same_length(
    arms: Sequence[ComparedSide], found: SharedColumns, resamples: int, seed: int, level: float
) -> tuple[SameLength | None, ...]:
    words = [words_of(arm.folders, found.ids) for arm in arms]
    out: list[SameLength | None] = []
    for i, other in enumerate(words[1:], start=1):
        kept = near(words[0], other)
        if not kept.any():
            out.append(None)
            continue
        first, second = _sums(arms, found, kept, (0, i))
        difference = paired.compare(first, second, found.parts, resamples=resamples, seed=seed, level=level)
        out.append(SameLength(difference, int(kept.sum()), (float(words[0].mean()), float(other.mean()))))
    return tuple(out)


def _stability(arms: Sequence[ComparedSide], found: SharedColumns) -> tuple[tuple[FloatArray, int], ...]:
    if all(len(arm.runs) == 1 for arm in arms):
        return ()
    first, *others = _sums(arms, found, np.ones(len(found.ids), np.bool_))
    return tuple(paired.sign_stability(first, other, found.parts) for other in others)


def _as_run(arms: Sequence[ComparedSide], runs: Sequence[ScoredRun]) -> tuple[AsRun, ...]:
    out, start = [], 0
    for arm in arms:
        samples = tuple(runs[start : start + len(arm.runs)])
        summaries = [run.summary for run in samples if run.summary]
        start += len(arm.runs)
        statuses: Counter[str] = Counter()
        for summary in summaries:
            statuses.update(summary.statuses)
        scored, n = sum(summary.scored for summary in summaries), sum(summary.n for summary in summaries)
        out.append(AsRun(arm.name, scored, n, dict(statuses), tuple(s.columns for s in summaries), samples))
    return tuple(out)


def _scored_runs(arms: Sequence[ComparedSide], stored: Sequence[Stored]) -> list[ScoredRun]:
    runs = [pair for arm in arms for pair in zip(arm.folders, arm.runs, strict=True)]
    return [ScoredRun(folder.path, run, one.summary) for (folder, run), one in zip(runs, stored, strict=True)]


def _left_out(arms: Sequence[ComparedSide], stored: Sequence[Stored], found: SharedColumns) -> list[str]:
    """Studies of any run that are not compared, with the reason."""
    notes, start = [], 0
    every = {name for run in stored for name in run.scores.rows.ids}
    kept = set(found.ids)
    for arm in arms:
        for run in stored[start : start + len(arm.runs)]:
            rows = run.scores.rows
            unscored = [name for name, answer in zip(rows.ids, rows.answers, strict=True) if not answer]
            absent = sorted(every - set(rows.ids))
            for ids, what in ((unscored, "has no answer to"), (absent, "did not ask")):
                if ids:
                    notes.append(f"{arm.name} {what} {len(ids):,} of {len(every):,} studies: {some(ids)}")
        start += len(arm.runs)
    if notes:
        notes.append(f"{len(every - kept):,} studies are therefore left out of the comparison")
    return list(dict.fromkeys(notes))
