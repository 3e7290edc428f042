"""RadMatch on its wheel: what is asked by whom, and what the two profiles make of what can't be read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.replies import Finish
from mmrad_eval.core.values import Answer, ClinicalContext, Decoding, Example, Message, Reply, Report, Study, Text
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.judge_metrics import judging

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.judges


@pytest.fixture(autouse=True)
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheels of the environment."""
    folder = ROOT / ".envs/judges/wheels"
    if not folder.is_dir():
        pytest.skip("no .envs/judges: run scripts/env-judges")
    monkeypatch.setenv("MMRAD_JUDGES", str(folder))


def finding(text: str, significance: str = "urgent", status: str = "abnormal") -> dict[str, Any]:
    return {
        "text": text,
        "clinical_status": status,
        "clinical_significance": significance,
        "comparison": None,
        "measurements": [],
    }


EFFUSION, AIR = finding("Effusion"), finding("No pneumothorax", "routine", "normal")
REFERENCE, CANDIDATE = "Effusion. No pneumothorax.", "Left effusion."
FOUND = json.dumps({"findings": [EFFUSION, AIR]})
ONE = json.dumps({"findings": [EFFUSION]})
MATCHED = json.dumps(
    {
        "matches": [{"pred_id": "report_001", "gt_id": "report_001", "reasoning": "same"}],
        "unmatched_pred": [],
        "unmatched_gt": ["report_002"],
    }
)
MAJOR = json.dumps({"errors_per_match": [[{"dimension": "location", "severity": "major", "reasoning": "side"}]]})
CLEAN = json.dumps({"errors_per_match": [[]]})


class Judge:
    """Replies by what is asked; keeps the questions."""

    def __init__(self, **said: str | tuple[str, Finish]) -> None:
        usual: dict[str, str | tuple[str, Finish]] = {"reference": FOUND, "candidate": ONE, "matching": MATCHED}
        self.said = usual | {"attributes": CLEAN} | said
        self.asked: list[tuple[str, str, Decoding | None, int, str]] = []

    async def __call__(
        self,
        messages: Sequence[Message],
        *,
        decoding: Decoding | None = None,
        extra: Mapping[str, Any] | None = None,
        sample: int = 0,
        part: str = "",
    ) -> Reply:
        text = "".join(p.text for m in messages if m.role == "user" for p in m.parts if isinstance(p, Text))
        name = str((extra or {})["response_format"]["json_schema"]["name"])
        stages = {"matching_output": "matching", "attribute_errors_output": "attributes"}
        stage = (stages | {"indication_output": "indication"}).get(name)
        stage = stage or ("reference" if REFERENCE in text else "candidate")
        self.asked.append((stage, part, decoding, sample, text))
        said = self.said[stage]
        return Reply(said, finish="stop") if isinstance(said, str) else Reply(said[0], finish=said[1])


def example(candidate: str = CANDIDATE, indication: str | None = None) -> Example:
    study = Study("study-77", reference=Report(REFERENCE, REFERENCE), context=ClinicalContext(indication=indication))
    return Example(study, Answer("study-77", "ok", report=Report(candidate, candidate)))


async def judged(
    profile: str, judge: Judge, one: Example | None = None, **options: str
) -> tuple[Any, dict[str, float]]:
    """The verdict and the columns of one pair."""
    [metric] = suite([f"radmatch@{profile}"], options={f"radmatch.{key}": value for key, value in options.items()})
    asked = judging(metric)
    verdict = await asked.judge(one or example(), judge)
    made: Any = asked.judged({"study-77": verdict})
    columns = made.reduce(made.measure([one or example()], None).sum(axis=0))
    return verdict, dict(zip((c.name.removeprefix("RadMatch ") for c in made.columns), columns, strict=True))


@pytest.mark.parametrize("profile", ["upstream", "strict"])
async def test_the_oracle_of_one_pair(profile: str) -> None:
    judge = Judge(attributes=MAJOR)
    verdict, columns = await judged(profile, judge)
    assert verdict.state == "read"
    assert [stage for stage, *_ in judge.asked] == ["candidate", "reference", "matching", "attributes"]
    assert [part for _, part, *_ in judge.asked] == ["extract", "extract", "compare", "compare"]
    assert [d.max_tokens for _, _, d, *_ in judge.asked if d] == [32768, 32768, 32768, 16384]
    assert not any("study-77" in text for *_, text in judge.asked)
    assert columns["errors per report"] == 1.0
    assert columns["triage recall"] == 0.0
    assert columns["read"] == 1.0


async def test_an_empty_candidate_is_left_out_by_one_profile_and_has_missed_all_by_the_other() -> None:
    judge = Judge()
    verdict, columns = await judged("upstream", judge, example("  "))
    assert verdict.state == "unread"
    assert columns["errors per report"] != columns["errors per report"]
    verdict, columns = await judged("strict", judge, example("  "))
    assert verdict.state == "read"
    assert (columns["errors per report"], columns["triage recall"], columns["read"]) == (1.0, 0.0, 1.0)
    assert {stage for stage, *_ in judge.asked} == {"reference"}


UNREAD: tuple[str | tuple[str, Finish], ...] = ("no JSON", '{"findings": null}', ("", "refusal"), (ONE, "too long"))


@pytest.mark.parametrize("said", UNREAD)
async def test_an_unread_candidate_is_never_better_than_a_read_one(said: str | tuple[str, Finish]) -> None:
    verdict, columns = await judged("strict", Judge(candidate=said))
    assert verdict.state == "unread"
    assert columns["read"] == 0.0
    assert columns["errors per report"] != columns["errors per report"]  # of this pair alone nothing was read
    assert verdict.value[0] == 1.0  # beside others it counts as having missed the urgent finding


@pytest.mark.parametrize("profile", ["upstream", "strict"])
@pytest.mark.parametrize("said", UNREAD)
async def test_an_unread_reference_gives_no_number_to_anybody(profile: str, said: str | tuple[str, Finish]) -> None:
    verdict, columns = await judged(profile, Judge(reference=said))
    assert (verdict.state, verdict.value) == ("unread", None)
    assert columns["read"] == 0.0
    assert all(columns[name] != columns[name] for name in columns if name != "read")


async def test_a_matching_that_never_has_its_form_is_degraded() -> None:
    judge = Judge(matching="none")
    verdict, columns = await judged("strict", judge)
    assert verdict.state == "degraded"
    assert [stage for stage, *_ in judge.asked].count("matching") == 3
    assert columns["errors per report"] == 2.0  # one missed, one spurious
    assert columns["degraded"] == 1.0


@pytest.mark.parametrize("said", ["{}", "no JSON", json.dumps({"errors_per_match": [[], [{}]]})])
async def test_matches_whose_attributes_are_unread_are_incorrect_or_left_out(said: str) -> None:
    judge = Judge(attributes=said)
    verdict, _ = await judged("strict", judge)
    asked = [(sample, text) for stage, _, _, sample, text in judge.asked if stage == "attributes"]
    assert [sample for sample, _ in asked] == [0, 0, 1, 2]  # the correction is one request, drawn three times
    assert verdict.state == "unread"
    assert verdict.value[0] == 1.0
    verdict, _ = await judged("upstream", Judge(attributes=said))
    assert (verdict.state, verdict.value) == ("unread", None)


async def test_an_empty_reply_is_asked_for_again_as_another_draw() -> None:
    judge = Judge(candidate="")
    verdict, _ = await judged("upstream", judge)
    assert [sample for stage, _, _, sample, _ in judge.asked if stage == "candidate"] == [0, 1, 2, 3, 4]
    assert "the judge returned an empty reply" in verdict.why


async def test_nothing_found_in_either_report_is_no_perfect_score() -> None:
    verdict, columns = await judged("upstream", Judge(reference='{"findings": []}', candidate='{"findings": []}'))
    assert verdict.state == "read"
    assert columns["errors per report"] != columns["errors per report"]


@pytest.mark.parametrize(("indication", "told"), [("none", False), ("study", True)])
async def test_the_indication_is_told_where_it_is_asked_for(indication: str, *, told: bool) -> None:
    judge = Judge()
    await judged("upstream", judge, example(indication="Cough and fever"), indication=indication)
    assert [("Cough and fever" in text) for *_, text in judge.asked] == [told] * 4


async def test_an_indication_is_extracted_from_the_reference_and_told_to_all_stages() -> None:
    judge = Judge(indication=json.dumps({"indication": "Cough and fever"}))
    verdict, _ = await judged("upstream", judge, indication="extract")
    assert verdict.state == "read"
    first, *rest = judge.asked
    assert (first[0], first[1], first[4]) == ("indication", "extract", REFERENCE)
    assert ["Cough and fever" in text for *_, text in rest] == [True] * 4
    unread = Judge(indication="no JSON")
    verdict, _ = await judged("upstream", unread, indication="extract")
    assert verdict.state == "read"


async def test_a_smaller_limit_is_sent_and_signed() -> None:
    judge = Judge()
    await judged("upstream", judge, max_tokens="4096")
    assert {d.max_tokens for _, _, d, *_ in judge.asked if d} == {4096}
    [metric] = suite(["radmatch@upstream"], options={"radmatch.max_tokens": "4096"})
    assert "max_tokens=4096" in metric.signature(None)


async def test_examples_of_the_wheel_begin_each_question_and_count_as_credentialed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    roles: list[list[str]] = []
    original = Judge.__call__

    async def heard(self: Judge, messages: Sequence[Message], **more: Any) -> Reply:
        roles.append([message.role for message in messages])
        return await original(self, [messages[0], messages[-1]], **more)

    monkeypatch.setattr(Judge, "__call__", heard)
    _, plain = await judged("strict", Judge(attributes=MAJOR))
    assert {len(one) for one in roles} == {2}
    roles.clear()
    verdict, columns = await judged("strict", Judge(attributes=MAJOR), fewshot="chest-xr")
    assert [len(one) for one in roles] == [8, 8, 8, 8]
    assert {tuple(one[1:]) for one in roles} == {("user", "assistant") * 3 + ("user",)}
    assert columns == plain
    (matched,) = verdict.record["matched findings"]
    assert (matched["fate"], matched["errors"]) == ("incorrect", ["location, major: side"])  # as it is counted
    assert verdict.record["missed findings"] == [
        {"finding": "No pneumothorax", "significance": "routine", "status": "normal"}
    ]

    shown = suite(["radmatch@strict"], options={"radmatch.fewshot": "chest-xr"})
    assert shown.data_use == "credentialed"
    assert suite(["radmatch@strict"]).data_use == "open"
    assert re.search(r"\|fewshot:chest-xr:[0-9a-f]{8}\|", shown[0].signature(None))
    assert "|fewshot:none|" in suite(["radmatch@strict"])[0].signature(None)
