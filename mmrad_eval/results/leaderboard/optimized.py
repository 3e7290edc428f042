"""Metrics that a model was optimized for: marked wherever their numbers stand, compared with none, never a headline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from mmrad_eval.results.run.record import Run
from mmrad_eval.results.tables.table import Cell

OPTIMIZED = "\u2020"
"""The mark of a number that its model was trained to raise."""


def was_optimized(runs: Iterable[Run], metric: str) -> bool:
    """Whether a model of these runs was optimized for a metric.

    That is its family, under any profile (who was trained on ``bleu@raw`` was trained on BLEU), and its details, such
    as ``findings-by-finding`` of ``findings``.
    """
    family = _family(metric)
    trained = {_family(name) for run in runs for name in run.card.optimized_for}
    return any(family == name or family.startswith(f"{name}-") for name in trained)


def marked(cell: Cell, runs: Iterable[Run], metric: str) -> Cell:
    """The cell of such a number: shown, marked, and not compared with others; any other cell as it is."""
    return replace(cell, mark=cell.mark + OPTIMIZED, comparable=False) if was_optimized(runs, metric) else cell


def optimized_note(runs: Sequence[Run]) -> tuple[str, ...]:
    """What the mark means, where a run of a table has it."""
    trained = sorted({name for run in runs for name in run.card.optimized_for})
    if not trained:
        return ()
    return (f"{OPTIMIZED} The model was optimized for this metric ({', '.join(trained)}): no rank, no significance.",)


def _family(metric: str) -> str:
    return metric.partition("@")[0]
