"""What judges said of a study, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mmrad_eval.core.judge_contracts import JudgingMetric, Verdict
from mmrad_eval.metrics.judge_metrics import JudgedMetric
from mmrad_eval.results.scoring.judged_records import judged_lines


class Judged:
    """A metric that only holds what it was told."""

    name = "words@test"
    columns = ()
    statistics = ()
    requires = ()

    def judged(self, said: Mapping[str, Verdict]) -> Judged:
        return self


def lines(*said: Mapping[str, Verdict]) -> list[str]:
    metric = JudgedMetric(cast("JudgingMetric", Judged()), said, "judge")
    return judged_lines(cast("Any", [Judged(), metric]), ["a", "b"], "model")


def test_a_record_is_a_line_and_structures_are_indented() -> None:
    value = {
        "candidate": [{"phrase": "Clear.", "entailed": True, "evidence": ["No opacity.", "Normal."]}],
        "reference": [{"phrase": "New.", "entailed": False, "evidence": []}],
        "counts": [2, 0],
        "nested": {"inner": {"score": 0.5, "why": None}},
    }
    assert lines({"a": Verdict(value, "degraded", "one was not read")}) == [
        "a: model, words@test: degraded (one was not read)",
        "  candidate:",
        "    - phrase: Clear.; entailed: yes; evidence: No opacity. | Normal.",
        "  reference:",
        "    - phrase: New.; entailed: no; evidence: none",
        "  counts: 2 | 0",
        "  nested:",
        "    inner:",
        "      score: 0.5",
        "      why: none",
    ]


def test_each_repeat_is_told_and_a_study_that_no_judge_saw_is_not() -> None:
    assert lines({"b": Verdict(1.0)}, {"b": Verdict(None, "unread", "cut")}) == [
        "b: model, words@test, repeat 1: read",
        "  1.0",
        "b: model, words@test, repeat 2: unread (cut)",
    ]
