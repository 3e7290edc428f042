"""Limits a minute as providers tell them in headers: how many requests they would take now, and how fast more.

OpenAI and Azure write ``x-ratelimit-{limit,remaining,reset}-{requests,tokens}`` with durations such as ``6m0s`` or
``20ms``; Anthropic ``anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`` with
RFC 3339 times. Both refill continuously, and ``reset`` is when everything is back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mmrad_eval.model_registry import waits

_PARTS = ("limit", "remaining", "reset")
_HEADERS = (
    *((kind, [f"x-ratelimit-{part}-{kind}" for part in _PARTS]) for kind in ("requests", "tokens")),
    *(
        (kind, [f"anthropic-ratelimit-{kind}-{part}" for part in _PARTS])
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)
"""What is limited, and the headers that tell its limit, what remains of it, and when it is whole again."""


class Account(NamedTuple):
    """The tightest limit that a server tells, in requests of the size that this run sends."""

    left: float
    """Requests that it would take now."""
    rate: float
    """Requests a second that come back."""
    size: float
    """Requests that it takes when nothing was sent for long."""


def account(headers: Mapping[str, str], *, tokens: float, now: dt.datetime | None = None) -> Account | None:
    """Read the headers of one response; ``tokens``: of a request, about. None where no limit is told."""
    tightest: Account | None = None
    for kind, limit, remaining, reset in _told(headers):
        need = 1.0 if kind == "requests" else tokens
        left, size, back = _number(remaining), _number(limit), waits.seconds(reset, now)
        if left is None or not size or not back or not need or left >= size:
            continue
        one = Account(left / need, (size - left) / back / need, size / need)
        if tightest is None or one.left < tightest.left:
            tightest = one
    return tightest


def _told(headers: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """(kind, limit, remaining, reset) of each limit that is told."""
    for kind, (limit, remaining, reset) in _HEADERS:
        left = headers.get(remaining)
        if left is not None:
            yield kind, headers.get(limit, ""), left, headers.get(reset, "")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
