"""trace-of:RUN: the traces that the model of another run wrote, shown as evidence to this one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Task
from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.run.folder import select
from mmrad_eval.tasks.given_evidence import trace_of

PREFIX = "trace-of:"


def load_task(name: object, options: Mapping[str, str], results: Path) -> Task:
    """The task of that name; ``trace-of:RUN`` reads the run, a folder or the beginning of an id under ``results``."""
    if not isinstance(name, str) or not name.startswith(PREFIX):
        return tasks.load(name, options)
    if options:
        said = " ".join(f"{key}={value}" for key, value in options.items())
        raise UsageError(f"--set {said}: trace-of has no options")
    folder = select(results, name.removeprefix(PREFIX))
    run = folder.run
    own = ((answer.study, answer.trace.reasoned()) for answer in folder.answers() if answer.trace)
    written = {study: trace for study, trace in own if trace and trace.steps}
    if not written:
        raise UsageError(
            f"{folder.path}: its model wrote no steps, so there is no trace to show; runs of mcot-loop and tcot-self do"
        )
    return trace_of(run.id, written, run.data_use)
