"""The model's own trace: its steps, its boxes, and the regions that these show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Box, Card
from mmrad_eval.tasks.views import key_image

SAID = """Step 1: heart [108, 104, 252, 277]: The heart is large.
**Step 2: left lower lung zone** (170, 150, 250, 230): An opacity.
Step 3: spine: Intact.
Step 4: right lung [900, 100, 990, 200]: Clear.
Step 5: [[30, 30, 90, 90]] The trachea is central.

FINDINGS: Large heart, left basal opacity."""


async def test_boxes_that_the_model_writes_are_kept_and_cut(
    demo: Dataset, listener: Any, context: Callable[..., TaskContext]
) -> None:
    task = tasks.load("tcot-self", {"boxes": "yes"})
    study = demo.studies[0]
    listener.text = SAID

    answer = await task.converse(study, context(task, listener))

    assert (answer.status, answer.report.findings) == ("ok", "Large heart, left basal opacity.")
    assert answer.trace is not None
    assert [(s.region, s.box and s.box.xyxy, s.text) for s in answer.trace.steps] == [
        ("heart", (108, 104, 252, 277), "The heart is large."),
        ("left lower lung zone", (170, 150, 250, 230), "An opacity."),
        ("spine", None, "Intact."),
        ("right lung", (900, 100, 990, 200), "Clear."),
        ("", (30, 30, 90, 90), "The trachea is central."),
    ]
    key = key_image(study)
    assert key is not None
    images = [step.image for step in answer.trace.steps]
    assert [image is None for image in images] == [False, False, True, True, False]
    assert images[0] is not None
    assert (images[0].path, images[0].render, images[0].source) == (key.path, "crop", "tool")
    assert answer.events == {"boxes": 4, "unlocated": 1, "out of frame": 1}


async def test_boxes_are_asked_for_in_the_frame_of_the_model(
    demo: Dataset, listener: Any, context: Callable[..., TaskContext]
) -> None:
    listener.text = "Step 1: heart [100, 200, 500, 900]: Large.\nFINDINGS: Large heart."
    for options, asked in (({}, False), ({"boxes": "yes"}, True)):
        task = tasks.load("tcot-self", options)
        card = Card(provider="t", id="t", box_frame="norm_1000")
        answer = await task.converse(demo.studies[0], context(task, listener, card=card))
        assert ("thousandths of the image's width and height" in listener.words) == asked
        assert ("bounding box" in listener.words) == asked
        assert answer.trace is not None
        assert answer.trace.steps[0].box == Box((100, 200, 500, 900), "norm_1000")


async def test_a_trace_without_steps_stays_words(
    demo: Dataset, listener: Any, context: Callable[..., TaskContext]
) -> None:
    task = tasks.load("tcot-self", {"boxes": "yes"})
    listener.text = "<think>The heart [1,2,3,4] is large.</think>FINDINGS: Large heart."
    answer = await task.converse(demo.studies[0], context(task, listener))
    assert answer.trace is not None
    assert (answer.trace.steps, answer.events) == ((), {})


def test_options_tell_runs_apart_and_wrong_ones_are_refused() -> None:
    assert getattr(tasks.load("tcot-self", {"boxes": "yes"}), "options", None) == {"boxes": "yes"}
    assert getattr(tasks.load("tcot-self", {"boxes": "no"}), "options", None) == {}
    with pytest.raises(UsageError, match="choose yes or no"):
        tasks.load("tcot-self", {"boxes": "maybe"})
    with pytest.raises(UsageError, match="takes only the option boxes"):
        tasks.load("tcot-self", {"box": "yes"})


async def test_a_prompt_file_without_the_block_can_not_ask_for_boxes(
    demo: Dataset, listener: Any, context: Callable[..., TaskContext]
) -> None:
    task = tasks.load("tcot-self", {"boxes": "yes"})
    seen = context(
        task, listener, prompt="[[user]]\n{images}{evidence}{instruction}\n[[image]]\n{picture}\n[[findings]]\nGo."
    )
    with pytest.raises(DataError, match=r"no \[\[boxes\]\] block"):
        await task.converse(demo.studies[0], seen)
