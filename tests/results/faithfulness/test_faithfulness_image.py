"""Models of known behaviour under edits of the image: where they look, and what an edit of nothing does to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mmrad_eval.results.faithfulness import ARMS, markdown
from mmrad_eval.results.faithfulness.arms import applicable
from mmrad_eval.results.faithfulness.conclusions import limits
from mmrad_eval.tasks.arms import BOXES

Play = Callable[..., Any]
"""Asks a model under a group of arms (``conftest.py``)."""


def _report(ill: object) -> str:
    return f"FINDINGS: {'There is a pneumothorax.' if ill else 'No pneumothorax.'}"


def reads_the_finding(seen: Any) -> str:
    """A pneumothorax is a bright place."""
    return _report((seen.images[0] > 150).mean() > 0.01)


def always_alarmed(seen: Any) -> str:
    """Ignores every image, and reports a pneumothorax."""
    return _report(bool(seen.text))


def startled_by_any_blur(seen: Any) -> str:
    """Reports a pneumothorax unless some dark part of the picture is smooth."""
    image = seen.images[0]
    smooth = (np.abs(np.diff(image, axis=1)) <= 1) & (image[:, 1:] < 100)
    return _report(smooth.mean() < 0.25)


def never_alarmed(seen: Any) -> str:
    """Reports nothing, whatever is blurred."""
    return _report(not seen.text)


def jitters(seen: Any) -> str:
    """Reports whatever the sum of all pixels happens to be."""
    return _report(int(seen.images[0].sum()) % 2)


def goes_by_the_wording(seen: Any) -> str:
    """Takes a friendly word for a finding."""
    return _report("Please" in seen.text)


def test_a_model_that_reads_the_finding_has_causal_grounding_of_one(play: Play) -> None:
    scene = play(reads_the_finding, "image")
    assert scene.value("blurred findings reported before").value == 1.0
    assert scene.value("gone: finding blurred").value == 1.0
    assert scene.value("gone: elsewhere blurred").value == 0.0
    grounding = scene.value("causal grounding")
    assert (grounding.value, grounding.low, grounding.high, grounding.n) == (1.0, 1.0, 1.0, 12)
    assert any(s.startswith("**Findings are read at their places:** of 12 findings") for s in scene.page)


def test_a_model_that_ignores_images_has_none(play: Play) -> None:
    scene = play(always_alarmed, "image")
    grounding = scene.value("causal grounding")
    assert (grounding.value, grounding.low, grounding.high, grounding.n) == (0.0, 0.0, 0.0, 12)
    assert any(s.startswith("**No sign that findings are read at their places:**") for s in scene.page)


def test_losing_a_finding_to_any_blur_is_no_grounding(play: Play) -> None:
    scene = play(startled_by_any_blur, "image")
    assert scene.value("gone: finding blurred").value == scene.value("gone: elsewhere blurred").value == 1.0
    assert scene.value("causal grounding").value == 0.0


def test_findings_that_were_never_reported_say_nothing(play: Play) -> None:
    scene = play(never_alarmed, "image")
    assert "causal grounding" not in scene.measured.values
    assert any("It is unknown whether findings depend on their places: no blurred finding" in s for s in scene.page)


def test_a_report_that_jitters_with_every_pixel_does_not_depend_on_the_image(play: Play) -> None:
    scene = play(jitters, "image")
    assert scene.value("IS direct-swapped").value > 0.2
    assert scene.value("IS floor for direct-swapped").value == max(
        scene.value(f"IS direct-{null}").value for null in ("shifted", "jpeg")
    )
    assert not scene.value("IS direct-swapped net").above_zero
    assert any(s.startswith("**No sign that the reports depend on the image:**") for s in scene.page)


def test_a_report_that_follows_the_image_is_above_the_floor_and_turns_with_what_it_shows(play: Play) -> None:
    scene = play(reads_the_finding, "image")
    assert scene.value("IS floor for direct-swapped").value == 0.0
    assert scene.value("IS direct-swapped net").above_zero
    assert scene.value("IS direct-blank").value == 0.5  # those that had a pneumothorax
    assert scene.value("IS direct-swap-same").value == 0.0
    assert scene.value("IS direct-swap-opposite net").above_zero
    assert scene.value("opposite - same labels").above_zero
    assert any(s.startswith("**What the image shows matters:**") for s in scene.page)


def test_the_page_says_which_labels_change_with_another_image(play: Play) -> None:
    scene = play(reads_the_finding, "image")
    assert scene.value("IS direct-swapped: Pneumothorax net").above_zero
    assert scene.value("IS direct-swapped: Pneumothorax").value == scene.value("IS direct-swapped").value
    assert scene.value("IS direct-swapped: Edema").value == 0.0
    assert "| Pneumothorax | 0." in markdown(scene.measured, "tiny", "pixels")


def test_a_model_that_goes_by_the_wording_is_told_from_one_that_looks(play: Play) -> None:
    scene = play(goes_by_the_wording, "image")
    assert scene.value("IS direct-reworded").value == 1.0
    assert scene.value("IS direct-swapped").value == scene.value("IS floor for direct-swapped").value == 0.0
    assert any("in other words changes the labels of 100 % of the reports." in s for s in scene.page)


def test_the_page_counts_the_studies_without_a_fair_comparison(play: Play) -> None:
    scene = play(reads_the_finding, "image")
    page = markdown(scene.measured, "tiny", "pixels")
    row = next(line for line in page.splitlines() if line.startswith("| direct-blurred |"))
    assert "| 12 | 0 |" in row
    assert row.endswith("| 12: no box of a finding |")
    assert scene.measured.arms["direct"] == 24


def test_data_without_boxes_says_what_can_not_be_known() -> None:
    able, lacking = applicable([])
    assert {arm.task for arm in lacking if arm.needs == BOXES} == {"direct-blurred", "direct-blurred-elsewhere"}
    assert len(able) + len(lacking) == len(ARMS)
    from mmrad_eval.results.faithfulness import measure

    said = list(limits(measure([], "findings", {}, resamples=10), lacking))
    assert any(
        s == "Whether findings are read at their places: the studies have no boxes of findings, which direct-blurred, "
        "direct-blurred-elsewhere need."
        for s in said
    )
