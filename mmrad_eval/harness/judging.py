"""Questions of metrics to judges, about each example: through the journal, gate, pace and budget of any other model."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.errors import Failed, Interrupted, MmradError, PluginError, Stopped
from mmrad_eval.core.guarding import uncancelled
from mmrad_eval.core.judge_contracts import REPEATS_FROM, STATES, Verdict
from mmrad_eval.core.values import UNSCORED_STATUSES, Decoding, Example, Message, Reply, Request, Study
from mmrad_eval.harness.judges import EVERY
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.returned_values import valid_extra, valid_messages
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.harness.workers import run_workers
from mmrad_eval.metrics import MissingMetric, Suite
from mmrad_eval.metrics.judge_metrics import JudgedMetric, asks, judging
from mmrad_eval.model_registry import providers
from mmrad_eval.model_registry.model_cards import settled
from mmrad_eval.model_registry.providers import reply_form
from mmrad_eval.results.run.folder import RunFolder

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Metric
    from mmrad_eval.core.judge_contracts import JudgingMetric

AGAIN = "run the same command again to send the rest"
_SHOWS = 10.0  # seconds between two lines of progress


@dataclass
class JudgeAccount:
    """One judge: who asks it, and what it may spend."""

    requester: Requester
    over_budget: Callable[[int], Stop | None] = lambda _: None
    """Called before each question with the number of those in progress."""
    begun: int = 0

    async def ask(self, request: Request) -> Reply:
        """The reply; Failed where infrastructure failed for good, Stopped where the run is stopping."""
        stop = self.requester.signal.stop or self.over_budget(self.begun)
        if stop is not None:
            self.requester.signal.set(stop)
            raise Stopped(stop.reason)
        self.begun += 1
        try:
            return (await self.requester.ask(request)).reply
        finally:
            self.begun -= 1


@dataclass
class _Case:
    """One metric on its way to its judges."""

    metric: JudgingMetric
    name: str
    accounts: Mapping[str, JudgeAccount]
    said: list[dict[str, Verdict]]
    """Verdicts by study, one mapping a repeat."""
    lacking: int = 0
    why: str = ""
    who: str = ""
    """The judge that left a question without an answer."""
    states: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        states = ", ".join(f"{self.states[state]} {state}" for state in STATES if state != "nothing")
        return f"{self.name}: {states}{f', {self.lacking} pending' * bool(self.lacking)}"


def examples(folder: RunFolder, studies: Iterable[Study], check: Callable[[Study], None]) -> Iterator[Example]:
    """The examples of a run that are scored, as they lie on disk; ``check`` looks at each study first."""
    target = folder.run.identity.selection.target
    by_id = {study.id: study for study in studies if study.reference and study.reference.target(target)}
    for answer in folder.answers():
        if answer.status not in UNSCORED_STATUSES and answer.study in by_id:
            check(by_id[answer.study])
            yield Example(by_id[answer.study], answer, target)


async def put_questions(
    suite: Suite,
    asked: Iterable[Example],
    accounts: Mapping[str, JudgeAccount],
    repeats: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> Suite:
    """The suite with the verdicts of the judges in those of its metrics that ask any.

    ``accounts`` are the judges by part (``EVERY``: of the parts that have none of their own); they share one signal.
    A metric some of whose questions stay without an answer is missing as a whole, since all of a table's columns share
    their studies. ``say`` is told now and then, and at the end, how many verdicts were read.
    """
    cards = {part: account.requester.client.card for part, account in accounts.items()}
    cases = [_Case(judging(m, cards), m.name, accounts, [{} for _ in range(repeats)]) for m in suite if asks(m)]
    work = ((case, example, repeat) for example in asked for case in cases for repeat in range(repeats))
    shown = time.monotonic()

    async def put(item: tuple[_Case, Example, int]) -> None:
        nonlocal shown
        await _put(*item)
        if time.monotonic() - shown >= _SHOWS:
            shown = time.monotonic()
            say("; ".join(map(str, cases)))

    requesters = list({id(account.requester): account.requester for account in accounts.values()}.values())
    await run_workers(lambda: work, put, max((one.pace for one in requesters), key=lambda pace: pace.wanted))
    for stop in (one.signal.stop for one in requesters):
        if stop is not None and stop.fatal is not None:
            raise stop.fatal
    if any(case.said[0] or case.lacking for case in cases):
        say("; ".join(map(str, cases)))
    made = {case.name: _made(case) for case in cases}
    metrics: list[Metric] = []
    missing = list(suite.missing)
    for metric in suite:
        one = made.get(metric.name, metric)
        if isinstance(one, MissingMetric):
            missing.append(one)
        else:
            metrics.append(one)
    portable = suite.portable - made.keys()
    return Suite(
        metrics,
        missing,
        suite.options,
        suite.data_use,
        portable=portable,
        told=suite.told,
        encoders=suite.encoders,
        encoding=suite.encoding,
    )


def _made(case: _Case) -> Metric | MissingMetric:
    if case.lacking:
        what = f"{case.lacking} of its questions to {case.who} have no answer ({case.why})"
        return MissingMetric(case.name, what, AGAIN)
    return JudgedMetric(case.metric, case.said, _names(case))


async def _put(case: _Case, example: Example, repeat: int) -> None:
    try:
        verdict = await _Questions(case, example, repeat).verdict()
    except (Failed, Stopped) as error:
        case.lacking, case.why = case.lacking + 1, str(error)
        case.who = case.who or next(iter(case.accounts.values())).requester.client.card.label
    else:
        case.said[repeat][example.study.id] = verdict
        case.states[verdict.state] += 1


class _Questions:
    """One example's questions on behalf of one metric."""

    def __init__(self, case: _Case, example: Example, repeat: int) -> None:
        self._case, self._example, self._first = case, example, repeat * REPEATS_FROM
        self._interrupted: list[Interrupted] = []
        self._beside: set[asyncio.Task[Any]] = set()
        self._own = asyncio.current_task()

    async def verdict(self) -> Verdict:
        """What they came to; no question goes on once this returns or raises."""
        what = f"metric {self._case.name}: judge"
        study = self._example.study.id
        try:
            verdict = await uncancelled(self._case.metric.judge(self._example, self.ask), what)
        except (MmradError, Interrupted, asyncio.CancelledError):
            raise
        except Exception as error:
            self._pass_on(error)
            raise PluginError(f"{what} failed for study {study}: {type(error).__name__}: {error}") from error
        except BaseException as error:  # of a group of tasks, one of which was interrupted
            self._pass_on(error)
            raise
        finally:
            left = [task for task in self._beside if not task.done()]
            if left:  # what was asked beside a question that failed is paid for, and ends before the next example
                await asyncio.wait(left)
        self._pass_on(None)
        if not isinstance(verdict, Verdict) or verdict.state not in STATES:
            raise PluginError(f"{what} returned {verdict!r:.80} for study {study}; it must be a Verdict")
        return verdict

    def _pass_on(self, error: BaseException | None) -> None:
        """Raise again what the metric caught: without the reply that it asked for, it judges nothing."""
        if self._interrupted:
            raise self._interrupted[0] from error

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        decoding: Decoding | None = None,
        extra: Mapping[str, Any] | None = None,
        sample: int = 0,
        part: str = "",
    ) -> Reply:
        """``AskJudge``."""
        task = asyncio.current_task()
        if task is not None and task is not self._own:
            self._beside.add(task)
        case, who, study = self._case, f"metric {self._case.name}", self._example.study
        if part and part not in case.metric.parts:
            raise PluginError(f"{who}: it asked for the part {part!r}, which its `parts` do not name")
        if not isinstance(sample, int) or not 0 <= sample < REPEATS_FROM:
            raise PluginError(f"{who}: it asked for sample {sample!r}; samples are numbered 0 to {REPEATS_FROM - 1}")
        account = case.accounts.get(part) or case.accounts[EVERY]
        client = account.requester.client
        request = Request(
            client.card.provider,
            client.card.id,
            valid_messages(messages, who, study),
            settled(client, decoding or case.metric.decoding, ()),
            client.card.revision,
            self._first + sample,
            valid_extra(_formed(client.card.provider, extra), who, study),
        )
        try:
            return await account.ask(request)
        except Interrupted as error:
            case.who = client.card.label
            self._interrupted.append(error)
            raise


def _formed(provider: str, extra: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Further fields of a body with the form of the reply as the provider takes it."""
    if not isinstance(extra, Mapping) or "response_format" not in extra:
        return extra
    rest = {name: value for name, value in extra.items() if name != "response_format"}
    return rest | reply_form(providers.find(provider), extra["response_format"])


def _names(case: _Case) -> str:
    """Who judged, for a signature: the model of each part."""
    parts = [part for part in case.metric.parts if part in case.accounts]
    rest = EVERY in case.accounts and len(parts) < max(1, len(case.metric.parts))
    named = [f"{part}={_name(case.accounts[part].requester, case.metric.decoding)}" for part in parts]
    every = [_name(case.accounts[EVERY].requester, case.metric.decoding)] if rest else []
    return ";".join(every + named)


def _name(requester: Requester, decoding: Decoding) -> str:
    """The model, and a digest of who truly answered and how it was asked to write."""
    card = requester.client.card
    served = sorted(msgspec.json.encode(one) for one in requester.counts.served)
    how = msgspec.json.encode(settled(requester.client, decoding, ()))
    digest = hashlib.sha256(b"\n".join([how, *served])).hexdigest()[:8]
    name = f"{card.provider}:{card.id}" + (f"@{card.revision}" if card.revision else "")
    return f"{''.join('_' if c in ' |;' else c for c in name)}/{digest}"
