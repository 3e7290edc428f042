"""Telling a reporter what requests wait for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from mmrad_eval.harness.requester import Requester

_LOOK = 0.5  # seconds between two looks at what the run waits for


class Waiter(Protocol):
    """Who hears of waits."""

    def waits(self, reason: str, seconds: float) -> None:
        """Nothing can be sent for so many seconds at most; called again and again, and at the end without a reason."""
        ...


@asynccontextmanager
async def told_of_waits(waiter: Waiter, requester: Requester) -> AsyncIterator[None]:
    """While held, the reporter hears what the run waits for."""

    async def look() -> None:
        told = False
        while True:
            await asyncio.sleep(_LOOK)
            wait = requester.sender.waiting()
            if wait is not None:
                waiter.waits(wait.reason, max(0.0, wait.until - time.monotonic()))
            elif told:
                waiter.waits("", 0.0)
            told = wait is not None

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
