"""Runs by one of their columns: which answer of a study is better, and by how much."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, Example, Study, Target, Value
from mmrad_eval.results.run.folder import RunFolder, select
from mmrad_eval.results.run.scores import ScoreBlock, StoredColumn
from mmrad_eval.results.scoring.reports_file import data_of


class Preference(Value, frozen=True):
    """The column that decides what is preferred, as the card of an export states it under ``optimized_for``."""

    column: str
    signature: str
    better: str

    @property
    def sign(self) -> int:
        """-1 where lower is better, else 1."""
        return -1 if self.better == "lower" else 1


@dataclass(frozen=True)
class ScoredAnswer:
    """An answer of a run and its own value of the deciding column."""

    run: str
    answer: Answer
    report: str
    value: float


@dataclass(frozen=True)
class ScoredRuns:
    """Runs over one dataset, and the column by which their answers are compared."""

    folders: tuple[RunFolder, ...]
    data: Dataset
    target: Target
    preference: Preference

    def answers(self) -> dict[str, list[ScoredAnswer]]:
        """Study id -> the answers that are a report and have a value, best first."""
        found: dict[str, list[ScoredAnswer]] = {}
        for folder in self.folders:
            values = _values(folder, self.preference)
            for answer in folder.answers():
                value = values.get(answer.study, math.nan)
                if answer.status == "ok" and not math.isnan(value):
                    report = Example(Study(answer.study), answer, self.target).candidate
                    found.setdefault(answer.study, []).append(ScoredAnswer(folder.run.id, answer, report, float(value)))
        for several in found.values():
            several.sort(key=lambda one: (-self.preference.sign * one.value, one.run))
        return found


def read_runs(names: Sequence[str], column: str | None, results: Path, references: str | None = None) -> ScoredRuns:
    """The runs of that name with the column that decides; UsageError where they can't be compared by it."""
    if column is None:
        raise UsageError("name the column that ranks the answers: --by COLUMN")
    folders = [select(results, name) for name in names]
    identities = [folder.run.identity for folder in folders]
    if len({(identity.dataset_digest, identity.selection.target) for identity in identities}) > 1:
        raise UsageError("these runs differ in their data or their target; name runs of one dataset and target")
    preferences = [_preference(folder, column) for folder in folders]
    if len({preference.signature for preference in preferences}) > 1:
        raise UsageError(
            f"{column} was computed in two ways: {preferences[0].signature} and "
            f"{next(p.signature for p in preferences if p != preferences[0])}; score the runs again"
        )
    data = data_of(folders[0], references)
    return ScoredRuns(tuple(folders), data, identities[0].selection.target, preferences[0])


def _preference(folder: RunFolder, wanted: str) -> Preference:
    block, column = _column(folder, wanted)
    return Preference(column.label, block.signature, column.better)


def _column(folder: RunFolder, wanted: str) -> tuple[ScoreBlock, StoredColumn]:
    scores = folder.scores()
    if scores is None:
        raise UsageError(f"{folder.path} has no scores of its answers; `mmrad-eval score {folder.path}` makes them")
    columns = [(block, column) for block in scores.blocks if block.shown for column in block.columns]
    found = [pair for pair in columns if wanted == pair[1].label] or [
        pair for pair in columns if wanted in {pair[1].name, f"{pair[0].metric}: {pair[1].name}"}
    ]
    if len(found) != 1:
        labels = [column.label for _, column in found or columns]
        if not found:
            labels = difflib.get_close_matches(wanted, labels, n=8, cutoff=0.2) or labels[:8]
        what = f"has {len(found)} columns" if found else "has no column"
        raise UsageError(f"{folder.path} {what} {wanted!r}; name one, such as {'; '.join(labels)}")
    return found[0]


def _values(folder: RunFolder, preference: Preference) -> dict[str, float]:
    scores = folder.scores()
    assert scores is not None
    block, column = _column(folder, preference.column)
    values = scores.values(block)[:, block.columns.index(column)]
    return {study: float(value) for study, value in zip(scores.rows.ids, values, strict=True)}
