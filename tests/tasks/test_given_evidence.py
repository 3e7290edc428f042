"""What each arm shows, and nothing else."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Card, Step, Study, Trace
from mmrad_eval.tasks.given_evidence import frame_words, trace_of
from mmrad_eval.tasks.prompting import Prompt
from mmrad_eval.traces.geometry import iou
from mmrad_eval.traces.rendering import load

Make = Callable[..., TaskContext]

ARMS = {
    # arm: image, words, boxes, region images (the table of evidence arms in docs/tasks.md)
    "direct": (True, False, False, False),
    "tcot": (True, True, False, False),
    "bcot": (True, True, True, False),
    "mcot": (True, True, True, True),
    "crops": (True, False, True, True),
    "tcot-blind": (False, True, False, False),
    "mcot-blind": (False, True, True, True),
    "mcot-swapped": (True, True, True, True),
    "mcot-shuffled": (True, True, True, True),
    "mcot-repeat": (True, True, True, True),
    "mcot-random": (True, True, False, True),
}


@pytest.fixture
def study(demo: Dataset) -> Study:
    return next(s for s in demo.studies if len(s.images) == 2 and s.trace and len(s.trace.steps) >= 2)


def steps(study: Study) -> tuple[Any, ...]:
    assert study.trace is not None
    return study.trace.steps


@pytest.mark.parametrize(("name", "shows"), ARMS.items())
async def test_an_arm_shows_its_evidence_and_nothing_else(
    name: str, shows: tuple[bool, ...], study: Study, context: Make, listener: Any
) -> None:
    image, text, boxes, regions = shows
    task = tasks.load(name)

    answer = await task.converse(study, context(task, listener))

    own = [i for i in listener.images if i.role == "current"]
    assert own == (list(study.images) if image else [])
    assert len([i for i in listener.images if i.role == "region"]) == (len(steps(study)) if regions else 0)
    assert all((step.text in listener.words) == text for step in steps(study))
    assert ("bounding box" in listener.words) == boxes
    assert answer.shown == task.shown(study, context(task, listener))
    assert answer.report.findings == "The lungs are clear."


async def test_mcot_interleaves_region_name_region_image_box_and_observation(
    study: Study, context: Make, listener: Any
) -> None:
    task = tasks.load("mcot")

    await task.converse(study, context(task, listener))

    order = [
        piece
        for step in steps(study)
        for piece in (step.region, "<image>", str([int(v) for v in step.box.xyxy]), step.text)
    ]
    places = [listener.words.index("region by region")]
    for piece in order:
        places.append(listener.words.index(piece, places[-1]))
    assert places == sorted(places)
    assert [i.box for i in listener.images if i.role == "region"] == [step.box for step in steps(study)]


async def test_boxes_are_told_in_the_frame_that_the_model_speaks(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("bcot")
    width, height = study.images[0].size or (0, 0)
    step = steps(study)[0]
    scale = 336 / max(width, height)
    left = (step.box.xyxy[0] - (336 - width * scale) / 2) / scale

    await task.converse(study, context(task, listener, card=Card(provider="t", id="l", box_frame="norm_1000")))

    assert frame_words("norm_1000") in listener.words
    assert f"[{round(left / width * 1000)}, " in listener.words


async def test_a_model_that_writes_y_first_is_told_boxes_so(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("bcot")
    usual, turned = (
        Card(provider="t", id="l", box_frame="norm_1000"),
        Card(provider="t", id="l", box_frame="norm_1000_yx"),
    )
    await task.converse(study, context(task, listener, card=usual))
    left, top, right, bottom = re.findall(r"Its bounding box is \[(\d+), (\d+), (\d+), (\d+)\]", listener.words)[0]
    await task.converse(study, context(task, listener, card=turned))

    assert f"[{top}, {left}, {bottom}, {right}]" in listener.words
    assert "boxes are [top, left, bottom, right] in thousandths" in listener.words


async def test_the_arms_differ_in_nothing_but_the_evidence(study: Study, context: Make, listener: Any) -> None:
    words = {}
    for name in ("direct", "tcot", "mcot"):
        task = tasks.load(name)
        await task.converse(study, context(task, listener))
        words[name] = listener.words

    instruction = Prompt(tasks.load("direct").prompt()).text("findings")
    assert all(w.endswith(instruction) for w in words.values())
    assert words["direct"].removesuffix(instruction) in words["tcot"]
    assert words["direct"].removesuffix(instruction) in words["mcot"]


async def test_swapped_shows_another_patients_image_of_the_same_region(
    study: Study, demo: Dataset, context: Make, listener: Any
) -> None:
    task = tasks.load("mcot-swapped")

    await task.converse(study, context(task, listener))

    for image, step in zip([i for i in listener.images if i.role == "region"], steps(study), strict=True):
        donor = next(s for s in demo.studies if any(i.path == image.path for i in s.images))
        assert donor.patient != study.patient
        assert any(s.image == image and s.category == step.category for s in steps(donor))


def test_swapped_cuts_the_same_place_where_no_other_trace_has_the_region(
    study: Study, context: Make, listener: Any
) -> None:
    task = tasks.load("mcot-swapped")
    alone = msgspec.structs.replace(steps(study)[0], region="the left big toe", category="other")

    shown = task.shown(msgspec.structs.replace(study, trace=Trace((alone,))), context(task, listener))

    assert shown is not None
    image = shown.steps[0].image
    assert image is not None
    assert image.box == alone.box
    assert image.path not in {i.path for i in study.images}


def test_shuffled_shows_the_traces_own_images_none_in_its_place(demo: Dataset, context: Make, listener: Any) -> None:
    task = tasks.load("mcot-shuffled")
    for study in demo.studies:
        shown = task.shown(study, context(task, listener))
        assert shown is not None
        images, own = [s.image for s in shown.steps], [s.image for s in steps(study)]
        assert sorted(map(str, images)) == sorted(map(str, own))
        assert all(a != b for a, b in zip(images, own, strict=True)) or len(own) == 1


def test_repeat_shows_the_whole_image_in_as_many_pixels_as_the_crop(study: Study, context: Make, listener: Any) -> None:
    shown = {n: tasks.load(n).shown(study, context(tasks.load(n), listener)) for n in ("mcot", "mcot-repeat")}

    for cut, whole in zip(*(trace.steps for trace in shown.values() if trace), strict=True):
        assert whole.image is not None
        assert cut.image is not None
        assert load(whole.image).size == load(cut.image).size
        assert load(whole.image).data != load(cut.image).data


def test_random_shows_equal_areas_that_hardly_touch_what_the_trace_looks_at(
    demo: Dataset, context: Make, listener: Any
) -> None:
    task = tasks.load("mcot-random")
    overlaps = []
    for study in demo.studies:
        shown = task.shown(study, context(task, listener))
        again = task.shown(study, context(task, listener))
        assert shown == again
        assert shown is not None
        for step, own in zip(shown.steps, steps(study), strict=True):
            assert step.image is not None
            assert step.image.box is not None
            assert step.image.size is not None
            x1, y1, x2, y2 = step.image.box.xyxy
            width, height = step.image.size
            assert -1e-6 <= x1 < x2 <= width + 1e-6
            assert -1e-6 <= y1 < y2 <= height + 1e-6
            scale = 336 / max(width, height)
            a, b, c, d = own.box.xyxy
            assert (x2 - x1) * (y2 - y1) == pytest.approx((c - a) * (d - b) / scale**2, rel=0.02)
            overlaps.append((iou(step.image.box, own.box, step.image.size), (c - a) * (d - b) / 336**2))
    small = [overlap for overlap, area in overlaps if area < 0.15]
    assert small
    assert max(small) < 0.35


def test_every_arm_can_be_shown_for_every_study_without_opening_an_image(
    demo: Dataset, context: Make, listener: Any
) -> None:
    absent = [
        msgspec.structs.replace(s, images=tuple(msgspec.structs.replace(i, path="/nowhere/x.png") for i in s.images))
        for s in demo.studies
    ]
    for name, study in itertools.product(ARMS, absent):
        task = tasks.load(name)
        shown = task.shown(study, context(task, listener))
        assert (shown is None) == (name == "direct")


async def test_the_atlas_shows_the_same_regions_of_every_study(demo: Dataset, context: Make, listener: Any) -> None:
    task = tasks.load("crops-atlas")
    box = Box((10.0, 20.0, 110.0, 220.0), "pad_square_336")
    seen = set()
    for study in demo.studies[:5]:
        told = dataclasses.replace(
            context(task, listener), mean_box=lambda name, _: box if name in ("lungs", "bones") else None
        )
        await task.converse(msgspec.structs.replace(study, trace=None), told)
        seen.add(tuple(s.category for s in (task.shown(study, told) or Trace()).steps))
        assert [i.box for i in listener.images if i.role == "region"] == [box, box]
    assert seen == {("lungs", "bones")}


async def test_traces_of_another_run_are_shown_with_what_they_have(study: Study, context: Make, listener: Any) -> None:
    box = Box((10.0, 20.0, 110.0, 220.0), "pad_square_336")
    written = Trace((Step("the heart", text="It is large."), Step("the lungs", box=box, text="They are clear.")))
    task = trace_of("0123456789ab", {study.id: written})

    answer = await task.converse(msgspec.structs.replace(study, trace=None), context(task, listener))

    assert "First, the heart. It is large." in listener.words
    assert "Second, the lungs. This is how the region looks: <image>" in listener.words
    assert answer.shown is not None
    assert [s.text for s in answer.shown.steps] == ["It is large.", "They are clear."]
    nothing = trace_of("0123456789ab", {})
    await nothing.converse(study, context(nothing, listener))
    assert "region by region" not in listener.words


async def test_a_study_without_a_trace_is_refused_with_its_id(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("tcot")
    bare = msgspec.structs.replace(study, trace=Trace())

    with pytest.raises(DataError, match=f"study {study.id} has no trace"):
        await task.converse(bare, context(task, listener))


async def test_a_step_without_box_or_image_is_never_dropped_in_silence(
    study: Study, context: Make, listener: Any
) -> None:
    task = tasks.load("mcot")
    bare = tuple(msgspec.structs.replace(step, box=None, image=None) for step in steps(study))
    broken = msgspec.structs.replace(study, trace=Trace(bare))

    with pytest.raises(DataError, match="step 1 has neither a region image nor a box"):
        await task.converse(broken, context(task, listener))


async def test_a_region_image_is_cut_as_the_run_says(study: Study, context: Make, listener: Any) -> None:
    task = tasks.load("mcot")

    await task.converse(study, context(task, listener, render="masked"))

    assert {i.render for i in listener.images if i.role == "region"} == {"masked"}


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ("original", "pixels of the image"),
        ("pad_square_336", "336 x 336"),
        ("resized:560x420", "560 x 420"),
        ("norm_1", "fractions"),
        ("norm_1000", "thousandths"),
        ("norm_1000_yx", "thousandths"),
        ("norm_999", "999ths"),
        ("bins_100", "hundredths"),
        ("center_bins_100", "central square"),
    ],
)
def test_every_frame_has_words(frame: str, words: str) -> None:
    assert words in frame_words(frame)


def test_a_box_of_a_study_without_images_stays_in_its_frame_or_says_why_not(
    study: Study, context: Make, listener: Any
) -> None:
    task = tasks.load("bcot")
    nowhere = msgspec.structs.replace(study, images=())
    shown = task.shown(nowhere, context(task, listener))

    assert shown is not None
    assert isinstance(shown.steps[0].box, Box)
