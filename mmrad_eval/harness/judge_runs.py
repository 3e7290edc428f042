"""Judging the examples of a run that is there, whoever made it: while it is scored first, or scored again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from mmrad_eval.core.contracts import Client, Dataset
from mmrad_eval.core.data_use import mark, strictest
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.journal import Journal, JournalCache
from mmrad_eval.core.values import Example
from mmrad_eval.harness import gate
from mmrad_eval.harness.batching import Batching
from mmrad_eval.harness.budget import NOT_IN_BATCHES, Budget, BudgetGuard
from mmrad_eval.harness.interrupts import Interrupts, finishing
from mmrad_eval.harness.judge_preview import JudgePreview, judge_previews
from mmrad_eval.harness.judges import Judges
from mmrad_eval.harness.judging import JudgeAccount, examples, put_questions
from mmrad_eval.harness.last_check import LastCheck
from mmrad_eval.harness.loops import outside_loops
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.stopping import Stop, StopSignal
from mmrad_eval.harness.waits import Waiter, told_of_waits
from mmrad_eval.metrics import Suite
from mmrad_eval.model_registry.batch_providers import form_of
from mmrad_eval.results.run.folder import RunFolder, safe_name
from mmrad_eval.results.scoring.reports_file import data_of


class Teller(Waiter, Protocol):
    """Who hears what judging comes to."""

    def say(self, text: str) -> None:
        """Something happens."""
        ...


@dataclass(frozen=True)
class JudgeTerms:
    """How fast, how much and under which terms judges are asked."""

    allowed_keys: frozenset[str] = frozenset()
    timeout: float | None = None
    """Seconds for one try; None: as long as the longest answer may take."""
    concurrency: int | None = None
    patience: float | None = None
    budget: Budget = field(default_factory=Budget)
    attestation: Mapping[str, str] | None = None
    local_networks: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    fresh: bool = False
    batch: bool = False
    """Whether questions go in provider batches, a round for each question of an example that follows from a reply."""

    def permit(self, dataset: Dataset, suite: Suite, clients: Mapping[str, Client]) -> gate.Permit:
        """What lets the data go to all judges, each of which goes nowhere else from now on.

        GateError where nothing does. The files of results that ``suite`` holds count as the data does.
        """
        dataset = gate.with_results(dataset, suite.data_use)
        if self.batch:
            self._check_batches(clients)
        permits = []
        for client in clients.values():
            self.budget.check(client.card)
            permits.append(gate.check(dataset, client, local_networks=self.local_networks, attested=self.attestation))
        for permit, client in zip(permits, clients.values(), strict=True):
            if self.batch:
                gate.check_batches(client.card.label, permit)
            permit.confine(client)
        return gate.joined(permits)

    def _check_batches(self, clients: Mapping[str, Client]) -> None:
        """UsageError where judges can't be asked in batches."""
        judges = list({id(client): client for client in clients.values()}.values())
        if len(judges) > 1:
            raise UsageError("--batch asks one judge; name it for all parts with --judge MODEL, or leave --batch out")
        for client in judges:
            form_of(client)
        if self.budget.usd is not None or self.budget.requests is not None:
            raise UsageError(NOT_IN_BATCHES)

    def requester(self, client: Client, journal: Journal, digests: Journal, signal: StopSignal) -> Requester:
        """The requester of one judge."""
        patience = self.patience
        return Requester(
            client,
            journal,
            pace=Pace.fixed(self.concurrency) if self.concurrency else Pace(),
            retry=Retry() if patience is None else Retry(patience=patience, first_patience=patience),
            signal=signal,
            digests=digests,
            fresh=self.fresh,
            refusals=self.refusals,
        )


async def judge_examples(  # noqa: PLR0917 (what is judged, by whom, and under which terms)
    suite: Suite,
    asked: Iterable[Example],
    clients: Mapping[str, Client],
    terms: JudgeTerms,
    where: Path,
    check: LastCheck,
    guard: BudgetGuard,
    teller: Teller,
    cache: JournalCache,
    repeats: int = 1,
) -> tuple[Suite, Stop | None]:
    """The suite with what its judges replied within what is left of the budget, and why that stopped if it did.

    ``where`` is the folder of the data's replies.
    """
    signal = StopSignal()
    async with AsyncExitStack() as stack:
        made: dict[int, JudgeAccount] = {}
        journals: dict[Path, Journal] = {}
        for client in clients.values():
            if id(client) in made:
                continue
            folder = where / safe_name(client.card.label)
            if folder not in journals:
                journals[folder] = stack.enter_context(cache.journal(folder))
            requester = terms.requester(client, journals[folder], cache.journal(where / "images"), signal)
            stack.push_async_callback(requester.close)
            requester.check = check.messages
            made[id(client)] = JudgeAccount(requester, guard.account(requester.counts, client.card))
        teller.say(f"asking {', '.join(dict.fromkeys(client.card.label for client in clients.values()))} to judge")
        accounts = {part: made[id(client)] for part, client in clients.items()}

        def told() -> None:
            if words := finishing(sum(one.requester.counts.in_flight for one in made.values())):
                teller.say(words)

        try:
            with Interrupts(signal, told), guard.clock(signal):
                async with _told(teller, [one.requester for one in made.values()]):
                    if terms.batch:
                        asked = list(asked)
                        accounts = await _in_batches(suite, asked, accounts, repeats, teller)
                    judged = await put_questions(suite, asked, accounts, repeats, teller.say)
            return judged, signal.stop
        finally:
            counts = [one.requester.counts for one in made.values()]
            sent, cached, failed = (sum(getattr(c, name) for c in counts) for name in ("sent", "cached", "failed"))
            teller.say(f"judged: {sent} sent, {cached} cached, {failed} failed")


async def _in_batches(
    suite: Suite, asked: Sequence[Example], accounts: Mapping[str, JudgeAccount], repeats: int, teller: Teller
) -> dict[str, JudgeAccount]:
    """The one judge with all replies that its batches brought, after as many rounds as a metric has stages."""
    [account] = {id(one): one for one in accounts.values()}.values()
    batching = Batching(account.requester, teller.say)

    async def walk(requester: Requester) -> None:
        await put_questions(suite, asked, dict.fromkeys(accounts, replace(account, requester=requester)), repeats)

    await batching.ask(walk, wait=True)
    return dict.fromkeys(accounts, replace(account, requester=batching.requester))


@asynccontextmanager
async def _told(teller: Teller, requesters: Sequence[Requester]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for requester in requesters:
            await stack.enter_async_context(told_of_waits(teller, requester))
        yield


def judge_run(  # noqa: PLR0917 (one run, and what is asked about it)
    judges: Judges,
    terms: JudgeTerms,
    folder: RunFolder,
    suite: Suite,
    results: Path,
    teller: Teller,
    references: str | Path | None = None,
    guard: BudgetGuard | None = None,
) -> tuple[Suite, Stop | None]:
    """The suite with what judges said of the stored answers of a run, and why that stopped if it did.

    GateError where its data may not go to one of them; an attestation that lets it is stored with the run.
    """
    dataset = run_dataset(folder, references)

    def permitted(permit: gate.Permit) -> None:
        if permit.attestation is not None and folder.run.attestation is None:
            folder.write_run(msgspec.structs.replace(folder.run, attestation=dict(permit.attestation)))

    asked = examples(folder, dataset.studies, LastCheck(dataset.name, dataset.data_use).study)
    return judge_dataset(judges, terms, dataset, asked, suite, results, teller, guard, permitted)


def preview_run(
    judges: Judges, terms: JudgeTerms, folder: RunFolder, suite: Suite, references: str | Path | None = None
) -> list[JudgePreview]:
    """What judging the stored answers of a run would take; GateError where its data may not go to one of them."""
    dataset = run_dataset(folder, references)
    clients = judges.clients(suite, terms.allowed_keys, key_needed=False)
    terms.permit(dataset, suite, clients)
    asked = list(examples(folder, dataset.studies, LastCheck(dataset.name, dataset.data_use).study))
    return judge_previews(suite, clients, asked, judges.repeats, batch=terms.batch)


def run_dataset(folder: RunFolder, references: str | Path | None) -> Dataset:
    """The data of a run, of the class of all that a judge would be shown."""
    dataset = data_of(folder, references)
    return replace(dataset, data_use=strictest((dataset.data_use, folder.run.data_use)))


class _Silent:
    """Hears nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def waits(self, reason: str, seconds: float) -> None:
        """Nothing."""


def judge_dataset(  # noqa: PLR0917 (examples, and what is asked about them)
    judges: Judges,
    terms: JudgeTerms,
    dataset: Dataset,
    asked: Iterable[Example],
    suite: Suite,
    results: Path,
    teller: Teller | None = None,
    guard: BudgetGuard | None = None,
    permitted: Callable[[gate.Permit], None] = lambda _: None,
) -> tuple[Suite, Stop | None]:
    """The suite with what judges said of examples of a dataset, and why that stopped if it did.

    GateError where the data may not go to one of them; ``permitted`` is told what lets it.
    """
    clients = judges.clients(suite, terms.allowed_keys, timeout=terms.timeout)
    if not clients:
        return suite, None
    permit = terms.permit(dataset, suite, clients)
    permitted(permit)
    where = results / "replies" / safe_name(dataset.name)
    mark(where, strictest((dataset.data_use, suite.data_use)))  # questions hold what metrics hold
    check = LastCheck(dataset.name, dataset.data_use)
    spent, told = guard or BudgetGuard(terms.budget), teller or _Silent()

    def judging() -> Coroutine[Any, Any, tuple[Suite, Stop | None]]:
        cache = JournalCache()
        return judge_examples(suite, asked, clients, terms, where, check, spent, told, cache, judges.repeats)

    with permit.guard():
        return outside_loops(lambda: asyncio.run(judging()))
