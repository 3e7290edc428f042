"""A prompt file that can't be filled is found before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmrad_eval import datasets, tasks
from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import PromptError
from mmrad_eval.core.values import Card, Reply
from mmrad_eval.harness.plan import RunOptions, first_question, make_plan


class Nobody(Client):
    """A model that must not be asked."""

    card = Card(provider="test", id="nobody")
    endpoints = ()

    async def generate(self, sent: PreparedRequest) -> Reply:
        raise AssertionError(sent.key)


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
        make_plan(Nobody(), tasks.load("direct"), datasets.load("demo"), RunOptions(prompt=path))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[step]]", "[[stpe]]", r"no block \[\[stpe\]\]; did you mean \[\[step\]\]"),
        ("[[step]]\n{ordinal}, {region}.{image}{box}{text}", "", "0 of|images"),
        ("{images}{context}", "{context}", "images"),
        ("{evidence}", "", "images"),
        ("[[step image]]\n This is how the region looks: {picture}", "", "images"),
        ("[[step text]]\n {text}", "", "lacks the evidence"),
        ("{instruction}", "{Instruction}", r"\{Instruction\} would be sent literally; the slot is \{instruction\}"),
        ("{instruction}", "{instruction }", "would be sent literally"),
    ],
)
def test_a_prompt_that_shows_less_than_its_task_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    task = tasks.load("mcot")
    assert old in task.prompt()
    path = tmp_path / "mine.txt"
    path.write_text(task.prompt().replace(old, new))
    with pytest.raises(PromptError, match=f"--prompt {path}: .*({words})"):
        make_plan(Nobody(), task, datasets.load("demo"), RunOptions(prompt=path))


@pytest.mark.parametrize("name", ["direct", "tcot", "mcot", "mcot-blind", "mcot-loop", "tcot-self"])
def test_a_prompt_in_other_words_is_as_good(name: str, tmp_path: Path) -> None:
    task = tasks.load(name)
    path = tmp_path / "mine.txt"
    path.write_text("# mine\n" + task.prompt().replace("experienced thoracic radiologist", "expert"))
    assert make_plan(Nobody(), task, datasets.load("demo"), RunOptions(prompt=path)).prompt != task.prompt()


@pytest.mark.parametrize("name", ["direct", "mcot", "mcot-loop", "tcot-self"])
def test_the_first_question_is_made_without_asking(name: str) -> None:
    plan = make_plan(Nobody(), tasks.load(name), datasets.load("demo"), RunOptions())

    assert [message.role for message in first_question(plan, plan.studies[0])] == ["system", "user"]
