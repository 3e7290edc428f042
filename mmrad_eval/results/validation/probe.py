"""The probe: real references edited in one known way each, and what every metric makes of it.

A good metric lowers its score more for an edit that changes what the report says (negation, side, severity,
measurement, a finding dropped or added) than for one that does not (sentence order, synonyms), and most for another
patient's report. The response to an edit is its drop as a share of the drop for another patient's report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Example, Report, Study, Target
from mmrad_eval.metrics import Suite
from mmrad_eval.results.scoring.measure import Measured, measure_examples
from mmrad_eval.results.statistics.bootstrap import finite
from mmrad_eval.results.statistics.weights import bootstrap_weights, cluster_index
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn
from mmrad_eval.results.validation.perturbations import EDITS, sentences

OTHER = "other patient"
SAME = "unchanged"
RESAMPLES, SEED = 2000, 20_260_527


@dataclass(frozen=True)
class Probed:
    """The studies and their edited references."""

    studies: Sequence[Study]
    target: Target
    texts: dict[str, list[str | None]]
    """Edit -> the edited reference of each study, None where the edit does not apply."""


@dataclass(frozen=True)
class MetricResponse:
    """One column of a metric: its values over the edits, turned so that more is better."""

    label: str
    whole: dict[str, tuple[float, float, float]]
    """Edit -> value of the unchanged references, of the edited, of other patients', over the studies it applies to."""
    own: dict[str, FloatArray]
    """Edit -> (studies,) each study's own value, nan where it has none."""

    def share(self, edit: str) -> float:
        """The drop as a share of the drop for another patient's report; nan where that is none."""
        same, edited, other = self.whole[edit]
        return (same - edited) / (same - other) if same - other > 1e-12 else float("nan")


def edited(studies: Sequence[Study], target: Target = "findings") -> Probed:
    """Every edit of every reference; another patient's report by a fixed draw. DataError below two patients."""
    texts: dict[str, list[str | None]] = {SAME: [_reference(study, target) for study in studies]}
    for edit in EDITS:
        texts[edit.name] = [edit.make(_reference(study, target), f"{edit.name}:{study.id}") for study in studies]
    clusters = [study.cluster for study in studies]
    if len(set(clusters)) < 2:
        raise DataError("the probe needs the reports of at least two patients")
    texts[OTHER] = [_other(number, studies, target) for number in range(len(studies))]
    return Probed(studies, target, texts)


def respond(probed: Probed, metrics: Suite) -> list[MetricResponse]:
    """Score every edit with every metric; nothing is asked of a model."""
    n = len(probed.studies)
    examples = [
        _example(study, text, probed.target)
        for texts in probed.texts.values()
        for study, text in zip(probed.studies, texts, strict=True)
    ]
    responses: list[MetricResponse] = []
    for measured in measure_examples(metrics, Corpus(probed.studies, target=probed.target), examples):
        parts = {name: slice(i * n, (i + 1) * n) for i, name in enumerate(probed.texts)}
        full = {name: measured.extended(rows) for name, rows in parts.items()}
        for number, column in enumerate(measured.metric.columns):
            if column.better:
                sign = -1.0 if column.better == "lower" else 1.0
                responses.append(_response(column.label, probed, full, partial(_reduced, measured, number, sign)))
    return responses


def tables_of(probed: Probed, responses: Sequence[MetricResponse], missing: Sequence[str] = ()) -> list[Table]:
    """How each metric responds, how often its order is right, and one example of each edit."""
    used = [edit for edit in EDITS if any(text is not None for text in probed.texts[edit.name])]
    skipped = [edit.name for edit in EDITS if edit not in used]
    scale = "0: the metric does not notice the edit; 1: the score drops to that of another patient's report"
    notes = [f"{len(probed.studies)} references. {scale}. Sentence order and synonyms keep the meaning."]
    notes += [f"No reference allowed these edits: {', '.join(skipped)}."] if skipped else []
    notes += missing
    columns = [TableColumn("metric")]
    columns += [TableColumn(edit.name, title=_title(probed, edit.name), kind="score", digits=2) for edit in used]
    rows = [
        Row({"metric": Cell(one.label)} | {edit.name: Cell(finite(one.share(edit.name))) for edit in used})
        for one in responses
    ]
    response = Table("probe", "Response to edits of real references", tuple(columns), tuple(rows), tuple(notes))
    harmful, harmless = ([edit.name for edit in used if edit.harmless == kind] for kind in (False, True))
    names = [edit.name for edit in used]
    return [response, _order(probed, responses, harmful, harmless), _examples(probed, names)]


def _order(
    probed: Probed, responses: Sequence[MetricResponse], harmful: Sequence[str], harmless: Sequence[str]
) -> Table:
    """How often the harmless edit of a study scores above the harmful one."""
    names, index = cluster_index([study.cluster for study in probed.studies])
    rows = []
    for one in responses:
        cells: dict[str, Cell] = {"metric": Cell(one.label)}
        right, pairs = np.zeros(len(probed.studies)), np.zeros(len(probed.studies))
        for bad in (*harmful, OTHER):
            won, count = np.zeros(len(probed.studies)), np.zeros(len(probed.studies))
            for good in harmless:
                lead = one.own[good] - one.own[bad]
                known = np.isfinite(lead)
                won += np.where(known, (np.sign(np.where(np.abs(lead) < 1e-12, 0, lead)) + 1) / 2, 0)
                count += known
            if count.sum():
                cells[bad] = Cell(float(won.sum() / count.sum()))
            right, pairs = right + won, pairs + count
        if pairs.sum():
            low, high = _interval(right, pairs, index, len(names))
            cells["all"] = Cell(float(right.sum() / pairs.sum()), low, high)
        rows.append(Row(cells))
    columns = [TableColumn("metric"), TableColumn("all", kind="percent", better="higher", interval=True)]
    columns += [TableColumn(name, kind="percent", better="higher") for name in (*harmful, OTHER)]
    good = " and ".join(harmless) or "harmless edits"
    note = f"In percent of pairs: {good} must score above the edit that changes the meaning; a tie is half right."
    title = "Correctly ordered pairs: an edit that keeps the meaning against one that changes it"
    notes = (note, "95 % interval over patients.")
    return Table("probe-order", title, tuple(columns), tuple(rows), notes)


def _examples(probed: Probed, names: Sequence[str]) -> Table:
    rows = []
    for name in names:
        pairs = zip(probed.texts[SAME], probed.texts[name], strict=True)
        before, after = next((str(old), new) for old, new in pairs if new is not None)
        old, new = sentences(before), sentences(after)
        first = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        rows.append(
            Row(
                {
                    "edit": Cell(name),
                    "before": Cell(old[first] if first < len(old) else "(end)"),
                    "after": Cell(new[first] if first < len(new) else "(end)"),
                }
            )
        )
    columns = (TableColumn("edit"), TableColumn("before", title="a sentence before"), TableColumn("after"))
    return Table("probe-examples", "One example of each edit", columns, tuple(rows))


def _response(
    label: str, probed: Probed, rows: dict[str, FloatArray], value: Callable[[FloatArray], FloatArray]
) -> MetricResponse:
    whole, own = {}, {}
    for name, texts in probed.texts.items():
        applies = np.array([text is not None for text in texts])
        same, changed, other = (float(value(rows[kind][applies].sum(axis=0))) for kind in (SAME, name, OTHER))
        whole[name] = (same, changed, other)
        own[name] = np.where(applies, value(rows[name]), np.nan)
    return MetricResponse(label, whole, own)


def _reduced(measured: Measured, column: int, sign: float, sums: FloatArray) -> FloatArray:
    """(..., k) sums to (...) values of one column, turned so that more is better."""
    values: FloatArray = sign * measured.reduce(sums)[..., column]
    return values


def _example(study: Study, text: str | None, target: Target) -> Example:
    return Example(study, Answer(study=study.id, status="ok", report=Report(text=text or "")), target)


def _reference(study: Study, target: Target) -> str:
    return (study.reference.target(target) if study.reference else None) or ""


def _other(number: int, studies: Sequence[Study], target: Target) -> str:
    """The reference of another patient, drawn by the study's id."""
    start = int.from_bytes(sha256(studies[number].id.encode()).digest()[:8], "big")
    for step in range(len(studies)):
        other = studies[(start + step) % len(studies)]
        if other.cluster != studies[number].cluster:
            return _reference(other, target)
    return ""


def _interval(
    right: FloatArray, pairs: FloatArray, index: NDArray[np.intp], clusters: int
) -> tuple[float | None, float | None]:
    if clusters < 2:
        return None, None
    sums = np.zeros((clusters, 2))
    np.add.at(sums, index, np.column_stack([right, pairs]))
    drawn = np.concatenate([block @ sums for block in bootstrap_weights(clusters, RESAMPLES, SEED)])
    known = drawn[drawn[:, 1] > 0]
    low, high = np.quantile(known[:, 0] / known[:, 1], [0.025, 0.975])
    return float(low), float(high)


def _title(probed: Probed, name: str) -> str:
    count = sum(text is not None for text in probed.texts[name])
    return f"{name} ({count})"
