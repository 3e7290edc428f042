"""What a run has used so far: one value for progress, budgets and records."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmrad_eval.core.values import Reply, Served, Usage


@dataclass
class RequestCounts:
    """Requests to one model, counted by its sender and its cache of replies."""

    sent: int = 0
    """Tries that left for the endpoint."""
    in_flight: int = 0
    """Those of them that have no reply yet."""
    replies: int = 0
    """Replies that came and were stored."""
    cached: int = 0
    """Replies that were taken from the journal, or from another study's request for the same key."""
    retries: int = 0
    failed: int = 0
    usage: Usage = field(default_factory=Usage)
    """Tokens of ``replies``."""
    last_fault: str = ""
    woven: bool = False
    """Whether some request shows region images between its words."""
    served: set[Served] = field(default_factory=set)
    """Who gave the replies that were accepted."""

    def used(self, reply: Reply, *, cached: bool) -> None:
        """Count a reply that is about to be used."""
        self.cached += cached
        if reply.finish != "rejected":
            self.served.add(reply.served)
