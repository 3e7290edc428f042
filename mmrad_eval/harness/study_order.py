"""Asking several arms study by study, so that what a study's arms share is read once by a server that keeps prefixes.

Replies go to the journal under their keys, as always; then each arm's run finds them all and writes the same files as
in any other order. The gain is in a server's cache of prefixes: in task order the pictures of a study are long out of
it when the next arm shows them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile
from urllib.parse import urlsplit

from mmrad_eval.core.connections import plain_address
from mmrad_eval.core.contracts import is_client
from mmrad_eval.core.errors import MmradError, UsageError
from mmrad_eval.core.values import Study, Text
from mmrad_eval.datasets.lazy import outlines
from mmrad_eval.harness.budget import Budget
from mmrad_eval.harness.plan import Plan, first_question
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.run import conversation
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.harness.workers import Intake, run_workers
from mmrad_eval.model_registry.prefixes import sharing

ENGINE = "vllm"
"""The provider whose servers keep prefixes."""
STUDY = "study"
ORDERS = ("task", STUDY)


def by_study(
    order: str | None, plans: Sequence[Plan], budget: Budget, *, fresh: bool = False, batch: bool = False
) -> bool:
    """Whether plans of one model are asked study by study; ``order`` is what the user said of it.

    Where nothing is said, on a vLLM server of this machine without a budget: a stop leaves every arm incomplete, where
    task by task the first ones would be whole. UsageError where it is asked for and can't be.
    """
    if order == STUDY and batch:
        raise UsageError(
            "--order study sends the requests of one study at a time, and --batch submits all of them together: "
            "use one of the two"
        )
    clash = "--fresh" if fresh else "" if budget == Budget() else "a budget"
    if order == STUDY and clash:
        raise UsageError(
            f"--order study runs all tasks together, and with {clash} they run one after another: leave one of them out"
        )
    if len(plans) < 2 or clash or batch or not all(is_client(plan.model) for plan in plans):
        return False
    model = plans[0].model
    local = plans[0].card.provider == ENGINE and all(map(_here, model.endpoints or ()))
    return order == STUDY or (order is None and local)


def _here(url: str) -> bool:
    """Whether an address is this machine's own, without a look-up."""
    host = urlsplit(url).hostname or ""
    try:
        return plain_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def ask_by_study(
    plans: Sequence[Plan], requester: Requester, over_budget: Callable[[int], Stop | None] = lambda _: None
) -> None:
    """Hold every conversation of all plans, those of a study one after another, until the run stops.

    All plans are of one model. With several servers, a study's requests go to one of them as long as it is there.
    """
    ordered = by_prefix(plans)
    places = [{study.id: place for place, study in enumerate(outlines(plan.studies))} for plan in ordered]
    checked = [requester.checking(plan.last_check.messages) for plan in ordered]

    async def ask(study: str) -> None:
        arms = [
            (plan, plan.studies[place[study]], own)
            for plan, place, own in zip(ordered, places, checked, strict=True)
            if study in place
        ]
        lengths = _shared([_opening(plan, of) for plan, of, _ in arms])
        for (plan, of, own), parts in zip(arms, lengths, strict=True):
            with sharing(study, parts):
                await conversation(plan, of, own)

    intake = Intake(iter(dict.fromkeys(name for place in places for name in place)), requester.signal, over_budget)
    await run_workers(intake.items, ask, requester.pace, closely=True)


def by_prefix(plans: Sequence[Plan]) -> list[Plan]:
    """The plans in an order in which neighbors share the longest beginning of their first questions.

    That is the order of the words of a dictionary. It is found on the first study that all of them have.
    """
    places = [{study.id: place for place, study in enumerate(outlines(plan.studies))} for plan in plans]
    common = next((name for name in places[0] if all(name in one for one in places)), None)
    if common is None:
        return list(plans)
    openings = [_opening(plan, plan.studies[place[common]]) for plan, place in zip(plans, places, strict=True)]
    return [plan for _, plan in sorted(zip(openings, plans, strict=True), key=lambda pair: pair[0])]


def _shared(openings: Sequence[tuple[str, ...]]) -> list[int]:
    """Of each opening, the parts that it has in common with the neighbor that it shares most with."""
    pairs = [
        len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))
        for one, other in pairwise(openings)
    ]
    return [max(before, after) for before, after in zip([0, *pairs], [*pairs, 0], strict=True)]


def _opening(plan: Plan, study: Study) -> tuple[str, ...]:
    """The parts of the first question, as texts that are equal where the parts are; none where it can't be asked."""
    try:
        messages = first_question(plan, study)
    except MmradError:
        return ()
    parts = ((message.role, part) for message in messages for part in message.parts)
    return tuple(f"{role}: {part.text if isinstance(part, Text) else part!r}" for role, part in parts)
