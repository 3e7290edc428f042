"""The supplement of a paper: every column of every run, and every difference to text CoT."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.comparison.compare import Comparison, compare_runs
from mmrad_eval.results.comparison.tables import comparison_tables, significant
from mmrad_eval.results.leaderboard.board import tables_of
from mmrad_eval.results.leaderboard.optimized import OPTIMIZED, was_optimized
from mmrad_eval.results.leaderboard.rows import ScoredRun, columns_of
from mmrad_eval.results.paper.labels import Labels
from mmrad_eval.results.paper.printed import CompactColumn, Printed, compact
from mmrad_eval.results.paper.runs import PaperRow, PaperRuns
from mmrad_eval.results.paper.style import PaperStyle
from mmrad_eval.results.paper.tables import ARMS, BASELINES, CONTROLS, DIRECT
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.tables.table import Table
from mmrad_eval.tasks.arms import TEXT

_RESAMPLES = 2_000
_LEFT_OUT = " Precision and recall of labels, and of single findings, are in supplement.csv."
_OF_F1 = re.compile(r"\b(?:micro|macro)-[PR]\b")
_OF_EACH = "findings-by-finding@"
_NAME, _VALUE = 95.0, 24.5
"""Points that the names of metrics and a column of values take, in the smallest type."""


@dataclass(frozen=True)
class Supplement:
    """Every column of every run."""

    values: tuple[Table, ...]
    """One row per run, as the leaderboard."""
    differences: tuple[Table, ...]
    """For each model, each run against that of text CoT."""
    printed: tuple[Table, ...]
    """What a page can hold: metrics down and runs across."""


def supplement(
    paper: PaperRuns, runs: Sequence[ScoredRun], resamples: int, labels: Labels, style: PaperStyle
) -> Supplement:
    """Every column of every run, and every difference to text CoT."""
    across = int((style.page - _NAME) / _VALUE)
    over = [scored for scored in runs if scored.run.identity.dataset == paper.dataset]
    values = [replace(table, name=f"supplement-{table.name}") for table in tables_of(over)]
    every = {label: c for part in paper.parts for scored in part.samples for label, c in columns_of(scored).items()}
    words = Printed(labels, labels.names(list(every.values())))
    differences: list[Table] = []
    printed: list[Table] = []
    single: list[PaperRow] = []
    for number, model in enumerate(paper.models, start=1):
        parts = sorted((part for part in paper.parts if part.model == model), key=place)
        if len(parts) == 1:
            single += parts
            continue
        ready = _compared(paper, model)
        found = _comparison([part.folders for part in ready], resamples)
        title = f"Every metric of {labels.model(model)}, times 100"
        marks: dict[str, frozenset[str]] = {}
        if found is not None:
            differences += _differences(found, ready, number)
            marks = {part.first.run.id: _marked(found, at) for at, part in enumerate(ready[1:])}
            title += f"; * significantly different from {labels.task(TEXT)}, adjusted for all of the table"
        printed += _tables(parts, marks, words, (f"supplement-{number}", f"{title}.{_LEFT_OUT}"), across)
    baselines = [part for name in BASELINES if (part := paper.baseline(name, (TEXT, "mcot", DIRECT))) is not None]
    who = " and ".join(word for word, parts in (("models", single), ("baselines", baselines)) if parts)
    title = f"Every metric of {'the ' if not single else ''}{who}, times 100."
    printed += _tables([*single, *baselines], {}, words, ("supplement-models", title), across)
    return Supplement(tuple(values), tuple(differences), tuple(printed))


def place(part: PaperRow) -> int:
    """Where a run stands: forms of evidence, then controls, as in the tables of the text; others last."""
    order = [*ARMS, *CONTROLS]
    return order.index(part.task) if part.task in order else len(order)


def _printed(part: PaperRow) -> dict[str, ColumnSummary]:
    """The columns that a page shows.

    Where a labeler has F1, its precision and recall stand in supplement.csv alone, and so do some fifty findings one by
    one.
    """
    return {
        label: column
        for label, column in columns_of(part.first).items()
        if not _OF_F1.search(column.name) and not column.metric.startswith(_OF_EACH)
    }


def _compared(paper: PaperRuns, model: str) -> list[PaperRow]:
    """The run of text CoT, and then those that stand on the same studies; none where there is nothing to compare."""
    text = paper.find(model, TEXT)
    others = [paper.find(model, task) for task in (*ARMS, *CONTROLS) if task != TEXT]
    ready = [part for part in others if part is not None and part.why is None]
    return [] if text is None or text.why is not None or not ready else [text, *ready]


def _comparison(sides: Sequence[Sequence[RunFolder]], resamples: int) -> Comparison | None:
    if len(sides) < 2:
        return None
    try:
        return compare_runs(sides, resamples=min(resamples, _RESAMPLES), ok_too=False)
    except UsageError:  # they share no metric
        return None


def _marked(found: Comparison, at: int) -> frozenset[str]:
    """Labels of the columns in which a difference is significant."""
    return frozenset(column.label for i, column in enumerate(found.columns) if significant(found, at, i))


def _tables(
    parts: Sequence[PaperRow],
    marks: Mapping[str, frozenset[str]],
    words: Printed,
    name: tuple[str, str],
    across: int,
) -> Iterator[Table]:
    """The parts as columns, at most ``across`` beside each other; ``name``: of the table, and its title."""
    each = -(-len(parts) // max(1, -(-len(parts) // across)))  # as equal as can be
    for number, start in enumerate(range(0, len(parts), max(1, each)), start=1):
        lines = []
        for part in parts[start : start + each]:
            model, task = words.labels.model(part.model), words.labels.task(part.task)
            alone = sum(other.model == part.model for other in parts) == 1
            marked = marks.get(part.first.run.id, frozenset())
            values = _printed(part)
            trained = frozenset(label for label, c in values.items() if was_optimized(part.runs, c.metric))
            lines.append(CompactColumn(model if alone else task or model, values, marked, trained))
        again = f"-{number}" if number > 1 else ""
        note = f" {OPTIMIZED} The model was optimized for this metric." if any(one.optimized for one in lines) else ""
        yield compact(lines, words, f"{name[0]}{again}", f"{name[1]}{note}")


def _differences(found: Comparison, ready: Sequence[PaperRow], number: int) -> Iterator[Table]:
    for part, table in zip(ready[1:], comparison_tables(found), strict=False):
        name = f"supplement-differences-{number}-{part.task}"
        yield replace(table, name=name, title=f"{part.model}: {part.task} (B) against {TEXT} (A)")
