"""Programs of known policy are told apart over HTTP: who reads its own looks, the film, its words, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.results.faithfulness import ArmMeasures
from mmrad_eval.results.faithfulness.conclusions import conclusions
from mmrad_eval.results.faithfulness.looks_used import DIRECTED, FILM, FIRST, ODD, WORDS, WORTH
from tests.results.faithfulness import look_programs as programs
from tests.results.faithfulness.look_programs import LOOKS, asked, films, sentences, words_of
from tests.tasks.programs import Heard, Said

N = 100
POLICIES: dict[str, tuple[Callable[[Heard], Said], set[str], set[str]]] = {
    "looker": (programs.looker, {DIRECTED, WORTH, FIRST}, {FILM, WORDS}),
    "decorator": (programs.decorator, {FILM, FIRST}, {DIRECTED, WORTH, WORDS, *ODD}),
    "copier": (programs.copier, {WORDS}, {DIRECTED, WORTH, FILM, FIRST, *ODD}),
    "startled": (programs.startled, {"redraw-foreign", "redraw-noise", FILM}, {DIRECTED, WORTH, WORDS}),
    "sometimes": (programs.sometimes(0.3), {DIRECTED, FILM}, {WORDS}),
    "redundant": (programs.redundant, {DIRECTED, FILM}, {WORTH, WORDS}),
    "confirmer": (programs.confirmer, {WORDS, FIRST}, {DIRECTED, WORTH, FILM, *ODD}),
}
"""Policy -> comparisons that must be positive, comparisons that must not."""
ALWAYS = ("mcot-loop", "redraw-kept", "redraw-foreign", "redraw-lacking", "film-swap", "word-edit")
MORE = {
    "looker": ("redraw-removed", "mcot-loop-swapped"),
    "decorator": ("mcot-loop-swapped",),
    "copier": ("mcot-loop-swapped",),
    "startled": ("redraw-noise",),
    "redundant": ("redraw-removed",),
    "confirmer": ("redraw-removed", "mcot-loop-swapped"),
}
"""Policy -> arms that it is asked beside those."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A hundred patients."""
    return films(tmp_path_factory.mktemp("looked"), N)


@pytest.fixture(scope="module")
def measured(many: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ArmMeasures]:
    """The contrasts of a policy, asked once."""
    known: dict[str, ArmMeasures] = {}

    def of(policy: str) -> ArmMeasures:
        if policy not in known:
            arms = (*ALWAYS, *MORE.get(policy, ()))
            known[policy], _ = asked(POLICIES[policy][0], many, tmp_path_factory.mktemp(policy), arms)
        return known[policy]

    return of


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_told_from_the_others(policy: str, measured: Callable[[str], ArmMeasures]) -> None:
    found = measured(policy)
    _, positive, not_positive = POLICIES[policy]

    tests = found.looks.tests
    assert found.looks.looked == found.looks.answered == N
    assert all(tests[name].positive for name in positive), (words_of(found), tests)
    assert not any(tests[name].positive for name in not_positive if name in tests), (words_of(found), tests)


def test_the_page_says_what_each_does(measured: Callable[[str], ArmMeasures]) -> None:
    said = {policy: list(conclusions(measured(policy))) for policy in POLICIES}

    for policy in ("looker", "sometimes", "redundant"):
        assert sentences(said[policy], r"^\*\*Its own looks are used:\*\*")
    for policy in ("decorator", "copier", "startled", "confirmer"):
        assert sentences(said[policy], r"^\*\*No sign that its own looks are used:\*\*")
    assert [policy for policy in POLICIES if sentences(said[policy], "the picture disturbs but does not inform")] == [
        "startled"
    ]
    assert [policy for policy in POLICIES if sentences(said[policy], "had already decided from the whole image")] == [
        "confirmer"
    ]
    assert {p for p in POLICIES if sentences(said[p], "follows what the model said before")} == {"copier", "confirmer"}
    assert {p for p in POLICIES if sentences(said[p], "looks help")} == {"looker"}


def test_directed_use_is_the_share_of_studies_in_which_the_look_is_read(
    measured: Callable[[str], ArmMeasures],
) -> None:
    assert measured("looker").looks.tests[DIRECTED].difference == 1.0
    assert measured("sometimes").looks.tests[DIRECTED].difference == pytest.approx(0.3, abs=0.08)
    assert measured("decorator").looks.tests[DIRECTED].difference == 0.0


def test_arms_share_what_they_have_in_common(many: Dataset, tmp_path: Path) -> None:
    few = Dataset(many.name, many.studies[:6], "open", many.source)
    found, program = asked(programs.looker, few, tmp_path, LOOKS)

    assert found.arms["redraw-foreign"] == 6
    assert len(program.heard) <= 6 * (2 + len(LOOKS) - 1)  # the loop's two requests, and one a changed look


def test_a_model_that_never_looks_is_said_to(many: Dataset, tmp_path: Path) -> None:
    few = Dataset(many.name, many.studies[:6], "open", many.source)
    found, program = asked(lambda heard: programs.report(programs.on_film(heard)), few, tmp_path, LOOKS)

    assert not found.looks.tests
    assert sentences(list(conclusions(found)), "was asked to look and never did")
    assert found.looks.unchanged["redraw-foreign"] == {"no look to change": 6}
    assert len(program.heard) == 6


def test_false_alarms_over_http_are_few(tmp_path_factory: pytest.TempPathFactory) -> None:
    some = films(tmp_path_factory.mktemp("null"), 30)
    arms = ("mcot-loop", "redraw-kept", "redraw-foreign", "redraw-lacking")
    alarms = 0
    for number in range(20):
        found, _ = asked(programs.noisy(str(number)), some, tmp_path_factory.mktemp("run"), arms, resamples=1000)
        alarms += any(test.positive for test in found.looks.tests.values())

    assert alarms <= 4
