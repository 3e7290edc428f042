"""Judges: models that metrics ask about each example, through the journal, gate, pace and budget of any other model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from mmrad_eval.core.contracts import is_client
from mmrad_eval.core.errors import Failed, MmradError, PluginError, Stopped, UsageError
from mmrad_eval.core.values import UNSCORED_STATUSES, Card, Decoding, Example, Message, Request, Study
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.harness.workers import run_workers
from mmrad_eval.metrics import MissingMetric, Suite
from mmrad_eval.metrics.judge_metrics import JudgedMetric, asks
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.model_cards import settled
from mmrad_eval.results.run.folder import RunFolder

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Client, JudgeMetric, Metric

AGAIN = "run the same command again to ask the rest"
_DECLINED = frozenset({"refusal", "too long"})
"""Ends of a reply by which no judgement was given, whatever the status."""


@dataclass(frozen=True)
class Judge:
    """Who is asked, as it was said."""

    model: str
    base_url: tuple[str, ...] = ()
    api_key_env: str | None = None

    def client(self, suite: Suite, allowed_keys: frozenset[str] = frozenset(), *, key_needed: bool = True) -> Client:
        """Find it; UsageError where no metric of the suite asks anybody, or where it answers no questions."""
        if not any(asks(metric) for metric in suite):
            raise UsageError(f"--judge {self.model}: none of these metrics asks a judge; see `mmrad-eval metrics`")
        found = resolve(
            self.model,
            base_url=self.base_url,
            api_key_env=self.api_key_env,
            allowed_keys=allowed_keys,
            key_needed=key_needed,
        )
        if not is_client(found):
            raise UsageError(f"--judge {self.model}: it answers studies and not questions; name a model of an endpoint")
        return found


@dataclass
class _Case:
    """One metric on its way to its judge."""

    metric: JudgeMetric
    decoding: Decoding
    said: dict[str, str] = field(default_factory=dict)
    lacking: int = 0
    why: str = ""


def examples(folder: RunFolder, studies: Iterable[Study], check: Callable[[Study], None]) -> Iterator[Example]:
    """The examples of a run that are scored, as they lie on disk; ``check`` looks at each study first."""
    target = folder.run.identity.selection.target
    by_id = {study.id: study for study in studies if study.reference and study.reference.target(target)}
    for answer in folder.answers():
        if answer.status not in UNSCORED_STATUSES and answer.study in by_id:
            check(by_id[answer.study])
            yield Example(by_id[answer.study], answer, target)


async def put_questions(
    suite: Suite, asked: Iterable[Example], requester: Requester, over_budget: Callable[[int], Stop | None]
) -> Suite:
    """The suite with what the judge wrote in those of its metrics that ask one.

    A metric some of whose questions stay without an answer is missing as a whole, since all of a table's columns share
    their studies. ``over_budget`` is called before each question with the number of those in progress.
    """
    cases = [_Case(metric, _decoding(metric, requester)) for metric in suite if asks(metric)]
    work = ((case, example) for example in asked for case in cases)
    begun = 0

    async def put(item: tuple[_Case, Example]) -> None:
        nonlocal begun
        begun += 1
        await _put(*item, requester, lambda: over_budget(begun - 1))
        begun -= 1

    await run_workers(lambda: work, put, requester.pace)
    stop = requester.signal.stop
    if stop is not None and stop.fatal is not None:
        raise stop.fatal
    done = {id(case.metric): case for case in cases}
    made: list[Metric] = []
    missing = list(suite.missing)
    for metric in suite:
        case = done.get(id(metric))
        if case is None:
            made.append(metric)
        elif case.lacking:
            what = f"{case.lacking} of its questions to {requester.client.card.label} have no answer ({case.why})"
            missing.append(MissingMetric(metric.name, what, AGAIN))
        else:
            made.append(JudgedMetric(case.metric, case.said, _name(requester, case.decoding)))
    return Suite(made, missing, suite.options, suite.data_use)


async def _put(case: _Case, example: Example, requester: Requester, over_budget: Callable[[], Stop | None]) -> None:
    messages = _question(case.metric, example)
    if not messages:
        return
    stop = requester.signal.stop or over_budget()
    why = ""
    if stop is not None:
        requester.signal.set(stop)
        why = stop.reason
    else:
        try:
            asked = await requester.ask(_request(requester.client.card, case.decoding, messages))
        except (Failed, Stopped) as error:
            why = str(error)
        else:
            if asked.reply.status is None and asked.reply.finish not in _DECLINED:
                case.said[example.study.id] = asked.reply.text
            else:  # the question was rejected, or its answer filtered: nothing was judged
                why = asked.reply.why or "the judge's endpoint declined"
    if why:
        case.lacking, case.why = case.lacking + 1, why


def _question(metric: JudgeMetric, example: Example) -> Sequence[Message]:
    try:
        return metric.question(example)
    except MmradError:
        raise
    except Exception as error:
        name = type(metric).__name__
        raise PluginError(
            f"{name}.question failed for study {example.study.id}: {type(error).__name__}: {error}"
        ) from error


def _request(card: Card, decoding: Decoding, messages: Sequence[Message]) -> Request:
    return Request(card.provider, card.id, tuple(messages), decoding, card.revision)


def _decoding(metric: JudgeMetric, requester: Requester) -> Decoding:
    return settled(requester.client, metric.decoding, ())


def _name(requester: Requester, decoding: Decoding) -> str:
    """Who judged, for a signature: the model, and a digest of who truly answered and how it was asked to."""
    card = requester.client.card
    served = sorted(msgspec.json.encode(one) for one in requester.counts.served)
    digest = hashlib.sha256(b"\n".join([msgspec.json.encode(decoding), *served])).hexdigest()[:8]
    name = f"{card.provider}:{card.id}" + (f"@{card.revision}" if card.revision else "")
    return f"{''.join('_' if c in ' |' else c for c in name)}/{digest}"
