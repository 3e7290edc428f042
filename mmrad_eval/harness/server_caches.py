"""What a server's caches saved a run, as the server itself counted it: kept in run.json, and said in a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from mmrad_eval.harness.plan import Plan
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry.wire import WireClient
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import ServerCache


async def keep_counts(folder: RunFolder, requester: Requester, plans: Sequence[Plan]) -> str:
    """Add what was counted while ``plans`` were asked to run.json; a line about it, empty where there is nothing.

    A server is asked where requests were sent to it alone, so that a run of stored replies still sends nothing.
    """
    client, sent = requester.client, requester.counts.sent
    counted = await client.counted() if sent and isinstance(client, WireClient) else None
    if counted is None or not counted.queries:
        return ""
    cache = ServerCache(
        counted.queries,
        counted.hits,
        sent,
        counted.requests,
        counted.image_queries,
        counted.image_hits,
        tuple(plan.task.name for plan in plans) if len(plans) > 1 else (),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    run = folder.run
    folder.write_run(msgspec.structs.replace(run, server_caches=(*run.server_caches, cache)))
    return words(cache)


def words(cache: ServerCache) -> str:
    """What one command's asking came to, in a line."""
    share = cache.hits / cache.queries
    line = f"the server's prefix cache held {cache.hits:,} of {cache.queries:,} prompt tokens ({share:.1%})"
    if cache.requests is not None and cache.requests > cache.sent:
        line += f"; the server answered {cache.requests:,} requests meanwhile, and this command sent {cache.sent:,}"
    return line
