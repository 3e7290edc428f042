"""Orders that perfect judgements must give under CRIMSON, in 30 invented cases, and which of them RadMatch can't tell.

A judgement is written in marks. Of the reference: ``u``, ``a``, ``n``, ``b`` for an urgent, actionable, minor or benign
finding. Of a candidate, one mark for each finding of the reference (``=`` found, ``~`` found with a significant error,
``-`` with a negligible one, ``.`` missed), then one for each false finding.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.metrics.judged.crimson import strict_read

WEIGHTS = {
    "u": "urgent",
    "a": "actionable_not_urgent",
    "n": "not_actionable_not_urgent",
    "b": "benign_expected",
}
ACTIONABLE = frozenset("ua")

BETTER = [
    # (reference, better, worse): more found, or more of what matters
    ("u", "=", "."),
    ("u", "=", "~"),
    ("u", "~", "."),
    ("uu", "==", "=."),
    ("ua", "=.", ".="),
    ("un", "=.", ".="),
    ("an", "=.", ".="),
    ("uan", "==.", "=.="),
    ("ub", "=.", ".="),
    ("uuu", "===", "=~~"),
    # fewer false findings, or less harmful ones
    ("u", "=", "=u"),
    ("u", "=", "=n"),
    ("u", "=n", "=a"),
    ("u", "=a", "=u"),
    ("u", "=u", "=uu"),
    ("a", ".", ".u"),
    ("a", ".u", ".uu"),
    ("", "", "u"),
    ("", "n", "u"),
    ("", "u", "uu"),
    ("u", ".", ".u"),
    ("ua", "==", "==a"),
    # an attribute that is wrong costs less than the finding, more in what matters less
    ("ua", "~=", ".="),
    ("ua", "~=", "=."),
    ("un", "=~", "~="),
    ("aa", "=~", "=."),
]
LEVEL = [
    # (reference, one, the other): nothing that matters differs
    ("u", "=", "-"),
    ("u", "=", "=b"),
    ("ub", "==", "=."),
    ("b", ".", "="),
]


def judgement(reference: str, candidate: str) -> dict[str, Any]:
    """The evaluation that the marks stand for."""
    fates, false = candidate[: len(reference)], candidate[len(reference) :]
    found = [(i, fate) for i, fate in enumerate(fates) if fate != "."]
    severity = {"~": "significant", "-": "negligible"}
    return {
        "reference_findings": [{"id": f"R{i}", "clinical_significance": WEIGHTS[w]} for i, w in enumerate(reference)],
        "predicted_findings": [
            *({"id": f"P{i}", "clinical_significance": WEIGHTS[reference[i]]} for i, _ in found),
            *({"id": f"F{i}", "clinical_significance": WEIGHTS[w]} for i, w in enumerate(false)),
        ],
        "matched_findings": [{"ref_id": f"R{i}", "pred_id": f"P{i}"} for i, _ in found],
        "errors": {
            "false_findings": [f"F{i}" for i in range(len(false))],
            "missing_findings": [f"R{i}" for i, fate in enumerate(fates) if fate == "."],
            "attribute_errors": [
                {"ref_id": f"R{i}", "pred_id": f"P{i}", "severity": severity[fate]}
                for i, fate in found
                if fate in severity
            ],
        },
    }


def value(reference: str, candidate: str) -> float:
    found = strict_read(json.dumps(judgement(reference, candidate)))[0]
    assert found is not None
    return found


def actionable_errors(reference: str, candidate: str) -> int:
    """What RadMatch counts of the same judgement."""
    fates, false = candidate[: len(reference)], candidate[len(reference) :]
    wrong = sum(w in ACTIONABLE and fate in ".~" for w, fate in zip(reference, fates, strict=True))
    return wrong + sum(w in ACTIONABLE for w in false)


@pytest.mark.parametrize(("reference", "better", "worse"), BETTER)
def test_the_better_report_scores_higher(reference: str, better: str, worse: str) -> None:
    assert value(reference, better) > value(reference, worse)


@pytest.mark.parametrize(("reference", "one", "other"), LEVEL)
def test_reports_between_which_nothing_matters_score_the_same(reference: str, one: str, other: str) -> None:
    assert value(reference, one) == value(reference, other)


PUBLIC = {
    "1a": {"reference": "a", "C1": ".u", "C2": ".uaua"},
    "1b": {"reference": "a", "C1": ".u", "C2": ".naa"},
    "1c": {"reference": "a", "C1": ".", "C2": ".aau"},
    "4a": {"reference": "an", "C1": "==", "C2": "=="},
    "4b": {"reference": "", "C1": "", "C2": ""},
    "4c": {"reference": "u", "C1": "=", "C2": "="},
    "5a": {"reference": "aa", "C1": "--", "C2": "=="},
    "5b": {"reference": "an", "C1": "--", "C2": "=="},
    "5c": {"reference": "a", "C1": "=", "C2": "~", "C3": "."},
}
"""Our judgements of the public ranked cases, by their ids; the texts lie beside the checkout."""


@pytest.mark.shared
def test_the_public_ranked_cases_come_out_as_required(shared_data: Path) -> None:
    groups = json.loads((shared_data / "radjudge" / "ranking_cases.json").read_text())
    tests = [test for group in groups for test in group["tests"]]
    assert {test["id"] for test in tests} == PUBLIC.keys()
    for test in tests:
        marks = PUBLIC[test["id"]]
        wanted = test["expected_ranking"]
        for order in wanted if isinstance(wanted, list) else [wanted]:
            first, sign, second = order.split()
            one, other = (value(marks["reference"], marks[name]) for name in (first, second))
            assert one > other if sign == ">" else one == other, test["id"]


def test_radmatch_s_count_never_contradicts_an_order_but_ties_some() -> None:
    errors = [(case, actionable_errors(case[0], case[1]), actionable_errors(case[0], case[2])) for case in BETTER]
    assert not [case for case, better, worse in errors if better > worse]
    assert [case for case, better, worse in errors if better == worse] == TIED


TIED = [
    ("u", "~", "."),
    ("ua", "=.", ".="),
    ("u", "=", "=n"),
    ("u", "=a", "=u"),
    ("ua", "~=", ".="),
    ("ua", "~=", "=."),
    ("aa", "=~", "=."),
]
"""Its count knows neither how much a finding matters above a threshold, nor an error from an omission."""


def test_one_more_finding_is_never_worse_and_one_more_false_one_never_better() -> None:
    chance = random.Random(7)
    for _ in range(2000):
        reference = "".join(chance.choice("uanb") for _ in range(chance.randrange(1, 6)))
        fates = [chance.choice("=~-.") for _ in reference]
        false = "".join(chance.choice("uanb") for _ in range(chance.randrange(3)))
        before = value(reference, "".join(fates) + false)
        at = chance.randrange(len(reference))
        more = [*fates[:at], "=", *fates[at + 1 :]]
        assert value(reference, "".join(more) + false) >= before
        assert value(reference, "".join(fates) + false + chance.choice("uan")) <= before
