"""How long a judge's reply may be: as published, or as an option says for a server that holds less."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Decoding

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

N = TypeVar("N", int, int | None)
AS_PUBLISHED = "as-published"


def limited(setup: Setup, metric: str, published: Decoding) -> Decoding:
    """``published`` with the tokens of option ``METRIC.max_tokens``; UsageError where that is no number."""
    return msgspec.structs.replace(published, max_tokens=most_tokens(setup, metric, published.max_tokens))


def most_tokens(setup: Setup, metric: str, published: N) -> N | int:
    """The tokens of option ``METRIC.max_tokens``, else ``published``; UsageError where that is no number."""
    key = f"{metric}.max_tokens"
    default = AS_PUBLISHED if published is None else str(published)
    most = setup.option(key, default)
    if most == default:
        return published
    if not (most.isascii() and most.isdecimal()) or int(most) < 1:
        raise UsageError(f"option {key}={most}: write a number of tokens")
    return int(most)
