"""How long a judge's reply may be: as published, or as an option says for a server that holds less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Decoding

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

AS_PUBLISHED = "as-published"


def limited(setup: Setup, metric: str, published: Decoding) -> Decoding:
    """``published`` with the tokens of option ``METRIC.max_tokens``; UsageError where that is no number."""
    key = f"{metric}.max_tokens"
    default = AS_PUBLISHED if published.max_tokens is None else str(published.max_tokens)
    most = setup.option(key, default)
    if most == default:
        return published
    if not (most.isascii() and most.isdecimal()) or int(most) < 1:
        raise UsageError(f"option {key}={most}: write a number of tokens")
    return msgspec.structs.replace(published, max_tokens=int(most))
