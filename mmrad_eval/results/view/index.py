"""The table of a page: its runs, its columns, and each study's values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mmrad_eval.core.values import Answer, DataUse, Value
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.naming import short_names
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.view.findings import KINDS, READ_BY, Kind
from mmrad_eval.results.view.records import AnswerRecord

DIGITS = 6
"""Significant digits of a study's value on a page."""

_FINDINGS: Mapping[str, Kind] = {f"Findings {'differing' if kind == 'differs' else kind}": kind for kind in KINDS}


class ViewColumn(Value, frozen=True):
    """A number that studies have."""

    label: str
    name: str
    profile: str = ""
    better: str = ""
    metric: str = ""
    """Registry name, or ``findings`` and ``answer`` for what is no metric."""
    signature: str = ""


class Whole(Value, frozen=True, omit_defaults=False):
    """A column over the whole run."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class RunFacts(Value, frozen=True):
    """A run, as a page tells of it."""

    id: str
    name: str
    """Of only what tells it apart from the others."""
    model: str
    task: str
    target: str
    given: bool
    complete: bool
    mixed: bool
    n: int
    statuses: dict[str, int]
    patients: int | None
    whole: dict[str, Whole] = {}
    facts: dict[str, str] = {}
    """Everything else, in the words of run.json."""
    missing: dict[str, str] = {}
    """Metric that could not be computed -> why, and the way out."""
    notes: tuple[str, ...] = ()


class ViewIndex(Value, frozen=True):
    """What is decoded when the page opens."""

    dataset: str
    data_use: DataUse
    redacted: bool
    pictures: str
    runs: tuple[RunFacts, ...]
    columns: tuple[ViewColumn, ...]
    ids: tuple[str, ...]
    patients: tuple[str | None, ...]
    notes: tuple[str, ...] = ()


class RunScores(Value, frozen=True):
    """A run's part of the table, in the order of ``ViewIndex.ids``."""

    statuses: tuple[str, ...]
    """Empty where the run did not ask."""
    values: dict[str, tuple[float | None, ...]]
    """Label of a column -> each study's own value."""


_FOLDERS = re.compile(r"(?<![\w./-])/(?:[^\s/:'\"]+/)+(?=[^\s/])")
COUNTED = (*_FINDINGS, "Words", "Steps", "Requests", "Prompt tokens", "Completion tokens")
"""Columns that are no metrics."""


def counts(answer: Answer, record: AnswerRecord) -> dict[str, float]:
    """The numbers of an answer that are no scores, by column; what is not known is left out."""
    found = record.findings
    trace = record.trace or record.shown
    answered = answer.status not in {"failed", "pending"}
    counted = {
        **{label: found.count(kind) if found else None for label, kind in _FINDINGS.items()},
        "Words": len(record.candidate.split()) if answered else None,
        "Steps": len(trace.steps) if trace else None,
        "Requests": len(answer.keys) or None,
        "Prompt tokens": answer.usage.prompt,
        "Completion tokens": answer.usage.completion,
    }
    return {label: float(number) for label, number in counted.items() if number is not None}


def columns_of(folders: Sequence[RunFolder], *, redacted: bool) -> tuple[ViewColumn, ...]:
    """The columns of all runs, each once; the newer signature where one name has two."""
    columns: dict[str, ViewColumn] = {}
    for folder in folders:
        scores = folder.scores()
        for block in scores.blocks if scores else ():
            for c in block.columns if block.shown else ():
                if c.own == c.label and c.label not in columns:
                    columns[c.label] = ViewColumn(c.label, c.name, c.profile, c.better, block.metric, block.signature)
    if redacted:
        return tuple(columns.values())
    return (*columns.values(), *(_counted(label) for label in COUNTED if label not in columns))


def _counted(label: str) -> ViewColumn:
    kind = _FINDINGS.get(label)
    if kind is None:
        return ViewColumn(label, label, metric="answer")
    better = {"matched": "higher", "differs": ""}.get(kind, "lower")
    return ViewColumn(
        label, label, better=better, metric="findings", signature=f"read by {READ_BY}; an aid to reading, not a score"
    )


def scores_of(
    folder: RunFolder, ids: Sequence[str], statuses: Mapping[str, str], counted: Mapping[str, Mapping[str, float]]
) -> RunScores:
    """A run's part of the table."""
    values: dict[str, tuple[float | None, ...]] = {}
    scores = folder.scores()
    known = dict(statuses)
    if scores is not None:
        at = {name: number for number, name in enumerate(scores.rows.ids)}
        known = {**dict(zip(scores.rows.ids, scores.rows.statuses, strict=True)), **known}
        rows = [at.get(name, -1) for name in ids]
        for block in scores.blocks:
            if block.shown:
                stored = scores.values(block)
                for k, scored in enumerate(block.columns):
                    if scored.own == scored.label:
                        own = stored[:, k].tolist()
                        values[scored.label] = tuple(_short(own[row]) if row >= 0 else None for row in rows)
    for label in COUNTED:
        column = tuple(counted[study].get(label) if study in counted else None for study in ids)
        if any(value is not None for value in column):
            values[label] = column
    return RunScores(tuple(known.get(name, "") for name in ids), values)


def facts_of(folders: Sequence[RunFolder], runs: Sequence[Run], *, redacted: bool) -> tuple[RunFacts, ...]:
    """The runs, named by what tells them apart."""
    names = short_names(runs) if len(runs) > 1 else [f"{runs[0].card.label} {runs[0].identity.task}"]
    return tuple(_facts(folder, run, name, redacted) for folder, run, name in zip(folders, runs, names, strict=True))


def _facts(folder: RunFolder, run: Run, name: str, redacted: bool) -> RunFacts:
    summary = folder.summary()
    columns = summary.columns if summary else {}
    return RunFacts(
        id=run.id,
        name=name,
        model=run.card.label,
        task=run.identity.task,
        target=run.identity.selection.target,
        given=run.given,
        complete=run.complete,
        mixed=run.mixed,
        n=run.counts.n,
        statuses=dict(run.counts.statuses),
        patients=run.patients,
        whole={label: Whole(c.value, c.low, c.high, c.n) for label, c in columns.items()},
        facts={} if redacted else _words(run),
        missing={m: f"{why.what}; {why.remedy}" for m, why in summary.missing.items()} if summary else {},
        notes=() if redacted else (*run.notes, *(summary.notes if summary else ())),
    )


def _words(run: Run) -> dict[str, str]:
    """run.json as lines of words; what is not set is left out."""
    identity = run.identity
    lines: dict[str, Any] = {
        "model": identity.model,
        "prompt": identity.prompt[:12],
        "task version": identity.task_version,
        "data": without_folders(run.data),
        "data digest": identity.dataset_digest[:12],
        "selection": msgspec.to_builtins(identity.selection),
        "decoding": msgspec.to_builtins(identity.decoding),
        "sample": identity.sample,
        "extra": identity.extra,
        "attestation": run.attestation,
        "served": list(run.served),
        "started": run.started,
        "finished": run.finished,
        "versions": run.versions,
        "commit": run.git,
        "command": without_folders(run.command),
    }
    return {name: words for name, value in lines.items() if (words := _plain(value))}


def without_folders(text: str) -> str:
    """A text with file names in the place of absolute paths: a page is passed on, and folders are its maker's."""
    return _FOLDERS.sub("", text)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {words}" for name, item in value.items() if (words := _plain(item)))
    if isinstance(value, (list, tuple)):
        return "; ".join(words for item in value if (words := _plain(item)))
    return "" if value is None else str(value)


def _short(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
