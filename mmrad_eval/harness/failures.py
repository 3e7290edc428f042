"""When failures in a row stop a run: a fault that each further request would meet costs a few of them, not all."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mmrad_eval.harness.counts import RequestCounts
from mmrad_eval.harness.stopping import Stop

HOPELESS, FAILING = 3, 12
"""Requests in a row that fail for good before the run stops: by an error that no retry fixes, before any reply came (a
wrong key, a wrong model); by anything else."""


@dataclass
class FailureStreak:
    """Failures since the last reply; each method returns the stop that its event calls for, or None.

    Only requests that were begun after that reply count. A run that is resumed comes to all that failed before at once,
    as the replies between them are cached; that says nothing about what comes after them.
    """

    counts: RequestCounts
    length: int = 0
    replies: int = 0
    """Replies so far, cached ones too; a request that is begun notes their number."""

    def failed(self, why: str, *, begun: int, retried: bool) -> Stop | None:
        """A request failed for good, after retries or without one; ``begun``: ``replies`` when it was begun."""
        if begun < self.replies:
            return None
        self.length += 1
        if self.length < (FAILING if retried or self.counts.replies else HOPELESS):
            return None
        return Stop(f"{self.length} requests in a row failed permanently; the last: {why}")

    def replied(self) -> None:
        """A reply came, or was cached."""
        self.length = 0
        self.replies += 1


def way_out(why: str) -> str:
    """What to do about a failure that the run's own settings cause, where its words tell; else empty."""
    if _TOO_MANY_IMAGES.search(why):
        return (
            "the server accepts fewer images per request than the task shows: raise its limit (--serve-images N, or "
            "--limit-mm-per-prompt of vLLM), or give the model a card with max_images, and several become one montage"
        )
    return ""


_TOO_MANY_IMAGES = re.compile(
    r"at most \d+ image|too many images|limit-mm-per-prompt|(?:max(?:imum)?|allowed) (?:number of )?images"
    r"|(?:only )?(?:one|a single|1) image (?:is|per|can)",
    re.IGNORECASE,
)
"""How servers say it: vLLM (``multimodal/processing.py``), SGLang, OpenAI's and Anthropic's services."""
