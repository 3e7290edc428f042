"""A model that remembers what it was shown, and the demo's studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.contracts import Dataset, Task, TaskContext
from mmrad_eval.core.values import Card, Image, Message, Reply, Target, Text
from mmrad_eval.tasks.donors import Donors


class Listener:
    """Answers every request with the same words, and keeps what it was asked."""

    def __init__(self, text: str = "FINDINGS: The lungs are clear.") -> None:
        self.heard: list[Sequence[Message]] = []
        self.text = text

    async def __call__(self, messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
        del extra
        self.heard.append(messages)
        return Reply(self.text)

    @property
    def user(self) -> Message:
        return self.heard[-1][-1]

    @property
    def words(self) -> str:
        return "".join(part.text if isinstance(part, Text) else "<image>" for part in self.user.parts)

    @property
    def images(self) -> list[Image]:
        return [part for part in self.user.parts if isinstance(part, Image)]


@pytest.fixture
def demo() -> Dataset:
    return datasets.load("demo")


@pytest.fixture
def context(demo: Dataset) -> Callable[..., TaskContext]:
    def make(
        task: Task,
        ask: Listener,
        *,
        card: Card | None = None,
        target: Target = "findings",
        prompt: str = "",
        **options: str,
    ) -> TaskContext:
        card = card or Card(provider="test", id="listener")
        return TaskContext(ask, card, target, prompt or task.prompt(), Donors(demo.studies), options)

    return make


@pytest.fixture
def listener() -> Listener:
    return Listener()
