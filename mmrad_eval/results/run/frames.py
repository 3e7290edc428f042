"""``mmrad_eval.load``: runs on disk as tidy pandas frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import MODEL_STATUSES, Answer
from mmrad_eval.results.run.folder import RunFolder, find_runs

if TYPE_CHECKING:
    import pandas as pd

    from mmrad_eval.results.run.scores import Scores


@dataclass(frozen=True)
class Results:
    """Runs on disk as tidy frames; ``run`` joins them."""

    runs: pd.DataFrame
    """One row a run: run, model, task, dataset, split, target, given, sample, n, scored, complete, mixed, path, ..."""
    columns: pd.DataFrame
    """One row a run and column: run, column, value, low, high, n, defined, better, metric, signature."""
    studies: pd.DataFrame
    """One row a run and study: run, study, patient, status, why, report, prompt and completion tokens."""
    scores: pd.DataFrame
    """One row a run, study and column: run, study, column, value (nan where the study has none)."""

    def __repr__(self) -> str:
        return f"Results({len(self.runs)} runs, {len(self.studies)} answers, {len(self.scores)} values)"


def load(folder: str | Path = "results", *, texts: bool = True) -> Results:
    """Read every run under ``folder`` (a results folder or one run); ``texts=False`` leaves reports out."""
    import pandas as pd

    path = Path(folder)
    if not path.exists():
        raise DataError(f"there is no folder {path}")
    runs, columns, studies, scores = [], [], [], []
    for run_folder in find_runs(path):
        runs.append(_run(run_folder))
        name = runs[-1]["run"]
        columns += _columns(run_folder, name)
        stored = run_folder.scores()
        patients = dict(zip(stored.rows.ids, stored.rows.patients, strict=True)) if stored else {}
        studies += [_study(name, answer, patients.get(answer.study), texts=texts) for answer in run_folder.answers()]
        scores += _values(stored, name) if stored else []
    return Results(
        pd.DataFrame(runs, columns=list(_RUN_FIELDS)),
        pd.DataFrame(columns, columns=["run", "column", *_COLUMN_FIELDS]),
        pd.DataFrame(studies, columns=list(_STUDY_FIELDS)),
        pd.concat(scores, ignore_index=True) if scores else pd.DataFrame(columns=["run", "study", "column", "value"]),
    )


_COLUMN_FIELDS = ("value", "low", "high", "n", "defined", "name", "profile", "metric", "signature", "better", "best")
_RUN_FIELDS = (
    *("run", "model", "task", "dataset", "split", "target", "given", "sample", "limit", "views", "context", "priors"),
    *("temperature", "seed", "prompt", "revision", "data_use", "n", "scored", "patients", "complete", "mixed"),
    *MODEL_STATUSES,
    *("failed", "pending", "started", "finished", "path"),
)
_STUDY_FIELDS = ("run", "study", "patient", "status", "why", "report", "steps", "prompt_tokens", "completion_tokens")


def _run(folder: RunFolder) -> dict[str, Any]:
    run, summary = folder.run, folder.summary()
    identity, selection = run.identity, run.identity.selection
    statuses = summary.statuses if summary else run.counts.statuses
    return {
        "run": run.id,
        "model": run.card.label,
        "task": identity.task,
        "dataset": identity.dataset,
        **{name: getattr(selection, name) for name in ("split", "target", "limit", "views", "context", "priors")},
        "given": run.given,
        "sample": identity.sample,
        "temperature": identity.decoding.temperature,
        "seed": identity.decoding.seed,
        "prompt": identity.prompt,
        "revision": run.card.revision,
        "data_use": run.data_use,
        "n": summary.n if summary else run.counts.n,
        "scored": summary.scored if summary else 0,
        "patients": run.patients,
        "complete": run.complete,
        "mixed": run.mixed,
        **{status: statuses.get(status, 0) for status in (*MODEL_STATUSES, "failed", "pending")},
        "started": run.started,
        "finished": run.finished,
        "path": str(folder.path),
    }


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
        "steps": len(answer.trace.steps) if answer.trace else None,
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
