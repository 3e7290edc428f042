"""What tasks and answerers return, held against their contract: the first misfit ends the run, and is never a score."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from mmrad_eval.core.contracts import Task
from mmrad_eval.core.errors import PluginError
from mmrad_eval.core.values import MODEL_STATUSES, Answer, Image, Message, Report, Study, Text

ROLES = ("system", "user", "assistant")
T = TypeVar("T", bound=msgspec.Struct)


def typed(value: T | None, kind: type[T], who: str, study: Study) -> T | None:
    """The value that a plugin returned; PluginError where it has another type."""
    if value is not None and not isinstance(value, kind):
        raise PluginError(
            f"{who} returned {type(value).__name__} in place of mmrad_eval.{kind.__name__} for study {study.id}"
        )
    return value


def valid_answer(answer: Answer, task: Task, study: Study) -> Answer:
    """The answer that a task returned; PluginError where it is none, or does not say how the study ended."""
    if typed(answer, Answer, f"task {task.name}", study) is None:
        raise PluginError(f"task {task.name} returned None in place of mmrad_eval.Answer for study {study.id}")
    if answer.status not in MODEL_STATUSES:
        raise PluginError(
            f"task {task.name} returned an Answer of status {answer.status!r} for study {study.id}; "
            f"mmrad_eval.read_answer makes one of a reply, or state one of {', '.join(MODEL_STATUSES)}"
        )
    if not isinstance(answer.report, Report) or not isinstance(answer.report.text, str):
        raise PluginError(
            f"task {task.name} returned an Answer whose report is no mmrad_eval.Report for study {study.id}"
        )
    try:
        msgspec.convert(msgspec.to_builtins(answer), Answer)
    except (msgspec.ValidationError, TypeError) as error:
        raise PluginError(f"task {task.name} returned an invalid Answer for study {study.id}: {error}") from error
    return answer


def valid_messages(messages: object, task: Task, study: Study) -> tuple[Message, ...]:
    """The conversation that a task asks; PluginError where it is none."""
    if not isinstance(messages, list | tuple) or not messages:
        what = "no message" if isinstance(messages, list | tuple) else type(messages).__name__
        raise PluginError(f"task {task.name} asked with {what} for study {study.id}; ask takes a list of Message")
    for message in messages:
        if typed(message, Message, f"a conversation of task {task.name}", study) is None:
            raise PluginError(f"task {task.name} asked with None among its messages for study {study.id}")
        if message.role not in ROLES:
            raise PluginError(
                f"task {task.name} asked with a message of role {message.role!r} for study {study.id}; "
                f"a role is one of {', '.join(ROLES)}"
            )
        parts = message.parts if isinstance(message.parts, list | tuple) else None
        if parts is None or not all(isinstance(part, Text | Image) for part in parts):
            raise PluginError(
                f"task {task.name} asked with a message whose parts are no tuple of Text and Image for study {study.id}"
            )
    return tuple(messages)
