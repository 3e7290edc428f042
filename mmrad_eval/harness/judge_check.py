"""What a judge's number is worth: how much it varies, whom it may favor, whether another one agrees, what sways it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from mmrad_eval.core.contracts import Corpus, Dataset, FloatArray
from mmrad_eval.core.errors import MissingError, UsageError
from mmrad_eval.core.values import Answer, Card, Example, Report
from mmrad_eval.harness.budget import BudgetGuard
from mmrad_eval.harness.judge_runs import JudgeTerms, Teller, judge_dataset, run_dataset
from mmrad_eval.harness.judges import Judges
from mmrad_eval.harness.judging import examples
from mmrad_eval.harness.last_check import LastCheck
from mmrad_eval.metrics import Suite
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.chunk import in_chunks
from mmrad_eval.results.scoring.measure import Measured, measure, summarise
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, SEED, StatisticsPart, bootstrap, finite
from mmrad_eval.results.statistics.rank_correlation import kendall
from mmrad_eval.results.tables.table import Cell, Row, Table, TableColumn
from mmrad_eval.results.validation.perturbations import sentences

MAKERS = (
    *(("gpt", "OpenAI"), ("o1", "OpenAI"), ("o3", "OpenAI"), ("o4", "OpenAI"), ("claude", "Anthropic")),
    *(("gemini", "Google"), ("gemma", "Google"), ("medgemma", "Google"), ("paligemma", "Google"), ("qwen", "Qwen")),
    *(("qwq", "Qwen"), ("llama", "Meta"), ("mistral", "Mistral"), ("mixtral", "Mistral"), ("magistral", "Mistral")),
    *(("deepseek", "DeepSeek"), ("internvl", "OpenGVLab"), ("phi", "Microsoft"), ("maira", "Microsoft")),
)
"""How ids of models begin -> who makes them."""
FEW_RUNS = 3
"""Runs from which on an order of them says something."""


def shuffled(text: str) -> str:
    """The same sentences, the last one first."""
    return " ".join(sentences(text)[::-1])


def repeated(text: str) -> str:
    """Each sentence twice: longer, and nothing more is said."""
    return " ".join(part for one in sentences(text) for part in (one, one))


def listed(text: str) -> str:
    """The same sentences as a numbered list."""
    return "\n".join(f"{n}. {one}" for n, one in enumerate(sentences(text), 1))


PROBES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("order: sentences reversed", shuffled),
    ("length: each sentence twice", repeated),
    ("style: a numbered list", listed),
)
"""Edits of a candidate that say nothing else, so that a judge should say nothing else of it."""


@dataclass
class JudgedRun:
    """One run under one judge, by one metric."""

    folder: RunFolder
    judge: str
    cards: Sequence[Card]
    measured: Measured
    clusters: Sequence[str]
    ids: Sequence[str]
    values: FloatArray = field(default_factory=lambda: np.empty(0))
    """(n,) each study's own value of the first column; nan where it has none."""

    def __post_init__(self) -> None:
        self.values = self.measured.reduce(self.measured.extended())[:, 0].reshape(-1)

    @property
    def who(self) -> str:
        """The run, for a table."""
        return f"{self.folder.run.card.label} · {self.folder.run.identity.task}"


def maker(card: Card) -> str:
    """Who makes a model, as the last part of its id tells; its first letters where it is not known."""
    name = card.id.rsplit("/", 1)[-1].lower()
    known = [who for begin, who in MAKERS if name.startswith(begin)]
    return known[0] if known else (re.match(r"[a-z]+", name) or [""])[0]


def check(  # noqa: PLR0917 (runs, metrics, judges and their terms)
    folders: Sequence[RunFolder],
    suite: Suite,
    judges: Sequence[Judges],
    terms: JudgeTerms,
    results: Path,
    teller: Teller,
    limit: int | None = None,
    references: str | Path | None = None,
) -> list[Table]:
    """The page on judges: one table each of values and spread, of agreement, and of probes.

    The first ``limit`` studies of each run are judged, all of them where it is None; the probes are made on the first
    run. MissingError where a judge left questions without an answer.
    """
    datasets = {folder.path: run_dataset(folder, references) for folder in folders}
    for judge in judges:  # all of them may have the data before one is asked
        clients = judge.clients(suite, terms.allowed_keys)
        for dataset in datasets.values():
            terms.permit(dataset, suite, clients)
    guard = BudgetGuard(terms.budget)
    rows: list[JudgedRun] = []
    probed: list[tuple[str, JudgedRun, JudgedRun]] = []
    for judge in judges:
        ask = _Ask(judge, terms, suite, results, teller, guard)
        for folder in folders:
            dataset = datasets[folder.path]
            check_study = LastCheck(dataset.name, dataset.data_use).study
            asked = list(examples(folder, dataset.studies, check_study))[:limit]
            if not asked:
                raise UsageError(f"{folder.path}: no study that it answered has a reference")
            plain = ask.about(folder, dataset, asked)
            rows += plain
            if folder is folders[0]:
                for name, edit in PROBES:
                    edited = ask.about(folder, dataset, [_edited(one, edit) for one in asked])
                    probed += [(name, before, after) for before, after in zip(plain, edited, strict=True)]
    tables = [_spread_table(rows)]
    if len(judges) > 1:
        tables.append(_agreement_table(rows))
    return [*tables, _probe_table(probed)]


@dataclass
class _Ask:
    """One judge, asked again and again."""

    judges: Judges
    terms: JudgeTerms
    suite: Suite
    results: Path
    teller: Teller
    guard: BudgetGuard

    def about(self, folder: RunFolder, dataset: Dataset, asked: Sequence[Example]) -> list[JudgedRun]:
        """Each metric's values of these examples."""
        cards = [client.card for client in self.judges.clients(self.suite, self.terms.allowed_keys).values()]
        made, _ = judge_dataset(
            self.judges, self.terms, dataset, asked, self.suite, self.results, self.teller, self.guard
        )
        if made.missing:
            raise MissingError(made.missing[0].what, made.missing[0].remedy)
        corpus = Corpus([one.study for one in asked], (), asked[0].target)
        found = measure(made, corpus, in_chunks(asked), len(asked)).complete()
        clusters, ids = [one.study.cluster for one in asked], [one.study.id for one in asked]
        return [JudgedRun(folder, str(self.judges), cards, one, clusters, ids) for one in found]


def _edited(example: Example, edit: Callable[[str], str]) -> Example:
    text = edit(example.candidate)
    report = Report(text, **({example.target: text} if example.target != "report" else {}))
    answer: Answer = msgspec.structs.replace(example.answer, report=report)
    return Example(example.study, answer, example.target)


_NAMES = (TableColumn("judge", "Judge"), TableColumn("metric", "Metric"))


def _names(one: JudgedRun) -> dict[str, Cell]:
    return {"judge": Cell(one.judge), "metric": Cell(one.measured.metric.columns[0].label)}


def _spread_table(rows: Iterable[JudgedRun]) -> Table:
    """What the judge says of each run, and how much it varies."""
    columns = (
        *_NAMES,
        TableColumn("run", "Run"),
        TableColumn("value", "Value", "score", interval=True, beside=True),
        TableColumn("spread", "Spread", "score"),
        TableColumn("spread of a study", "Spread of a study", "score"),
        TableColumn("read", "Read", "score"),
        TableColumn("family", "Made by"),
    )
    return Table("judges", "What the judge says", columns, tuple(map(_spread_row, rows)), (_SPREAD_NOTE,))


_SPREAD_NOTE = (
    "Spread: standard deviation between repeated judgements (--judge-samples) of the value of all studies, and its "
    "mean over single studies; empty where each was judged once. A judge made by whoever made the candidate tends to "
    "prefer it: compare it with another judge."
)


def _spread_row(one: JudgedRun) -> Row:
    metric = one.measured.metric
    summary = summarise([one.measured], one.clusters, RESAMPLES, SEED)
    by_name = {column.name: column for column in summary.values()}
    main = summary[metric.columns[0].label]
    names = [column.name for column in metric.columns]
    cells = _names(one) | {
        "run": Cell(one.who),
        "value": Cell(main.value, main.low, main.high),
        "family": Cell(_family(one)),
    }
    spread = f"{main.name} spread"
    if spread in names:
        own = one.measured.reduce(one.measured.extended())[:, names.index(spread)]
        cells["spread"] = Cell(by_name[spread].value)
        cells["spread of a study"] = Cell(finite(float(np.nanmean(own))) if np.isfinite(own).any() else None)
    read = next((column for column in by_name.values() if column.name.endswith(" read")), None)
    if read is not None:
        cells["read"] = Cell(read.value)
    return Row(cells)


def _family(one: JudgedRun) -> str:
    candidate = one.folder.run.card
    if candidate.provider in {"baseline", "file"}:
        return ""
    return f"judge's own: {maker(candidate)}" if maker(candidate) in map(maker, one.cards) else "another"


def _agreement_table(rows: Sequence[JudgedRun]) -> Table:
    """Whether two judges put runs, and studies, in the same order."""
    columns = (
        TableColumn("metric", "Metric"),
        TableColumn("judges", "Judges"),
        TableColumn("runs", "Runs", "count"),
        TableColumn("tau of runs", "τ of runs", "score"),
        TableColumn("studies", "Studies", "count"),
        TableColumn("tau of studies", "τ of studies", "score"),
    )
    made = []
    judges = list(dict.fromkeys(row.judge for row in rows))
    for label in dict.fromkeys(row.measured.metric.columns[0].label for row in rows):
        mine = [row for row in rows if row.measured.metric.columns[0].label == label]
        for i, first in enumerate(judges):
            for second in judges[i + 1 :]:
                a, b = ([row for row in mine if row.judge == judge] for judge in (first, second))
                made.append(_agreement_row(label, f"{first}, {second}", a, b))
    note = f"τ: Kendall's tau-b. Fewer than {FEW_RUNS} runs have no meaningful order."
    return Table("agreement", "Two judges", columns, tuple(made), (note,))


def _agreement_row(label: str, judges: str, a: Sequence[JudgedRun], b: Sequence[JudgedRun]) -> Row:
    means = np.array([[_value(one), _value(two)] for one, two in zip(a, b, strict=True)])
    pairs = np.concatenate([np.column_stack([one.values, two.values]) for one, two in zip(a, b, strict=True)])
    means, pairs = means[np.isfinite(means).all(axis=1)], pairs[np.isfinite(pairs).all(axis=1)]
    return Row(
        {
            "metric": Cell(label),
            "judges": Cell(judges),
            "runs": Cell(len(means)),
            "tau of runs": Cell(_tau(means) if len(means) >= FEW_RUNS else None),
            "studies": Cell(len(pairs)),
            "tau of studies": Cell(_tau(pairs) if len(pairs) > 1 else None),
        }
    )


def _value(one: JudgedRun) -> float:
    return float(one.measured.reduce(one.measured.extended().sum(axis=0))[0])


def _tau(pairs: FloatArray) -> float | None:
    return finite(kendall(pairs[:, 0], pairs[:, 1]))


def _probe_table(probed: Sequence[tuple[str, JudgedRun, JudgedRun]]) -> Table:
    """What an edit that says nothing else does to the value of a report."""
    columns = (
        *_NAMES,
        TableColumn("probe", "Probe"),
        TableColumn("change", "Change", "difference", interval=True, beside=True),
        TableColumn("size", "Mean size", "score"),
        TableColumn("changed", "Studies changed", "percent"),
        TableColumn("n", "Studies", "count"),
    )
    note = (
        "Each probe edits the candidates of the first run and says nothing else; a judge that reads what is said is "
        "not moved. Studies whose judgement could not be read before or after are left out of n."
    )
    return Table("probes", "What sways the judge", columns, tuple(_probe_row(*one) for one in probed), (note,))


def _probe_row(name: str, before: JudgedRun, after: JudgedRun) -> Row:
    change = after.values - before.values
    known = np.isfinite(change)
    cells = _names(before) | {"probe": Cell(name), "n": Cell(int(known.sum()))}
    if known.any():
        sums = np.column_stack([np.where(known, change, 0.0), known.astype(np.float64)])
        found = bootstrap(sums, before.clusters, [StatisticsPart([0, 1], _mean)])
        low, high = finite(float(found.low[0])), finite(float(found.high[0]))
        cells["change"] = Cell(finite(float(found.value[0])), low, high)
        cells["size"] = Cell(float(np.abs(change[known]).mean()))
        cells["changed"] = Cell(float((np.abs(change[known]) > _SAME).mean()))
    return Row(cells)


_SAME = 1e-9


def _mean(sums: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., :1] / sums[..., 1:]
