"""The rule by which a gain of region images may be called visual: what passes it, what fails, and by how much."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Answer, Box, Report, Step, Study, Trace
from mmrad_eval.results.faithfulness import measure
from mmrad_eval.results.faithfulness.visual_claim import VisualClaim, sentence
from mmrad_eval.tasks.arms import ARMS, MAIN, RIVALS

Play = Callable[..., Any]
"""Asks a model under a group of arms (``conftest.py``)."""

ILL, WELL = "There is a pneumothorax.", "No pneumothorax."
HEART = "The heart is enlarged."


def _wrong(seen: Any, share: float) -> bool:
    """The same share of studies, drawn by the film."""
    drawn = hashlib.sha256(seen.images[0].tobytes()).digest()
    return int.from_bytes(drawn[:4], "big") < share * 2**32


def box_reader_whom_images_confuse(seen: Any) -> str:
    """Reads where the stated boxes are; region images make it miss one finding in six, repeated ones every second.

    It beats words, repeated images and random regions, and looks at nothing: stated boxes alone serve it best.
    """
    tops = [int(match[1]) for match in re.finditer(r"\[\d+, (\d+), \d+, \d+\]", seen.text)]
    ill = any(abs(top - round(72 * 336 / 400)) < 3 for top in tops)
    letterboxed = any((image < 10).mean() > 0.2 for image in seen.images[1:])  # films are nowhere so dark
    if len(seen.images) > 1 and _wrong(seen, 1 / 2 if letterboxed else 1 / 6):
        ill = False
    return f"FINDINGS: {seen.observations} {ILL if ill else WELL}"


def region_reader(seen: Any) -> str:
    """A bright region image is a pneumothorax; the whole image is too coarse for it."""
    ill = any(image.mean() > 150 for image in seen.images)
    return f"FINDINGS: {seen.observations} {ILL if ill else WELL}"


def test_one_who_gains_by_stated_boxes_and_loses_by_images_fails(play: Play, many: Dataset) -> None:
    claim = play(box_reader_whom_images_confuse, "claim", over=many).measured.claim
    tests = {test.task: test for test in claim.tests}
    assert claim.patients == 200
    assert all(tests[task].beaten for task in ("tcot", "mcot-repeat", "mcot-random-boxed"))
    assert tests["bcot"].high < 0
    assert claim.outcome == "smaller"
    assert "against text and boxes" in sentence(claim)


def test_one_who_reads_region_images_passes(play: Play, many: Dataset) -> None:
    claim = play(region_reader, "claim", over=many).measured.claim
    assert claim.outcome == "shown"
    assert all(test.beaten and test.difference > 0.9 for test in claim.tests)
    assert "may be called visual" in sentence(claim)


def answers(right: Mapping[str, float], n: int, seed: int = 0) -> tuple[list[Study], dict[str, list[Answer]]]:
    """Studies whose words tell the heart and not the pneumothorax, which each arm finds with its own chance."""
    rng = np.random.default_rng(seed)
    trace = Trace((Step(region="the heart", category="heart_mediastinum", box=Box((0, 0, 9, 9)), text=HEART),))
    text = f"{HEART} {ILL}"
    studies = [Study(f"s{i}", (), f"p{i}", Report(text, text), trace) for i in range(n)]
    return studies, {
        task: [
            Answer(study.id, "ok", report=Report(f"{HEART} {ILL if rng.random() < chance else WELL}"))
            for study in studies
        ]
        for task, chance in right.items()
    }


def claim_of(right: Mapping[str, float], n: int, *, seed: int = 0, **options: Any) -> VisualClaim:
    studies, found = answers(right, n, seed)
    return measure(studies, "findings", found, resamples=1000, **options).claim


LEVEL = dict.fromkeys((MAIN, *RIVALS), 0.5)


def test_a_gain_is_shown_only_where_every_rival_is_beaten() -> None:
    assert claim_of(LEVEL | {MAIN: 0.9}, 200).outcome == "shown"
    for rival in RIVALS:
        assert claim_of(LEVEL | {MAIN: 0.9, rival: 0.9}, 200).outcome != "shown", rival


def test_a_missing_rival_is_named_and_nothing_is_said() -> None:
    for rival in RIVALS:
        claim = claim_of({task: 0.5 for task in LEVEL if task != rival}, 50)
        assert claim.outcome == "untested"
        assert f"no run of {rival}" in sentence(claim)


def test_words_that_tell_everything_leave_nothing_to_show() -> None:
    studies, found = answers(LEVEL, 20)
    told = [Study(s.id, (), s.patient, Report(HEART, HEART), s.trace) for s in studies]
    claim = measure(told, "findings", found, resamples=200).claim
    assert claim.outcome == "untested"
    assert "the words state every fact" in sentence(claim)


def cut(found: Mapping[str, list[Answer]], task: str, every: int) -> dict[str, list[Answer]]:
    """The answers with one in ``every`` of an arm cut off, before it could state what the words did not tell."""
    kept = Report(HEART)
    return {
        arm: [
            Answer(one.study, "truncated", report=kept) if arm == task and number % every == 0 else one
            for number, one in enumerate(ones)
        ]
        for arm, ones in found.items()
    }


@pytest.mark.parametrize("task", [MAIN, *RIVALS])
def test_nothing_is_said_where_a_tenth_of_an_arm_was_cut_off(task: str) -> None:
    studies, found = answers(LEVEL | {MAIN: 0.9}, 200)
    claim = measure(studies, "findings", cut(found, task, 10), resamples=400).claim
    assert claim.outcome == "untested"
    assert f"20 of 200 answers of {task} were cut off" in sentence(claim)


def test_nothing_is_said_where_few_fragments_of_a_rival_make_the_gain() -> None:
    studies, found = answers(LEVEL, 200)
    equal = {task: [Answer(a.study, "ok", report=a.report) for a in found[MAIN]] for task in found}
    better = {task: cut(equal, task, 12)[task] if task in RIVALS else equal[task] for task in equal}
    claim = measure(studies, "findings", better, resamples=400).claim
    assert claim.outcome == "untested"
    assert "without these studies another outcome follows" in sentence(claim)


def test_few_fragments_that_decide_nothing_change_nothing() -> None:
    studies, found = answers(LEVEL | {MAIN: 0.9}, 200)
    assert measure(studies, "findings", cut(found, "bcot", 50), resamples=400).claim.outcome == "shown"


def test_no_gain_in_few_patients_is_not_shown_and_its_power_stands_beside_it() -> None:
    claim = claim_of(LEVEL, 40)
    assert claim.outcome == "not shown"
    assert claim.power < 0.2
    assert re.search(r"power of \d+ %", sentence(claim))


def test_no_gain_in_many_patients_rules_out_a_gain_that_matters() -> None:
    claim = claim_of(LEVEL, 600, margin=0.2)
    assert claim.outcome == "smaller"
    assert "20 points or more is ruled out" in sentence(claim)


def test_equal_answers_of_few_patients_rule_out_nothing() -> None:
    claim = claim_of(dict.fromkeys(LEVEL, 1.0), 20)
    assert claim.outcome == "not shown"  # up to a fifth of the patients may gain
    assert claim.power < 0.5


def test_an_undeclared_outcome_is_called_exploratory() -> None:
    right = LEVEL | {MAIN: 0.9}
    assert "exploratory" in sentence(claim_of(right, 200))
    assert "exploratory" not in sentence(claim_of(right, 200, declared=True))


def test_a_gain_over_all_rivals_is_missed_as_often_as_its_power_says() -> None:
    right = LEVEL | {MAIN: 0.65}
    claims = [claim_of(right, 200, seed=seed, margin=0.15) for seed in range(40)]
    shown = sum(claim.outcome == "shown" for claim in claims) / len(claims)
    expected = float(np.mean([claim.power for claim in claims]))
    assert abs(shown - expected) < 3 * (0.25 / len(claims)) ** 0.5


def test_chance_alone_is_called_visual_in_at_most_one_run_of_twenty() -> None:
    # The hardest null of an intersection-union test: no gain over one rival, a large one over all others.
    right = {MAIN: 0.7, "bcot": 0.7, "tcot": 0.2, "mcot-repeat": 0.2, "mcot-random-boxed": 0.2}
    shown = sum(claim_of(right, 100, seed=seed).outcome == "shown" for seed in range(60))
    assert shown <= 6  # 60 runs at .025: more than 6 in 1 of 1,000


@pytest.mark.parametrize("arm", [arm for arm in ARMS if arm.label], ids=lambda arm: arm.task)
def test_every_arm_of_a_paper_has_a_name_of_its_own(arm: Any) -> None:
    assert [other.task for other in ARMS if other.label == arm.label] == [arm.task]
