"""What a rejection means: whether a 400 and its kin are the model's doing, by the one table of ``rejection_rules``.

Two causes are the model's: its context is too short for the input, or a content policy declined it. A proxy's page, a
full GPU, a loading model, a rate limit, a setting and a damaged image match no rule: they are never a score.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Reply
from mmrad_eval.model_registry.bodies import field, text_of
from mmrad_eval.model_registry.rejection_rules import CODES, COUNT, MESSAGES, NUMBER, STATUSES, Cause

_LAYERS = 4  # error bodies that routers wrap into each other
_WHOLE = tuple((rule, re.compile(rule.message, re.DOTALL)) for rule in MESSAGES)
_OF_CODES = {rule.message: re.compile(rule.message, re.DOTALL) for rule in CODES if rule.message}
_CONTEXT = re.compile(
    rf"(?:(?:context|model|prompt) (?:length|size|window|limit)[^\d]{{0,40}}(?={NUMBER} tokens)"
    rf"|current length is {NUMBER} while limit is |max input tokens=){COUNT}",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    rf"(?:requested (?=[\d,]+ output tokens)|is too large: )(?P<answer>{NUMBER})"
    rf"|(?P<completion>{NUMBER}) in the completion"
)
"""How those who have a code, or wrap another's words, tell the context and the answer's share beside it.

The last two are Cerebras's words (cline/cline issue 5140) and those of LiteLLM's own check (BerriAI/litellm router).
"""
_TROUBLE = re.compile(
    r"timed? ?out|time-out|unavailable|unreachable|not (?:be )?(?:reach|availab)|connection|overloaded|try again later"
    r"|rate.?limit|quota|outage|out of memory|internal (?:server )?error|service error|is (?:down|unknown)"
    r"|\bfail(?:ed to|ure)\b|not (?:found|configured|enabled|filtered|evaluated|checked|applied|completed)"
    r"|(?:does|could|can|was|were)(?: not|n['\u2019]t) (?:be )?(?:exist|evaluate|complete|check|run|reach|appl|contact)"
    r"|could(?: not|n['\u2019]t)|unable to|\bexceptions?\b|encountered an error"
    r"|\berrors? (?:while|when|during|in) |crash|no (?:healthy )?deployments"
    r"|credentials?\b|permission|subscription key|\b(?:invalid|incorrect|missing) api.?key"
    r"|\bper[ _](?:minute|min|day|hour|month)\b|\bupstream\b|\bHTTP 5\d\d\b|bad gateway|misconfigur|maintenance|restart"
    r"|supports at most",
    re.IGNORECASE,
)
"""Words of what keeps a filter or a count of tokens from working: beside them a code says what failed, not why."""
_SHORTEST = 5  # letters of a text that a user declares to be a refusal
_SERVER_ERRORS = frozenset({"server_error", "internal_error", "internal_server_error", "api_error", "timeout_error"})
"""Types of error that name the server."""


class RejectionPolicy(NamedTuple):
    """What decides what a rejection means beside its own words."""

    context: int | None = None
    """Tokens that the card states: a server with less has been started with too little."""
    refusals: tuple[str, ...] = ()
    """Texts that the user declared to be refusals of a server that no rule knows (``--refusal-pattern``)."""


STRICT = RejectionPolicy()
"""The table of rules and nothing else."""


class _Meaning(NamedTuple):
    cause: Cause
    context: int | None = None
    answer: int | None = None
    adjustable: bool = False
    """Whether who starts the server sets its context, so that one that is not told may be any."""


def declared(texts: Iterable[str]) -> tuple[str, ...]:
    """The texts that a user declared to be refusals; UsageError for one that most errors of any server hold."""
    texts = tuple(texts)
    for text in texts:
        if sum(character.isalnum() for character in text) < _SHORTEST:
            raise UsageError(
                f"--refusal-pattern {text!r} would count failures as refusals; give words of the server's own refusal, "
                f"of {_SHORTEST} letters or more"
            )
    return texts


def cause_of(status: int, value: Any, policy: RejectionPolicy, served: int | None = None) -> Cause | None:
    """Why an endpoint rejected the input with ``status`` and the body ``value``; None where no rule says.

    ``served`` is the context in tokens that the endpoint is known to have.
    """
    for layer in _layers(value):
        if _moderated(status, layer):
            return "refusal"
        meaning = _meaning(status, layer)
        if meaning is not None:
            return meaning.cause if _counts(meaning, policy, served) else None
    text = message_of(value)
    return "refusal" if status in STATUSES and any(words in text for words in policy.refusals) else None


def _counts(meaning: _Meaning, policy: RejectionPolicy, served: int | None) -> bool:
    """Whether a context that was too short is the model's own: not the server's setting, nor the run's."""
    context = served or meaning.context
    if meaning.cause != "too long":
        return True
    if context == 0:
        return False
    if context is None:
        return policy.context is None or not meaning.adjustable
    if policy.context is not None and context < policy.context:
        return False
    return meaning.answer is None or meaning.answer < context


def counted(reply: Reply, policy: RejectionPolicy) -> Reply:
    """The reply; ``rejected`` in the place of ``too long`` where the server's context is less than the card's."""
    served = reply.served.context
    if reply.finish != "too long" or served is None or policy.context is None or served >= policy.context:
        return reply
    why = f"{reply.why} (the server's context of {served} tokens is less than the card's {policy.context})"
    return msgspec.structs.replace(reply, finish="rejected", why=why)


def _moderated(status: int, value: Any) -> bool:
    """OpenRouter's moderation, a 403 with reasons (openrouter.ai/docs/api/reference/errors-and-debugging)."""
    told = field(value, "error", "metadata")
    reasons, flagged = field(told, "reasons"), field(told, "flagged_input")
    moderated = status == 403 and isinstance(reasons, list) and bool(reasons) and isinstance(flagged, str)
    return moderated and not _troubled(value, message_of(value))


def _meaning(status: int, value: Any) -> _Meaning | None:
    text = message_of(value)
    for rule in CODES if status in STATUSES else ():
        if text_of(field(value, *rule.place.split("."))) != rule.code:
            continue
        if rule.message and not _OF_CODES[rule.message].fullmatch(text):
            continue
        if _troubled(value, text):
            continue
        stated = field(value, *rule.context.split(".")) if rule.context else None
        context = stated if isinstance(stated, int) else _context_in(text)
        return _Meaning(rule.cause, context, _answer_in(text), rule.adjustable)
    for words, pattern in _WHOLE:
        found = pattern.fullmatch(text) if status in words.statuses else None
        if found is not None and not _troubled(value, text):
            context, answer = _tokens(found, "context"), _tokens(found, "answer")
            context = _context_in(text) if context is None else context
            return _Meaning(words.cause, context, _answer_in(text) if answer is None else answer, words.adjustable)
    return None


def _troubled(value: Any, text: str) -> bool:
    """Whether the body reports trouble of the server's own, whatever code stands beside it."""
    kind = text_of(field(value, "error", "type"))
    if kind in _SERVER_ERRORS or _TROUBLE.search(text) is not None:
        return True
    inner = field(value, "error", "innererror")  # Azure's: its filter states its own failure beside what it filtered
    return any(field(inner, name, "error") is not None for name in ("content_filter_result", "content_filter_results"))


def _context_in(text: str) -> int | None:
    return _tokens(_CONTEXT.search(text), "context")


def _answer_in(text: str) -> int | None:
    found = _ANSWER.search(text)
    return _tokens(found, "answer") or _tokens(found, "completion")


def _tokens(found: re.Match[str] | None, name: str) -> int | None:
    digits = (found.groupdict().get(name) or "" if found else "").replace(",", "")
    return int(digits) if 0 < len(digits) < 16 else None


def _layers(value: Any) -> Iterator[Any]:
    """An error body, and those that routers have put into its texts."""
    for _ in range(_LAYERS):
        if isinstance(value, list) and value:  # Gemini wraps its error in a list when it streams
            value = value[0]
        yield value
        raw = text_of(field(value, "error", "metadata", "raw")) or message_of(value)
        inner = raw[raw.find("{") : raw.rfind("}") + 1] if raw.startswith(("{", "litellm.")) else ""
        try:
            value = msgspec.json.decode(inner)
        except (msgspec.DecodeError, RecursionError):
            value = {"message": raw} if raw != message_of(value) else None
        if not isinstance(value, Mapping):
            return


def message_of(value: Any) -> str:
    """The words of an error body, wherever a provider puts them."""
    if isinstance(value, list) and value:
        value = value[0]
    error = field(value, "error")
    for candidate in (field(error, "message"), error, field(value, "message"), field(value, "detail"), value):
        if isinstance(candidate, str) and candidate:
            return candidate
    return ", ".join(_validation(field(value, "detail")))


def _validation(detail: Any) -> Iterator[str]:
    """``detail`` as FastAPI writes it: a list of {loc, msg}."""
    for item in detail if isinstance(detail, list) else ():
        place = ".".join(map(str, item.get("loc", ()))) if isinstance(item, dict) else ""
        yield f"{place}: {text_of(field(item, 'msg'))}".strip(": ")
