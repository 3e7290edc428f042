"""The studies of the soak: each names the fault that its request meets, and so the status that it may end with."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

MODELS: Mapping[str, tuple[str, int]] = {
    "policy": ("refused", 1000),
    "refusal": ("refused", 1000),
    "filter": ("refused", 1000),
    "azure": ("refused", 300),
    "moderation": ("refused", 300),
    "long": ("too long", 1000),
    "llama": ("too long", 300),
    "sglang": ("too long", 300),
    "null": ("empty", 1000),
    "empty": ("empty", 1000),
    "length": ("truncated", 1500),
}
"""The model's own doing -> the status that it is scored with, and how many of 100,000 studies meet it."""

PASSING: Mapping[str, int] = {
    "500:1": 1500,
    "500:2": 400,
    "503:1": 400,
    "html502:1": 800,
    "html200:1": 300,
    "malformed:1": 400,
    "disconnect:1": 400,
    "cut:1": 200,
    "nested:1": 60,
    "nofinish:1": 200,
    "abort:1": 200,
    "saidstatus:1": 100,
    "saidpage:1": 100,
    "saidenvoy:2": 50,
    "echo": 500,
    "overload:1": 300,
    "ratelimit:1": 300,
    "memory:1": 200,
    "engine:1": 100,
    "html400:1": 100,
    "html413:1": 100,
    "past:1": 300,
    "negative:1": 200,
    "429:1:1": 20,
    "day:1": 3,
    "endlesswait:1": 2,
    "tomorrow:1": 2,
    "hang:1": 60,
    "slow:1": 10,
    "huge:1": 6,
    "endless:1": 6,
    "bomb:1": 6,
}
"""Trouble that ends by itself; the study may fail in one turn, and is answered in a later one."""

LASTING: Mapping[str, int] = {
    "html400": 250,
    "html413": 250,
    "engine": 100,
    "image": 100,
    "detail": 100,
    "echo400": 100,
    "401": 50,
    "404": 50,
    "302": 50,
    "echo500": 20,
    "memory": 20,
    "ratelimit": 20,
    "nofinish": 20,
    "saidbody": 20,
    "saidmemory": 20,
    "cut": 20,
}
"""Trouble that lasts until the servers are mended: never a score."""

SCORED = frozenset({"ok", "refused", "too long", "empty", "truncated", "unparsed"})
UNSCORED = frozenset({"failed", "pending"})
MARKER = r"Case \d{6} meets (\w+(?::\w+)*)"
MENDED = rf"Case \d{{6}} meets ((?:{'|'.join(MODELS)})\b|)"
"""The same once the servers are mended: no fault but what a model does."""


def sentences(n: int, seed: int) -> Iterator[str]:
    """What the evidence of each of ``n`` studies says: its case, and the fault that its request meets."""
    faults = [fault for fault, count in _counts(n) for _ in range(count)]
    faults = [*faults[:n], *[""] * (n - len(faults))]
    random.Random(seed).shuffle(faults)
    for number, fault in enumerate(faults):
        yield f"Case {number:06} meets {fault or 'nothing'}. The lungs are clear."


def _counts(n: int) -> Iterator[tuple[str, int]]:
    """Fault -> how many of ``n`` studies meet it: one at least, but for waits beyond the first."""
    shares = {**PASSING, **LASTING, **{fault: count for fault, (_, count) in MODELS.items()}}
    for fault, share in shares.items():
        count = share * n / 100_000
        yield fault, int(count) if fault in ("endlesswait:1", "tomorrow:1", "slow:1") else max(1, round(count))


def allowed(fault: str, *, mended: bool) -> frozenset[str]:
    """The statuses that a study may have: while servers misbehave it may lack an answer, afterwards not."""
    if fault in MODELS:
        answered = frozenset({MODELS[fault][0]})
    else:
        answered = frozenset() if fault in LASTING and not mended else frozenset({"ok"})
    return answered if mended else answered | UNSCORED
