"""Functions of others that ask a client and wait, run where nobody may wait: each run goes as far as the replies do."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mmrad_eval.core.values import Message, Text

T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """One request of a function."""

    messages: Sequence[Mapping[str, str]]
    response_format: Mapping[str, Any] | None
    max_tokens: int | None
    sample: int
    """How often the function had asked the same before."""

    def as_messages(self) -> tuple[Message, ...]:
        """The messages as our own."""
        return tuple(Message(one["role"], (Text(one["content"]),)) for one in self.messages)  # type: ignore[arg-type]


class NeededError(BaseException):
    """A reply that is not there yet; a base exception, so that a function that catches errors lets it pass."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question


class FunctionFailedError(Exception):
    """What a function raised, as its cause."""


@dataclass
class ReplayedClient:
    """The client of one run of a function: it gives the replies that came, in order, and then needs one."""

    replies: Sequence[str]
    model: str = ""
    reasoning: str = "none"
    _at: int = 0
    _asked: Counter[str] = field(default_factory=Counter)

    def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        response_format: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
    ) -> str:
        """The next reply; NeededError where it is not there."""
        same = hashlib.sha256(json.dumps([messages, response_format, max_tokens]).encode()).hexdigest()
        sample = self._asked[same]
        self._asked[same] += 1
        if self._at == len(self.replies):
            raise NeededError(Question(list(messages), response_format, max_tokens, sample))
        self._at += 1
        return self.replies[self._at - 1]


async def replayed(function: Callable[[ReplayedClient], T], ask: Callable[[Question], Awaitable[str]]) -> T:
    """What a function returns, which asks the client that it is given; it is run again from the start for each reply.

    The function must do the same each time it is given the same replies. FunctionFailedError holds what it raises; what
    ``ask`` raises comes through.
    """
    replies: list[str] = []
    while True:
        try:
            return function(ReplayedClient(replies))
        except NeededError as needed:
            question = needed.question
        except Exception as error:
            raise FunctionFailedError(f"{type(error).__name__}: {error}") from error
        replies.append(await ask(question))
