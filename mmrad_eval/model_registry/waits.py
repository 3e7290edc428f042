"""How long a server asks to wait, in every form that servers write it; whatever is written, the wait is bounded.

One function reads ``retry-after-ms``, ``Retry-After`` (seconds or an HTTP date, RFC 9110 10.2.3) and the ``retryDelay``
of Google's RetryInfo; another reads any one of their forms, and those of ``x-ratelimit-reset`` and
``anthropic-ratelimit-*-reset`` (a duration such as ``6m0s``, or an RFC 3339 time).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import math
import re
from collections.abc import Mapping
from typing import Any

from mmrad_eval.model_registry.bodies import field

LONGEST = 366 * 86400.0
"""Seconds that stand for any longer wait, endless ones included: nobody waits so long, and no clock overflows."""

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII)


def asked_wait(headers: Mapping[str, str], body: Any = None) -> float | None:
    """Seconds that an error response asks to wait, 0 to ``LONGEST``; None where it asks for nothing.

    ``body``: the decoded body. A value that makes no sense, or has passed, gives way to the next of the three.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    told = [
        None if milliseconds is None else bounded(milliseconds / 1000),
        *(seconds(text) for text in (headers.get("Retry-After", ""), *_retry_delays(body))),
    ]
    waits = [wait for wait in told if wait is not None]
    return next((wait for wait in waits if wait), 0.0 if waits else None)


def seconds(text: str, now: dt.datetime | None = None) -> float | None:
    """Seconds from now, 0 to ``LONGEST``, of a number of seconds, a duration or a time; None for anything else."""
    text = text.strip()
    number = _number(text)
    if number is not None:
        return bounded(number)
    parts = _DURATION.fullmatch(text)
    if parts and any(parts.groups()):
        hours, minutes, whole, thousandths = (float(part or 0) for part in parts.groups())
        return bounded(hours * 3600 + minutes * 60 + whole + thousandths / 1000)
    when = _time(text)
    return None if when is None else bounded((when - (now or dt.datetime.now(dt.UTC))).total_seconds())


def bounded(value: float) -> float:
    """The wait as it can be kept: past ones are none, and no wait is longer than ``LONGEST``."""
    return min(max(0.0, value), LONGEST)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) or value < 0 else value


def _time(text: str) -> dt.datetime | None:
    """An RFC 3339 time with its zone, or an HTTP date, which is in UTC where it names no zone."""
    with contextlib.suppress(ValueError):
        when = dt.datetime.fromisoformat(text)
        return when if when.tzinfo is not None else None
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)


def _retry_delays(body: Any) -> list[str]:
    """``retryDelay`` of each RetryInfo among the details of Google's error."""
    body = body[0] if isinstance(body, list) and body else body  # Gemini wraps its error in a list when it streams
    details = field(body, "error", "details")
    delays = [field(detail, "retryDelay") for detail in details] if isinstance(details, list) else []
    return [text.removesuffix("s") for text in delays if isinstance(text, str)]
