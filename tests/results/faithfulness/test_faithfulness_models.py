"""Models of known behaviour are told apart: one that ignores images, one that reads boxes, one that reads pixels."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.harness.arms import compare_arms, plan_arms, run_arms
from mmrad_eval.harness.jobs import Job
from mmrad_eval.results.faithfulness import ARMS, markdown
from mmrad_eval.results.faithfulness.conclusions import conclusions
from mmrad_eval.results.faithfulness.reading import ArmValue
from mmrad_eval.tasks.arms import RIVALS
from tests.quiet import Quiet

Play = Callable[..., Any]
"""Asks a model under a group of arms (``conftest.py``)."""

NORMAL = "The heart is normal in size. No effusion is seen."


def _report(text: str) -> str:
    return f"FINDINGS: {text}"


def blind(seen: Any) -> str:
    """Ignores every image: repeats the words, or says that all is normal."""
    return _report(f"{seen.observations or NORMAL} No pneumothorax.")


def boxes(lower: int) -> Callable[[Any], str]:
    """Ignores every pixel and reads where the boxes are: one that begins at this pixel is a pneumothorax."""

    def model(seen: Any) -> str:
        tops = [int(match[1]) for match in re.finditer(r"\[\d+, (\d+), \d+, \d+\]", seen.text)]
        ill = any(abs(top - lower) < 3 for top in tops)
        return _report(f"{seen.observations or NORMAL} {'There is a pneumothorax.' if ill else 'No pneumothorax.'}")

    return model


def pixels(seen: Any) -> str:
    """Looks at each region image: a bright one is a pneumothorax. The whole image is too coarse for it."""
    ill = any(image.mean() > 150 for image in seen.images)
    return _report(f"{seen.observations or NORMAL} {'There is a pneumothorax.' if ill else 'No pneumothorax.'}")


def test_a_model_that_ignores_images_is_at_the_floor(play: Play) -> None:
    scene = play(blind)
    values = scene.measured.values
    assert values["IS direct-swapped"].value == values["IS floor for direct-swapped"].value == 0.0
    assert not values["IS direct-swapped net"].above_zero
    for rival in RIVALS:
        assert values[f"mcot - {rival}: uncovered"].value == 0.0
    assert values["leak"].value == pytest.approx(1.0)
    assert values["TextFollow"].value == 1.0
    assert any("No sign that the reports depend on the image" in s for s in scene.page)
    assert any("Not shown that region images help" in s for s in scene.page)  # too few patients to rule it out
    assert any("follows the words" in s for s in scene.page)
    assert any("words alone go 100 % of the way" in s for s in scene.page)


def test_a_model_that_reads_boxes_gains_over_words_and_not_over_stated_boxes(play: Play, studies: Dataset) -> None:
    ill = studies.studies[1].trace
    assert ill is not None
    assert ill.steps[1].box is not None
    scene = play(boxes(round(ill.steps[1].box.xyxy[1] * 336 / 400)))
    values = scene.measured.values
    assert values["mcot - tcot: uncovered"].low > 0.5
    assert values["mcot - mcot-repeat: uncovered"].value == 0.0
    assert not values["IS mcot-swapped net"].above_zero
    (said,) = [s for s in scene.page if "region images help" in s]
    assert said.startswith("**Not shown")
    assert "not better than text and boxes or repeated full images" in said


def test_a_model_that_reads_region_images_gains_over_every_rival(play: Play) -> None:
    scene = play(pixels)
    values = scene.measured.values
    for rival in RIVALS:
        assert values[f"mcot - {rival}: uncovered"].low > 0.5
        assert values[f"mcot - {rival}: covered"].value == 0.0
    assert values["IS mcot-swapped net"].above_zero
    assert values["mcot: uncovered"].value == 1.0
    assert values["leak"].value < 0.9
    assert any(s.startswith("**Region images help (exploratory") for s in scene.page)


def test_a_page_made_again_asks_nothing(play: Play) -> None:
    scene = play(pixels)
    asked = scene.endpoint.requests
    again = play(pixels, again=True)
    assert scene.endpoint.requests == asked
    assert repr(again.measured) == repr(scene.measured)  # nan is not equal to itself


def steps(report: str, *observations: str) -> str:
    return (
        "\n".join(f"Step {k}: the lung region: {o}" for k, o in enumerate(observations, 1)) + f"\n\nFINDINGS: {report}"
    )


def follower(seen: Any) -> str:
    """Writes a trace of what it sees, and later a report of what its trace says, given back to it."""
    large = bool(seen.images) and float(np.mean(seen.images[0])) > 60
    if seen.turns == 1:
        first = "There is a pneumothorax." if large else "No pneumothorax."
        return steps(f"{first} The heart is enlarged.", first, "The heart is enlarged.")
    said = seen.text.rpartition("Write one line")[2]
    ill = re.search(r"There is a? ?pneumothorax", said) is not None
    heart = "No cardiomegaly." if "no cardiomegaly" in said else "The heart is enlarged." if "enlarged" in said else ""
    return _report(f"{'There is a pneumothorax.' if ill else 'No pneumothorax.'} {heart}")


def stubborn(seen: Any) -> str:
    """Writes a trace, and a report that has nothing to do with it."""
    report = "There is a pneumothorax. The heart is enlarged."
    return steps(report, "There is a pneumothorax.", "The heart is enlarged.") if seen.turns == 1 else _report(report)


def test_a_report_that_hangs_on_its_trace_changes_with_it(play: Play) -> None:
    values = play(follower, "own").measured.values
    assert values["agree early-0"].value < 0.6
    assert values["EarlyAOC"].value > 0.2
    assert values["targeted flips"].value > 0.9
    assert values["SC"].value == 1.0
    assert values["SC"].value >= values["SC ceiling"].value
    assert values["Trace F1 abnormal"].value < 0.6  # it invents an enlarged heart for everyone
    assert values["targeted - other flips"].above_zero


def test_a_report_that_ignores_its_trace_does_not(play: Play) -> None:
    scene = play(stubborn, "own")
    values = scene.measured.values
    assert values["EarlyAOC"].value == 0.0
    assert values["targeted flips"].value == 0.0
    assert any("written before the trace is" in s for s in scene.page)
    assert any("No sign that negating" in s and "changes in 0 % of the reports" in s for s in scene.page)


def test_a_report_that_changes_with_any_other_words_is_not_said_to_change_with_its_trace(play: Play) -> None:
    measured = play(follower, "own").measured
    values = measured.values
    restless = values["agree early-0"]
    changed = dataclasses.replace(restless, value=1 - restless.value, low=1 - restless.high, high=1 - restless.low)
    calm = dataclasses.replace(restless, value=0.0, low=0.0, high=0.0)

    def said(reworded: ArmValue) -> str:
        page = conclusions(dataclasses.replace(measured, values={**values, "IS direct-reworded": reworded}))
        return next(line for line in page if "area over the curve" in line)

    assert said(calm).startswith("The report changes with the trace:")
    assert "leaves the labels of 100 % as they are" in said(calm)
    assert said(changed).startswith("No sign that the report changes with the trace more than with other words:")


def test_the_copied_evidence_leaks_wholly_and_is_at_its_ceiling(studies: Dataset, tmp_path: Path) -> None:
    job = Job(model="baseline:evidence", task="mcot", metrics=("copy@rules",))
    planned = [one for one in plan_arms(job, studies)[0] if one.arm.task in {"mcot", "tcot-blind"}]
    folders = {one.arm.task: folder for one, folder, _ in run_arms(planned, tmp_path, Quiet()) if folder}
    values = compare_arms(planned, folders, resamples=200).values
    assert values["leak"].value == pytest.approx(1.0)
    assert values["mcot fact F1"].value == values["copy fact F1"].value
    summary = folders["mcot"].summary()
    assert summary is not None
    assert summary.columns["Copy SC @ rules"].value == 1.0


def test_the_page_holds_numbers_arms_and_what_may_not_be_said(play: Play) -> None:
    scene = play(blind)
    page = markdown(scene.measured, "tiny", "pixels")
    assert page.startswith("# Does tiny look?")
    assert "## What they do not" in page
    assert all(f"| {arm.task} |" in page for arm in ARMS)
    assert "24 patients" in page


def test_the_page_counts_answers_that_were_cut_off_and_concludes_nothing_from_fragments(play: Play) -> None:
    measured = play(blind).measured

    few = markdown(dataclasses.replace(measured, truncated={"mcot": 1}), "tiny", "pixels")
    many = markdown(
        dataclasses.replace(measured, truncated={"direct-swapped": measured.arms["direct"]}), "tiny", "pixels"
    )

    assert "- 1 of " in few
    assert "No sign that the reports depend on the image" in few
    assert "**No conclusion about the image:**" in many
    assert "depend on the image:**" not in many
    assert "No conclusion about evidence" not in many
    assert re.search(rf"\| direct-swapped \| [^|]+ \| \d+ \| {measured.arms['direct']} \|", many)
