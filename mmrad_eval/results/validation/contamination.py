"""Whether a model has read a dataset's reports: what it writes after half a reference, without the image.

A model that knows a report goes on word for word. Stock phrases do so too, so each continuation is also held against
the rest of another patient's report: only what is above that control speaks of memory. Reports that were published
after the model's cutoff are a second control: it can't have read them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import UNSCORED_STATUSES, Answer, Card, Study, Target
from mmrad_eval.results.statistics.bootstrap import LEVEL, RESAMPLES, SEED, percentile
from mmrad_eval.results.statistics.weights import bootstrap_weights, cluster_index
from mmrad_eval.results.tables.table import Cell, Row, Table, TableColumn
from mmrad_eval.tasks.interventions.continuation import halves

LONG = 8
"""Words of a verbatim run that is counted as long."""
_WORD = re.compile(r"[^\W_]+(?:[.'-][^\W_]+)*")
_MONTH = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-\d{2})?)?")
Rest = Callable[[Study], str]


@dataclass(frozen=True)
class Continuations:
    """The continuations of one dataset, as runs of equal words."""

    name: str
    published: str
    """Year and month, such as 2019-09; empty: unknown."""
    own: FloatArray
    """(n,) words of the longest run that a continuation shares with the rest of its own reference."""
    control: FloatArray
    """(n,) the same with the rest of another patient's reference."""
    clusters: tuple[str, ...]
    longest: tuple[str, int, str]
    """Study, length and words of the longest run with its own reference."""

    @property
    def excess(self) -> FloatArray:
        """(n,) words that the own reference has above the control."""
        return self.own - self.control


@dataclass(frozen=True)
class _Number:
    value: float
    low: float
    high: float
    drawn: FloatArray
    """(resamples,)"""


def continuations(
    studies: Sequence[Study], answers: Sequence[Answer], donor: Rest, target: Target, *, name: str, published: str = ""
) -> Continuations:
    """Measure the answers of the task ``continue``; ``donor`` gives another patient's rest.

    DataError where nothing was answered.
    """
    known: Mapping[str, Answer] = {a.study: a for a in answers if a.status not in UNSCORED_STATUSES}
    own, control, clusters = [], [], []
    longest = ("", 0, "")
    for study in studies:
        text = study.reference.target(target) if study.reference else None
        if study.id not in known or not text:
            continue
        said = words_of(known[study.id].report.text)
        run = verbatim_run(said, words_of(halves(text)[1]))
        if len(run) > longest[1]:
            longest = (study.id, len(run), " ".join(run))
        own.append(len(run))
        control.append(len(verbatim_run(said, words_of(donor(study)))))
        clusters.append(study.cluster)
    if not own:
        raise DataError(f"{name}: no continuation has an answer yet; run the same command again")
    return Continuations(
        name, published, np.array(own, np.float64), np.array(control, np.float64), tuple(clusters), longest
    )


def words_of(text: str) -> list[str]:
    """Words in small letters, without punctuation."""
    return _WORD.findall(text.lower())


def verbatim_run(said: Sequence[str], rest: Sequence[str]) -> list[str]:
    """The longest run of words that both have, the first of several."""
    best, end = 0, 0
    row = [0] * (len(rest) + 1)
    for i, word in enumerate(said):
        before = 0
        for k, other in enumerate(rest, 1):
            before, row[k] = row[k], before + 1 if word == other else 0
            if row[k] > best:
                best, end = row[k], i + 1
    return list(said[end - best : end])


def month(date: str, option: str) -> str:
    """A date as it is compared, year and month; UsageError where it is none."""
    if not _MONTH.fullmatch(date):
        raise UsageError(f"{option} {date}: write a year and a month, such as 2025-06")
    return date[:7]


def cutoff_source(card: Card) -> str:
    """Where the cutoff of a card was read."""
    return f"the model card, from {card.sources.get('cutoff') or 'no source'}"


def after(published: str, cutoff: str) -> bool | None:
    """Whether data was published after a cutoff; None where either is unknown, or both are of the same time."""
    if not published or not cutoff:
        return None
    size = min(len(published), len(cutoff))
    return None if published[:size] == cutoff[:size] else published[:size] > cutoff[:size]


def contamination_tables(
    found: Sequence[Continuations], model: str, cutoff: str, source: str = "", resamples: int = RESAMPLES
) -> tuple[Table, list[str]]:
    """One row a dataset, and what follows in sentences. ``source``: where the cutoff was read."""
    rows, sentences = [], []
    numbers = []
    for one in found:
        drawn = _drawn(one, resamples)
        own, control, excess = (_mean(values, drawn) for values in (one.own, one.control, one.excess))
        many = [_mean((values >= LONG).astype(np.float64), drawn) for values in (one.own, one.control)]
        numbers.append((one, excess))
        when = after(one.published, cutoff)
        side = "unknown" if when is None else "after" if when else "before"
        rows.append(
            Row(
                {
                    "dataset": Cell(one.name),
                    "published": Cell(one.published or "unknown"),
                    "cutoff": Cell(side),
                    "n": Cell(len(one.own)),
                    "own": Cell(own.value, own.low, own.high),
                    "control": Cell(control.value, control.low, control.high),
                    "excess": Cell(excess.value, excess.low, excess.high),
                    "long": Cell(many[0].value, many[0].low, many[0].high),
                    "long control": Cell(many[1].value, many[1].low, many[1].high),
                    "longest": Cell(one.longest[1]),
                }
            )
        )
        sentences.append(_sentence(model, one, excess))
    sentences += _against_later(numbers, cutoff)
    columns = (
        TableColumn("dataset"),
        TableColumn("published"),
        TableColumn("cutoff", f"cutoff {cutoff}" if cutoff else "cutoff unknown"),
        TableColumn("n", kind="count"),
        TableColumn("own", "longest run, words", "score", digits=2, interval=True),
        TableColumn("control", "with another patient's", "score", digits=2, interval=True),
        TableColumn("excess", "difference", "difference", digits=2, interval=True),
        TableColumn("long", f"runs of {LONG} or more, %", "percent", interval=True),
        TableColumn("long control", "with another patient's, %", "percent", interval=True),
        TableColumn("longest", "longest of all", "count"),
    )
    note = (
        "Longest run: equal words in a row, in the continuation of half a reference and in its other half; the mean "
        f"over studies. Intervals: {100 * LEVEL:g} %, bootstrap over patients, {resamples:,} resamples."
    )
    if cutoff:
        known = f"Cutoff {cutoff}: {source or 'no source is stated for it'}."
    else:
        known = f"No cutoff of {model} is known, so no data counts as published after it."
    return Table("contamination", f"Does {model} know the reports?", columns, tuple(rows), (note, known)), sentences


def _drawn(one: Continuations, resamples: int) -> FloatArray:
    """(resamples, n) weights of studies."""
    names, index = cluster_index(one.clusters)
    return np.concatenate([weights[:, index] for weights in bootstrap_weights(len(names), resamples, SEED)])


def _mean(values: FloatArray, weights: FloatArray) -> _Number:
    drawn: FloatArray = (weights @ values) / weights.sum(axis=1)
    low, high = percentile(drawn[:, None], LEVEL)
    alone = len({*map(tuple, weights[:2])}) < 2  # one patient says nothing about others
    return _Number(float(values.mean()), *((np.nan, np.nan) if alone else (float(low[0]), float(high[0]))), drawn)


def _sentence(model: str, one: Continuations, excess: _Number) -> str:
    said = f"{excess.value:+.2f} words [{excess.low:+.2f}, {excess.high:+.2f}], n = {len(one.own):,}"
    if excess.low > 0:
        study, length, words = one.longest
        quoted = f"\N{LEFT DOUBLE QUOTATION MARK}{words}\N{RIGHT DOUBLE QUOTATION MARK}"
        shown = f" The longest run, {length} words in {study}: {quoted}." if length >= LONG else ""
        return (
            f"{one.name}: {model} continues its own references better than other patients' ({said}). The first "
            f"half of a report predicts part of the second, so this alone does not show memorization.{shown}"
        )
    return f"{one.name}: no sign that {model} knows the reports ({said})."


def _against_later(numbers: Sequence[tuple[Continuations, _Number]], cutoff: str) -> list[str]:
    """Each dataset from before the cutoff against each from after it; or why there is no such comparison."""
    early = [(one, excess) for one, excess in numbers if after(one.published, cutoff) is False]
    late = [(one, excess) for one, excess in numbers if after(one.published, cutoff) is True]
    if not late or not early:
        why = (
            "No reports from after the cutoff were compared; they separate memorization from what half a report gives "
            "away: state the cutoff (--cutoff, or in the card), and name data of both times (--data, --published)."
        )
        return [why]
    said = []
    for one, a in early:
        for other, b in late:
            low, high = percentile((a.drawn - b.drawn[::-1])[:, None], LEVEL)
            told = f"{a.value - b.value:+.2f} words [{float(low[0]):+.2f}, {float(high[0]):+.2f}]"
            outcome = (
                f"contamination of {one.name} is shown" if low[0] > 0 else f"contamination of {one.name} is not shown"
            )
            said.append(f"Against {other.name}, which is from after the cutoff, {outcome} ({told} above the control).")
    return said
