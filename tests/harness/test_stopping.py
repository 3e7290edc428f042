"""One reason to stop: which of several counts, and who hears of it."""

from __future__ import annotations

import asyncio
import time

import pytest

from mmrad_eval.core.errors import GateError, Stopped
from mmrad_eval.harness.pacing import Pace
from mmrad_eval.harness.stopping import Stop, StopSignal, strongest

BUDGET = Stop("--max-requests: 5", draining=True)
AWAY = Stop("no connection")
CTRL_C = Stop("interrupted", interrupted=True)
FATAL = Stop("may not go there", fatal=GateError("may not go there"))


@pytest.mark.parametrize(
    ("stops", "counts"),
    [
        ([AWAY, Stop("later")], AWAY),
        ([BUDGET, AWAY], AWAY),
        ([AWAY, BUDGET], AWAY),
        ([AWAY, CTRL_C], CTRL_C),
        ([CTRL_C, FATAL, BUDGET], FATAL),
    ],
)
def test_the_first_of_the_highest_rank_counts(stops: list[Stop], counts: Stop) -> None:
    signal, heard = StopSignal(), list[Stop]()
    signal.listen(heard.append)
    for stop in stops:
        signal.set(stop)

    assert signal.stop is counts is strongest(*stops) is heard[-1]
    assert signal.reason == counts.reason


def test_a_spent_budget_lets_begun_studies_send_and_anything_else_lets_nobody() -> None:
    signal = StopSignal()
    signal.check()
    signal.set(BUDGET)
    signal.check()
    signal.set(AWAY)
    with pytest.raises(Stopped, match="no connection"):
        signal.check()


@pytest.mark.parametrize("stop", [BUDGET, AWAY, CTRL_C])
async def test_any_stop_ends_a_wait_at_once(stop: Stop) -> None:
    signal = StopSignal()
    asyncio.get_running_loop().call_later(0.05, signal.set, stop)
    start = time.monotonic()
    with pytest.raises(Stopped, match=stop.reason):
        await signal.sleep(60)

    assert time.monotonic() - start < 5


async def test_a_spent_budget_lets_those_in_who_wait_for_a_place_and_sends_those_away_who_wait_for_a_server() -> None:
    pace = Pace.fixed(1)
    await pace.enter()
    waiting = asyncio.create_task(pace.enter())
    await asyncio.sleep(0)
    pace.stop(BUDGET)
    pace.leave()
    await waiting
    held = Pace.fixed(2)
    held.throttled(60)
    waiting = asyncio.create_task(held.enter())
    await asyncio.sleep(0)
    held.stop(BUDGET)

    with pytest.raises(Stopped, match="--max-requests"):
        await waiting
