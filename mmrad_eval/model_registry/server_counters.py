"""What a vLLM server has counted: tokens that its caches were asked for and had, read off its page of metrics.

The page is Prometheus text; the names are those of vLLM 0.32 (vllm/v1/metrics/loggers.py). Counters are of the server
and not of a run: they begin with its process and count every client's requests, so a run is the difference of two
readings, and a server that started again between them tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PAGE = "//metrics"
"""At the root of the server, not under ``/v1``."""
_SAMPLE = re.compile(r'(?P<name>vllm:\w+)(?P<labels>\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? +(?P<value>\S+)')
_QUERIES = "vllm:prefix_cache_queries"


@dataclass(frozen=True)
class ServerCounters:
    """The counters of one server, or what several counted meanwhile."""

    queries: int
    """Tokens of prompts that were looked up in the cache of prefixes."""
    hits: int
    """Those of them that it had, so that the model did not read them again."""
    image_queries: int | None = None
    """Images that were looked up in the cache of images; None where the server has no such counter."""
    image_hits: int | None = None
    requests: int | None = None
    """Requests that ended, whoever sent them."""
    since: frozenset[str] = frozenset()
    """When counting began, for each engine behind the address, in the server's own words; empty: it does not say."""

    def after(self, before: ServerCounters) -> ServerCounters | None:
        """What was counted since ``before``; None where that was another process's count."""
        queries, hits = self.queries - before.queries, self.hits - before.hits
        images = _less(self.image_queries, before.image_queries), _less(self.image_hits, before.image_hits)
        requests = _less(self.requests, before.requests)
        went_back = any(number is not None and number < 0 for number in (queries, hits, *images, requests))
        if went_back or self.since != before.since:
            return None
        return ServerCounters(queries, hits, *images, requests, self.since)

    def __add__(self, other: ServerCounters) -> ServerCounters:
        """Both together; a number that one does not have is none."""
        return ServerCounters(
            self.queries + other.queries,
            self.hits + other.hits,
            _sum(self.image_queries, other.image_queries),
            _sum(self.image_hits, other.image_hits),
            _sum(self.requests, other.requests),
            self.since | other.since,
        )


def read_counters(page: bytes) -> ServerCounters | None:
    """The counters on a page of metrics; None where it has no cache of prefixes in vLLM's names."""
    totals: dict[str, int] = {}
    since = set()
    for name, labels, value in _samples(page.decode("utf-8", "replace")):
        if name == f"{_QUERIES}_created":
            since.add(f"{labels}{value}")
        elif name.endswith("_total"):
            number = _count(value)
            if number is None:
                return None
            totals[name] = totals.get(name, 0) + number
    queries, hits = totals.get(f"{_QUERIES}_total"), totals.get("vllm:prefix_cache_hits_total")
    if queries is None or hits is None:
        return None
    return ServerCounters(
        queries,
        hits,
        totals.get("vllm:mm_cache_queries_total"),
        totals.get("vllm:mm_cache_hits_total"),
        totals.get("vllm:request_success_total"),
        frozenset(since),
    )


def _samples(page: str) -> Iterator[tuple[str, str, str]]:
    """Name, labels and value of each of vLLM's samples; engines, models and reasons have one each."""
    for line in page.splitlines():
        found = _SAMPLE.match(line)
        if found:
            yield found["name"], found["labels"] or "", found["value"]


def _count(value: str) -> int | None:
    """A counter's value, which is written as a float."""
    try:
        number = float(value)
        return int(number) if number >= 0 else None
    except (ValueError, OverflowError):  # NaN is no number that is >= 0
        return None


def _less(now: int | None, before: int | None) -> int | None:
    return None if now is None or before is None else now - before


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
