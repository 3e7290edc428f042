"""What the requests about one study share: told to whoever can make use of it, and never part of a request's key.

Tasks that are asked study by study begin alike. A transport sends them to one server, whose cache of prefixes knows the
beginning; a provider that keeps prefixes on demand is told where the shared part ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class SharedPrefix(NamedTuple):
    """The beginning that a request has in common with others of the same name."""

    name: str = ""
    """Digest of the study's id; empty: none."""
    parts: int = 0
    """How many parts, over all messages in order, it has in common with the request that it shares most with."""


_NONE = SharedPrefix()
_HELD: ContextVar[SharedPrefix] = ContextVar("shared prefix", default=_NONE)


@contextmanager
def sharing(study: str, parts: int = 0) -> Iterator[None]:
    """While held, this task's requests are about one study, and their first ``parts`` are those of others."""
    name = hashlib.sha256(study.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    before = _HELD.set(SharedPrefix(name, parts))
    try:
        yield
    finally:
        _HELD.reset(before)


def shared_prefix() -> SharedPrefix:
    """What this task holds."""
    return _HELD.get()
