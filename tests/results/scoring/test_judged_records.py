"""What judges said of a study: kept beside the scores that follow from it, dropped with them, and told as lines."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.judge_contracts import Verdict
from mmrad_eval.core.values import Study
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.judged_records import judged_lines, judged_of, shown_lines
from mmrad_eval.results.scoring.run import score
from tests.results.told_metric import told


@pytest.fixture
def studies(kit: Any) -> list[Study]:
    return list(kit.studies(2, patients=2))


@pytest.fixture
def run(kit: Any, studies: list[Study]) -> RunFolder:
    found: RunFolder = kit.run([kit.answer(study, "heart size is normal") for study in studies])
    return found


def stored(folder: RunFolder) -> list[dict[str, Any]]:
    path = folder.path / "judged.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_records_lie_beside_the_scores_that_follow_and_are_told_as_lines(run: RunFolder, studies: list[Study]) -> None:
    value = {"candidate": [{"phrase": "Clear.", "entailed": True, "evidence": ["No opacity."]}]}
    said = {"s00000": Verdict(value, "degraded", "one was not read"), "s00001": Verdict(0.5, record={"reply": "fine"})}
    score(run, studies, [told(said)])

    assert judged_lines(run, ["s00001", "s00000", "elsewhere"]) == [
        "s00001: test:model, told@test: read",
        "  reply: fine",
        "s00000: test:model, told@test: degraded (one was not read)",
        "  candidate:",
        "    - phrase: Clear.; entailed: yes; evidence: No opacity.",
    ]
    assert "data_use" not in stored(run)[0]


def test_each_repeat_is_told(run: RunFolder, studies: list[Study]) -> None:
    same = {"s00000": Verdict(1), "s00001": Verdict(1)}
    score(run, studies, [told(same, same | {"s00001": Verdict(None, "unread", "cut")})])
    assert judged_lines(run, ["s00001"]) == [
        "s00001: test:model, told@test, repeat 1: read",
        "  1",
        "s00001: test:model, told@test, repeat 2: unread (cut)",
    ]


def test_they_stay_while_their_columns_do_and_another_judge_adds_its_own(
    kit: Any, run: RunFolder, studies: list[Study]
) -> None:
    said = {study.id: Verdict(1) for study in studies}
    score(run, studies, [told(said)])
    score(run, studies, [kit.Words()])
    assert [(one["study"], one["metric"]) for one in stored(run)] == [("s00000", "told@test"), ("s00001", "told@test")]

    score(run, studies, [told({study.id: Verdict(2) for study in studies}, judge="two")])
    assert sorted(one["record"] for one in stored(run)) == [1, 1, 2, 2]
    score(run, studies, [told({study.id: Verdict(3) for study in studies}, judge="two")])
    assert sorted(one["record"] for one in stored(run)) == [1, 1, 3, 3]


def test_other_answers_leave_no_record(kit: Any, run: RunFolder, studies: list[Study]) -> None:
    score(run, studies, [told({study.id: Verdict(1) for study in studies})])
    run.write_answers([kit.answer(study, "small left effusion") for study in studies])
    assert judged_of(run).of("s00000") == []
    score(run, studies, [kit.Words()])
    assert stored(run) == []
    assert not list(run.path.glob(".judged*"))


def test_the_class_of_the_data_stands_in_every_line(run: RunFolder, studies: list[Study]) -> None:
    run.write_run(msgspec.structs.replace(run.run, data_use="credentialed"))
    score(run, studies, [told({study.id: Verdict(1) for study in studies})])
    assert {one["data_use"] for one in stored(run)} == {"credentialed"}


def test_whatever_a_judge_wrote_can_be_kept_and_read_again(run: RunFolder, studies: list[Study]) -> None:
    deep: Any = "end"
    for _ in range(3000):
        deep = [deep]
    hostile = {"deep": deep, "half": "a\ud800b", "huge": 10**400, "nan": float("nan"), 3: object(), "large": -(1 << 70)}
    score(run, studies, [told({study.id: Verdict(hostile) for study in studies})])
    (one,) = judged_of(run).of("s00000")
    assert one.record["half"] == "a?b"
    assert one.record["nan"] is None
    assert one.record["huge"] == "a large number"
    assert one.record["large"] == "-1.180591620717411e+21"
    assert "3" in one.record


def test_a_damaged_file_is_named_with_the_way_out_and_scoring_makes_it_again(
    run: RunFolder, studies: list[Study]
) -> None:
    said = told({study.id: Verdict(1) for study in studies})
    score(run, studies, [said])
    (run.path / "judged.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match=r"judged.jsonl, line 1: .*; score the run with --judge again"):
        judged_lines(run, ["s00000"])
    summary = score(run, studies, [said])
    assert any("what judges said earlier is lost" in note for note in summary.notes)
    assert len(stored(run)) == 2


def test_a_record_is_a_line_and_structures_are_indented() -> None:
    value = {
        "counts": [2, 0],
        "reference": [{"phrase": "New.", "entailed": False, "evidence": []}],
        "nested": {"inner": {"score": 0.5, "why": None}},
    }
    assert list(shown_lines(value, "  ")) == [
        "  counts: 2 | 0",
        "  reference:",
        "    - phrase: New.; entailed: no; evidence: none",
        "  nested:",
        "    inner:",
        "      score: 0.5",
        "      why: none",
    ]
