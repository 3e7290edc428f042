"""A prompt file that can't be filled is found before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmrad_eval import datasets, tasks
from mmrad_eval.core.contracts import Sent
from mmrad_eval.core.errors import PromptError
from mmrad_eval.core.values import Card, Reply
from mmrad_eval.harness.plan import Choice, first_question, make_plan


class Nobody:
    """A model that must not be asked."""

    card = Card(provider="test", id="nobody")
    endpoints = ()

    async def generate(self, sent: Sent) -> Reply:
        raise AssertionError(sent.key)

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("[[user]]\n{imges}{instruction}\n[[findings]]\nGo.", "imges"),
        ("[[user]]\n{images}{instruction}\n[[image]]\n{pictur}\n[[findings]]\nGo.", "pictur"),
        ("[[user]]\n{images}{instruction}\n[[image]]\n{picture}", r"no \[\[findings\]\] block"),
    ],
)
def test_a_prompt_that_can_not_be_filled_is_refused_by_the_plan(prompt: str, words: str, tmp_path: Path) -> None:

    path = tmp_path / "mine.txt"
    path.write_text(prompt)
    with pytest.raises(PromptError, match=words):
        make_plan(Nobody(), tasks.load("direct"), datasets.load("demo"), Choice(prompt=path))


@pytest.mark.parametrize("name", ["direct", "mcot", "mcot-loop", "tcot-self"])
def test_the_first_question_is_made_without_asking(name: str) -> None:
    plan = make_plan(Nobody(), tasks.load(name), datasets.load("demo"), Choice())

    assert [message.role for message in first_question(plan, plan.studies[0])] == ["system", "user"]
