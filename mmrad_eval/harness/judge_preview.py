"""What judging would take: questions, tokens and price at most. Nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmrad_eval.core.contracts import Client
from mmrad_eval.core.errors import Interrupted, Stopped
from mmrad_eval.core.judge_contracts import JudgingMetric
from mmrad_eval.core.values import Answer, Decoding, Example, Message, Reply, Study, Target, Text, Usage
from mmrad_eval.metrics import Suite
from mmrad_eval.metrics.judge_metrics import asks, judging
from mmrad_eval.results.run.spent import cost

_SAMPLE = 24
_CHARACTERS = 4.0
"""Characters of English text to a token, about."""


@dataclass(frozen=True)
class JudgePreview:
    """What one metric would ask, estimated from the first questions about a sample of the examples."""

    metric: str
    judges: str
    requests: int
    """At most."""
    prompt_tokens: float
    """Where every question is as long as the first ones."""
    completion_tokens: float
    dollars: tuple[float, float] | None
    """(prompts, with the longest answers), where the dearest judge answers all; None without a price."""
    batch: bool = False
    """Whether it would be asked in provider batches, at half the price."""
    same: str = ""
    """The metric before it that asks the same, so that its questions cost nothing more."""

    def __str__(self) -> str:
        if self.same:
            return f"{self.metric} shares its requests with {self.same}"
        price = "its card has no price"
        if self.dollars is not None:
            least, most = (one / (1 + self.batch) for one in self.dollars)
            price = f"{least:.2f} US dollars for the prompts, at most {most:.2f} with the answers"
            price += ", in batches at half the price" * self.batch
        return (
            f"{self.metric} asks {self.judges}: at most {self.requests:,} requests, about {self.prompt_tokens:,.0f} "
            f"prompt tokens; {price}"
        )


def as_answered(studies: Iterable[Study], target: Target) -> list[Example]:
    """Examples of studies that have no answer yet: their own reports stand for the answers."""
    return [
        Example(study, Answer(study.id, "ok", report=study.reference), target)
        for study in studies
        if study.reference and study.reference.target(target)
    ]


def judge_previews(
    suite: Suite, clients: Mapping[str, Client], examples: Sequence[Example], repeats: int = 1, *, batch: bool = False
) -> list[JudgePreview]:
    """What each metric that asks would ask about ``examples``."""
    n = len(examples)
    sample = [examples[i * n // min(n, _SAMPLE)] for i in range(min(n, _SAMPLE))]
    scale = repeats * n / max(len(sample), 1)
    found = []
    before: dict[frozenset[str], str] = {}
    for one in filter(asks, suite):
        metric = judging(one, {part: client.card for part, client in clients.items()})
        asked = round(sum(metric.most(example) for example in sample) * scale)
        questions = [question for example in sample for question in asyncio.run(_first(metric, example))]
        same = before.setdefault(frozenset(text for text, _ in questions), one.name)
        prompt = asked * sum(len(text) / _CHARACTERS for text, _ in questions) / max(len(questions), 1)
        answers = asked * max((longest for _, longest in questions), default=0)
        labels = ", ".join(dict.fromkeys(client.card.label for client in clients.values()))
        dollars = _dollars(clients, prompt, answers)
        again = "" if same == one.name or not questions else same
        found.append(JudgePreview(one.name, labels, asked, prompt, answers, dollars, batch, again))
    return found


def _dollars(clients: Mapping[str, Client], prompt: float, answers: float) -> tuple[float, float] | None:
    least = [cost(Usage(round(prompt), 0), client.card) for client in clients.values()]
    most = [cost(Usage(round(prompt), round(answers)), client.card) for client in clients.values()]
    known = [(low, high) for low, high in zip(least, most, strict=True) if low is not None and high is not None]
    return max(known, key=lambda pair: pair[1]) if len(known) == len(clients) else None


async def _first(metric: JudgingMetric, example: Example) -> list[tuple[str, int]]:
    """(words, longest answer) of the questions that can be asked before any reply."""
    found: list[tuple[str, int]] = []

    async def ask(
        messages: Sequence[Message],
        *,
        decoding: Decoding | None = None,
        **_: Any,
    ) -> Reply:
        words = "\n".join(p.text for m in messages for p in m.parts if isinstance(p, Text))
        found.append((words, (decoding or metric.decoding).expected_tokens))
        await asyncio.sleep(0)  # lets those beside it be asked
        raise Stopped("nothing is sent")

    try:
        await metric.judge(example, ask)
    except Interrupted:
        pass
    except BaseExceptionGroup:  # of tasks that were stopped
        if not found:
            raise
    return found
