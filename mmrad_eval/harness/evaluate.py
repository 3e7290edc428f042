"""``mmrad_eval.evaluate``: one run from Python, with names, files or objects, into the same folder as the command's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.connections import confined
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.harness.interrupts import INTERRUPTED
from mmrad_eval.harness.jobs import Outcome, execute
from mmrad_eval.harness.loops import outside_loops
from mmrad_eval.harness.settings import RunSettings
from mmrad_eval.results.leaderboard.board import tables_of
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.tables.shown import ShownTables

if TYPE_CHECKING:
    import pandas as pd

    from mmrad_eval.core.values import Answer, DataUse, Target
    from mmrad_eval.harness.plan import Plan
    from mmrad_eval.harness.requester import Requester


class Evaluation(Mapping[str, float]):
    """One run: column label -> value. ``path`` is its folder."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.path: Path = outcome.folder.path
        self.run = outcome.run
        """What run.json holds."""
        self.summary = outcome.summary
        """What summary.json holds; None where nothing was scored."""

    @property
    def complete(self) -> bool:
        """Whether every study of the selection has an answer."""
        return self.run.complete

    def answers(self) -> list[Answer]:
        """The answers, in dataset order."""
        return list(self.outcome.folder.answers())

    def frame(self) -> pd.DataFrame:
        """One row a column: value, low, high, n, defined, signature, and so on."""
        import pandas as pd

        columns = self.summary.columns if self.summary else {}
        rows = [msgspec.structs.asdict(column) for column in columns.values()]
        return pd.DataFrame(rows, index=pd.Index(list(columns), name="column"))

    def tables(self) -> ShownTables:
        """The row of this run as the leaderboard shows it."""
        return ShownTables(tables_of(read_scored_runs([self.outcome.folder])))

    def __getitem__(self, label: str) -> float:
        value = self.summary.columns[label].value if self.summary else None
        if self.summary is None:
            raise KeyError(label)
        return float("nan") if value is None else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.summary.columns if self.summary else ())

    def __len__(self) -> int:
        return len(self.summary.columns) if self.summary else 0

    def __repr__(self) -> str:
        counts = self.run.counts
        state = "complete" if self.complete else f"{counts.unanswered} of {counts.n} studies pending"
        why = f": {self.outcome.stopped}" if self.outcome.stopped else ""
        head = f"{self.run.card.label} · {self.run.identity.task} · {self.run.identity.dataset}: {state}{why}"
        return f"{head}\n{self.tables()!r}\n{self.path}" if self.summary else f"{head}\n{self.path}"

    def _repr_html_(self) -> str:
        return self.tables().text("html")


def evaluate(
    model: object,
    task: object,
    data: object = "demo",
    metrics: object = "paper",
    *,
    out: str | Path = "results",
    split: str | None = None,
    ids: str | Path | None = None,
    limit: int | None = None,
    batch: bool = False,
    shard: str | None = None,
    target: Target = "findings",
    views: str = "all",
    context: str = "none",
    priors: str = "none",
    render: str = "record",
    images_first: bool = False,
    options: Mapping[str, str] | None = None,
    prompt: str | Path | None = None,
    max_edge: int | None = None,
    decoding: Mapping[str, Any] | None = None,
    sample: int = 0,
    images: str | Path | None = None,
    data_use: DataUse | None = None,
    patient_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    link: str | Path | None = None,
    metric_options: Mapping[str, str] | None = None,
    workers: int | str = 1,
    judge: str | Sequence[str] | None = None,
    judge_url: str | Sequence[str] = (),
    judge_key_env: str | Sequence[str] | None = None,
    judge_samples: int = 1,
    base_url: str | Sequence[str] = (),
    api_key_env: str | None = None,
    api_key_file: str | Path | None = None,
    allow_key: str | Sequence[str] = (),
    serve: bool = False,
    serve_args: str | None = None,
    serve_context: int | None = None,
    serve_images: int | None = None,
    dtype: str | None = None,
    tensor_parallel: int | None = None,
    data_parallel: int | None = None,
    python: str | Path | None = None,
    device_map: str | None = None,
    batch_size: int | None = None,
    trust_remote_code: bool = False,
    local_networks: str | Sequence[str] = (),
    attestation: Mapping[str, str] | None = None,
    concurrency: int | None = None,
    timeout: float | None = None,
    patience: float | None = None,
    refusal_pattern: str | Sequence[str] = (),
    budget: str | None = None,
    max_requests: int | None = None,
    max_time: str | None = None,
    fresh: bool = False,
    look_check: bool = False,
    allow_blind: bool = False,
    check_cache: int = 0,
    watch: Callable[[Answer, int], None] | None = None,
) -> Evaluation:
    """Run one model on one task over one dataset, score it, and return the run; the run folder is the command's.

    ``model``, ``task``, ``data`` and ``metrics`` (one or several) are what the command takes, or objects: a model, a
    task, a ``Dataset``, a metric. All else has the name and the form of the command's option. Instead of several
    options, ``options`` holds the task's own (``--set``), ``decoding`` the fields of ``Decoding`` that the run states,
    ``attestation`` the provider, retention and who. ``look_check`` asks the model before the first study what it sees
    of drawn pictures. ``watch`` is called with each answer and the number of answers so far. Works inside a running
    event loop, as in a notebook.
    Running it again continues where it stopped. Raises the errors of the command, which ``MmradError`` is the base of.
    """
    settings = {name: value for name, value in locals().items() if name != "watch"}
    job = RunSettings(**settings).job()
    if watch is not None and not callable(watch):
        raise UsageError(f"watch={watch!r}: it must be a function that takes an answer and a number")
    watcher = _Watcher(watch)
    command = f"mmrad_eval.evaluate(model={model!r}, task={task!r}, data={_said(data)})"

    def run() -> Outcome:
        with confined("unknown"):  # until the class of the data is known
            plan = job.plan()
        return execute(job, plan, Path(out), watcher, command)

    return Evaluation(outside_loops(run, watcher.interrupt))


class _Watcher:
    """Tells each answer to a function, and keeps the way to stop the run."""

    def __init__(self, watch: Callable[[Answer, int], None] | None) -> None:
        self._watch = watch
        self._interrupt: Callable[[str], None] = lambda _: None

    def begin(self, plan: Plan, requester: Requester | None, interrupt: Callable[[str], None]) -> None:
        """Keep the way to stop, in the thread of the run's own event loop where it has one."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._interrupt = interrupt
        else:
            self._interrupt = partial(_soon, loop, interrupt)

    def answered(self, answer: Answer, done: int) -> None:
        """Tell it."""
        if self._watch is not None:
            self._watch(answer, done)

    def say(self, text: str) -> None:
        """Nothing."""

    def waits(self, reason: str, seconds: float) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing can be stopped any more."""
        self._interrupt = lambda _: None

    def interrupt(self) -> None:
        """Stop the run as Ctrl-C does."""
        self._interrupt(INTERRUPTED)


def _soon(loop: asyncio.AbstractEventLoop, interrupt: Callable[[str], None], reason: str) -> None:
    loop.call_soon_threadsafe(interrupt, reason)


def _said(data: object) -> str:
    return f"Dataset({data.name!r})" if isinstance(data, Dataset) else repr(data)
