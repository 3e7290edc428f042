"""Texts against texts, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.connections import confined
from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, DataUse, Example, Report, Study, Target
from mmrad_eval.datasets import raw_text
from mmrad_eval.metrics import Suite, suite
from mmrad_eval.results.run.summary import ColumnSummary, MissingColumns
from mmrad_eval.results.scoring.chunk import in_chunks
from mmrad_eval.results.scoring.measure import Measured, measure, summarise
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, SEED
from mmrad_eval.results.tables.shown import ShownTables
from mmrad_eval.results.tables.table import Cell, Row, Table, TableColumn
from mmrad_eval.traces.steps import read_trace

if TYPE_CHECKING:
    import pandas as pd

Texts = Sequence[str] | Mapping[str, str]
Judging = Callable[[Suite, Sequence[Example]], Suite]


class TextScores(Mapping[str, float]):
    """Column label -> value; ``columns`` has the intervals and signatures, ``per_study`` each pair's own values."""

    def __init__(self, ids: Sequence[str], measured: Sequence[Measured], columns: dict[str, ColumnSummary]) -> None:
        self.ids = tuple(ids)
        self.columns = columns
        self.missing: dict[str, MissingColumns] = {}
        """Metrics that could not be computed here, with what would fix it."""
        self.notes: tuple[str, ...] = ()
        """What a reader of the numbers must know, such as reports in a language other than their reference's."""
        self.answers: tuple[Answer, ...] = ()
        """How each candidate was read: its status, report and events."""
        self._measured = measured

    def __getitem__(self, label: str) -> float:
        value = self.columns[label].value
        return float("nan") if value is None else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __repr__(self) -> str:
        lines = [f"{label}: {_words(column)}" for label, column in self.columns.items()]
        lines += [f"{name}: not scored: {m.what}; {m.remedy}" for name, m in self.missing.items()]
        lines += self.notes
        return "\n".join(lines) or "no columns"

    def tables(self) -> ShownTables:
        """One row a column, with its interval; what was not scored, and why, in the notes."""
        heads = (
            TableColumn("column", "Column"),
            TableColumn("value", "Value", "score", interval=True, beside=True),
            TableColumn("n", "Studies", "count"),
        )
        rows = tuple(
            Row({"column": Cell(label), "value": Cell(c.value, c.low, c.high), "n": Cell(c.n)})
            for label, c in self.columns.items()
        )
        missing = (f"{name}: not scored: {m.what}; {m.remedy}" for name, m in self.missing.items())
        return ShownTables([Table("scores", "Scores", heads, rows, (*missing, *self.notes))])

    def _repr_html_(self) -> str:
        return self.tables().text("html")

    def per_study(self) -> pd.DataFrame:
        """One row a pair, indexed by id, one column a number; nan where a pair has none."""
        import pandas as pd

        values: dict[str, Any] = {}
        for m in self._measured:
            if m.shown:
                own = m.own
                values |= {column.label: own[:, i] for i, column in enumerate(m.metric.columns)}
        return pd.DataFrame(values, index=pd.Index(self.ids, name="study"))

    def frame(self) -> pd.DataFrame:
        """One row a column: value, low, high, n, defined, signature, and so on."""
        import pandas as pd

        rows = [msgspec.structs.asdict(column) for column in self.columns.values()]
        return pd.DataFrame(rows, index=pd.Index(list(self.columns), name="column"))


def score_pairs(  # noqa: PLR0917 (the arguments of ``mmrad_eval.score``)
    candidates: Texts,
    references: Texts,
    metrics: object,
    patients: Sequence[str] | Mapping[str, str] | None = None,
    target: Target = "findings",
    options: Mapping[str, Any] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    data_use: DataUse = "unknown",
    judging: Judging | None = None,
) -> TextScores:
    """Score texts against texts, as ``mmrad_eval.score`` says.

    ``judging`` makes a suite whose metrics that ask a judge have asked it about the examples.
    """
    with confined(data_use):
        return _score(candidates, references, metrics, patients, target, options, resamples, seed, data_use, judging)


def _score(  # noqa: PLR0917 (the private part of `score_pairs`)
    candidates: Texts,
    references: Texts,
    metrics: object,
    patients: Sequence[str] | Mapping[str, str] | None,
    target: Target,
    options: Mapping[str, Any] | None,
    resamples: int,
    seed: int,
    data_use: DataUse,
    judging: Judging | None,
) -> TextScores:
    pairs = _pairs(candidates, references)
    patient = _patients(patients, list(pairs))
    studies = [
        Study(name, patient=patient.get(name), reference=_reference(name, reference, target))
        for name, (_, reference) in pairs.items()
    ]
    answers = [_answer(name, candidate, target) for name, (candidate, _) in pairs.items()]
    every = [Example(study, answer, target) for study, answer in zip(studies, answers, strict=True)]
    examples = [example for example in every if example.reference]
    studies = [example.study for example in examples]
    asked = metrics if isinstance(metrics, list | tuple) else [metrics]
    chosen = suite(asked, options=options, stored=False)
    if judging is not None:
        chosen = judging(chosen, examples)
    lacking = {m.name: MissingColumns(m.what, m.remedy) for m in chosen.missing}
    with confined(strictest((data_use, chosen.data_use))):
        measured = measure(chosen, Corpus(studies, (), target), in_chunks(examples), len(examples))
    columns = summarise(measured.metrics, [s.cluster for s in studies], resamples, seed)
    found = TextScores([study.id for study in studies], measured.metrics, columns)
    found.missing = lacking | measured.lacking
    found.notes = (*_without_reference(len(every), len(examples), target), *measured.spoken.notes())
    found.answers = tuple(answers)
    return found


def _without_reference(pairs: int, scored: int, target: Target) -> tuple[str, ...]:
    """The note on pairs that have nothing to be scored against."""
    if scored == pairs:
        return ()
    what = "text" if target == "report" else target
    has = "has" if pairs - scored == 1 else "have"
    return (f"{pairs - scored:,} of {pairs:,} references {has} no {what}; such pairs are not scored.",)


def _pairs(candidates: Texts, references: Texts) -> dict[str, tuple[Any, Any]]:
    """(candidate, reference) by id; UsageError where they do not fit."""
    if isinstance(candidates, str) or isinstance(references, str):
        raise UsageError("candidates and references are lists of texts, or mappings of texts by id, not one text")
    if isinstance(candidates, AbstractSet) or isinstance(references, AbstractSet):
        raise UsageError("a set of texts has no order by which candidates and references could be paired; give lists")
    candidates, references = _paired(candidates, references)
    if isinstance(candidates, Mapping) != isinstance(references, Mapping):
        raise UsageError("candidates and references must both be lists, or both mappings by id")
    if isinstance(candidates, Mapping) and isinstance(references, Mapping):
        odd = sorted(map(str, set(candidates) ^ set(references)))
        if odd:
            raise UsageError(
                f"{len(odd)} ids are on one side only, such as {odd[0]!r}; both sides must have the same ids"
            )
        return {str(name): (candidates[name], references[name]) for name in references}
    if len(candidates) != len(references):
        raise UsageError(f"{len(candidates)} candidates and {len(references)} references; they are paired by position")
    return {str(i): pair for i, pair in enumerate(zip(candidates, references, strict=True))}


def _paired(*sides: Texts) -> tuple[Texts, ...]:
    """Series of pandas by their index where all are Series; a Series beside a list is a list."""
    if all(_is_series(side) for side in sides):
        for side in sides:
            if not side.index.is_unique:  # type: ignore[union-attr]  # a Series, as checked
                raise UsageError("the index of a Series names a study twice; reset_index(drop=True) pairs by position")
        return tuple(dict(side.items()) for side in sides)  # type: ignore[union-attr]  # as above
    return tuple(side if isinstance(side, Mapping) else list(side) for side in sides)


def _is_series(value: object) -> bool:
    return type(value).__name__ == "Series" and type(value).__module__.startswith("pandas")


def _patients(patients: Sequence[str] | Mapping[str, str] | None, ids: Sequence[str]) -> dict[str, str]:
    if patients is None:
        return {}
    if _is_series(patients) and {str(name) for name in patients.index} >= set(ids):  # type: ignore[union-attr]  # a Series
        patients = {str(name): patient for name, patient in patients.items()}  # type: ignore[union-attr]  # a Series
    if not isinstance(patients, Mapping):
        if len(patients) != len(ids):
            raise UsageError(f"{len(patients)} patients for {len(ids)} pairs")
        patients = dict(zip(ids, patients, strict=True))
    lacking = [name for name in ids if name not in patients]
    if lacking:
        raise UsageError(f"{len(lacking)} studies have no patient, such as {lacking[0]!r}")
    return {name: patient for name in ids if (patient := raw_text.person(patients[name])) is not None}


def _answer(name: str, candidate: Any, target: Target) -> Answer:
    """A candidate, read as a reply with the same words."""
    try:
        found = raw_text.read_cell(candidate, target)
    except raw_text.NoReportError as error:
        raise UsageError(f"candidate {name}: this is {error}, not a string") from error
    return Answer(name, found.status, found.why, found.report, read_trace(found.thought), events=found.events)


def _reference(name: str, text: Any, target: Target) -> Report:
    try:
        return reference_of(text, target)
    except raw_text.NoReportError as error:
        raise UsageError(f"reference {name}: this is {error}, not a string") from error


def reference_of(text: Any, target: Target) -> Report:
    """A reference, where a text without headings is what ``target`` says; NoReportError where it is no report."""
    report = raw_text.read_reference_cell(text)
    if target == "report" or report.findings is not None or report.impression is not None:
        return report
    return Report(text=report.text, **{target: report.text})


def _words(column: ColumnSummary) -> str:
    if column.value is None:
        return "undefined"
    interval = f" [{column.low:.4f}, {column.high:.4f}]" if column.low is not None and column.high is not None else ""
    return f"{column.value:.4f}{interval}"
