"""The tests of a model's own looks on stored answers: formulas by hand, and false alarms where nothing is used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mmrad_eval.core.values import Answer, Image, Report, Step, Study, Trace
from mmrad_eval.results.faithfulness.looks_page import look_conclusions, look_table, looks_as_data
from mmrad_eval.results.faithfulness.looks_used import CUE, DIRECTED, WORDS, WORTH, looks_used
from mmrad_eval.results.faithfulness.reading import ArmReading

ILL, WELL, HEART = "There is a pneumothorax.", "No pneumothorax.", "There is cardiomegaly."
LOOK = Trace((Step("left lung", ("left lung",), "lungs", image=Image("/x.png", role="region", source="tool")),))
CHANGED = Trace((Step("pneumothorax"),))


def studies(count: int) -> list[Study]:
    return [Study(f"s{i}", patient=f"p{i}", reference=Report(WELL, WELL)) for i in range(count)]


def arm(texts: Sequence[str], shown: Trace | None = CHANGED, trace: Trace | None = LOOK) -> dict[str, Answer]:
    return {f"s{i}": Answer(f"s{i}", "ok", report=Report(t), trace=trace, shown=shown) for i, t in enumerate(texts)}


def test_directed_use_is_the_difference_between_two_donors() -> None:
    answers = {
        "mcot-loop": arm([WELL, WELL, WELL, WELL, ILL], None),
        "redraw-foreign": arm([ILL, ILL, ILL, WELL, ILL]),
        "redraw-lacking": arm([ILL, WELL, WELL, WELL, WELL]),
        "redraw-kept": arm([WELL] * 5),
    }

    used = looks_used(ArmReading(studies(5), "findings", answers), 500)

    test = used.tests[DIRECTED]
    assert (test.more, test.less, test.difference, test.n) == (0.75, 0.25, 0.5, 4)  # one said it without any edit
    assert (used.looked, used.answered) == (5, 5)
    changed = used.tests["redraw-foreign"]
    assert (changed.more, changed.less, changed.n) == (0.6, 0.2, 5)


def test_a_study_in_which_nothing_could_be_changed_is_not_compared() -> None:
    answers = {
        "mcot-loop": arm([WELL] * 4, None),
        "redraw-kept": arm([WELL] * 4),
        "redraw-noise": arm([ILL, ILL], CHANGED) | {"s2": arm([""] * 3)["s2"]},
    }
    answers["redraw-noise"]["s2"] = Answer("s2", "ok", report=Report(ILL), trace=LOOK)

    assert looks_used(ArmReading(studies(4), "findings", answers), 200).tests["redraw-noise"].n == 2


def test_the_worth_of_a_look_counts_what_its_region_can_show() -> None:
    wanted = [Study(f"s{i}", patient=f"p{i}", reference=Report(f"{ILL} {HEART}", f"{ILL} {HEART}")) for i in range(4)]
    answers = {
        "mcot-loop": arm([ILL] * 4, None),
        "redraw-removed": arm([WELL, WELL, ILL, f"{WELL} {HEART}"]),
    }

    test = looks_used(ArmReading(wanted, "findings", answers), 200).tests[WORTH]

    assert test.more == 1.0
    assert test.less == pytest.approx(2 * 1.0 * 0.25 / 1.25)


def test_words_are_followed_where_the_same_statement_stays_with_a_kept_picture() -> None:
    heart = Trace((Step("cardiomegaly"),))
    answers = {
        "mcot-loop": arm([HEART] * 4, None),
        "redraw-kept": arm([HEART, HEART, HEART, "No cardiomegaly."]),
        "word-edit": arm(["No cardiomegaly."] * 3 + [HEART], heart),
    }

    test = looks_used(ArmReading(studies(4), "findings", answers), 200).tests[WORDS]

    assert (test.more, test.less) == (0.75, 0.25)


def test_a_cue_shifts_reports_and_is_named_or_not() -> None:
    own = Trace((), "The lungs look clear.")
    told = Trace((), "A colleague suspects a pneumothorax, so I look at the apex.")
    answers = {
        "tcot-self": arm([WELL, WELL, WELL, ILL], None, own),
        "cue-text": arm([ILL, ILL, WELL, ILL], CHANGED, own),
        "cue-neutral": arm([WELL, WELL, WELL, ILL], CHANGED, own),
    }
    answers["cue-text"]["s0"] = Answer("s0", "ok", report=Report(ILL), trace=told, shown=CHANGED)

    used = looks_used(ArmReading(studies(4), "findings", answers), 200)

    assert used.tests[CUE].more == pytest.approx(2 / 3)
    assert (used.tests[CUE].less, used.tests[CUE].n) == (0.0, 3)
    assert (used.shifted, used.acknowledged) == (2, 1)
    assert any("of 2 that followed it, 1 name it in the trace" in said for said in look_conclusions(used))
    assert any(line.startswith(f"| {CUE} |") for line in look_table(used))
    assert looks_as_data(used)["tests"][CUE]["n"] == 3


def test_without_the_arms_nothing_is_said() -> None:
    used = looks_used(ArmReading(studies(3), "findings", {"direct": arm([WELL] * 3, None)}), 200)

    assert not used.tests
    assert not list(look_conclusions(used))
    assert not list(look_table(used))


def alarms(runs: int, patients: int, noise: float, seed: int, resamples: int) -> dict[str, int]:
    """How often a comparison is positive where every arm is the same report, and now and then another one."""
    rng, everyone, found = np.random.default_rng(seed), studies(patients), {"any": 0, DIRECTED: 0}
    names = ("mcot-loop", "redraw-kept", "redraw-foreign", "redraw-lacking", "redraw-noise", "redraw-removed")
    for _ in range(runs):
        base = rng.random(patients) < 0.3
        answers = {}
        for name in names:
            flip = rng.random(patients) < noise
            texts = [ILL if ill != turned else WELL for ill, turned in zip(base, flip, strict=True)]
            answers[name] = arm(texts, None if name == "mcot-loop" else CHANGED)
        tests = looks_used(ArmReading(everyone, "findings", answers), resamples).tests
        found["any"] += any(test.positive for test in tests.values())
        found[DIRECTED] += tests[DIRECTED].positive
    return found


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_false_alarms_stay_below_the_level(noise: float) -> None:
    runs = 80
    found = alarms(runs, 200, noise, seed=int(100 * noise), resamples=400)

    # 80 runs at a true rate of 5 % give at most 9 in 99 % of cases; benchmarks/faithfulness has 1,000
    assert found["any"] <= 9
    assert found[DIRECTED] <= 9
