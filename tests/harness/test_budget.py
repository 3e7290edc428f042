"""Budgets: read from words, kept between studies."""

from __future__ import annotations

import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Card, Usage
from mmrad_eval.harness.budget import Budget, Spent, cost, duration, keeper, usd

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
        keeper(Budget(usd=1.0), FREE)


@pytest.mark.parametrize(
    ("budget", "spent", "words"),
    [
        (Budget(), Spent(10**9, Usage(10**9, 10**9), 5), ""),
        (Budget(requests=10), Spent(8, Usage(), 1), ""),
        (Budget(requests=10), Spent(8, Usage(), 2), "--max-requests"),
        (Budget(requests=10), Spent(8, Usage(), 9, in_flight=8), ""),  # sent already, and not to be counted twice
        (Budget(requests=10), Spent(8, Usage(), 10, in_flight=8), "--max-requests"),
        (Budget(usd=1.0), Spent(5, Usage(400_000, 10_000), 0), ""),
        (Budget(usd=1.0), Spent(5, Usage(400_000, 20_000), 0), "1.00 of 1.00 US dollars"),
        (Budget(usd=1.0), Spent(5, Usage(400_000), 1, replies=4), "0.80 of 1.00 US dollars are spent, and about 0.20"),
        (Budget(usd=1.0), Spent(5, Usage(300_000), 1, replies=4), ""),
        (Budget(seconds=0.0), Spent(0, Usage(), 0), "--max-time"),
    ],
)
def test_no_study_is_begun_beyond_it(budget: Budget, spent: Spent, words: str) -> None:
    why = keeper(budget, PRICED)(spent)
    assert (words in why) if words else why == ""
