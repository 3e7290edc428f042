"""Controlled edits change one thing each, and metrics answer as they must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.results.validation.perturbations import (
    EDITS,
    added_finding,
    changed_measurement,
    changed_severity,
    dropped_finding,
    flipped_negation,
    reversed_sentences,
    sentences,
    swapped_sides,
    synonyms,
)
from mmrad_eval.results.validation.probe import OTHER, SAME, edited, respond, tables_of

REPORT = "The heart is mildly enlarged. No left pleural effusion. A 5 mm nodule is seen on the RIGHT."


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("No pleural effusion or pneumothorax.", "Pleural effusion or pneumothorax."),
        ("There is no evidence of pneumonia.", "There is pneumonia."),
        ("Lungs without focal consolidation.", "Lungs with focal consolidation."),
        ("The heart is not enlarged.", "The heart is enlarged."),
        ("There is a small effusion.", "There is no small effusion."),
        ("The lungs are clear.", "The lungs are not clear."),
    ],
)
def test_negation_is_flipped_both_ways(before: str, after: str) -> None:
    assert flipped_negation(before, "x") == after


def test_each_edit_changes_its_one_thing() -> None:
    assert reversed_sentences(REPORT, "") == " ".join(sentences(REPORT)[::-1])
    assert swapped_sides(REPORT, "") == REPORT.replace("left", "right").replace("RIGHT", "LEFT")
    assert changed_severity(REPORT, "") == REPORT.replace("mildly", "severely")
    assert changed_measurement(REPORT, "") == REPORT.replace("5 mm", "5 cm")
    assert synonyms(REPORT, "") == REPORT.replace("enlarged", "increased in size")
    added, dropped = added_finding(REPORT, ""), dropped_finding(REPORT, "")
    assert added is not None
    assert added.startswith(REPORT)
    assert len(sentences(added)) == 4
    assert dropped is not None
    assert "No left pleural effusion." in dropped, "a normal statement is dropped only where nothing abnormal is there"
    assert len(sentences(dropped)) == 2


def test_what_an_edit_cannot_find_it_leaves_alone() -> None:
    for edit in (swapped_sides, changed_severity, changed_measurement, synonyms, reversed_sentences, dropped_finding):
        assert edit("Stable appearance.", "x") is None


@given(st.text(alphabet="aLeftrighno ismd5.\n", max_size=80))
def test_edits_never_fail_and_never_return_the_same_text(text: str) -> None:
    for edit in EDITS:
        changed = edit.make(text, "seed")
        assert changed is None or changed != text


def test_an_edit_is_the_same_every_time() -> None:
    assert [edit.make(REPORT, "s1") for edit in EDITS] == [edit.make(REPORT, "s1") for edit in EDITS]


def studies(count: int = 12) -> list[Study]:
    sizes = ("mildly enlarged", "normal", "severely enlarged", "stable")
    sides = ("left", "right")
    return [
        Study(
            id=f"s{n}",
            patient=f"p{n}",
            reference=Report(
                findings=f"The heart is {sizes[n % 4]}. No {sides[n % 2]} pleural effusion. A {n + 2} mm nodule {n}."
            ),
        )
        for n in range(count)
    ]


def test_every_metric_sees_no_change_as_none_and_another_patient_as_the_whole() -> None:
    probed = edited(studies())
    for one in respond(probed, suite(["bleu@rexrank", "rouge"])):
        assert one.share(SAME) == pytest.approx(0)
        assert one.share(OTHER) == pytest.approx(1)


def test_words_in_another_order_are_nothing_to_a_metric_that_counts_words() -> None:
    responses = {one.label: one for one in respond(edited(studies()), suite(["rouge@radeval"]))}
    assert responses["ROUGE-1 @ radeval"].share("sentence order") == pytest.approx(0)
    assert responses["ROUGE-L @ radeval"].share("sentence order") > 0.3


def test_another_patients_report_is_never_of_the_same_patient() -> None:
    twice = [
        *studies(4),
        *(Study(id=f"again{n}", patient=f"p{n}", reference=s.reference) for n, s in enumerate(studies(4))),
    ]
    probed = edited(twice)
    for study, text in zip(probed.studies, probed.texts[OTHER], strict=True):
        assert study.reference is not None
        assert text != study.reference.findings


def test_the_tables_say_the_response_the_order_and_an_example() -> None:
    probed = edited(studies())
    response, order, examples = tables_of(probed, respond(probed, suite(["bleu@rexrank", "rouge@radeval"])))
    assert {column.key for column in response.columns} == {"metric", *(edit.name for edit in EDITS)}
    shares = {row.cells["metric"].value: row.cells["all"] for row in order.rows}
    rouge = shares["ROUGE-1 @ radeval"]
    assert isinstance(rouge.value, float)
    assert rouge.low is not None
    assert rouge.high is not None
    assert 0.5 < rouge.low <= rouge.value <= rouge.high <= 1
    assert [row.cells["edit"].value for row in examples.rows] == [edit.name for edit in EDITS]


def test_one_patient_is_too_few() -> None:
    with pytest.raises(DataError, match="at least two patients"):
        edited(studies(1))


@pytest.mark.shared
def test_lexical_metrics_mistake_sentence_order_for_harm_on_real_reports(shared_data: Path) -> None:
    from mmrad_eval import datasets

    data = datasets.load(str(shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json"))
    found = [study for study in data.studies if study.reference and study.reference.findings]
    responses = {one.label: one for one in respond(edited(found), suite(["rouge@radeval", "bleu@rexrank"]))}
    rouge = responses["ROUGE-L @ radeval"]
    assert rouge.share("sentence order") > 5 * rouge.share("negation")
    assert all(np.isfinite(one.share(edit.name)) for one in responses.values() for edit in EDITS)
