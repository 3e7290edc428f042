"""Runs as tables meet them: record and summary, which of them stand beside each other, and who is ranked."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import MODEL_STATUSES
from mmrad_eval.results.run.folder import RunFolder, find_runs
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.run.summary import ColumnSummary, Summary
from mmrad_eval.results.tables.table import Cell
from mmrad_eval.tasks.images_first import OPTION as IMAGES_FIRST

HEADLINES = (
    *("BLEU-4", "ROUGE-L", "METEOR", "CIDEr", "BERTScore", "CheXbert", "RadGraph", "RadCliQ", "Findings"),
    *("Trace F1", "SC"),
)
"""Beginnings of the names of columns that a terminal shows first, each once; of other families, the first column."""
MOST_HEADLINES = 10
DETAILS = frozenset(("rules-by-label", "findings-by-finding", "findings-hedges"))
"""Families that print one thing in detail, a column a label or finding: none of these stands for the rest."""


class ScoredRun(msgspec.Struct, frozen=True):
    """A run that was read: its record, and its summary where it was scored."""

    folder: Path
    run: Run
    summary: Summary | None


def read_scored_runs(folders: Iterable[RunFolder]) -> list[ScoredRun]:
    """Read run.json and summary.json of each folder."""
    return [ScoredRun(folder.path, folder.run, folder.summary()) for folder in folders]


def readable_runs(results: Path, left_out: Callable[[str], object]) -> list[ScoredRun]:
    """The runs under ``results``, without those that can't be read: ``left_out`` is told why, one by one.

    DataError where there are runs, and none of them can be read.
    """
    runs, faults, folders = [], [], find_runs(results)
    for folder in folders:
        try:
            runs += read_scored_runs([folder])
        except DataError as error:  # one damaged run must not hide the others
            if len(folders) == 1:
                raise
            faults.append(str(error))
            left_out(f"left out: {error}")
    if faults and not runs:
        raise DataError(f"none of the {len(folders)} runs under {results} can be read; the first: {faults[0]}")
    return runs


def rows_under(results: Path, left_out: Callable[[str], object]) -> list[ScoredRun]:
    """As ``readable_runs``; DataError where no run is there."""
    runs = readable_runs(results, left_out)
    if not runs:
        raise DataError(f"no runs under {results}; `mmrad-eval --model baseline:evidence --task mcot` makes one")
    return runs


def largest(runs: Sequence[ScoredRun]) -> list[ScoredRun]:
    """Of runs that differ only in how many studies they took, the one with the most."""
    kept: dict[str, ScoredRun] = {}
    for scored in runs:
        identity = scored.run.identity
        selection = replace(identity.selection, limit=None, ids=None)
        key = replace(identity, selection=selection).id()
        other = kept.get(key)
        if other is None or _size(scored) > _size(other):
            kept[key] = scored
    return list(kept.values())


def _size(scored: ScoredRun) -> tuple[int, int, str]:
    return (scored.run.counts.n, scored.summary.scored if scored.summary else 0, scored.run.id)


def repeats(runs: Sequence[ScoredRun]) -> list[list[ScoredRun]]:
    """Runs that differ only in their sample number, together."""
    groups: dict[str, list[ScoredRun]] = defaultdict(list)
    for scored in runs:
        groups[replace(scored.run.identity, sample=0).id() + scored.run.card.label].append(scored)
    return [sorted(group, key=lambda scored: scored.run.identity.sample) for group in groups.values()]


def studies_of(scored: ScoredRun) -> tuple[str, int] | None:
    """(digest, n) of the studies that a run covers."""
    return (scored.summary.studies, scored.summary.n) if scored.summary else None


def size_of(scored: ScoredRun) -> int:
    """Studies of the selection; the scores of a run that was killed know only those that it came to."""
    return max(scored.run.counts.n, scored.summary.n) if scored.summary else scored.run.counts.n


def statuses_of(scored: ScoredRun) -> Counter[str]:
    """Status -> studies of the selection."""
    statuses = Counter(scored.summary.statuses if scored.summary else scored.run.counts.statuses)
    statuses["pending"] += size_of(scored) - sum(statuses.values())
    return statuses


def columns_of(scored: ScoredRun) -> dict[str, ColumnSummary]:
    """Column label -> number; nothing where it was not scored."""
    return scored.summary.columns if scored.summary else {}


def reference_studies(runs: Sequence[ScoredRun]) -> tuple[str, int] | None:
    """The studies over which rows are ranked: the set that most complete runs share, the larger one if tied."""
    counts = Counter(studies for scored in runs if (studies := studies_of(scored)) and why_unranked(scored) is None)
    if not counts:
        return None
    return max(counts, key=lambda key: (counts[key], key[1], key[0]))


_BESIDE = {
    "reference": "the reference reports (upper bound): not ranked",
    "second-reader": "a second radiologist against the first: human performance, not ranked",
}
"""Baselines that stand beside the others."""


def why_unranked(scored: ScoredRun) -> str | None:
    """Why a run can't be ranked whatever the others are, None where it can."""
    counts = scored.run.counts
    if scored.summary is None:
        unfinished = (
            counts.n and counts.unanswered == counts.n
        )  # or killed: then answers may be there, and nobody knows
        todo = "unfinished (run the same command again): not ranked"
        return todo if unfinished else f"not scored yet: mmrad-eval score {scored.folder}"
    if not scored.summary.n:
        return f"no study has a reference {scored.run.identity.selection.target}: not ranked"
    if not scored.run.complete or not scored.summary.complete:
        of = size_of(scored)
        return f"incomplete, {of - scored.summary.scored} of {of} studies have no answer yet: not ranked"
    if scored.run.card.provider == "baseline" and scored.run.card.id in _BESIDE:
        return _BESIDE[scored.run.card.id]
    rejected = sum(scored.run.counts.statuses.get(status, 0) for status in ("refused", "too long"))
    if rejected and scored.run.old_rules and scored.run.card.provider not in {"baseline", "file"}:
        return (
            f"version 0.1.0 counted {rejected} answers as refused or too long, server failures among them; "
            "run the same command again: not ranked"
        )
    return _set_apart(scored.run)


def _set_apart(run: Run) -> str | None:
    """Why a complete run stands beside the others and not among them."""
    if run.mixed:
        return f"mixed, {len(run.served)} different servers or versions answered: not ranked"
    if run.identity.extra.get(IMAGES_FIRST):
        return "images first: each message showed its images before its words: not ranked"
    return None


_READ = " read"
"""How the name of such a column ends."""
_LEAVES_OUT = "|unread:left-out|"
"""Stands in the signature of a column that leaves out studies whose judgement could not be read."""


def headlines(columns: Sequence[ColumnSummary]) -> set[str]:
    """Labels of the columns that stand for the rest where there is little room."""
    chosen: dict[str, ColumnSummary] = {}
    for begin in HEADLINES:
        for column in columns:
            if column.name.startswith(begin) and column.better:
                chosen.setdefault(begin, column)
    families = {column.metric.partition("@")[0] for column in chosen.values()}
    for column in columns:
        family = column.metric.partition("@")[0]
        if family not in families | DETAILS:
            chosen.setdefault(family, column)
    return {column.label for column in list(chosen.values())[:MOST_HEADLINES]}


def read_shares(columns: Sequence[ColumnSummary], shown: Collection[str]) -> set[str]:
    """Labels of the columns that say how much of a judge's replies was read, for judged columns that are shown."""
    metrics = {column.metric for column in columns if column.label in shown}
    return {column.label for column in columns if column.metric in metrics and column.name.endswith(_READ)}


def answers_in_words(statuses: Counter[str]) -> str:
    """``290 ok, 4 truncated``; only ``all ok`` where nothing else happened."""
    counts = [(status, statuses[status]) for status in (*MODEL_STATUSES, "failed", "pending") if statuses[status]]
    if [status for status, _ in counts] == ["ok"]:
        return "all ok"
    return ", ".join(f"{count:,} {status}" for status, count in counts)


def mean_cell(columns: Sequence[ColumnSummary | None], signature: str) -> Cell | None:
    """The cell of one column over the samples of a row; None where the metric was not scored."""
    known = [column for column in columns if column is not None]
    if not known:
        return None
    if len(known) < len(columns):
        return Cell(note="scored for only some of the samples; score the rest")
    values = [column.value for column in known if column.value is not None]
    lows = [column.low for column in known if column.low is not None]
    highs = [column.high for column in known if column.high is not None]
    whole = len(values) == len(known)
    others = [column.signature for column in known if column.signature != signature]
    return Cell(
        statistics.fmean(values) if whole else None,
        statistics.fmean(lows) if whole and len(lows) == len(known) else None,
        statistics.fmean(highs) if whole and len(highs) == len(known) else None,
        note=f"computed differently from the rest of its column: {others[0]}" if others else _left_out(known),
        comparable=not others,
    )


def _left_out(columns: Sequence[ColumnSummary]) -> str:
    """That a value is over fewer studies than the rest of its row; empty where it is over all of them."""
    fewest = min(columns, key=lambda column: column.defined / max(column.n, 1))
    if _LEAVES_OUT not in fewest.signature or fewest.defined == fewest.n:
        return ""
    return f"over {fewest.defined:,} of {fewest.n:,} studies: what the judge wrote about the others could not be read"
