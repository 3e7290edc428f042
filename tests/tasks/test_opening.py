"""Context, priors, views, target and prompt files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import ClinicalContext, Image, Study
from mmrad_eval.tasks.messages import context_words
from mmrad_eval.tasks.prompting import Prompt
from mmrad_eval.tasks.views import chosen, key_image, orientation

Make = Callable[..., TaskContext]


@pytest.fixture
def study(demo: Dataset) -> Study:
    return next(s for s in demo.studies if s.priors and s.context.indication)


async def test_nothing_of_context_or_priors_is_told_unless_asked(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("direct")

    await task.converse(study, context(task, listener))

    assert study.context.indication
    assert study.context.indication not in listener.words
    assert "earlier" not in listener.words.lower()
    assert all(image.role == "current" for image in listener.images)


async def test_context_and_prior_report_are_told_when_asked(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("direct")

    await task.converse(study, context(task, listener, context="all", priors="report"))

    assert study.priors[0].report is not None
    assert study.priors[0].report.text in listener.words
    assert (study.context.indication or "").rstrip(".") in listener.words


async def test_prior_images_come_after_the_current_ones(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("direct")

    await task.converse(study, context(task, listener, priors="images"))

    roles = [image.role for image in listener.images]
    assert roles == ["current"] * len(study.images) + ["prior"] * len(study.priors[0].images)
    assert "Earlier frontal view" in listener.words


@pytest.mark.parametrize("target", ["findings", "impression", "report"])
async def test_the_instruction_asks_for_the_target(target: Any, study: Study, context: Make, listener: Any) -> None:
    for name in ("direct", "tcot-self"):
        task = tasks.load(name)
        await task.converse(study, context(task, listener, target=target))
        assert ("FINDINGS:" in listener.words) == (target != "impression")
        assert ("IMPRESSION:" in listener.words) == (target != "findings")


async def test_a_prompt_of_ones_own_takes_the_place_of_the_tasks(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("direct")
    prompt = "[[user]]\n{images}{instruction}\n[[image]]\n{picture}\n[[findings]]\nSay what you see.\n"

    await task.converse(study, context(task, listener, prompt=prompt))

    assert listener.words == "<image>\n\n" * len(study.images) + "Say what you see."
    assert [m.role for m in listener.heard[-1]] == ["user"]


async def test_a_prompt_without_words_for_the_target_says_so(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("direct")
    prompt = "[[user]]\n{images}{instruction}\n[[findings]]\nSay what you see.\n"

    with pytest.raises(DataError, match=r"no \[\[impression\]\] block"):
        await task.converse(study, context(task, listener, prompt=prompt, target="impression"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no blocks here", r"no \[\[user\]\] block \(found: none\)"),
        ("[[user]]\na\n[[user]]\nb", "appears twice"),
    ],
)
def test_a_file_that_is_no_prompt_is_named(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Prompt(text, "mine.txt")


def test_a_slot_that_nothing_fills_is_named_with_those_that_are() -> None:
    with pytest.raises(DataError, match=r"mine.txt: \[\[user\]\] has the slot \{imges\}.*known slots: \{images\}"):
        Prompt("[[user]]\n{imges}", "mine.txt").fill("user", {"images": "x"})


def test_a_block_whose_slots_are_all_empty_leaves_no_words() -> None:
    prompt = Prompt("[[user]]\nx\n[[step box]]\n Its bounding box is {box}.")

    assert prompt.fill("step box", {"box": ""}) == []
    assert prompt.fill("step box", {"box": "[1]"}) == [" Its bounding box is ", "[1]", "."]


def test_braces_in_values_are_not_slots() -> None:
    prompt = Prompt("[[user]]\n{text}")

    assert prompt.fill("user", {"text": "{images} {text}"}) == ["{images} {text}"]


def test_context_words_are_sentences() -> None:
    context = ClinicalContext(indication="Cough. ", age="61", sex="F")

    assert context_words(context, "indication") == "Indication: Cough."
    assert context_words(context, "all") == "Age: 61. Sex: F. Indication: Cough."
    assert context_words(context, "none") == context_words(ClinicalContext(), "all") == ""


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("PA", "frontal"),
        ("ap", "frontal"),
        ("AP SUPINE", "frontal"),
        ("Frontal", "frontal"),
        (None, "frontal"),
        ("", "frontal"),
        ("LATERAL", "lateral"),
        ("LL", "lateral"),
        ("Lateral", "lateral"),
        ("postero-anterior", "frontal"),
        ("antero-posterior", "frontal"),
        ("AP_SUPINE", "frontal"),
        ("SWIMMERS", "other"),
        ("PARASAGITTAL", "other"),
    ],
)
def test_views_are_told_apart(view: str | None, expected: str) -> None:
    assert orientation(view) == expected


def test_the_key_image_is_the_first_frontal_one_and_comes_first() -> None:
    lateral, frontal, second = Image("l.png", view="LATERAL"), Image("f.png", view="PA"), Image("g.png", view="AP")
    study = Study("s", (lateral, frontal, second))

    assert key_image(study) is frontal
    assert chosen(study, "key") == (frontal,)
    assert chosen(study, "frontal") == (frontal, second)
    assert chosen(study, "all") == (frontal, lateral, second)
    assert key_image(Study("s", (lateral,))) is lateral
    assert chosen(Study("s"), "all") == ()
