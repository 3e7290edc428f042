"""RadFact of grounded reports: upstream's own example, its formulas on random cases, and what strictly counts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.judge_contracts import Verdict
from mmrad_eval.core.values import Answer, Box, Example, Message, ReaderBox, Reply, Report, Step, Study, Text, Trace
from mmrad_eval.metrics.judged.radfact_grounded import GroundedRadFact, inside
from mmrad_eval.metrics.judged.radfact_prompts import RadFactPrompts, read_prompts, yaml_module
from tests.metrics.radfact_checkout import write_checkout, write_wheel

yaml = yaml_module()
Corners = tuple[float, float, float, float]
Phrases = Sequence[tuple[str, Sequence[Corners]]]
CAT, DOG, BIRD = (0.1, 0.1, 0.2, 0.2), (0.3, 0.3, 0.4, 0.4), (0.5, 0.5, 0.6, 0.6)


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> RadFactPrompts:
    folder = tmp_path_factory.mktemp("grounded")
    return read_prompts(write_checkout(folder / "checkout"), write_wheel(folder / "core.whl"))


def example(name: str, candidate: Phrases, reference: Phrases, frame: str = "norm_1") -> Example:
    steps = [
        Step(text=text, box=Box(box, frame) if box else None, part="report")
        for text, boxes in candidate
        for box in (*boxes, *((None,) if not boxes else ()))
    ]
    drawn = tuple(ReaderBox(Box(box, frame), "", text) for text, boxes in reference for box in boxes)
    said, known = (" ".join(text for text, _ in side) for side in (candidate, reference))
    study = Study(name, reference=Report(known, known), boxes=drawn)
    return Example(study, Answer(name, "ok", report=Report(said, said), trace=Trace(tuple(steps))))


class Judge:
    """Entails a phrase that the other side has in the same words, or what ``said`` names."""

    def __init__(self, said: Mapping[str, str] = {}, entails: Mapping[str, Sequence[str]] = {}) -> None:
        self.said, self.entails, self.asked = said, entails, 0

    async def __call__(self, messages: Sequence[Message], **_: Any) -> Reply:
        self.asked += 1
        question = yaml.safe_load("".join(p.text for p in messages[-1].parts if isinstance(p, Text)))
        phrase, others = question["hypothesis"], question["reference"]
        if phrase in self.said:
            return Reply(self.said[phrase])
        evidence = [one for one in self.entails.get(phrase, (phrase,)) if one in others]
        status = "entailment" if evidence else "not_entailment"
        return Reply(yaml.dump({"phrase": phrase, "evidence": evidence, "status": status}))


async def scored(
    prompts: RadFactPrompts, profile: Literal["upstream", "strict"], examples: Sequence[Example], judge: Judge
) -> tuple[dict[str, float], dict[str, Verdict], GroundedRadFact]:
    metric = GroundedRadFact(f"radfact-grounded@{profile}", profile, prompts)
    verdicts = {one.study.id: await metric.judge(one, judge) for one in examples}
    made = metric.judged(verdicts)
    assert isinstance(made, GroundedRadFact)
    context = made.fit(Corpus([one.study for one in examples]))
    rows = made.measure(examples, context)
    assert rows.shape == (len(examples), len(made.statistics))
    values = made.reduce(rows.sum(axis=0))
    names = [column.name.removeprefix("RadFact ") for column in made.columns]
    return dict(zip(names, map(float, values), strict=True)), verdicts, made


ANIMALS = example(
    "study1",
    [("The cat.", [CAT]), ("The dog.", [DOG, BIRD]), ("The bird.", []), ("The rabbit.", [])],
    [("The cat.", [CAT]), ("The dog.", [DOG]), ("The bird.", [BIRD]), ("The shark.", [])],
)
"""microsoft/RadFact, tests/metric/test_radfact.py; its expectation is that of test_nli_processing_with_endpoint."""


async def test_the_packages_own_example_has_the_packages_own_numbers(prompts: RadFactPrompts) -> None:
    judge = Judge()
    found, verdicts, metric = await scored(prompts, "upstream", [ANIMALS], judge)
    assert judge.asked == metric.most(ANIMALS) == 8
    assert verdicts["study1"].state == "read"
    assert found == pytest.approx(
        {
            "precision": 0.75,
            "recall": 0.75,
            "F1": 0.75,
            "spatial precision": 0.5,
            "spatial recall": 2 / 3,
            "spatial F1": 0.5714285714285715,
            "grounding precision": 0.5,
            "grounding recall": 2 / 3,
            "grounding F1": 0.5714285714285715,
            "counted": 1.0,
            "read": 1.0,
        }
    )
    assert "|phrases:stated|boxes:mask 224,over 0.5|v1" in metric.signature("findings")
    assert {column.profile for column in metric.columns} == {f"upstream-prompts-{prompts.digest[:8]}-grounded"}


def pixels(boxes: Sequence[Corners]) -> set[tuple[int, int]]:
    """The pixels of a mask of 224 by 224, one by one."""
    return {
        (x, y)
        for left, top, right, bottom in boxes
        for x in range(int(left * 224), int(right * 224))
        for y in range(int(top * 224), int(bottom * 224))
    }


def expected(cases: Sequence[tuple[Phrases, Phrases]], entails: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Upstream's formulas written out: fractions per study, their means without the undefined, F1 of the means."""
    per_study: dict[str, list[float]] = {}
    for candidate, reference in cases:
        for own, other, end in ((candidate, reference, "precision"), (reference, candidate, "recall")):
            boxes_of = dict(other)
            boxed = entailed = right = 0
            for text, boxes in own:
                evidence = [one for one in entails.get(text, (text,)) if one in boxes_of]
                if not boxes:
                    continue
                area = pixels(boxes)
                shared = area & pixels([box for one in evidence for box in boxes_of[one]])
                boxed += 1
                entailed += bool(evidence)
                right += bool(evidence) and bool(area) and len(shared) / len(area) > 0.5
            if boxed:
                per_study.setdefault(f"spatial {end}", []).append(right / boxed)
            if entailed:
                per_study.setdefault(f"grounding {end}", []).append(right / entailed)
    found = {name: float(np.mean(values)) for name, values in per_study.items()}
    for kind in ("spatial", "grounding"):
        p, r = found[f"{kind} precision"], found[f"{kind} recall"]
        found[f"{kind} F1"] = 2 * p * r / (p + r)
    return found


async def test_random_cases_give_the_values_of_the_formulas(prompts: RadFactPrompts) -> None:
    chance = random.Random(7)
    texts = [f"Finding {n}." for n in range(9)]

    def box() -> Corners:
        left, top = chance.uniform(0, 0.6), chance.uniform(0, 0.6)
        return left, top, left + chance.uniform(0.05, 0.4), top + chance.uniform(0.05, 0.4)

    def side(least: int) -> list[tuple[str, list[Corners]]]:
        chosen = chance.sample(texts, chance.randint(max(1, least), 6))
        return [
            (t, [box() for _ in range(max(least if n == 0 else 0, chance.choice((0, 1, 2))))])
            for n, t in enumerate(chosen)
        ]

    entails = {text: [text, chance.choice(texts)] for text in texts}
    cases = [(side(0), side(1)) for _ in range(60)]
    examples = [example(str(n), candidate, reference) for n, (candidate, reference) in enumerate(cases)]
    found, _, _ = await scored(prompts, "upstream", examples, Judge(entails=entails))
    # the reference of an example lists phrases with boxes first; the order decides nothing
    wanted = expected(cases, entails)
    assert len(wanted) == 6
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


async def test_what_is_unread_makes_no_report_better(prompts: RadFactPrompts) -> None:
    wrong = example("a", [("The cat.", [CAT]), ("The dog.", [BIRD])], [("The cat.", [CAT]), ("The dog.", [DOG])])
    whole, _, _ = await scored(prompts, "strict", [wrong], Judge())
    assert whole["grounding precision"] == 0.5
    lost, verdicts, _ = await scored(prompts, "strict", [wrong], Judge({"The dog.": "I can't say."}))
    assert verdicts["a"].state == "degraded"
    assert lost["read"] == 0.5
    assert all(lost[name] <= value for name, value in whole.items())
    lenient, _, _ = await scored(prompts, "upstream", [wrong], Judge({"The dog.": "I can't say."}))
    assert lenient["grounding precision"] == 1.0


async def test_a_candidate_without_boxes_is_left_out_or_has_none_in_place(prompts: RadFactPrompts) -> None:
    bare = example("b", [("The cat.", []), ("The dog.", [])], [("The cat.", [CAT]), ("The dog.", [DOG])])
    upstream, _, _ = await scored(prompts, "upstream", [ANIMALS, bare], Judge())
    strict, _, _ = await scored(prompts, "strict", [ANIMALS, bare], Judge())
    assert (upstream["spatial precision"], strict["spatial precision"]) == (0.5, 0.25)
    assert upstream["spatial recall"] == strict["spatial recall"] == pytest.approx(1 / 3)


async def test_a_study_for_which_nobody_drew_a_box_is_not_asked_about(prompts: RadFactPrompts) -> None:
    judge = Judge()
    found, verdicts, _ = await scored(
        prompts, "strict", [example("c", [("The cat.", [CAT])], [("The cat.", [])])], judge
    )
    assert (judge.asked, verdicts["c"].state) == (0, "nothing")
    assert all(np.isnan(value) for value in found.values())


async def test_boxes_in_frames_that_need_a_size_nobody_knows_are_not_in_place(prompts: RadFactPrompts) -> None:
    unknown = example("d", [("The cat.", [(10, 10, 20, 20)])], [("The cat.", [(10, 10, 20, 20)])], "original")
    found, verdicts, _ = await scored(prompts, "upstream", [unknown], Judge())
    assert verdicts["d"].value["candidate"][0]["boxed"] is True
    assert (found["precision"], found["spatial precision"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [([], False), ([(0, 0, 0.5, 1)], False), ([(0, 0, 0.51, 1)], True), ([(-1, -1, 2, 2)], True)],
)
def test_more_than_half_of_the_pixels_must_lie_in_the_evidence(evidence: list[Corners], expected: bool) -> None:
    assert inside([(0.0, 0.0, 1.0, 1.0)], evidence) is expected
    assert inside([], evidence) is False
