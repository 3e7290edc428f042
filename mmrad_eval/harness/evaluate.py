"""``mmrad_eval.evaluate``: one run from Python, with names, files or objects, into the same folder as the command's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.connections import confined
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Decoding, Target
from mmrad_eval.harness import budget as budgets
from mmrad_eval.harness.interrupts import INTERRUPTED
from mmrad_eval.harness.jobs import Data, Job, Outcome, execute
from mmrad_eval.harness.judging import Judge
from mmrad_eval.harness.plan import RunOptions
from mmrad_eval.results.leaderboard.board import tables_of
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.tables.shown import ShownTables

if TYPE_CHECKING:
    import pandas as pd

    from mmrad_eval.core.values import Answer, DataUse
    from mmrad_eval.harness.plan import Plan
    from mmrad_eval.harness.requester import Requester

_STATED = ("temperature", "top_p", "seed", "stop")


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
    target: Target = "findings",
    views: str = "all",
    context: str = "none",
    priors: str = "none",
    render: str = "record",
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
    judge: str | None = None,
    judge_url: str | Sequence[str] = (),
    base_url: str | Sequence[str] = (),
    api_key_env: str | None = None,
    api_key_file: str | Path | None = None,
    local_networks: Sequence[str] = (),
    attestation: Mapping[str, str] | None = None,
    concurrency: int | None = None,
    timeout: float | None = None,
    patience: float | None = None,
    budget: str | None = None,
    max_requests: int | None = None,
    max_time: str | None = None,
    fresh: bool = False,
    look_check: bool = False,
    watch: Callable[[Answer, int], None] | None = None,
) -> Evaluation:
    """Run one model on one task over one dataset, score it, and return the run; the run folder is the command's.

    ``model``, ``task``, ``data`` and ``metrics`` (one or several) are what the command takes, or objects: a model, a
    task, a ``Dataset``, a metric. ``options`` are the task's (``--set``), ``decoding`` the fields of ``Decoding`` that
    the run states; ``look_check`` asks the model before the first study what it sees of drawn pictures; ``budget``
    (``"20usd"``) and ``max_time`` (``"1h30m"``) are written as for the command. ``watch`` is called with each answer
    and the number of answers so far. Works inside a running event loop, as in a notebook.
    Running it again continues where it stopped. Raises the errors of the command, which ``MmradError`` is the base of.
    """
    stated = dict(decoding or {})
    chosen = metrics if isinstance(metrics, list | tuple) else () if metrics is None else (metrics,)
    job = Job(
        model=model,
        task=task,
        data=Data(data, _path(images), data_use, patient_column, columns or {}, _path(link)),
        choice=RunOptions(
            split=split,
            ids=_path(ids),
            limit=limit,
            views=views,
            context=context,
            priors=priors,
            target=target,
            prompt=_path(prompt),
            max_edge=max_edge,
            decoding=_decoding(stated),
            sample=sample,
            options={"render": render, **(options or {})},
        ),
        metrics=tuple(chosen),
        metric_options=metric_options or {},
        base_url=_several(base_url),
        api_key_env=api_key_env,
        api_key_file=_path(api_key_file),
        timeout=timeout,
        concurrency=concurrency,
        patience=patience,
        budget=budgets.Budget(
            usd=None if budget is None else budgets.usd(budget),
            requests=max_requests,
            seconds=None if max_time is None else budgets.duration(max_time),
        ),
        stated=frozenset(stated) & frozenset(_STATED),
        results=Path(out),
        fresh=fresh,
        look_check="on" if look_check else "off",
        attestation=attestation,
        local_networks=tuple(local_networks),
        judge=Judge(judge, _several(judge_url)) if judge else None,
    )
    watcher = _Watcher(watch)
    command = f"mmrad_eval.evaluate(model={model!r}, task={task!r}, data={_said(data)})"

    def run() -> Outcome:
        with confined("unknown"):  # until the class of the data is known
            plan = job.plan()
        return execute(job, plan, Path(out), watcher, command)

    return Evaluation(_outside_loops(run, watcher))


class _Watcher:
    """Tells each answer to a function, and keeps the way to stop the run."""

    def __init__(self, watch: Callable[[Answer, int], None] | None) -> None:
        self._watch = watch
        self._interrupt: Callable[[str], None] = lambda _: None

    def begin(self, plan: Plan, requester: Requester | None, interrupt: Callable[[str], None]) -> None:  # noqa: ARG002 (the protocol's)
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


def _outside_loops(work: Callable[[], Outcome], watcher: _Watcher) -> Outcome:
    """Do the work; in a thread of its own where this one has an event loop that runs already."""
    if not _in_loop():
        return work()
    outcomes: list[Outcome] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcomes.append(work())
        except BaseException as error:  # noqa: BLE001 (raised again where it was asked for)
            errors.append(error)

    thread = threading.Thread(target=run, name="mmrad_eval.evaluate")
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:  # the notebook's stop button
            watcher.interrupt()
    if errors:
        raise errors[0]
    return outcomes[0]


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _soon(loop: asyncio.AbstractEventLoop, interrupt: Callable[[str], None], reason: str) -> None:
    loop.call_soon_threadsafe(interrupt, reason)


def _decoding(stated: Mapping[str, Any]) -> Decoding:
    try:
        return msgspec.convert(dict(stated), Decoding)
    except msgspec.ValidationError as error:
        raise UsageError(f"decoding: {error}; it has {', '.join(Decoding.__struct_fields__)}") from error


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _several(said: str | Sequence[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def _said(data: object) -> str:
    return f"Dataset({data.name!r})" if isinstance(data, Dataset) else repr(data)
