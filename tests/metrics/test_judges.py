"""GREEN's and CRIMSON's judge texts to numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.stored.judges import crimson_score, green_score, read_green

LETTERS = "abcdef"


def judged(errors: Sequence[int], matched: str, mark: str = LETTERS) -> str:
    lines = [f"({letter}) Some kind of error: {count}." for letter, count in zip(mark, errors, strict=True)]
    return "\n".join(
        [
            "The candidate differs. It says: 9. of things.",
            "",
            "[Clinically Significant Errors]:",
            *lines,
            "",
            "[Clinically Insignificant Errors]:",
            "(a) Some kind of error: 7. A small thing.",
            "",
            "[Matched Findings]:",
            matched,
        ]
    )


COUNTS = (  # of the five judge texts recorded in jbdel/RadEval, tests/test_greenscore.py, with their mean and deviation
    ((2, 3, 0, 1, 0, 0), 0),
    ((2, 1, 2, 0, 0, 0), 1),
    ((0, 2, 1, 1, 0, 0), 2),
    ((1, 0, 0, 0, 0, 0), 1),
    ((1, 0, 1, 1, 0, 0), 1),
)


def scored(name: str, ids: Sequence[str]) -> dict[str, float]:
    (metric,) = suite([name])
    studies = [Study(id=i, reference=Report(findings="Clear.")) for i in ids]
    context = metric.fit(Corpus(studies))
    examples = [Example(study, Answer(study.id, "ok", report=Report(text="Clear."))) for study in studies]
    values = metric.reduce(metric.measure(examples, context).sum(axis=0))
    return {column.name: float(value) for column, value in zip(metric.columns, values, strict=True)}


def test_green_has_the_recorded_mean_and_population_deviation(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": str(n), "evaluation": judged(errors, f"{matched}. Something.")})
        for n, (errors, matched) in enumerate(COUNTS)
    ]
    path = tmp_path / "green.jsonl"
    path.write_text("\n".join(lines))
    found = scored(f"green:{path}", [str(n) for n in range(5)])
    assert found["GREEN"] == pytest.approx(0.25)
    assert found["GREEN deviation"] == pytest.approx(0.16666666666666669)
    assert found["GREEN false finding"] == pytest.approx(6 / 5)
    assert found["GREEN read"] == 1.0


def test_green_reads_counts_by_letter_or_number_in_any_order() -> None:
    errors = (1, 0, 2, 0, 0, 3)
    assert read_green(judged(errors, "4. Things.")) == (4, errors)
    assert read_green(judged(errors, "4. Things.", "123456")) == (4, errors)
    text = judged(errors, "4. Things.")
    head, *lines = text.split("[Clinically Significant Errors]:\n")[1].split("\n")
    shuffled = text.replace("\n".join([head, *lines[:5]]), "\n".join([*reversed(lines[:5]), head]))
    assert read_green(shuffled) == (4, errors)


SIGNIFICANT, MATCHED = "[Clinically Significant Errors]:\n", "\n\n[Matched Findings]:\n2. Things."


@pytest.mark.parametrize(
    ("text", "read"),
    [  # as compute_error_count of green_score 0.0.12
        (f"{SIGNIFICANT}(a) F: 2. y\n(a) F: 1. x{MATCHED}", (2, (2, 0, 0, 0, 0, 0))),
        (f"{SIGNIFICANT}(a) F: 1. x\n(a) F: 2. y{MATCHED}", (2, (2, 0, 0, 0, 0, 0))),
        (f"{SIGNIFICANT}(a) F: 10. x\n(a) F: 9. y{MATCHED}", (2, (9, 0, 0, 0, 0, 0))),
        (f"{SIGNIFICANT}(a) Z: 1. x\n(a) Y: 3. y\n(a) none{MATCHED}", (2, (1, 0, 0, 0, 0, 0))),
        (  # no empty line before the next section
            f"{SIGNIFICANT}(a) F: 1. x\n[Clinically Insignificant Errors]:\n(a) F: 0. None.{MATCHED}",
            (2, (1, 0, 0, 0, 0, 0)),
        ),
        (f"{SIGNIFICANT}(3) F: 2. x\n(1) F: 1. y{MATCHED}", (2, (1, 0, 2, 0, 0, 0))),
        (f"{SIGNIFICANT}No errors.\n\n[Matched Findings]:\nSome things:\n3. Things.", (3, (0,) * 6)),
        (f"{SIGNIFICANT}No errors.\n\n[Matched Findings]:\n- 3. Things.", (0, (0,) * 6)),
    ],
)
def test_green_takes_the_last_of_the_sorted_lines_of_a_kind(text: str, read: tuple[int, tuple[int, ...]]) -> None:
    assert read_green(text) == read


def test_sections_that_begin_with_no_count_nothing() -> None:
    text = "[Clinically Significant Errors]:\nNo errors (a) x: 3.\n\n[Matched Findings]:\nNo matched findings."
    assert read_green(text) == (0, (0,) * 6)


def test_nothing_matched_scores_zero_even_without_errors() -> None:
    assert green_score(0, [0] * 6) == 0.0
    assert green_score(3, [0] * 6) == 1.0


def test_a_text_without_the_judges_form_is_counted_apart(tmp_path: Path) -> None:
    path = tmp_path / "green.csv"
    path.write_text(
        'study_id,evaluation\na,"' + judged((0,) * 6, "2. Things.") + '"\nb,I can not help with that.\nc,\n'
    )
    found = scored(f"green:{path}", ["a", "b", "c"])
    assert found["GREEN"] == pytest.approx(1 / 3)
    assert found["GREEN read"] == pytest.approx(1 / 3)


def test_a_file_that_no_judge_wrote_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "green.csv"
    path.write_text("study_id,evaluation\na,Nice report.\n")
    with pytest.raises(DataError, match="none of its 1 texts could be read as output of GREEN"):
        suite([f"green:{path}"])


def test_a_row_of_other_columns_is_no_text_of_green(tmp_path: Path) -> None:
    path = tmp_path / "green.jsonl"
    path.write_text(json.dumps({"id": "a", "verdict": judged((2, 3, 0, 0, 0, 0), "4. Things.")}))
    with pytest.raises(
        DataError, match="none of its 1 texts could be read as output of GREEN; the columns read are evaluation"
    ):
        suite([f"green:{path}"])


def finding(number: int, weight: str) -> dict[str, Any]:
    return {"id": number, "clinical_significance": weight}


def evaluation(**given: Any) -> dict[str, Any]:
    return {"errors": {}, "matched_findings": [], "reference_findings": [], "predicted_findings": []} | given


@pytest.mark.parametrize(
    ("judged", "score"),
    [
        (evaluation(), 1.0),  # nothing to find, nothing said
        (
            evaluation(reference_findings=[finding(1, "urgent")], matched_findings=[{"ref_id": 1, "pred_id": 1}]),
            1.0,
        ),
        (  # one of two weights of 1 and .5 found
            evaluation(
                reference_findings=[finding(1, "urgent"), finding(2, "actionable_not_urgent")],
                matched_findings=[{"ref_id": 1}, {"ref_id": 1}],
                errors={"missing_findings": [2]},
            ),
            1 / 1.5,
        ),
        (  # a significant attribute error takes 1 / (1 + .5) of the credit
            evaluation(
                reference_findings=[finding(1, "urgent")],
                matched_findings=[{"ref_id": 1}],
                errors={"attribute_errors": [{"ref_id": 1, "severity": "significant"}]},
            ),
            1 / 1.5,
        ),
        (  # an urgent false finding on a normal study: S < 0, squashed to -1 / (1 + 1)
            evaluation(predicted_findings=[finding(1, "urgent")], errors={"false_findings": [1]}),
            -0.5,
        ),
        (  # benign findings weigh nothing
            evaluation(predicted_findings=[finding(1, "benign_expected")], errors={"false_findings": [1]}),
            1.0,
        ),
    ],
)
def test_crimson_worked_by_hand(judged: dict[str, Any], score: float) -> None:
    assert crimson_score(judged) == pytest.approx(score)


def test_crimson_reads_json_within_words_and_counts_what_it_can_not_read(tmp_path: Path) -> None:
    path = tmp_path / "crimson.jsonl"
    rows = [
        {"id": "a", "response": "Here it is:\n```json\n" + json.dumps(evaluation()) + "\n```"},
        {"id": "b", "response": '{"reference_findings": [{"id": 1, "clinical_significance": "very"}]}'},
    ]
    path.write_text("\n".join(json.dumps(line) for line in rows))
    found = scored(f"crimson:{path}", ["a", "b"])
    assert found["CRIMSON"] == pytest.approx((1.0 - 1.0) / 2)
    assert found["CRIMSON read"] == 0.5


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"error": "rate limit"},
        {"errors": {}},
        evaluation(errors=[]),
        evaluation(errors={"false_findings": "none"}),
        evaluation(matched_findings="none"),
        {name: value for name, value in evaluation().items() if name != "predicted_findings"},
    ],
)
def test_json_without_crimsons_form_is_not_read(tmp_path: Path, said: dict[str, Any]) -> None:
    path = tmp_path / "crimson.jsonl"
    rows = [{"id": "a", "response": json.dumps(said)}, {"id": "b", "response": evaluation()}]
    path.write_text("\n".join(json.dumps(line) for line in rows))
    found = scored(f"crimson:{path}", ["a", "b"])
    assert (found["CRIMSON"], found["CRIMSON read"]) == (0.0, 0.5)


def test_crimson_reads_rows_that_are_the_judges_objects(tmp_path: Path) -> None:
    path = tmp_path / "crimson.json"
    path.write_text(json.dumps({"a": evaluation()}))
    assert scored(f"crimson:{path}", ["a"])["CRIMSON"] == 1.0


@pytest.mark.parametrize("header", ["study_id,report", "study_id,text"])
def test_a_file_of_reports_is_refused_by_crimson(tmp_path: Path, header: str) -> None:
    path = tmp_path / "reports.csv"
    path.write_text(f"{header}\na,Clear lungs.\nb,No effusion.\n")
    with pytest.raises(DataError, match="none of its 2 texts could be read as output of CRIMSON"):
        suite([f"crimson:{path}"])
