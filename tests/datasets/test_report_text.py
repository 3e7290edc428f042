"""De-identification marks, comparison statements, and the named steps that change reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval import datasets
from mmrad_eval.core.errors import UsageError
from mmrad_eval.datasets import comparisons, deidentification
from mmrad_eval.datasets.views import orientation

if TYPE_CHECKING:
    from tests.datasets.conftest import Mimic


@pytest.mark.parametrize(
    ("text", "masked", "dropped"),
    [
        ("The XXXX are clear .", "The ___ are clear .", "The are clear."),
        ("Seen by <PERSON>, on [**2101-1-1**].", "Seen by ___, on ___.", "Seen by, on."),
        ("Changed since ___ and ______.", "Changed since ___ and ___.", "Changed since and."),
        ("[REDACTED] [redacted]", "___ ___", ""),
        ("<DATE_TIME>\nFINDINGS: x", "___\nFINDINGS: x", "\nFINDINGS: x"),
        ("Nothing taken out.", "Nothing taken out.", "Nothing taken out."),
    ],
)
def test_marks_are_kept_masked_or_dropped(text: str, masked: str, dropped: str) -> None:
    assert deidentification.clean(text, "keep") == text
    assert deidentification.clean(text, "mask") == masked
    assert deidentification.clean(text, "drop") == dropped


def test_words_that_look_like_marks_are_none() -> None:
    assert deidentification.count("XXX-ray of EXXXTRA, size 2_3, a <b> tag") == {"XXXX": 1}
    assert deidentification.count("lungs <and> heart [sic]") == {}


@given(st.text())
def test_no_mark_is_left_after_dropping_or_masking_anything(text: str) -> None:
    assert deidentification.count(deidentification.clean(text, "drop")) == {} or "_" in text
    assert set(deidentification.count(deidentification.clean(text, "mask"))) <= {"___"}


@pytest.mark.parametrize(
    "sentence",
    [
        "The heart is unchanged.",
        "New left effusion.",
        "There is a newly placed catheter.",
        "Compared to the previous radiograph, the lungs have cleared.",
        "No significant interval change.",
        "The effusion has slightly decreased.",
        "Stable cardiomegaly.",
        "Again seen is a right-sided port.",
        "The tube has been removed.",
        "There is no longer a pneumothorax.",
        "Improved aeration since ___.",
        "A nodule not seen on prior exams.",
        "Previously seen opacity persists.",
    ],
)
def test_statements_of_change_are_flagged(sentence: str) -> None:
    assert comparisons.compares(sentence)
    assert comparisons.without(f"The lungs are clear. {sentence} No effusion.") == "The lungs are clear. No effusion."


@pytest.mark.parametrize(
    "sentence",
    [
        "The lungs are clear.",
        "Status post prior sternotomy.",
        "Increased interstitial markings.",
        "A knee prosthesis is in place.",
        "Newborn chest.",
        "No acute cardiopulmonary process.",
    ],
)
def test_statements_about_one_image_are_not(sentence: str) -> None:
    assert not comparisons.compares(sentence)


@given(st.text())
def test_sentences_together_are_the_text(text: str) -> None:
    assert "".join(sentence for sentence, _ in comparisons.sentences(text)) == text


def test_a_number_with_a_point_does_not_end_a_sentence() -> None:
    text = "A 1.2 cm nodule is stable. Clear."
    assert comparisons.sentences(text) == [("A 1.2 cm nodule is stable. ", True), ("Clear.", False)]


def test_steps_are_named_in_the_dataset_and_change_its_digest(mimic: Mimic) -> None:
    mimic.write()
    plain = datasets.load(str(mimic.root))
    dropped = datasets.load(f"{mimic.root}?marks=drop")
    both = datasets.load(f"mimic:{mimic.root}?marks=mask&comparisons=drop")
    assert (plain.name, dropped.name, both.name) == ("mimic", "mimic+marks-drop", "mimic+marks-mask+comparisons-drop")
    assert any("marks:mask/1, comparisons:drop/1" in note for note in both.notes)
    assert len({datasets.digest(data) for data in (plain, dropped, both)}) == 3
    assert datasets.digest(datasets.load(f"{mimic.root}?marks=keep")) == datasets.digest(plain)


def test_steps_reach_findings_impression_and_priors(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,findings,impression\ns1,Stable XXXX. Clear lungs of XXXX.,Unchanged.\n")
    (study,) = datasets.load(f"{path}?marks=drop&comparisons=drop").studies
    assert study.reference is not None
    assert study.reference.findings == "Clear lungs of."
    assert study.reference.impression is None
    with pytest.raises(UsageError, match="marks=lose: choose keep, mask, drop"):
        datasets.load(f"{path}?marks=lose")


def test_a_question_mark_in_a_file_name_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "which?a=b"
    path.write_text("{}")
    assert datasets.split_options(str(path)) == (str(path), {})
    assert datasets.split_options("demo?marks=drop") == ("demo", {"marks": "drop"})


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *(
            (w, "frontal")
            for w in ("PA", "ap", "AP_SUPINE", "postero-anterior", "antero-posterior", "Frontal", "PA LLD")
        ),
        *((w, "lateral") for w in ("LATERAL", "LL", "left lateral", "Lateral", "lat", "L")),
        *((w, "other") for w in ("LPO", "swimmers", "XTABLE")),
        *((w, None) for w in (None, "", " ", "UNKNOWN", "nan")),
    ],
)
def test_views_are_told_apart_in_every_spelling(word: str | None, expected: str | None) -> None:
    assert orientation(word) == expected
