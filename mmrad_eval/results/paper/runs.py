"""Which runs a paper is about, and which of them stand on the same studies."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Study
from mmrad_eval.results.leaderboard.optimized import was_optimized
from mmrad_eval.results.leaderboard.policy_rows import POLICIES, cells_over
from mmrad_eval.results.leaderboard.rows import (
    ScoredRun,
    columns_of,
    headlines,
    largest,
    reference_studies,
    repeats,
    studies_of,
    why_unranked,
)
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.scoring import reports_file
from mmrad_eval.results.tables.table import Cell

MOST_COLUMNS = 6
"""Metric columns of a table in the body of a paper; the supplement has all."""

ALWAYS = frozenset(held for columns in POLICIES.values() for held in columns)
"""Columns that take the last place where there are more: those in which policies that see nothing have a row."""


@dataclass(frozen=True)
class PaperRow:
    """One row to be: a run, or several samples of one."""

    samples: tuple[ScoredRun, ...]
    why: str | None
    """Why it is shown and not ranked or tested; None where it is both."""

    @property
    def first(self) -> ScoredRun:
        """The run that stands for all samples."""
        return self.samples[0]

    @property
    def model(self) -> str:
        """The model's name in tables."""
        return self.first.run.card.label

    @property
    def task(self) -> str:
        """The task's name."""
        return self.first.run.identity.task

    @property
    def baseline(self) -> str:
        """``evidence``, ``normal``, ``reference`` or ``shuffle``; empty for a model."""
        card = self.first.run.card
        return card.id if card.provider == "baseline" else ""

    @property
    def runs(self) -> list[Run]:
        """The records of its samples."""
        return [scored.run for scored in self.samples]

    @property
    def folders(self) -> list[RunFolder]:
        """Where its runs are."""
        return [RunFolder(scored.folder) for scored in self.samples]


@dataclass(frozen=True)
class PaperRuns:
    """All runs over one dataset, split and target."""

    dataset: str
    split: str | None
    target: str
    data: str
    """What ``--data`` said."""
    parts: tuple[PaperRow, ...]
    columns: tuple[ColumnSummary, ...]
    """The metric columns of tables in the body: one of the first run each, for name, direction and signature."""
    loaded: dict[str, Dataset] = field(default_factory=dict, repr=False, compare=False)
    """Its data by digest, once it was loaded."""

    @property
    def title(self) -> str:
        """Dataset, split and target in words."""
        return ", ".join(word for word in (self.dataset, self.split, self.target) if word)

    @property
    def size(self) -> str:
        """``24 studies of 16 patients``, of the runs that are compared."""
        ready = next((p.first.summary for p in self.parts if p.why is None and p.first.summary), None)
        if ready is None:
            return "the studies"
        return f"{ready.n:,} studies" + (f" of {ready.clusters:,} patients" if ready.cluster == "patient" else "")

    @property
    def main(self) -> ColumnSummary | None:
        """The column that a conclusion rests on: none that a model of the paper was optimized for."""
        open_to_all = [column for column in self.columns if not was_optimized(self.runs, column.metric)]
        return main_column(open_to_all) if open_to_all else None

    @property
    def runs(self) -> list[Run]:
        """Every run of every row."""
        return [scored.run for part in self.parts for scored in part.samples]

    @property
    def policies(self) -> dict[str, dict[str, Cell]]:
        """What reports that see no image get in the columns of the tables, over the studies that are compared."""
        shown = {column.label for column in self.columns}
        every = [scored for part in self.parts for scored in part.samples]
        found = cells_over(every, reference_studies(every))
        kept = {policy: {k: cell for k, cell in cells.items() if k in shown} for policy, cells in found.items()}
        return {policy: cells for policy, cells in kept.items() if cells}

    @property
    def by_patient(self) -> bool:
        """Whether intervals resample patients; without their ids, studies."""
        summaries = [scored.summary for part in self.parts for scored in part.samples if scored.summary]
        return all(summary.cluster == "patient" for summary in summaries)

    def selection(self, folder: RunFolder) -> list[Study]:
        """The studies that one of its runs answered, from data that is loaded once. DataError where it has changed."""
        return reports_file.studies_of(folder, loaded=self.loaded)[0]

    @property
    def models(self) -> list[str]:
        """Names of the models, baselines left out, in the order in which they are first met."""
        return list(dict.fromkeys(part.model for part in self.parts if not part.baseline))

    def find(self, model: str, task: str) -> PaperRow | None:
        """That model's run of that task; of several variants the one that can be ranked, then the first."""
        found = [part for part in self.parts if (part.model, part.task) == (model, task)]
        return min(found, key=lambda part: part.why is not None, default=None)

    def baseline(self, name: str, tasks: Sequence[str]) -> PaperRow | None:
        """The run of a baseline, of the first of these tasks that it was run on, or of any."""
        found = [part for part in self.parts if part.baseline == name]
        order = {task: i for i, task in enumerate(tasks)}
        return min(found, key=lambda part: (part.why is not None, order.get(part.task, len(order))), default=None)

    def command(self, models: Sequence[str], tasks: Sequence[str]) -> str:
        """The command that makes the runs of these models and tasks."""
        words = ["mmrad-eval"]
        for model in models:
            words += ["--model", model]
        words += ["--task", ",".join(tasks), "--data", self.data]
        if self.split:
            words += ["--split", self.split]
        if self.target != "findings":
            words += ["--target", self.target]
        return shlex.join(words)


def paper_runs(runs: Sequence[ScoredRun], *, dataset: str | None = None, metrics: Sequence[str] = ()) -> PaperRuns:
    """The runs of ``dataset``, or of the dataset, split and target with the most runs.

    ``metrics`` chooses the columns of the tables in the body, by label or name. DataError where there is no run.
    """
    groups: dict[tuple[str, str, str | None, str], list[ScoredRun]] = defaultdict(list)
    for scored in largest(runs):
        identity = scored.run.identity
        selection = identity.selection
        groups[identity.dataset, identity.dataset_digest, selection.split, selection.target].append(scored)
    if dataset is not None:
        names = sorted({key[0] for key in groups})
        groups = {key: group for key, group in groups.items() if key[0] == dataset}
        if not groups:
            raise UsageError(f"--data {dataset}: no run uses it; the runs use {', '.join(names) or 'nothing'}")
    if not groups:
        raise DataError("there are no runs to make a paper from")
    (name, _, split, target), group = max(groups.items(), key=lambda item: (len(item[1]), item[0][0], item[0][1]))
    over = reference_studies(group)
    parts = tuple(PaperRow(tuple(same), _why(same, over)) for same in repeats(group))
    return PaperRuns(name, split, target, group[0].run.data, parts, _columns(parts, metrics))


def _why(same: Sequence[ScoredRun], over: tuple[str, int] | None) -> str | None:
    for scored in same:
        why = why_unranked(scored)
        if why is not None and scored.run.card.provider != "baseline":
            return why
        if scored.summary is None:
            return why
        if studies_of(scored) != over:
            return f"other studies ({scored.summary.n:,}) than the rest: not ranked"
    return None


def _columns(parts: Sequence[PaperRow], metrics: Sequence[str]) -> tuple[ColumnSummary, ...]:
    """Columns that every part which can be ranked has; the headlines among them, or those that were named."""
    ready = [part for part in parts if part.why is None] or list(parts)
    first = columns_of(ready[0].first)
    shared = [c for label, c in first.items() if all(label in columns_of(part.first) for part in ready)]
    if metrics:
        chosen = [c for c in shared if {c.label, c.name, c.metric} & set(metrics)]
        lacking = [m for m in metrics if not any(m in {c.label, c.name, c.metric} for c in shared)]
        if lacking:
            raise UsageError(
                f"--metrics {lacking[0]}: the runs share only {', '.join(c.label for c in shared) or 'other columns'}"
            )
        return tuple(chosen)
    best = headlines(shared)
    found = [c for c in shared if c.label in best]
    last = next((c for c in found[MOST_COLUMNS:] if c.label in ALWAYS), None)
    return (*found[: MOST_COLUMNS - 1], last) if last is not None else tuple(found[:MOST_COLUMNS])


_CLINICAL = ("RadGraph", "CheXbert", "rules micro", "RadCliQ")


def main_column(columns: Sequence[ColumnSummary]) -> ColumnSummary:
    """The column that a conclusion rests on: a clinical one where there is one."""
    for begin in _CLINICAL:
        for column in columns:
            if column.name.startswith(begin):
                return column
    return columns[0]


def spec(scored: ScoredRun) -> str:
    """The model as a command line names it."""
    provider, name = scored.run.card.provider, scored.run.card.id
    return f"FILE.py:{name}" if provider == "function" else f"{provider}:{name}"


def relative(path: Path) -> str:
    """A path as short as it can be read from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
