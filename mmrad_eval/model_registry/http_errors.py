"""Reading an error status: what the model is known to have declined is a reply, everything else is infrastructure.

A rejected input ends as a ``Reply`` that keeps its status and body, so that a better rule can read it again. Keys,
unknown models, settings, limits and server errors are a ``TransportError``: the study stays pending.
"""

from __future__ import annotations

import re
from typing import Any

from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Reply
from mmrad_eval.model_registry.bodies import field, read_error, text_of
from mmrad_eval.model_registry.rejection_rules import STATUSES
from mmrad_eval.model_registry.rejections import STRICT, RejectionPolicy, cause_of, message_of
from mmrad_eval.model_registry.secrets import Secret, scrub
from mmrad_eval.model_registry.transport import HttpResponse
from mmrad_eval.model_registry.waits import asked_wait

_RETRY_STATUSES = frozenset({408, 409, 425, 429})
_THROTTLED = frozenset({429, 529})  # 529: Anthropic's "overloaded"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_PASSING = _any(
    r"rate.?limit",
    r"too many requests",
    r"overloaded",
    r"try again",
    r"temporar",
    r"loading",
    r"not ready",
    r"unavailable",
    r"timed? ?out",
    r"out of memory",
    r"no capacity",
    r"busy",
)
"""Words of a rejection that another try may end otherwise; they decide about nothing else."""
UNREADABLE = "the server can't read an image of this study"
"""In the words of a rejection; who knows the files names them."""
_NO_IMAGES = _any(r"image input is not supported", r"does not support (image|vision)", r"not a multimodal model")
_UNREADABLE = _any(
    r"(process|load|decode|identify|read|open|parse|unsupported|invalid|corrupt\w*|truncated|broken)\b.{0,40}\bimages?\b",
    r"\bimages?\b.{0,60}(invalid|unsupported|corrupt|truncated|not (a )?valid|could not be|cannot be|failed)",
    r"incorrect padding",
)
_EXHAUSTED = _any(r"insufficient_quota", r"exceeded your current quota", r"credit balance")


def read_fault(
    response: HttpResponse,
    *secrets: Secret | None,
    policy: RejectionPolicy = STRICT,
    served: int | None = None,
) -> Reply:
    """The reply that an error status stands for; TransportError where the input was not rejected.

    Its ``finish`` is ``rejected`` where no rule says that the model declined the input: the study then fails.
    """
    value, raw = read_error(response.body, *secrets)
    status, what = response.status, message_of(value)
    why = f"HTTP {status} from {response.base}: {scrub(what, *secrets) or 'no message'}"
    if 300 <= status < 400:
        target = scrub(response.headers.get("Location", "an unnamed place"), *secrets)
        why = f"HTTP {status} from {response.base}: redirects to {target}; redirects are not followed"
        raise TransportError(why, retry=False)
    cause = cause_of(status, value, policy, served)
    if cause is not None:
        return Reply(finish=cause, why=why, status=status, raw=raw)
    if _NO_IMAGES.search(what):
        raise TransportError(f"{why} (this server's model takes no images)", retry=False)
    if status in STATUSES and not _PASSING.search(what):
        return Reply(finish="rejected", why=f"{why} {_hint(what)}", status=status, raw=raw)
    raise _infrastructure(response, value, why, what)


def failed_beside(base: str, failure: str) -> TransportError:
    """The TransportError of a reply with status 200 that reports a failure beside or in place of its words."""
    return TransportError(f"{base} reports a failure in its reply: {failure:.300}", retry=True)


def _hint(what: str) -> str:
    if _UNREADABLE.search(what):
        return f"({UNREADABLE}: check its files)"
    return "(rejected, and not for its length or by a content policy: a failure, not a score)"


def _infrastructure(response: HttpResponse, value: Any, why: str, what: str) -> TransportError:
    """The TransportError for a status that is infrastructure's."""
    status = response.status
    retry = status >= 500 or status in _RETRY_STATUSES or status in STATUSES
    wait = asked_wait(response.headers, value)
    if status == 402 and wait is not None:  # OpenRouter: too much money in flight at once
        retry = True
    code = text_of(field(value, "error", "code")) + text_of(field(value, "error", "type"))
    if status == 429 and (_EXHAUSTED.search(what) or _EXHAUSTED.search(code)):
        retry = False
    after = wait if retry else None
    throttled = retry and (status in _THROTTLED or after is not None)
    return TransportError(why, retry=retry, after=after, kind="throttled" if throttled else "fault")
