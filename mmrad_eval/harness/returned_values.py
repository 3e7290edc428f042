"""What tasks and answerers return, held against their contract: the first misfit ends the run, and is never a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from mmrad_eval.core import members
from mmrad_eval.core.errors import PluginError
from mmrad_eval.core.values import MODEL_STATUSES, Answer, Image, Message, Report, Study, Text

ROLES = ("system", "user", "assistant")
T = TypeVar("T", bound=msgspec.Struct)


def typed(value: T | None, kind: type[T], who: str, study: Study) -> T | None:
    """The value that a plugin returned; PluginError where it has another type."""
    if value is not None and not isinstance(value, kind):
        raise PluginError(f"{who} returned {type(value).__name__}, not mmrad_eval.{kind.__name__} for study {study.id}")
    return value


def valid_answer(answer: Answer, who: str, study: Study) -> Answer:
    """The answer that a task returned; PluginError where it is none, or does not say how the study ended."""
    if typed(answer, Answer, who, study) is None:
        raise PluginError(f"{who} returned None, not mmrad_eval.Answer for study {study.id}")
    if answer.status not in MODEL_STATUSES:
        raise PluginError(
            f"{who} returned an Answer of status {answer.status!r} for study {study.id}; "
            f"mmrad_eval.read_answer makes one of a reply, or state one of {', '.join(MODEL_STATUSES)}"
        )
    if not isinstance(answer.report, Report) or not isinstance(answer.report.text, str):
        raise PluginError(f"{who} returned an Answer whose report is not a mmrad_eval.Report for study {study.id}")
    return valid_form(answer, who, study)


def valid_form(answer: Answer, who: str, study: Study) -> Answer:
    """The answer; PluginError where a field has another type or can't be kept, or where it is another study's.

    What was written must be read again: JSON has no infinite number, and no half of a surrogate pair.
    """
    if answer.study not in {"", study.id}:
        raise PluginError(f"{who} returned the Answer of study {answer.study!r} for study {study.id}")
    try:
        msgspec.json.decode(msgspec.json.encode(answer), type=Answer)
    except (msgspec.ValidationError, TypeError, UnicodeEncodeError) as error:
        raise PluginError(f"{who} returned an invalid Answer for study {study.id}: {error}") from error
    return answer


def valid_extra(extra: object, who: str, study: Study) -> dict[str, msgspec.Raw]:
    """The fields that a plugin adds to the body of a request; PluginError where they are no JSON."""
    if extra is None:
        return {}
    where = f"{who} asked for study {study.id} with extra"
    if not isinstance(extra, Mapping) or not all(isinstance(name, str) for name in extra):
        raise PluginError(f"{where} {members.seen(extra)}, not a mapping of names to JSON values")
    try:
        return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in extra.items()}
    except (TypeError, ValueError) as error:
        raise PluginError(f"{where} that is not JSON: {error}") from error


def valid_messages(messages: object, who: str, study: Study) -> tuple[Message, ...]:
    """The conversation that a plugin asks; PluginError where it is none."""
    if not isinstance(messages, list | tuple) or not messages:
        what = "no message" if isinstance(messages, list | tuple) else type(messages).__name__
        raise PluginError(f"{who} called ask with {what} for study {study.id}; ask takes a list of Message")
    for message in messages:
        if typed(message, Message, f"a conversation of {who}", study) is None:
            raise PluginError(f"{who} called ask with None among its messages for study {study.id}")
        if message.role not in ROLES:
            raise PluginError(
                f"{who} called ask with a message of role {message.role!r} for study {study.id}; "
                f"a role is one of {', '.join(ROLES)}"
            )
        parts = message.parts if isinstance(message.parts, list | tuple) else None
        if parts is None or not all(isinstance(part, Text | Image) for part in parts):
            raise PluginError(
                f"{who} called ask with a message whose parts are not a tuple of Text and Image for study {study.id}"
            )
    return tuple(messages)
