"""The supplement of a paper: every column of every run, and every difference to text CoT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.comparison.compare import Comparison, compare_runs
from mmrad_eval.results.comparison.tables import comparison_tables, significant
from mmrad_eval.results.leaderboard.board import tables_of
from mmrad_eval.results.leaderboard.rows import ScoredRun, columns_of
from mmrad_eval.results.paper.labels import Labels
from mmrad_eval.results.paper.printed import Printed, by_convention, compact
from mmrad_eval.results.paper.runs import PaperRow, PaperRuns
from mmrad_eval.results.paper.tables import ARMS, BASELINES, CONTROLS, DIRECT
from mmrad_eval.results.tables.table import Cell, Table, TableColumn
from mmrad_eval.tasks.arms import TEXT

_RESAMPLES = 2_000
_ACROSS = 12
"""Runs beside each other."""


@dataclass(frozen=True)
class Supplement:
    """Every column of every run."""

    values: tuple[Table, ...]
    """One row a run, as the leaderboard."""
    differences: tuple[Table, ...]
    """For each model, each run against that of text CoT."""
    printed: tuple[Table, ...]
    """What a page can hold: metrics down and runs across, values and then differences."""


def supplement(paper: PaperRuns, runs: Sequence[ScoredRun], resamples: int, labels: Labels) -> Supplement:
    """Every column of every run, and every difference to text CoT."""
    over = [scored for scored in runs if scored.run.identity.dataset == paper.dataset]
    values = [replace(table, name=f"supplement-{table.name}") for table in tables_of(over)]
    every = {label: c for part in paper.parts for scored in part.samples for label, c in columns_of(scored).items()}
    words = Printed(labels, labels.names(list(every.values())))
    differences: list[Table] = []
    printed: list[Table] = []
    single: list[PaperRow] = []
    for number, model in enumerate(paper.models, start=1):
        parts = [part for part in paper.parts if part.model == model]
        if len(parts) == 1:
            single += parts
            continue
        printed += _values(parts, words, f"supplement-{number}", f"Every metric of {labels.model(model)}.")
        ready = _compared(paper, model)
        if ready:
            sides = [part.folders for part in ready]
            try:
                found = compare_runs(sides, resamples=min(resamples, _RESAMPLES), ok_too=False)
            except UsageError:  # they share no metric
                continue
            differences += _differences(found, ready, number)
            printed.append(_printed_differences(found, ready, words, number))
    baselines = [part for name in BASELINES if (part := paper.baseline(name, (TEXT, "mcot", DIRECT))) is not None]
    printed += _values([*single, *baselines], words, "supplement-models", "Every metric of models and baselines.")
    return Supplement(tuple(values), tuple(differences), tuple(printed))


def _compared(paper: PaperRuns, model: str) -> list[PaperRow]:
    """The run of text CoT, and then those that stand on the same studies; none where there is nothing to compare."""
    text = paper.find(model, TEXT)
    others = [paper.find(model, task) for task in (*ARMS, *CONTROLS) if task != TEXT]
    ready = [part for part in others if part is not None and part.why is None]
    return [] if text is None or text.why is not None or not ready else [text, *ready]


def _values(parts: Sequence[PaperRow], words: Printed, name: str, title: str) -> Iterator[Table]:
    for start in range(0, len(parts), _ACROSS):
        lines = []
        for part in parts[start : start + _ACROSS]:
            model, task = words.labels.model(part.model), words.labels.task(part.task)
            alone = sum(other.model == part.model for other in parts) == 1
            lines.append((model if alone else task or model, columns_of(part.first)))
        again = f"-{start // _ACROSS + 1}" if start else ""
        yield compact(lines, words, f"{name}{again}", title)


def _differences(found: Comparison, ready: Sequence[PaperRow], number: int) -> Iterator[Table]:
    for part, table in zip(ready[1:], comparison_tables(found), strict=False):
        name = f"supplement-differences-{number}-{part.task}"
        yield replace(table, name=name, title=f"{part.model}: {part.task} (B) against {TEXT} (A)")


def _printed_differences(found: Comparison, ready: Sequence[PaperRow], words: Printed, number: int) -> Table:
    text, *others = ready
    heads = [TableColumn("metric")]
    heads += [TableColumn(part.task, words.labels.task(part.task), "change") for part in others]
    known = columns_of(text.first)
    cells: dict[str, dict[str, Cell]] = {}
    for i, column in enumerate(found.columns):
        row = cells.setdefault(column.label, {})
        for at, part in enumerate(others):
            value = float(found.differences[at].difference[i])
            mark = "*" if significant(found, at, i) else ""
            row[part.task] = Cell(value if math.isfinite(value) else None, mark=mark)
    body = by_convention({label: known[label] for label in cells}, words, cells)
    title = (
        f"Differences of {words.labels.model(text.model)} to {words.labels.task(TEXT)}, times 100, over "
        f"{found.studies:,} studies; * significant, adjusted for the whole table."
    )
    return Table(f"supplement-{number}-differences", title, tuple(heads), body)
