"""Columns that say what a row cost: tokens per study by kind, dollars, and answers that were cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from mmrad_eval.results.leaderboard.rows import ScoredRun
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.run.spent import Spent, cost
from mmrad_eval.results.tables.table import Cell, CellColumn, Row, Table, TableColumn, cells_of

Samples = Sequence[ScoredRun]
PER = 1000
"""Studies that a price is for."""


def tokens(samples: Samples, kind: Callable[[Spent], tuple[int, int]]) -> float | None:
    """Tokens of a kind a study; None where the provider did not count them for every scored answer.

    ``kind``: (answers for which it counted them, tokens).
    """
    summaries = [scored.summary for scored in samples if scored.summary]
    scored = sum(summary.scored for summary in summaries)
    counted = [kind(summary.spent) for summary in summaries]
    known, total = sum(answers for answers, _ in counted), sum(many for _, many in counted)
    return total / scored if scored and known == scored else None


def total_tokens(samples: Samples) -> float | None:
    """Tokens of prompt and completion a study; None as in ``tokens``."""
    return tokens(samples, lambda spent: (spent.answers, spent.total))


def dollars(samples: Samples) -> float | None:
    """US dollars of ``PER`` studies; None without a price, or without tokens."""
    if total_tokens(samples) is None:
        return None
    spent = [
        (_dollars(scored.summary.spent, scored.run), scored.summary) for scored in samples if scored.summary is not None
    ]
    known = [price for price, _ in spent if price is not None]
    return PER * sum(known) / sum(summary.scored for _, summary in spent) if len(known) == len(spent) else None


def _dollars(spent: Spent, run: Run) -> float | None:
    """US dollars of one run; half where all of its replies came in provider batches."""
    price = cost(spent, run.card)
    return price / 2 if price is not None and run.served and all(one.get("batch") for one in run.served) else price


def cut_off(samples: Samples) -> float | None:
    """Share of scored answers that ended at the limit of tokens."""
    summaries = [scored.summary for scored in samples if scored.summary]
    scored = sum(summary.scored for summary in summaries)
    return sum(summary.statuses.get("truncated", 0) for summary in summaries) / scored if scored else None


NOTE = (
    "Tokens per study, as the provider counted them over all turns; empty where it did not. US dollars for 1,000 "
    "studies, at the card's price."
)


def _tokens(name: str, title: str, kind: Callable[[Spent], tuple[int, int]]) -> CellColumn[Samples]:
    column = TableColumn(name, title, "score", digits=0, headline=False, note=NOTE)
    return CellColumn(column, lambda samples: tokens(samples, kind))


COSTS: tuple[CellColumn[Samples], ...] = (
    _tokens("prompt tokens", "prompt tokens", lambda spent: (spent.answers, spent.prompt)),
    _tokens("image tokens", "of images", lambda spent: (spent.image_answers, spent.image)),
    _tokens("completion tokens", "completion tokens", lambda spent: (spent.answers, spent.completion)),
    _tokens("reasoning tokens", "of reasoning", lambda spent: (spent.reasoning_answers, spent.reasoning)),
    CellColumn(TableColumn("dollars", "US$ / 1,000", "score", digits=2, headline=False, note=NOTE), dollars),
    CellColumn(TableColumn("cut off", "cut off, %", "percent", headline=False), cut_off),
)
"""A study, on average over the scored ones; empty where the provider did not count such tokens for each of them."""


def cost_table(name: str, sides: Sequence[tuple[str, Samples]]) -> Table | None:
    """One row a side, with its runs; None where no model was asked."""
    columns = cost_columns([scored for _, samples in sides for scored in samples])
    if not columns:
        return None
    named = TableColumn("run", "")
    n = TableColumn("n", kind="count")
    rows = [
        Row({"run": Cell(side), "n": Cell(_studies(samples)), **cells_of(columns, samples)}) for side, samples in sides
    ]
    shown = tuple(replace(written.column, headline=True) for written in columns)
    return Table(name, "What the answers cost", (named, n, *shown), tuple(rows))


def _studies(samples: Samples) -> int:
    return max((scored.summary.scored for scored in samples if scored.summary), default=0)


def cost_columns(runs: Samples) -> tuple[CellColumn[Samples], ...]:
    """The columns in which some of the runs have a number; none where no model was asked."""
    if all(scored.summary is None or not scored.summary.spent.answers for scored in runs):
        return ()
    return tuple(column for column in COSTS if any(column.of([scored]).value is not None for scored in runs))
