"""Several datasets in one table: the same systems on each, and what the references of each are like.

A value depends on the references it is scored against: how long they are, how much they deny, how they are written. So
datasets stand beside each other and never in one mean, and each comes with the length and style of its references.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

from mmrad_eval.core.errors import DataError, MmradError
from mmrad_eval.core.values import Study, Target
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.metrics.facts.labels import POSITIVE, label
from mmrad_eval.results.leaderboard.board import EVIDENCE
from mmrad_eval.results.leaderboard.optimized import marked, optimized_note
from mmrad_eval.results.leaderboard.policy_rows import cells_over, policy_row
from mmrad_eval.results.leaderboard.rows import (
    ScoredRun,
    columns_of,
    headlines,
    largest,
    mean_cell,
    reference_studies,
    repeats,
    studies_of,
    why_unranked,
)
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.scoring.reports_file import studies_of as loaded
from mmrad_eval.results.tables.table import Cell, Row, Table, TableColumn, ranked
from mmrad_eval.tasks.given_evidence import DIRECT

FEW = 3
"""Columns of each dataset, where none are named."""
_SENTENCE = re.compile(r"[.!?](?:\s|$)")


@dataclass(frozen=True)
class RunsOver:
    """The runs over one dataset, split and target."""

    name: str
    runs: tuple[ScoredRun, ...]

    @property
    def first(self) -> ScoredRun:
        """A run that stands for all in what they share."""
        return self.runs[0]


@dataclass(frozen=True)
class ReferenceStyle:
    """How the references of a dataset are written."""

    n: int
    words: tuple[float, float, float]
    """First quartile, median and third quartile of the words of a reference."""
    sentence: float
    """Words of a sentence, on average."""
    normal: float
    """Share of references without a finding, by the rule labeler."""
    denied: float | None
    """Share of statements that say that something is absent, by the rules; None where there is none."""


def datasets_of(runs: Sequence[ScoredRun]) -> list[RunsOver]:
    """The runs by dataset, split and target, in the order of their names; those that were never scored are left out."""
    groups: dict[tuple[str, str, str, str], list[ScoredRun]] = defaultdict(list)
    for scored in largest([scored for scored in runs if scored.summary is not None]):
        identity = scored.run.identity
        selection = identity.selection
        groups[identity.dataset, identity.dataset_digest, selection.split or "", selection.target].append(scored)
    names = [key[0] for key in groups]
    several = len({key[3] for key in groups}) > 1
    made = []
    for (name, digest, split, target), group in sorted(groups.items()):
        parts = [name + (f" ({digest[:6]})" if names.count(name) > 1 else ""), *([split] if split else [])]
        made.append(RunsOver(", ".join([*parts, *([target] if several else [])]), tuple(group)))
    return made


def across_tables(runs: Sequence[ScoredRun], wanted: Sequence[str] = ()) -> list[Table]:
    """Given and generated evidence apart, as in leaderboards; ``direct`` stands in both, since it shows none.

    ``wanted`` names columns by label, name or metric; by default the first ones that all datasets share. DataError
    where no two datasets have runs of one kind.
    """
    made = []
    for evidence in ("given", "generated"):
        kept = [s for s in runs if s.run.given == (evidence == "given") or s.run.identity.task == DIRECT.name]
        over = datasets_of(kept)
        own = {s.run.identity.dataset_digest for s in kept if s.run.identity.task != DIRECT.name}
        if len(over) > 1 and (evidence == "generated" or len(own) > 1):
            made.append(_table(over, evidence, wanted))
    if not made:
        raise DataError("all scored runs use one dataset; a table across datasets needs several")
    return made


def _table(over: Sequence[RunsOver], evidence: str, wanted: Sequence[str]) -> Table:
    """One row a model and task, the columns of each dataset beside each other."""
    columns = _columns(over, wanted)
    cells: dict[tuple[str, str], dict[str, Cell]] = defaultdict(dict)
    notes: dict[tuple[str, str], list[str]] = defaultdict(list)
    heads: list[TableColumn] = []
    for one in over:
        same = reference_studies(one.runs)
        heads.append(TableColumn(f"{one.name} n", f"{one.name}, n", "count", group=one.name))
        heads += [
            TableColumn(
                f"{one.name}: {column.label}",
                f"{column.name} ({one.name})",
                "score",
                column.better,
                footnote=column.signature,
                interval=True,
                group=one.name,
            )
            for column in columns
        ]
        for group in repeats(one.runs):
            run = group[0].run
            row = run.card.label, run.identity.task
            found = {
                column.label: mean_cell([columns_of(s).get(column.label) for s in group], column.signature)
                for column in columns
            }
            if f"{one.name} n" in cells[row]:
                notes[row].append(f"{one.name}: several runs, that of the most studies is shown")
                continue
            why = next((why for s in group if (why := why_unranked(s))), None)
            if why is None and studies_of(group[0]) != same:
                why = "scored on other studies than the ranked rows: not ranked"
            if why:
                notes[row].append(f"{one.name}: {why}")
            summary = group[0].summary
            cells[row][f"{one.name} n"] = Cell(summary.scored if summary else None)
            for column in columns:
                cell = found[column.label]
                if cell is not None:
                    apart = why is not None or not cell.comparable
                    made = Cell(cell.value, cell.low, cell.high, note=cell.note, comparable=not apart)
                    cells[row][f"{one.name}: {column.label}"] = marked(made, [s.run for s in group], column.metric)
    rows = [
        Row({"model": Cell(model), "task": Cell(task), **found}, tuple(notes[model, task]))
        for (model, task), found in sorted(cells.items())
    ]
    said = "No mean over datasets is taken: a value depends on the references that it is scored against."
    notes_below = (said, *optimized_note([scored.run for one in over for scored in one.runs]))
    rows += _policies(over, [column.label for column in columns])
    first = (TableColumn("model"), TableColumn("task"))
    title = f"{len(over)} datasets: {EVIDENCE[evidence]}"
    among = "the complete runs over the same studies of one dataset"
    return ranked(Table(f"across-datasets-{evidence}", title, (*first, *heads), tuple(rows), notes_below, among))


def _policies(over: Sequence[RunsOver], labels: Sequence[str]) -> list[Row]:
    """What reports that see no image get, over the ranked studies of each dataset."""
    cells: dict[str, dict[str, Cell]] = defaultdict(dict)
    for one in over:
        for policy, found in cells_over(one.runs, reference_studies(one.runs)).items():
            cells[policy] |= {f"{one.name}: {label}": cell for label, cell in found.items() if label in labels}
    kept = [(policy, found) for policy, found in cells.items() if found]
    return [policy_row(policy, found, rule=not i) for i, (policy, found) in enumerate(kept)]


def _columns(over: Sequence[RunsOver], wanted: Sequence[str]) -> list[ColumnSummary]:
    """The columns that some run of every dataset has under one signature."""
    known = [{c.label: c for scored in one.runs for c in columns_of(scored).values()} for one in over]
    shared = [c for label, c in known[0].items() if all(label in other for other in known)]
    if not shared:
        raise DataError("the datasets share no column; score their runs with the same metrics")
    if not wanted:
        best = headlines(shared)
        return [column for column in shared if column.label in best][:FEW]
    found = [c for name in wanted for c in shared if name in {c.label, c.name, c.metric, c.metric.partition("@")[0]}]
    if not found:
        raise DataError(f"--metrics {', '.join(wanted)}: the datasets share only {', '.join(c.label for c in shared)}")
    return list({column.label: column for column in found}.values())


def reference_style(studies: Sequence[Study], target: Target) -> ReferenceStyle | None:
    """Length and style of the references of these studies; None where none has one for the target."""
    texts = [text for study in studies if study.reference and (text := study.reference.target(target) or "").strip()]
    if not texts:
        return None
    words = [len(text.split()) for text in texts]
    q1, median, q3 = quantiles(words, n=4, method="inclusive") if len(words) > 1 else [float(words[0])] * 3
    sentences = sum(max(1, len(_SENTENCE.findall(text))) for text in texts)
    stated = [fact.status for text in texts for fact in extract(text)]
    return ReferenceStyle(
        len(texts),
        (q1, median, q3),
        sum(words) / sentences,
        fmean(label(text)["No Finding"] == POSITIVE for text in texts),
        sum(status == "absent" for status in stated) / len(stated) if stated else None,
    )


def references_table(over: Sequence[RunsOver], references: str | None = None) -> Table:
    """One row a dataset: studies, and length and style of their references, read again from where the runs say."""
    rows = []
    for one in over:
        cells = {"dataset": Cell(one.name), "target": Cell(one.first.run.identity.selection.target)}
        notes: tuple[str, ...] = ()
        try:
            target = one.first.run.identity.selection.target
            style = reference_style(loaded(RunFolder(one.first.folder), references)[0], target)
        except MmradError as error:
            style, notes = None, (f"its references can't be read again: {error}",)
        if style is not None:
            q1, median, q3 = style.words
            cells |= {
                "n": Cell(style.n),
                "words": Cell(median),
                "quartiles": Cell(f"{q1:.0f} to {q3:.0f}"),
                "sentence": Cell(style.sentence),
                "normal": Cell(style.normal),
                "denied": Cell(style.denied),
            }
        rows.append(Row(cells, notes))
    columns = (
        TableColumn("dataset"),
        TableColumn("target"),
        TableColumn("n", "references", "count"),
        TableColumn("words", "words, median", "score", digits=0),
        TableColumn("quartiles", "quartiles"),
        TableColumn("sentence", "words a sentence", "score", digits=1),
        TableColumn("normal", "without finding, %", "percent"),
        TableColumn("denied", "statements that deny, %", "percent"),
    )
    note = "Findings and statements by our rules (docs/facts.md)."
    return Table("references", "Length and style of the references", columns, tuple(rows), (note,))
