"""What the edits do to images, and which finding is blurred where."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.values import Box, Card, Image, ReaderBox, Reply, Report, Study
from mmrad_eval.metrics.facts.labels import label
from mmrad_eval.tasks.donors import Donors
from mmrad_eval.tasks.interventions import images
from mmrad_eval.tasks.interventions.blur_targets import NO_BOX, NO_PLACE, Target, has_boxes, target
from mmrad_eval.traces.rendering import load

ILL, WELL = 1, 2
"""Numbers of a study with a pneumothorax and of a normal one."""


async def _nobody(messages: object, *, extra: object = None) -> Reply:
    raise AssertionError(f"{messages} {extra}")


@pytest.fixture
def context(studies: Dataset) -> TaskContext:
    return TaskContext(_nobody, Card(provider="x", id="x"), "findings", "", Donors(studies.studies))


def shown(image: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(Pillow.open(io.BytesIO(load(image).data)).convert("L"), dtype=np.float64)


def test_a_shifted_picture_has_lost_two_rows_and_columns(studies: Dataset, context: TaskContext) -> None:
    study = studies.studies[ILL]
    before = shown(study.images[0])
    made, plain = images.edited(study, "shifted", context)
    assert np.array_equal(shown(made.images[0]), before[2:, 2:])
    assert made.trace is not None
    region = made.trace.steps[1].image
    assert region is not None
    assert load(region).how.startswith("crop/1 [42, 74, 180, 312]")
    assert plain.options["render"] == "record"


def test_every_picture_of_a_study_goes_through_jpeg(studies: Dataset, context: TaskContext) -> None:
    study = studies.studies[ILL]
    made, _ = images.edited(study, "jpeg", context)
    assert load(made.images[0]).how.startswith("jpeg/1;")
    assert made.trace is not None
    regions = [step.image for step in made.trace.steps]
    assert [load(region).how.partition(" [")[0] for region in regions if region] == ["jpeg/1 of crop/1"] * 2
    assert 0 < np.abs(shown(made.images[0]) - shown(study.images[0])).mean() < 2


def test_regions_are_edited_as_they_would_be_rendered(studies: Dataset, context: TaskContext) -> None:
    masked = dataclasses.replace(context, options={"render": "masked"})
    made, plain = images.edited(studies.studies[ILL], "jpeg", masked)
    assert made.trace is not None
    assert made.trace.steps[0].image is not None
    assert load(made.trace.steps[0].image).how.startswith("jpeg/1 of masked/1")
    assert plain.options["render"] == "record"  # what is made here is shown as it is


def test_a_blank_picture_is_the_mean_grey(studies: Dataset, context: TaskContext) -> None:
    study = studies.studies[ILL]
    made, _ = images.edited(study, "blank", context)
    after = shown(made.images[0])
    assert after.shape == (400, 400)
    assert np.unique(after).tolist() == [round(shown(study.images[0]).mean())]


def test_a_swapped_image_is_the_donors_and_the_trace_stays(studies: Dataset, context: TaskContext) -> None:
    study = studies.studies[0]
    made, _ = images.edited(study, "swapped", context)
    assert made.images[0].path == Donors(studies.studies)(study).images[0].path
    assert made.trace == study.trace


@pytest.mark.parametrize("number", range(0, 24, 5))
def test_donors_have_the_same_labels_or_opposite_ones(number: int, studies: Dataset, context: TaskContext) -> None:
    study = studies.studies[number]
    owner = {
        other.images[0].path: label(other.reference.findings or "") for other in studies.studies if other.reference
    }
    own = owner[study.images[0].path]
    same, opposite = (
        owner[images.edited(study, edit, context)[0].images[0].path] for edit in ("swap-same", "swap-opposite")
    )
    assert {k for k, v in same.items() if v in (1, -1)} == {k for k, v in own.items() if v in (1, -1)}
    assert (opposite["No Finding"] == 1) != (own["No Finding"] == 1)


def test_a_study_without_such_a_donor_is_left_out_with_the_reason(studies: Dataset) -> None:
    alike = [replace(s, reference=Report("The heart is enlarged.", "The heart is enlarged.")) for s in studies.studies]
    donor = Donors(alike)
    assert images.DIRECT_SWAP_SAME.lacks(alike[0], donor, "findings") == ""
    assert images.DIRECT_SWAP_OPPOSITE.lacks(alike[0], donor, "findings") == "no other patient with opposite labels"
    bare = replace(alike[0], reference=None)
    assert images.DIRECT_SWAP_SAME.lacks(bare, donor, "findings") == "no reference findings to take labels from"
    assert images.DIRECT_SWAPPED.lacks(bare, donor, "findings") == ""


def test_a_study_without_a_box_is_left_out_and_no_image_is_opened_for_that(studies: Dataset) -> None:
    donor = Donors(studies.studies)
    bare = Study("s", (Image("/nowhere.png"),))
    assert images.DIRECT_BLURRED.lacks(bare, donor, "findings") == NO_BOX
    boxed_but_gone = replace(bare, boxes=(ReaderBox(Box((10, 10, 60, 60)), "Nodule"),))
    assert images.DIRECT_BLURRED.lacks(boxed_but_gone, donor, "findings") == ""


def test_the_other_wording_has_the_blocks_and_slots_of_the_first() -> None:
    from mmrad_eval.tasks.prompting import _BLOCK, _SLOT

    ours, other = images.DIRECT_SHIFTED.prompt(), images.DIRECT_REWORDED.prompt()
    first, second = (_BLOCK.split(text) for text in (ours, other))
    assert first[1::2] == second[1::2]
    for name, one, two in zip(first[1::2], first[2::2], second[2::2], strict=True):
        assert sorted(_SLOT.findall(one)) == sorted(_SLOT.findall(two)), name
        assert one != two or not any(c.isalpha() for c in _SLOT.sub("", one)), name


def test_a_blurred_finding_is_gone_and_elsewhere_it_stays(studies: Dataset, context: TaskContext) -> None:
    study = studies.studies[ILL]
    blurred, elsewhere = (shown(images.edited(study, edit, context)[0].images[0]) for edit in ("blurred", "elsewhere"))
    before = shown(study.images[0])
    assert before[72:312, 40:180].min() == 220
    assert blurred[72:312, 40:180].max() < 60
    assert np.array_equal(elsewhere[72:312, 40:180], before[72:312, 40:180])
    assert (blurred != before).sum() == pytest.approx((elsewhere != before).sum(), rel=0.1)


# ---------------------------------------------------------------------------------------------- which finding, where


def boxed(*drawn: tuple[tuple[float, float, float, float], str], name: str = "s") -> Study:
    boxes = tuple(ReaderBox(Box(box), words) for box, words in drawn)
    return Study(name, (Image("/nowhere.png", size=(1000, 1000)),), boxes=boxes)


def test_the_equal_area_lies_at_the_mirror_place() -> None:
    found = target(boxed(((100, 200, 200, 300), "Nodule")))
    assert isinstance(found, Target)
    assert found.concepts == ("nodule",)
    assert found.boxes == (Box((90, 190, 210, 310)),)
    assert found.elsewhere == (Box((790, 190, 910, 310)),)


def test_boxes_of_several_readers_are_one_place_and_other_findings_are_kept_clear_of() -> None:
    study = boxed(
        ((100, 200, 200, 300), "Nodule"),
        ((150, 250, 260, 330), "Nodule"),
        ((700, 100, 950, 400), "Other diseases"),
    )
    found = target(study)
    assert isinstance(found, Target)
    assert found.boxes == (Box((90, 190, 271, 338)),)
    (place,) = found.elsewhere
    assert place.xyxy[2] <= 700 or place.xyxy[0] >= 950 or place.xyxy[1] >= 400 or place.xyxy[3] <= 100


def test_a_finding_that_readers_call_by_two_names_is_blurred_under_both() -> None:
    found = target(boxed(((100, 200, 200, 300), "Nodule/Mass"), ((500, 500, 600, 600), "Nodule")))
    assert isinstance(found, Target)
    assert len(found.boxes) == 2


def test_a_lung_has_no_equal_elsewhere() -> None:
    assert target(boxed(((50, 50, 560, 950), "Pneumothorax"))) == NO_PLACE


def test_boxes_of_what_no_report_can_be_searched_for_are_none() -> None:
    assert target(boxed()) == NO_BOX
    assert target(boxed(((100, 200, 200, 300), "Other diseases"))) == NO_BOX
    assert target(boxed(((100, 200, 100, 300), "Nodule"))) == NO_BOX  # not a box
    assert not has_boxes(boxed(((100, 200, 200, 300), "Other diseases")))
    assert has_boxes(boxed(((100, 200, 200, 300), "Nodule")))


def test_which_of_several_findings_is_blurred_is_fixed_and_differs_between_studies() -> None:
    drawn = [
        ((100, 200, 200, 300), "Nodule"),
        ((500, 500, 600, 600), "Pleural effusion"),
        ((10, 10, 60, 60), "Fracture"),
    ]
    found = [target(boxed(*drawn, name=f"s{i}")) for i in range(30)]
    assert found == [target(boxed(*reversed(drawn), name=f"s{i}")) for i in range(30)]
    assert {one.concepts for one in found if isinstance(one, Target)} == {
        ("nodule",),
        ("pleural_effusion",),
        ("fracture",),
    }


edge = st.integers(0, 999)


@given(st.lists(st.tuples(edge, edge, st.integers(5, 400), st.integers(5, 400)), min_size=1, max_size=5))
def test_equal_areas_are_equal_inside_and_touch_no_finding(corners: list[tuple[int, int, int, int]]) -> None:
    drawn = [(float(x), float(y), float(min(1000, x + w)), float(min(1000, y + h))) for x, y, w, h in corners]
    assume(
        all(right - left > 2 and bottom - top > 2 and right > 2 and bottom > 2 for left, top, right, bottom in drawn)
    )
    found = target(boxed(*((box, "Nodule") for box in drawn)))
    if isinstance(found, str):
        assert found == NO_PLACE
        return
    grown = [box.xyxy for box in found.boxes]
    for a, b in zip(grown, (box.xyxy for box in found.elsewhere), strict=True):
        assert (a[2] - a[0], a[3] - a[1]) == (b[2] - b[0], b[3] - b[1])
        assert min(b) >= 0
        assert max(b) <= 1000
        assert all(b[2] <= c[0] or b[0] >= c[2] or b[3] <= c[1] or b[1] >= c[3] for c in (*drawn, *grown))
    for left, top, right, bottom in drawn:  # every box lies in a blurred one
        assert any(g[0] <= left and g[1] <= top and g[2] >= right and g[3] >= bottom for g in grown)
