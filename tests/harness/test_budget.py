"""Budgets: read from words, kept between studies."""

from __future__ import annotations

import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Card, Usage
from mmrad_eval.harness.budget import Budget, BudgetGuard, duration, usd
from mmrad_eval.harness.counts import RequestCounts
from mmrad_eval.results.run.spent import cost

PRICED = Card(provider="p", id="m", price=(2.0, 10.0))
FREE = Card(provider="p", id="m")


@pytest.mark.parametrize(("text", "expected"), [("20usd", 20.0), ("$20", 20.0), ("0.5", 0.5), ("3 USD", 3.0)])
def test_money_is_read(text: str, expected: float) -> None:
    assert usd(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90.0), ("90s", 90.0), ("15m", 900.0), ("1h30m", 5400.0), ("2d", 172800.0)]
)
def test_time_is_read(text: str, expected: float) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "twenty", "20eur", "-5", "5 pounds"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--budget"):
        usd(text)
    with pytest.raises(UsageError, match="--max-time"):
        duration(text or "x")


def test_tokens_cost_what_the_card_says() -> None:
    assert cost(Usage(prompt=1_000_000, completion=100_000), PRICED) == 3.0
    assert cost(Usage(prompt=1), FREE) is None


def test_money_without_a_price_is_refused_before_anything_is_spent() -> None:
    with pytest.raises(UsageError, match="price"):
        BudgetGuard(Budget(usd=1.0)).account(RequestCounts(), FREE)


def counted(sent: int, usage: Usage | None = None, *, replies: int = 0, in_flight: int = 0) -> RequestCounts:
    return RequestCounts(sent=sent, usage=usage or Usage(), replies=replies, in_flight=in_flight)


@pytest.mark.parametrize(
    ("budget", "counts", "begun", "words"),
    [
        (Budget(), counted(10**9, Usage(10**9, 10**9)), 5, ""),
        (Budget(requests=10), counted(8), 1, ""),
        (Budget(requests=10), counted(8), 2, "--max-requests"),
        (Budget(requests=10), counted(8, in_flight=8), 9, ""),  # sent already, and not to be counted twice
        (Budget(requests=10), counted(8, in_flight=8), 10, "--max-requests"),
        (Budget(usd=1.0), counted(5, Usage(400_000, 10_000)), 0, ""),
        (Budget(usd=1.0), counted(5, Usage(400_000, 20_000)), 0, "1.00 of 1.00 US dollars"),
        (
            Budget(usd=1.0),
            counted(5, Usage(400_000), replies=4),
            1,
            "0.80 of 1.00 US dollars are spent, and about 0.20",
        ),
        (Budget(usd=1.0), counted(5, Usage(300_000), replies=4), 1, ""),
        (Budget(seconds=0.0), counted(0), 0, "--max-time"),
    ],
)
def test_no_study_starts_beyond_it(budget: Budget, counts: RequestCounts, begun: int, words: str) -> None:
    stop = BudgetGuard(budget).account(counts, PRICED)(begun)

    assert (stop is None) is (not words)
    assert stop is None or (words in stop.reason and stop.draining)


def test_a_judge_spends_what_the_model_has_left() -> None:
    guard = BudgetGuard(Budget(usd=1.0, requests=10))
    guard.account(counted(6, Usage(300_000), replies=6), PRICED)
    judge = RequestCounts()
    over_budget = guard.account(judge, PRICED)

    assert over_budget(3) is None
    judge.sent = 4
    assert "--max-requests" in getattr(over_budget(0), "reason", "")
    judge.sent, judge.replies, judge.usage = 1, 1, Usage(200_000)
    assert "1.00 of 1.00 US dollars" in getattr(over_budget(0), "reason", "")
