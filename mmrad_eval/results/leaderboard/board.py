"""The leaderboard: run folders to tables, one row per run, from run.json and summary.json alone.

Runs share a table when they answer the same question: the same dataset (by digest), split, target, and evidence
(given or generated). Best and second are marked among complete runs over the same studies only.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mmrad_eval.core.values import MODEL_STATUSES
from mmrad_eval.results.leaderboard.costs import cost_columns
from mmrad_eval.results.leaderboard.not_scored import not_scored
from mmrad_eval.results.leaderboard.optimized import marked, optimized_note
from mmrad_eval.results.leaderboard.policy_rows import policy_rows, without_policies
from mmrad_eval.results.leaderboard.rows import (
    ScoredRun,
    answers_in_words,
    columns_of,
    headlines,
    largest,
    mean_cell,
    read_shares,
    reference_studies,
    repeats,
    rows_under,
    size_of,
    statuses_of,
    studies_of,
    why_unranked,
)
from mmrad_eval.results.leaderboard.sanity import sanity_line
from mmrad_eval.results.run.naming import variants
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.tables.shown import ShownTables
from mmrad_eval.results.tables.table import Cell, CellColumn, Row, Table, TableColumn, cells_of, ranked
from mmrad_eval.tasks import INTERVENTIONS
from mmrad_eval.tasks.given_evidence import DIRECT
from mmrad_eval.traces.boxed import EVENTS, OTHER_DIALECT


def leaderboard(results: str | Path = "results", *, datasets: Collection[str] | None = None) -> ShownTables:
    """The tables of all runs under ``results``, or of those over ``datasets``. DataError where no run is there.

    A run that can't be read is left out, and the notes of the first table say why.
    """
    lost: list[str] = []
    runs = rows_under(Path(results), lost.append)
    kept = [scored for scored in runs if datasets is None or scored.run.identity.dataset in datasets]
    return ShownTables(with_left_out(tables_of(kept), lost))


def with_left_out(tables: Sequence[Table], lost: Sequence[str]) -> list[Table]:
    """The tables, the first of which says which runs could not be read."""
    said = tuple(f"{why[0].upper()}{why[1:]}." for why in lost)
    return [replace(table, notes=(*table.notes, *said)) if i == 0 else table for i, table in enumerate(tables)]


def tables_of(runs: Sequence[ScoredRun]) -> list[Table]:
    """The tables, by dataset, then given before generated. No runs: no table."""
    groups: dict[tuple[str, ...], list[ScoredRun]] = defaultdict(list)
    for scored in largest([scored for scored in runs if not _aside(scored)]):
        identity = scored.run.identity
        split = identity.selection.split or ""
        question = (identity.dataset, identity.dataset_digest, split, identity.selection.target)
        groups[*question, "given" if scored.run.given else "generated"].append(scored)
    _share_direct(groups)
    datasets = Counter(key[0] for key in {key[:2] for key in groups})
    order = sorted(groups, key=lambda key: (key[0], key[1], key[2], key[3], key[4] == "generated"))
    return [_table(key, groups[key], several=datasets[key[0]] > 1) for key in order]


def _share_direct(groups: dict[tuple[str, ...], list[ScoredRun]]) -> None:
    """Rows of ``direct`` stand among generated reasoning too: it shows no evidence, so both start from it."""
    for key in list(groups):
        *question, evidence = key
        other = (*question, "generated")
        direct = [scored for scored in groups[key] if scored.run.identity.task == DIRECT.name]
        nobody = len(direct) == len(groups[key])  # was given anything
        if evidence == "given" and direct and (nobody or other in groups):
            groups[other] += direct
            if nobody:
                del groups[key]


def _aside(scored: ScoredRun) -> bool:
    """An intervention that nobody asked to score: ``faithfulness`` compares it with others, and it is no row."""
    return scored.summary is None and scored.run.identity.task in INTERVENTIONS


def _table(key: tuple[str, ...], runs: list[ScoredRun], *, several: bool) -> Table:
    dataset, digest, split, target, evidence = key
    grouped = repeats(runs)
    words = variants([group[0].run for group in grouped])
    over = reference_studies(runs)
    spent = cost_columns(runs)
    metrics = _metric_columns([scored for scored in runs if studies_of(scored) == over] + list(runs))
    rows = []
    for group, variant in zip(grouped, words, strict=True):
        if len(group) == 1:
            rows.append(_row(group, variant, over, metrics, spent))
        else:  # people read the mean over samples, data has one row a run
            rows.append(replace(_row(group, variant, over, metrics, spent), media="drawn"))
            rows += [replace(_row([e], variant, over, metrics, spent), media="data") for e in group]
    rows = [replace(row, cells={**row.cells, "evidence": Cell(evidence)}) for row in rows]
    rows.sort(key=lambda row: _order(row, metrics))
    rows += policy_rows(runs, over)
    metrics = without_policies(metrics)
    title = ", ".join([dataset + (f" ({digest[:8]})" if several else ""), *([split] if split else []), target])
    name = re.sub(r"[^a-z0-9]+", "-", f"{dataset} {digest[:4] if several else ''} {split} {target} {evidence}".lower())
    return ranked(
        Table(
            name.strip("-"),
            f"{title}: {EVIDENCE[evidence]}",
            (*(w.column for w in _FIXED), *(w.column for w in spent), *metrics),
            tuple(rows),
            notes=(*_notes(runs), *sanity_line(runs)),
            ranking="the complete runs over the same studies",
        )
    )


EVIDENCE = {
    "given": "evidence given by the task",
    "generated": "no evidence given (direct, the model's own reasoning, or external reports)",
}
"""What a table is about, by the kind of evidence of its runs."""


@dataclass(frozen=True)
class _Line:
    """What one row is about: a run, or the samples of one."""

    group: Sequence[ScoredRun]
    variant: str
    statuses: Counter[str]
    is_ranked: bool

    @property
    def first(self) -> ScoredRun:
        """The run that stands for all."""
        return self.group[0]

    @property
    def run(self) -> Run:
        """Its record."""
        return self.first.run

    @property
    def lengths(self) -> tuple[float | None, float | None]:
        """Words of a report, and words of the reports that say something for each word of their references."""
        summaries = [entry.summary for entry in self.group if entry.summary]
        scored = sum(summary.scored for summary in summaries)
        wrote, meant = (sum(summary.words[i] for summary in summaries) for i in (0, 1))
        return wrote / scored if scored and wrote else None, wrote / meant if meant else None


def _status(name: str) -> CellColumn[_Line]:
    return CellColumn(TableColumn(name, kind="count", media="data"), lambda line: line.statuses[name])


def _yes(said: bool) -> str:
    return "yes" if said else "no"


_FIXED: tuple[CellColumn[_Line], ...] = (
    CellColumn(TableColumn("model"), lambda line: line.run.card.label),
    CellColumn(TableColumn("task"), lambda line: line.run.identity.task),
    CellColumn(TableColumn("variant"), lambda line: line.variant),
    CellColumn(TableColumn("dataset", media="data"), lambda line: line.run.identity.dataset),
    CellColumn(TableColumn("n", kind="count"), lambda line: size_of(line.first)),
    CellColumn(TableColumn("answers", media="drawn"), lambda line: answers_in_words(line.statuses)),
    CellColumn(
        TableColumn("words", "words per report", "score", digits=1, headline=False), lambda line: line.lengths[0]
    ),
    CellColumn(TableColumn("length", "words / reference", "score", digits=2), lambda line: line.lengths[1]),
    *(_status(name) for name in ("failed", "pending", *MODEL_STATUSES)),
    CellColumn(
        TableColumn("scored", kind="count", media="data"),
        lambda line: sum(scored.summary.scored for scored in line.group if scored.summary),
    ),
    CellColumn(
        TableColumn("clusters", kind="count", media="data"),
        lambda line: line.first.summary.clusters if line.first.summary else None,
    ),
    CellColumn(
        TableColumn("cluster", media="data"),
        lambda line: line.first.summary.cluster if line.first.summary else None,
    ),
    CellColumn(TableColumn("split", media="data"), lambda line: line.run.identity.selection.split),
    CellColumn(TableColumn("target", media="data"), lambda line: line.run.identity.selection.target),
    CellColumn(TableColumn("evidence", media="data"), lambda line: "given" if line.run.given else "generated"),
    CellColumn(TableColumn("complete", media="data"), lambda line: _yes(all(e.run.complete for e in line.group))),
    CellColumn(TableColumn("ranked", media="data"), lambda line: _yes(line.is_ranked)),
    CellColumn(TableColumn("optimized for", media="data"), lambda line: " ".join(line.run.card.optimized_for) or None),
    CellColumn(TableColumn("sample", kind="count", media="data"), lambda line: line.run.identity.sample),
    CellColumn(TableColumn("run", media="data"), lambda line: " ".join(scored.run.id for scored in line.group)),
)
"""The columns before the metrics: a further one is a further line here."""


def _metric_columns(runs: Sequence[ScoredRun]) -> tuple[TableColumn, ...]:
    """All columns of all runs in the order in which they were scored, each with the signature that most runs share."""
    found: dict[str, list[ColumnSummary]] = defaultdict(list)
    for scored in runs:
        for label, column in columns_of(scored).items():
            found[label].append(column)
    every = [columns[0] for columns in found.values()]
    first = headlines(every)
    first |= read_shares(every, first)
    return tuple(
        TableColumn(
            key=label,
            kind="score",
            better=columns[0].better,
            headline=label in first,
            footnote=Counter(column.signature for column in columns).most_common(1)[0][0],
            interval=True,
        )
        for label, columns in found.items()
    )


def _row(
    group: Sequence[ScoredRun],
    variant: str,
    reference: tuple[str, int] | None,
    metrics: Sequence[TableColumn],
    spent: Sequence[CellColumn[Sequence[ScoredRun]]],
) -> Row:
    """One row: a run, or the mean over the samples of one."""
    first = group[0]
    notes = [why for why in dict.fromkeys(why_unranked(scored) for scored in group) if why]
    for scored in group:
        studies = studies_of(scored)
        if not notes and reference and studies and studies != reference:
            notes.append(f"scored on {studies[1]:,} studies, the ranked rows on {reference[1]:,}: not ranked")
    is_ranked = not notes
    if first.run.refusals:
        texts = ", ".join(f"{text!r}" for text in first.run.refusals)
        notes.append(f"rejections that say {texts} counted as refusals (--refusal-pattern)")
    if montage := first.run.identity.extra.get("montage"):
        notes.append(f"images shown as {montage}")
    if len(group) > 1:
        notes.append(f"mean of {len(group)} samples; its interval is the mean of theirs, never too narrow")
    statuses: Counter[str] = Counter()
    for scored in group:
        statuses.update(statuses_of(scored))
    cells = cells_of(_FIXED, _Line(group, variant, statuses, is_ranked)) | cells_of(spent, group)
    for column in metrics:
        cell = mean_cell([columns_of(scored).get(column.key) for scored in group], column.footnote)
        if cell is not None:
            scored_as = next(found[column.key] for scored in group if column.key in (found := columns_of(scored)))
            cells[column.key] = marked(cell, [scored.run for scored in group], scored_as.metric)
    return Row(cells, tuple(dict.fromkeys(notes)), is_ranked)


def _order(row: Row, metrics: Sequence[TableColumn]) -> tuple[Any, ...]:
    """Ranked rows first, best first in the first headline column, then by name."""
    main = next((column for column in metrics if column.headline and column.better), None)
    cell = row.cells.get(main.key, Cell()) if main else Cell()
    value = cell.value if cell.comparable else None
    number = float(value) if isinstance(value, int | float) else None
    best_first = 0.0 if number is None or main is None else (-number if main.better == "higher" else number)
    return (not row.ranked, number is None, best_first, row.cells["model"].value, row.cells["task"].value)


def _notes(runs: Sequence[ScoredRun]) -> tuple[str, ...]:
    summaries = [scored.summary for scored in runs if scored.summary and scored.summary.columns]
    notes = []
    if summaries:
        level = f"{100 * summaries[0].level:g} %"
        units = {summary.cluster for summary in summaries}
        unit = "patients" if units == {"patient"} else "studies (no patient ids: too narrow if patients recur)"
        resamples = max(summary.resamples for summary in summaries)
        notes.append(f"Intervals: {level}, bootstrap over {unit}, {resamples:,} resamples.")
    notes += optimized_note([scored.run for scored in runs])
    notes += not_scored(runs)
    notes += dict.fromkeys(note for scored in runs if scored.summary for note in scored.summary.notes)
    notes += [note for scored in runs if (note := _read(scored, several=len(runs) > 1))]
    return tuple(notes)


def _read(scored: ScoredRun, *, several: bool) -> str:
    """What the reader of raw text took away from the answers of a run, and what was none; empty where nothing."""
    counts = scored.run.counts
    said = [
        f"{event} in {n:,}"
        for event, n in counts.events.items()
        if event in {"degenerate", "no image seen", *EVENTS} or event.startswith("removed ")
    ]
    if not said:
        return ""
    where = f" of {scored.run.card.label}, {scored.run.identity.task}" if several else ""
    way = "; name its dialect in a card" if OTHER_DIALECT in counts.events else ""
    return f"Answers{where}: {', '.join(said)} of {counts.n:,} studies (see mmrad-eval view{way})."
