"""A build from its settings to a dataset: data, models, gate and budget are settled, then the stages run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from mmrad_eval import model_registry
from mmrad_eval.construction import output, programs, prompting
from mmrad_eval.construction.asking import ROLES, Desk, Role, RoleModel, same_model
from mmrad_eval.construction.card import BuildRecord
from mmrad_eval.construction.engine import ASKING, Engine, Watcher
from mmrad_eval.construction.options import BuildOptions
from mmrad_eval.construction.prompting import BuildPrompt, PromptName
from mmrad_eval.construction.publish import publish
from mmrad_eval.construction.records import STAGES, StageName
from mmrad_eval.construction.sources import rows_of
from mmrad_eval.core.connections import Guard, confined
from mmrad_eval.core.contracts import Client, Dataset, is_client
from mmrad_eval.core.data_use import mark, strictest
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.journal import JournalCache
from mmrad_eval.core.values import DataUse, Decoding, Study
from mmrad_eval.datasets.splits import read_held_out
from mmrad_eval.harness import gate
from mmrad_eval.harness.budget import Budget, BudgetGuard
from mmrad_eval.harness.interrupts import Interrupts
from mmrad_eval.harness.last_check import LastCheck
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.stopping import Stop, StopSignal
from mmrad_eval.model_registry.model_cards import settled
from mmrad_eval.results.run.folder import safe_name

NONE = "none"
"""A role that nobody has."""
SUFFIXES = {"nothing": "", "labels": "-from-labels", "report": "-from-report"}
"""What the writer saw of the report -> the end of the dataset's name: three levels are three datasets."""


@dataclass(frozen=True)
class Named:
    """A model as it was named."""

    model: str
    base_url: tuple[str, ...] = ()
    api_key_env: str | None = None

    def client(self, role: Role, timeout: float | None, allowed: frozenset[str], *, key_needed: bool) -> Client | None:
        """The model; None where nobody has the role. UsageError for one that answers no questions."""
        if self.model == NONE:
            return None
        if self.model.startswith(programs.PREFIX):
            return programs.resolve(self.model)
        found = model_registry.resolve(
            self.model,
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            allowed_keys=allowed,
            timeout=timeout,
            key_needed=key_needed,
        )
        if not is_client(found):
            raise UsageError(
                f"--{role} {self.model}: it answers studies, not questions; name a model behind an endpoint"
            )
        return found


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """One build as it was asked for."""

    dataset: Dataset
    out: Path
    writer: Named
    auditor: Named
    options: BuildOptions = field(default_factory=BuildOptions)
    sources: tuple[Path, ...] = ()
    """Files and folders that are read, into none of which the build may write."""
    name: str = ""
    """Of the dataset that comes out; by default the source's. What the writer saw of the report is added to it."""
    stages: tuple[StageName, ...] = STAGES
    prompts: Path | None = None
    hold_out: tuple[Path, ...] = ()
    limit: int | None = None
    decoding: Decoding = field(default_factory=lambda: Decoding(max_tokens=2048))
    stated: frozenset[str] = frozenset()
    structured: bool = True
    partial: bool = False
    """Whether the dataset is written though some images failed."""
    concurrency: int | None = None
    timeout: float | None = None
    patience: float | None = None
    budget: Budget = field(default_factory=Budget)
    allowed_keys: frozenset[str] = frozenset()
    local_networks: tuple[str, ...] = ()
    attestation: Mapping[str, str] | None = None
    planned_only: bool = False


@dataclass(frozen=True)
class BuildPlan:
    """A build, ready to be run."""

    settings: BuildSettings
    clients: Mapping[Role, Client]
    prompts: Mapping[PromptName, BuildPrompt]
    name: str
    data_use: DataUse
    held_out: frozenset[str]
    permits: Mapping[Role, gate.Permit]

    def studies(self) -> Iterator[tuple[Study, list[dict[str, Any]]]]:
        """The studies, each with the rows that it was made of, where the source has rows."""
        studies = self.settings.dataset.studies
        for place, study in enumerate(islice(studies, self.settings.limit)):
            yield study, rows_of(studies, place)

    @property
    def count(self) -> int:
        """Images of the source."""
        n = len(self.settings.dataset.studies)
        return n if self.settings.limit is None else min(n, self.settings.limit)

    def decoding(self, role: Role) -> Decoding:
        """What the model takes of the decoding."""
        return settled(self.clients[role], self.settings.decoding, self.settings.stated)


@dataclass(frozen=True)
class Built:
    """What a build came to."""

    record: BuildRecord | None
    """None where the dataset was not written: a stage before the last one was asked for, or something is open."""
    stop: Stop | None
    complete: bool
    """Whether all stages that were asked for are complete."""
    failed: Counter[str] = field(default_factory=Counter)
    """Why images failed -> how many."""


def plan_of(settings: BuildSettings) -> BuildPlan:
    """Resolve names and check that the build can be done; nothing is sent."""
    if not 0 <= settings.options.plant <= 1:
        raise UsageError(f"--plant {settings.options.plant}: write a share of statements, from 0 to 1")
    named = {"writer": settings.writer, "auditor": settings.auditor}
    clients: dict[Role, Client] = {}
    for role in ROLES:
        client = named[role].client(role, settings.timeout, settings.allowed_keys, key_needed=not settings.planned_only)
        if client is not None:
            clients[role] = client
    _check_roles(settings, clients)
    dataset = settings.dataset
    use = strictest((dataset.data_use, *(client.data_use for client in clients.values())))
    permits: dict[Role, gate.Permit] = {}
    for role, client in clients.items():
        settings.budget.check(client.card)
        permits[role] = gate.check(
            replace(dataset, data_use=use),
            client,
            local_networks=settings.local_networks,
            attested=settings.attestation,
        )
        permits[role].confine(client)
    name = (settings.name or f"{dataset.name}-traces") + SUFFIXES[settings.options.sees]
    prompts = prompting.load(settings.prompts)
    name = safe_name(name)
    output.check(settings.out, name, settings.sources)
    return BuildPlan(settings, clients, prompts, name, use, read_held_out(settings.hold_out), permits)


def _check_roles(settings: BuildSettings, clients: Mapping[Role, Client]) -> None:
    report = settings.options.report != "none"
    asking = any(stage in ASKING for stage in settings.stages)
    if report and asking and "auditor" not in clients:
        raise UsageError(
            "a trace that is compared with reports needs an auditor: --auditor MODEL; without reports, --report none"
        )
    if len(clients) == len(ROLES) and clients["writer"].card.id == clients["auditor"].card.id:
        raise UsageError(same_model(clients["writer"].card.id))


def run(plan: BuildPlan, watcher: Watcher) -> Built:
    """Do what is missing, and write the dataset where all is there. Whatever was made is on disk, however this ends."""
    out = plan.settings.out
    output.check(out, plan.name, plan.settings.sources)
    out.mkdir(parents=True, exist_ok=True)
    mark(out, plan.data_use)
    with output.alone(out), confined(plan.data_use), _guard(plan):
        return asyncio.run(_run(plan, watcher))


async def _run(plan: BuildPlan, watcher: Watcher) -> Built:
    settings = plan.settings
    signal = StopSignal()
    guard = BudgetGuard(settings.budget)
    cache = JournalCache()
    with ExitStack() as held:
        models = {role: _asked(plan, role, signal, cache, held) for role in plan.clients}
        limits = [guard.account(one.requester.counts, one.card) for one in models.values()]
        engine = Engine(
            folder=settings.out,
            name=plan.name,
            data_use=plan.data_use,
            options=settings.options,
            desk=Desk(models, plan.prompts),
            watcher=watcher,
            signal=signal,
            over_budget=lambda begun: next(filter(None, (limit(begun) for limit in limits)), None),
            held_out=plan.held_out,
            attestation=next((one.attestation for one in plan.permits.values() if one.attestation), None),
        )
        try:
            with Interrupts(signal), guard.clock(signal):
                return await _stages(plan, engine)
        finally:
            for one in models.values():
                await one.requester.close()


async def _stages(plan: BuildPlan, engine: Engine) -> Built:
    complete = True
    for stage in plan.settings.stages:
        if stage == "collect":
            engine.collect(plan.studies, plan.settings.dataset.format)
            continue
        if stage == plan.settings.stages[0] or stage == STAGES[1]:
            engine.learn()
        if stage == "assemble" and not complete and not plan.settings.partial:
            break
        complete = await engine.run(stage) and complete
        if stage == "audit" and engine.signal.stop is None:
            await engine.plant()
        if engine.signal.stop is not None:
            complete = False
            break
    record = None
    if plan.settings.stages[-1] == "assemble" and engine.signal.stop is None and (complete or plan.settings.partial):
        dataset = plan.settings.dataset
        record = publish(engine, (dataset.source, dataset.format, tuple(dataset.notes)))
    return Built(record, engine.signal.stop, complete, _failed(engine, plan.settings.stages))


def _failed(engine: Engine, stages: Sequence[StageName]) -> Counter[str]:
    found: Counter[str] = Counter()
    for stage in stages:
        if stage in ASKING:
            with engine.file(stage) as file:
                found.update(line.why for line in file.lines() if line.status == "failed")
    return found


def _asked(plan: BuildPlan, role: Role, signal: StopSignal, cache: JournalCache, held: ExitStack) -> RoleModel:
    settings, client = plan.settings, plan.clients[role]
    pace = Pace.fixed(settings.concurrency) if settings.concurrency else Pace()
    if settings.budget.usd is not None:
        pace.few = 3
    patience = settings.patience
    journal = held.enter_context(cache.journal(settings.out / "journal" / f"{role}-{safe_name(client.card.label)}"))
    requester = Requester(
        client,
        journal,
        pace=pace,
        retry=Retry() if patience is None else Retry(patience=patience, first_patience=patience),
        signal=signal,
    )
    requester.check = LastCheck(settings.dataset.name, plan.data_use).messages
    return RoleModel(requester, plan.decoding(role), settings.structured)


def _guard(plan: BuildPlan) -> Guard:
    """A guard that lets through what either model's permit does."""
    permits = list(plan.permits.values())
    if any(permit.hosts is None for permit in permits):
        return Guard(None)
    hosts = {name: addresses for permit in permits for name, addresses in (permit.hosts or {}).items()}
    return gate.Permit(hosts).guard()
