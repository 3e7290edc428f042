"""``mmrad_eval.load``: runs on disk as tidy pandas frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import MODEL_STATUSES, Answer
from mmrad_eval.results.run.folder import RunFolder, find_runs
from mmrad_eval.results.run.summary import class_of

if TYPE_CHECKING:
    import pandas as pd

    from mmrad_eval.results.run.record import Run
    from mmrad_eval.results.run.scores import Scores
    from mmrad_eval.results.run.summary import Summary


@dataclass(frozen=True)
class Results:
    """Runs on disk as tidy frames; ``run`` joins them."""

    runs: pd.DataFrame
    """One row a run: run, model, task, dataset, split, target, given, sample, n, scored, complete, mixed, path, ..."""
    columns: pd.DataFrame
    """One row a run and column: run, column, value, low, high, n, defined, better, metric, signature."""
    studies: pd.DataFrame
    """One row a run and study: run, study, patient, status, why, report, tokens, and the class of the data."""
    scores: pd.DataFrame
    """One row per run, study and column: run, study, column, value (nan where a study has none), class of the data."""

    def __repr__(self) -> str:
        return f"Results({len(self.runs)} runs, {len(self.studies)} answers, {len(self.scores)} values)"

    def _repr_html_(self) -> str:
        """The number of runs, answers and values, and the runs."""
        return f"<p>{self!r}</p>\n{self.runs.to_html()}"


def load(folder: str | Path = "results", *, texts: bool = True) -> Results:
    """Read every run under ``folder`` (a results folder or one run); ``texts=False`` leaves reports out."""
    import pandas as pd

    path = Path(folder)
    if not path.exists():
        raise DataError(f"there is no folder {path}")
    runs, columns, studies, scores = [], [], [], []
    for run_folder in find_runs(path):
        runs.append(_run(run_folder))
        name, use = runs[-1]["run"], runs[-1]["data_use"]
        columns += _columns(run_folder, name)
        stored = run_folder.scores()
        patients = dict(zip(stored.rows.ids, stored.rows.patients, strict=True)) if stored else {}
        of_run = (_study(name, answer, patients.get(answer.study), texts=texts) for answer in run_folder.answers())
        studies += [{**study, "data_use": use} for study in of_run]
        scores += [part.assign(data_use=use) for part in _values(stored, name)] if stored else []
    return Results(
        pd.DataFrame(runs, columns=list(_RUN_FIELDS)),
        pd.DataFrame(columns, columns=["run", "column", *_COLUMN_FIELDS]),
        pd.DataFrame(studies, columns=list(_STUDY_FIELDS)),
        pd.concat(scores, ignore_index=True) if scores else pd.DataFrame(columns=list(_SCORE_FIELDS)),
    )


_COLUMN_FIELDS = ("value", "low", "high", "n", "defined", "name", "profile", "metric", "signature", "better", "best")


@dataclass(frozen=True)
class _Loaded:
    """One run as it was read."""

    folder: RunFolder
    run: Run
    summary: Summary | None

    @property
    def statuses(self) -> Mapping[str, int]:
        """Status -> studies."""
        return self.summary.statuses if self.summary else self.run.counts.statuses


def _selected(name: str) -> Callable[[_Loaded], Any]:
    return lambda loaded: getattr(loaded.run.identity.selection, name)


def _counted(status: str) -> Callable[[_Loaded], Any]:
    return lambda loaded: loaded.statuses.get(status, 0)


_RUN_FIELDS: Mapping[str, Callable[[_Loaded], Any]] = {
    "run": lambda loaded: loaded.run.id,
    "model": lambda loaded: loaded.run.card.label,
    "task": lambda loaded: loaded.run.identity.task,
    "dataset": lambda loaded: loaded.run.identity.dataset,
    "split": _selected("split"),
    "target": _selected("target"),
    "given": lambda loaded: loaded.run.given,
    "sample": lambda loaded: loaded.run.identity.sample,
    **{name: _selected(name) for name in ("limit", "views", "context", "priors")},
    "temperature": lambda loaded: loaded.run.identity.decoding.temperature,
    "seed": lambda loaded: loaded.run.identity.decoding.seed,
    "prompt": lambda loaded: loaded.run.identity.prompt,
    "revision": lambda loaded: loaded.run.card.revision,
    "data_use": lambda loaded: class_of(loaded.run, loaded.summary),
    "n": lambda loaded: loaded.summary.n if loaded.summary else loaded.run.counts.n,
    "scored": lambda loaded: loaded.summary.scored if loaded.summary else 0,
    "patients": lambda loaded: loaded.run.patients,
    "complete": lambda loaded: loaded.run.complete,
    "mixed": lambda loaded: loaded.run.mixed,
    **{status: _counted(status) for status in (*MODEL_STATUSES, "failed", "pending")},
    "started": lambda loaded: loaded.run.started,
    "finished": lambda loaded: loaded.run.finished,
    "path": lambda loaded: str(loaded.folder.path),
}
"""The columns of ``Results.runs``, in order."""
_TOKENS = ("prompt_tokens", "completion_tokens")
_STUDY_FIELDS = ("run", "study", "patient", "status", "why", "report", "steps", *_TOKENS, "data_use")
_SCORE_FIELDS = ("run", "study", "column", "value", "data_use")


def _run(folder: RunFolder) -> dict[str, Any]:
    loaded = _Loaded(folder, folder.run, folder.summary())
    return {name: read(loaded) for name, read in _RUN_FIELDS.items()}


def _columns(folder: RunFolder, name: str) -> list[dict[str, Any]]:
    summary = folder.summary()
    found = summary.columns if summary else {}
    return [{"run": name, "column": label, **msgspec.structs.asdict(column)} for label, column in found.items()]


def _study(run: str, answer: Answer, patient: str | None, *, texts: bool) -> dict[str, Any]:
    return {
        "run": run,
        "study": answer.study,
        "patient": patient,
        "status": answer.status,
        "why": answer.why,
        "report": answer.report.text if texts else None,
        "steps": len(own.steps) if answer.trace and (own := answer.trace.reasoned()) else None,
        "prompt_tokens": answer.usage.prompt,
        "completion_tokens": answer.usage.completion,
    }


def _values(stored: Scores, run: str) -> list[pd.DataFrame]:
    """Each study's own values, a frame for each column; of two signatures under one name, the newer."""
    import pandas as pd

    frames = []
    for block in stored.blocks:
        values = stored.values(block) if block.shown else None
        for i, column in enumerate(block.columns):
            if values is not None and column.own == column.label:
                part = {"run": run, "study": stored.rows.ids, "column": column.label, "value": values[:, i]}
                frames.append(pd.DataFrame(part))
    return frames
