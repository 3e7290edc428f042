"""Does a server's cache of prefixes change answers? Some studies of a run, asked again with the cache and without it.

vLLM reads only what was cached under the same ``cache_salt``, so a salt of its own lets a request find nothing. Answers
may also differ because a server that computes other batches rounds otherwise; what is asked again with the cache, in
the same way, tells the two apart.
"""

from __future__ import annotations

import secrets
import tempfile
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from mmrad_eval.core.data_use import mark
from mmrad_eval.core.errors import UsageError, some
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import UNSCORED_STATUSES, Answer, Request
from mmrad_eval.harness.plan import Plan
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.run import conversation
from mmrad_eval.model_registry.vllm import VllmClient
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import CacheCheck

SALT = "cache_salt"
_NAMED = 4  # studies that a line names


def require_vllm(model: object, studies: int) -> None:
    """UsageError where a model has no cache that can be left out."""
    if studies and not isinstance(model, VllmClient):
        raise UsageError("--check-cache asks vLLM servers to bypass their prefix cache; use it with vllm:MODEL")


async def check_cache(plan: Plan, folder: RunFolder, requester: Requester, studies: int) -> str:
    """Ask the first ``studies`` that have an answer twice more, keep what came of it in run.json, and say it."""
    client = requester.client
    if not isinstance(client, VllmClient) or requester.signal.stop is not None:
        return ""
    await requester.sender.find_server()
    if not client.reads(SALT):
        return f"the prefix cache was not checked: this version of vLLM does not know {SALT}"
    with tempfile.TemporaryDirectory(prefix="mmrad-cache-") as temporary:
        mark(Path(temporary), plan.data_use)
        with Journal(Path(temporary) / "with") as cached, Journal(Path(temporary) / "without") as apart:
            sides = (requester.beside(cached), requester.beside(apart).changing(_salted))
            asked, equal, different = 0, 0, []
            for study in islice(plan.studies, studies):
                first, again, alone = [await conversation(plan, study, one) for one in (requester.silent(), *sides)]
                if any(answer.status in UNSCORED_STATUSES for answer in (first, again, alone)):
                    continue
                asked += 1
                equal += _said(again) == _said(first)
                if _said(alone) != _said(first):
                    different.append(study.id)
    if not asked:
        return "the prefix cache was not checked: no study could be asked again"
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    check = CacheCheck(asked, equal, asked - len(different), tuple(different), finished)
    run = folder.run
    folder.write_run(msgspec.structs.replace(run, cache_checks=(*run.cache_checks, check)))
    return words(check)


def words(check: CacheCheck) -> str:
    """What the check came to, in a line."""
    line = (
        f"of {check.studies} studies asked again, {check.with_cache} answers were the same with the prefix cache and "
        f"{check.without_cache} without it"
    )
    if check.without_cache == check.studies:
        return line
    named = some(check.different, _NAMED)
    if check.with_cache < check.studies:
        return f"{line} ({named}); this server's answers also vary with it, so the cache need not be the cause"
    return f"{line} ({named}): do not rely on these answers; run again with the server's --no-enable-prefix-caching"


def _salted(request: Request) -> Request:
    """A salt for each request: later turns of a conversation begin like the earlier ones."""
    salt = msgspec.Raw(msgspec.json.encode(secrets.token_hex(16)))
    return msgspec.structs.replace(request, extra={**request.extra, SALT: salt})


def _said(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.report, answer.trace
