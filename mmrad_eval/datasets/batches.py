"""The replies in output files of batch endpoints: what each line says, what was thought, and how it ended.

OpenAI, vLLM, Mistral and Azure (``custom_id``, ``response.body``), Anthropic (``custom_id``, ``result.message``),
Gemini (``key``, ``response.candidates``) and Bedrock (``recordId``, ``modelOutput``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmrad_eval.core.values import Reasoning, Reply, Text
from mmrad_eval.datasets.raw_text.ends import end_beside, meaning
from mmrad_eval.datasets.raw_text.failed_bodies import BLOCKED_UNEXPLAINED, read_choice, reported_failure

_SUCCESS = 200
KEYS: Mapping[str, frozenset[str]] = {
    "custom_id": frozenset(("response", "result")),
    "key": frozenset(("response",)),
    "recordId": frozenset(("modelOutput",)),
}
"""The id of a request -> fields of which one holds what became of it."""


def reply_in(cells: Mapping[str, Any]) -> Reply | None:
    """The reply in a line of a batch; None where the request failed."""
    if cells.get("error"):
        return None
    for name in ("result", "response", "modelOutput"):
        value = cells.get(name)
        if isinstance(value, Mapping):
            return _reply(value)
    return None


def _reply(value: Mapping[str, Any]) -> Reply | None:
    if value.get("status_code", _SUCCESS) != _SUCCESS:
        return None
    body = value.get("body") or value.get("message") or value
    if not isinstance(body, Mapping) or reported_failure(body):
        return None
    return next((found for read in (_gemini, _responses, _chat, _blocks) if (found := read(body)) is not None), None)


def _gemini(body: Mapping[str, Any]) -> Reply | None:
    candidates, feedback = body.get("candidates"), body.get("promptFeedback")
    if not candidates and isinstance(feedback, Mapping) and (blocked := feedback.get("blockReason")):
        if blocked in BLOCKED_UNEXPLAINED:
            return None
        return Reply(finish="refusal", why=str(feedback.get("blockReasonMessage") or blocked))
    candidate = candidates[0] if isinstance(candidates, list) and candidates else None
    if not isinstance(candidate, Mapping):
        return None
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, Mapping) else None
    return _ended(list(_parts(parts)), candidate.get("finishReason"))


def _responses(body: Mapping[str, Any]) -> Reply | None:
    """The Responses format: items of which messages and reasoning have parts."""
    if not isinstance(body.get("output"), list):
        return None
    parts: list[Text | Reasoning] = []
    unfinished = False
    for item in filter(_is_object, body["output"]):
        held = [*_listed(item.get("summary")), *_listed(item.get("content"))]
        parts += _parts(held, thought=item.get("type") == "reasoning")
        if item.get("type") == "message" and body.get("status") != "incomplete":
            unfinished = unfinished or item.get("status") not in {None, "", "completed"}
    why = body.get("incomplete_details")
    reason = why.get("reason") if isinstance(why, Mapping) else None
    return None if unfinished else _ended(parts, reason or body.get("status"))


def _chat(body: Mapping[str, Any]) -> Reply | None:
    choice = read_choice(body)
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        return None
    thought = message.get("reasoning_content") or message.get("reasoning")
    parts: list[Text | Reasoning] = [Reasoning(thought)] if isinstance(thought, str) and thought else []
    if refusal := message.get("refusal"):
        return Reply(parts=(*parts, Text(str(refusal))), finish="refusal", why=str(refusal))
    return _ended([*parts, *_parts(message.get("content"))], choice.get("finish_reason"), body, choice)


def _blocks(body: Mapping[str, Any]) -> Reply | None:
    """Anthropic's format; also a message by itself."""
    if "content" not in body:
        return None
    return _ended(list(_parts(body["content"])), body.get("stop_reason"))


def _ended(parts: list[Text | Reasoning], reason: Any, body: Any = None, choice: Any = None) -> Reply | None:
    """The reply that ended so; None where its server did not finish it, or says so in no word that is known."""
    told = str(reason or "")
    end = meaning(told) if told else "stop"
    if end == "failure" or end == "unknown":  # noqa: PLR1714 (mypy narrows this)
        return None
    finish, word = end_beside(body, choice) if end == "stop" else (end, told)
    return Reply(parts=tuple(parts), finish=finish, why=word)


def _parts(content: Any, *, thought: bool = False) -> Iterator[Text | Reasoning]:
    """Texts and thoughts of a message; pieces without words say nothing."""
    if isinstance(content, str):
        yield Text(content)
        return
    for part in filter(_is_object, _listed(content)):
        thinks = thought or part.get("thought") is True or "think" in str(part.get("type"))
        words = _words(part.get("thinking") if thinks and part.get("thinking") else part.get("text"))
        if words:
            yield Reasoning(words) if thinks else Text(words)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return "".join(_words(part.get("text")) for part in value if isinstance(part, Mapping))
    return value if isinstance(value, str) else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)
