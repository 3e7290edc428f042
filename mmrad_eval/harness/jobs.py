"""A job: one model, one task, one dataset, from names to a scored run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from mmrad_eval import metrics, model_registry
from mmrad_eval.core.connections import confined
from mmrad_eval.core.contracts import Client, Dataset, is_client
from mmrad_eval.core.data_use import mark, strictest
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.journal import Journal, JournalCache
from mmrad_eval.core.values import UNSCORED_STATUSES, DataUse
from mmrad_eval.harness import gate
from mmrad_eval.harness.batching import Batching
from mmrad_eval.harness.budget import Budget, BudgetGuard
from mmrad_eval.harness.cache_check import check_cache, require_vllm
from mmrad_eval.harness.data import Data
from mmrad_eval.harness.interrupts import Interrupts, finishing, interruptible
from mmrad_eval.harness.judge_runs import JudgeTerms, judge_examples
from mmrad_eval.harness.judges import Judges
from mmrad_eval.harness.judging import examples
from mmrad_eval.harness.look_check import Mode
from mmrad_eval.harness.look_guard import LookGuard
from mmrad_eval.harness.measuring import mapper_of
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.plan import Plan, RunOptions, make_plan
from mmrad_eval.harness.reporting import Reporter, name_damage
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.run import Share, answer_all, ask_all, ask_share, hold_each, open_run
from mmrad_eval.harness.server_caches import keep_counts
from mmrad_eval.harness.shards import Shard
from mmrad_eval.harness.stopping import Stop, StopSignal, strongest
from mmrad_eval.harness.study_order import ask_by_study
from mmrad_eval.harness.trace_of import load_task
from mmrad_eval.harness.waits import told_of_waits
from mmrad_eval.metrics import Suite
from mmrad_eval.model_registry.batch_providers import form_of
from mmrad_eval.model_registry.model_cards import settled
from mmrad_eval.model_registry.programs.options import ProgramOptions
from mmrad_eval.model_registry.programs.program import UNGUARDED, Program
from mmrad_eval.model_registry.serving import ServeOptions, Server
from mmrad_eval.model_registry.wire import WireClient
from mmrad_eval.results.run.folder import RunFolder, safe_name
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.run.summary import Summary
from mmrad_eval.results.scoring.run import score
from mmrad_eval.results.scoring.workers import Workers

_FEW = 3  # concurrent requests where money is limited and no reply has told yet what one costs


@dataclass(frozen=True)
class Job:
    """One run as it was asked for."""

    model: object
    """What ``--model`` takes, or a model."""
    task: object
    """What ``--task`` takes, or a task."""
    data: Data = field(default_factory=Data)
    options: RunOptions = field(default_factory=RunOptions)
    metrics: tuple[Any, ...] = ("paper",)
    """Without any, the run is not scored."""
    metric_options: Mapping[str, str] = field(default_factory=dict)
    """What the metrics are told: an engine, paths of weights."""
    base_url: tuple[str, ...] = ()
    api_key_env: str | None = None
    api_key_file: Path | None = None
    allowed_keys: frozenset[str] = frozenset()
    """Variables that a card may read a key from though its provider does not own them."""
    timeout: float | None = None
    concurrency: int | None = None
    patience: float | None = None
    """Seconds for which a server that takes no connection is waited for; None: as ``Retry`` has it."""
    budget: Budget = field(default_factory=Budget)
    serve: ServeOptions | None = None
    """How to start a server for this run alone; None: one that runs is used."""
    programs: ProgramOptions | None = None
    """How to run a program that is the model."""
    stated: frozenset[str] = frozenset()
    """Decoding values that the user wrote: sent as they are, where a default gives way to what a model takes."""
    refusals: tuple[str, ...] = ()
    """Texts of rejections that the user declared to be refusals (``--refusal-pattern``)."""
    results: Path = Path("results")
    """Where other runs are found by their ids."""
    fresh: bool = False
    batch: Literal["", "wait", "hand over"] = ""
    """Whether requests go in provider batches, and whether their replies are waited for and published."""
    judge_batch: bool = False
    """Whether what is asked of a judge goes in provider batches."""
    shard: Shard | None = None
    """The share of the studies that is asked about and not published; None: all, published and scored."""
    together: tuple[Plan, ...] = ()
    """Plans of the same model that are asked beside the job's own, study by study, and published by their own jobs."""
    look_check: Mode = "off"
    """Whether the model is asked, before the first study, what it sees (``harness.look_check``)."""
    check_cache: int = 0
    """Studies that are asked again to see whether the server's prefix cache changes answers."""
    attestation: Mapping[str, str] | None = None
    """The user's statement that a provider may have the data (``gate.attestation``)."""
    local_networks: tuple[str, ...] = ()
    judge: Judges | None = None
    """Whom metrics ask that ask a model."""
    workers: Workers = field(default_factory=Workers)
    """Who measures."""
    planned_only: bool = False
    """Whether nothing is going to be sent, as in a dry run: no key is needed then."""

    def plan(self, dataset: Dataset | None = None, *, digest: str | None = None) -> Plan:
        """Resolve all names and check that it can be done; nothing is sent. ``digest`` as in ``make_plan``."""
        own = {name: said for name, said in self.options.task_options.items() if name != "render"}
        task = load_task(self.task, own, self.results)
        model = model_registry.resolve(
            self.model,
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            api_key_file=self.api_key_file,
            allowed_keys=self.allowed_keys,
            timeout=self.timeout,
            serve=self.serve,
            programs=self.programs,
            key_needed=not self.planned_only,
        )
        if self.programs is not None and model.card.provider != "hf":
            self.programs.refuse_for(model.card.label)
        if isinstance(model, WireClient):
            model.refusals = self.refusals
        require_vllm(model, self.check_cache)
        if self.batch:
            form_of(model)
        if self.shard is not None and not is_client(model):
            raise UsageError(f"--shard {self.shard}: {model.card.label} sends no requests; leave --shard out")
        decoding = settled(model, self.options.decoding, self.stated)
        options = replace(self.options, decoding=decoding)
        return make_plan(model, task, dataset or self.data.load(), options, digest=digest)

    def asked(self, plan: Plan) -> Plan:
        """The plan with the studies of the job's shard alone; the run that they belong to is the same."""
        return plan if self.shard is None else replace(plan, studies=self.shard.studies(plan.studies))

    @property
    def judge_terms(self) -> JudgeTerms:
        """How judges are asked: as the model is."""
        return JudgeTerms(
            allowed_keys=self.allowed_keys,
            timeout=self.timeout,
            concurrency=self.concurrency,
            patience=self.patience,
            budget=self.budget,
            attestation=self.attestation,
            local_networks=self.local_networks,
            refusals=self.refusals,
            fresh=self.fresh,
            batch=self.judge_batch,
        )

    def permit(self, plan: Plan, suite: Suite) -> gate.Permit:
        """What lets the data go to the plan's model; GateError where nothing does.

        The model goes nowhere else from now on. The files of results that ``suite`` holds count as the data does.
        """
        asked = plan.model
        dataset = gate.with_results(replace(plan.dataset, data_use=plan.data_use), suite.data_use)
        permit = gate.check(
            dataset,
            asked,
            local_networks=self.local_networks,
            attested=self.attestation,
        )
        permit.confine(asked)
        if self.batch:
            gate.check_batches(asked.card.label, permit)
        return permit


@dataclass(frozen=True)
class Outcome:
    """What a job came to."""

    folder: RunFolder
    run: Run
    summary: Summary | None
    """None where no study has a reference, or nothing was to be scored."""
    stop: Stop | None = None
    """Why the run ended before all studies had an answer; None where nothing stopped it."""
    share: Share | None = None
    """What the job's shard came to, whose replies are stored and not published; None where the run was whole."""

    @property
    def complete(self) -> bool:
        """Whether every study that was to be asked about has an answer."""
        if self.share is None:
            return self.run.complete
        return not any(status in UNSCORED_STATUSES for status, _ in self.share)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it, and with it the command."""
        return self.stop is not None and self.stop.interrupted

    @property
    def stopped(self) -> str:
        """The reason in words; empty where nothing stopped it."""
        return "" if self.stop is None else self.stop.reason


def execute(  # noqa: PLR0917 (one job, and where all of a command's jobs keep things)
    job: Job,
    plan: Plan,
    results: Path,
    reporter: Reporter,
    command: str = "",
    cache: JournalCache | None = None,
    guard: BudgetGuard | None = None,
) -> Outcome:
    """Ask what is not answered yet, then score. Whatever was answered is on disk, however this ends.

    ``cache`` keeps what was read of stored replies for the next job, ``guard`` what all jobs of a command spend. From
    the first metric that is loaded to the last that is computed, nothing connects anywhere that the class of the data
    does not allow.
    """
    with _confined(plan.data_use, reporter):
        guard = guard or BudgetGuard(job.budget)
        return _execute(job, plan, results, reporter, command, cache or JournalCache(), guard)


@contextmanager
def _confined(use: DataUse, reporter: Reporter) -> Iterator[None]:
    """Confine what runs within, and say what it tried to reach in spite of that."""
    with confined(use) as guard:
        try:
            yield
        finally:
            if guard.refused:
                places = ", ".join(sorted(set(guard.refused)))
                reporter.say(f"refused: something in this process tried to reach {places} while it held the data")


def _execute(  # noqa: PLR0917 (as above)
    job: Job, plan: Plan, results: Path, reporter: Reporter, command: str, cache: JournalCache, guard: BudgetGuard
) -> Outcome:
    mark(results / "replies" / safe_name(plan.dataset.name), plan.data_use)
    texts = results / "replies" / safe_name(plan.dataset.name) / "texts"
    suite = metrics.suite(job.metrics, options=job.metric_options, texts=texts)
    clients = job.judge.clients(suite, job.allowed_keys, timeout=job.timeout) if job.judge else {}
    permit = job.permit(plan, suite)
    judged = job.judge_terms.permit(replace(plan.dataset, data_use=plan.data_use), suite, clients)
    folder = open_run(
        plan,
        results,
        data=job.data.place(),
        data_options=job.data.said(),
        command=command,
        attestation=permit.attestation or judged.attestation,
        refusals=job.refusals,
    )
    with permit.guard():
        if is_client(plan.model):
            run, stop, share = asyncio.run(_ask(job, plan, folder, results, guard, reporter, cache))
        else:
            (run, stop), share = _answer(plan, folder, reporter), None
    if share is not None:
        return Outcome(folder, run, None, stop, share)
    summary = None
    if job.metrics and run.counts.n > run.counts.unanswered and any(study.reference for study in plan.studies):
        if job.judge is not None and clients and not (stop is not None and stop.interrupted):
            asked = examples(folder, plan.studies, plan.last_check.study)
            where = results / "replies" / safe_name(plan.dataset.name)
            terms, check, repeats = job.judge_terms, plan.last_check, job.judge.repeats
            mark(where, strictest((plan.data_use, suite.data_use)))  # questions hold what metrics hold
            with judged.guard():
                suite, late = asyncio.run(
                    judge_examples(suite, asked, clients, terms, where, check, guard, reporter, cache, repeats)
                )
            stop = strongest(stop, late)
        use = strictest((plan.data_use, suite.data_use))
        mapper = mapper_of(job.workers, use, job.local_networks, reporter.say)
        with _confined(use, reporter):
            summary = score(folder, plan.studies, suite, train=plan.train, mapper=mapper)
    return Outcome(folder, run, summary, stop)


def _answer(plan: Plan, folder: RunFolder, reporter: Reporter) -> tuple[Run, Stop | None]:
    """The run of an answerer, and why it stopped if it did."""
    stop_signal = StopSignal()
    reporter.begin(plan, None, lambda reason: stop_signal.set(Stop(reason, interrupted=True)))
    with interruptible(stop_signal):
        run = answer_all(plan, folder, stop_signal, watch=reporter.answered)
    reporter.end()
    return run, _unless_fatal(stop_signal.stop)


def _requester(job: Job, client: Client, where: Path, cache: JournalCache, journal: Journal) -> Requester:
    """The requester of ``client``, whose replies lie in ``journal`` under ``where``."""
    pace = Pace.fixed(job.concurrency) if job.concurrency else Pace()
    if job.budget.usd is not None:
        pace.few = _FEW
    return Requester(
        client,
        journal,
        pace=pace,
        retry=Retry() if job.patience is None else Retry(patience=job.patience, first_patience=job.patience),
        digests=cache.journal(where / "images"),
        fresh=job.fresh,
        max_edge=job.options.max_edge,
        refusals=job.refusals,
    )


async def _ask(  # noqa: PLR0917 (the private second half of `execute`)
    job: Job, plan: Plan, folder: RunFolder, results: Path, guard: BudgetGuard, reporter: Reporter, cache: JournalCache
) -> tuple[Run, Stop | None, Share | None]:
    """The run of a client, why it stopped if it did, and what its shard came to."""
    asked = job.asked(plan)
    share: Share | None = None
    client = cast("Client", plan.model)
    where = results / "replies" / safe_name(plan.dataset.name)
    with cache.journal(where / safe_name(client.card.label)) as journal:
        requester = _requester(job, client, where, cache, journal)
        requester.check = plan.last_check.messages
        server = client.server
        if isinstance(server, Server | Program):
            server.log, server.say = folder.path / server.log_name, reporter.say
            if isinstance(server, Program) and plan.data_use != "open":
                reporter.say(UNGUARDED.format(command=server.command))
            server.give_up = lambda: requester.signal.stop is not None
        over_budget = guard.account(requester.counts, client.card)
        notes: list[str] = []
        try:
            told = partial(_interrupted, requester, reporter)
            with Interrupts(requester.signal, told) as interrupts, guard.clock(requester.signal):
                reporter.begin(asked, requester, interrupts.interrupt)
                async with told_of_waits(reporter, requester):
                    if job.look_check != "off":
                        blind = job.look_check == "allow blind"
                        await LookGuard(asked, folder, requester, results, over_budget, cache, blind).first()
                    if job.batch:
                        batching = Batching(requester, reporter.say)
                        await batching.ask(partial(hold_each, asked), wait=job.batch == "wait")
                        requester = batching.requester
                    if job.together:
                        reporter.say(f"running {len(job.together) + 1} tasks study by study")
                        await ask_by_study((asked, *map(job.asked, job.together)), requester, over_budget)
                    if job.batch == "hand over":
                        run, share = folder.run, Counter()
                    elif job.shard is None:
                        run = await ask_all(plan, folder, requester, over_budget, watch=reporter.answered)
                    else:
                        share = await ask_share(asked, requester, over_budget, watch=reporter.answered)
                        run = folder.run
                if notes := await _of_caches(job, plan, folder, requester, whole=share is None):
                    run = folder.run
        finally:
            reporter.end()
            name_damage(journal, reporter)
            for note in (*requester.images.notes(), *notes):
                reporter.say(note)
            await requester.close()
        return run, _unless_fatal(requester.signal.stop), share


def _interrupted(requester: Requester, reporter: Reporter) -> None:
    """Say what a run that was interrupted still waits for."""
    if words := finishing(requester.counts.in_flight):
        reporter.say(words)


async def _of_caches(job: Job, plan: Plan, folder: RunFolder, requester: Requester, *, whole: bool) -> list[str]:
    """What a server's caches saved, and whether they change answers, in lines; run.json keeps both."""
    notes = [await keep_counts(folder, requester, (plan, *job.together))]
    if job.check_cache and whole:
        notes.append(await check_cache(plan, folder, requester, job.check_cache))
    return [note for note in notes if note]


def _unless_fatal(stop: Stop | None) -> Stop | None:
    """The same stop, unless it is an error that ends the command: that is raised."""
    if stop is not None and stop.fatal is not None:
        raise stop.fatal
    return stop
