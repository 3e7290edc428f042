"""Sections by their headings, in every spelling seen in the wild."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.values import Report
from mmrad_eval.datasets.sections import bodies, find, read_context, read_report

SPELLINGS = [
    "FINDINGS: The heart is normal.\nIMPRESSION: No acute disease.",
    "Findings: The heart is normal. Impression: No acute disease.",
    "FINDINGS: The heart is normal. IMPRESSION: No acute disease.",
    "findings:\nThe heart is normal.\n\nimpression:\nNo acute disease.\n",
    "**Findings**\nThe heart is normal.\n\n**Impression**\nNo acute disease.",
    "**Findings:** The heart is normal.\n**Impression:** No acute disease.",
    "**FINDINGS**: The heart is normal.\n**IMPRESSION**: No acute disease.",
    "## Findings\nThe heart is normal.\n\n## Impression\nNo acute disease.",
    "### FINDINGS:\nThe heart is normal.\n### IMPRESSION:\nNo acute disease.",
    "Findings - The heart is normal.\nImpression - No acute disease.",
    "Findings \u2013 The heart is normal.\nImpression \u2014 No acute disease.",
    "FINDINGS The heart is normal.\nIMPRESSION No acute disease.",
    "1. FINDINGS: The heart is normal.\n2. IMPRESSION: No acute disease.",
    "- Findings: The heart is normal.\n- Impression: No acute disease.",
    "Finding: The heart is normal.\nConclusion: No acute disease.",
    "FINDINGS:\r\nThe heart is normal.\r\nIMPRESSION:\r\nNo acute disease.\r\n",
    "EXAMINATION: Chest PA.\nINDICATION: Cough.\nFINDINGS: The heart is normal.\nIMPRESSION: No acute disease.",
    "IMPRESSION (PRELIMINARY): No acute disease.\nFINDINGS: The heart is normal.",
    "Impression: No acute disease. Findings: The heart is normal.",
    "_Findings_\nThe heart is normal.\n_Impression_\nNo acute disease.",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_finds_both_sections_in_every_spelling(text: str) -> None:
    assert read_report(text) == Report(text, "The heart is normal.", "No acute disease.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The heart is normal. No acute disease.",
        "No significant findings are seen.",
        "These findings suggest pneumonia; my impression is stable disease.",
        "Findings are unchanged since the previous study",
        "There are no new findings\nin the lungs.",
    ],
)
def test_a_text_without_a_heading_has_no_sections(text: str) -> None:
    assert read_report(text) == Report(text)


def test_a_report_in_capitals_is_parted_too() -> None:
    report = read_report("FINDINGS: THE HEART IS NORMAL. IMPRESSION: NO ACUTE DISEASE.")
    assert (report.findings, report.impression) == ("THE HEART IS NORMAL.", "NO ACUTE DISEASE.")


def test_only_an_impression_leaves_findings_out() -> None:
    report = read_report("Chest radiograph. IMPRESSION: 1. No pneumonia. 2. Stable nodule.")
    assert report.findings is None
    assert report.impression == "1. No pneumonia. 2. Stable nodule."


def test_one_section_for_both_is_both() -> None:
    report = read_report("FINDINGS AND IMPRESSION: The lungs are clear.")
    assert report.findings == report.impression == "The lungs are clear."


def test_an_empty_section_is_not_there() -> None:
    assert read_report("FINDINGS:\nIMPRESSION: Normal.").findings is None


def test_an_addendum_and_a_notification_belong_to_no_section() -> None:
    report = read_report("FINDINGS: a.\nIMPRESSION: b.\nADDENDUM: c.\nNOTIFICATION: d.")
    assert (report.findings, report.impression) == ("a.", "b.")


def test_headings_inside_findings_stay_in_findings() -> None:
    report = read_report("FINDINGS:\nLUNGS: Clear.\nHEART: Normal.\nIMPRESSION:\nNormal.")
    assert report.findings == "LUNGS: Clear.\nHEART: Normal."


def test_context_is_read_from_its_headings() -> None:
    context = read_context("Indication: XXXX-year-old with cough. Comparison: None. Age: 60-70. Gender: F")
    assert context.indication == "XXXX-year-old with cough."
    assert context.comparison == "None."
    assert context.age == "60-70"
    assert context.sex == "F"


@pytest.mark.parametrize("heading", ["F\u0131ndings", "F\u0130NDINGS", "finding\u017f"])
def test_a_letter_of_another_alphabet_that_reads_as_ours_is_ours(heading: str) -> None:
    report = read_report(f"{heading}: Clear lungs. \n{heading.replace('F', 'f')}: No effusion.")

    assert report.findings == "Clear lungs.\nNo effusion."


def test_a_heading_in_running_text_may_have_marks_and_a_note_with_any_words() -> None:
    report = read_report("Age: 50. \u00a0**Findings (seen at 10:30; v. 2)**: Clear. _IMPRESSION_ : Normal.")

    assert (report.findings, report.impression) == ("Clear.", "Normal.")


def test_headings_may_follow_a_full_stop_without_a_space() -> None:
    context = read_context("Age:50-60.Gender:M.Indication: Cough.Comparison: None.")
    assert (context.age, context.sex, context.indication, context.comparison) == ("50-60", "M", "Cough.", "None.")
    report = read_report("Findings:The heart is normal.Impression:No acute disease.")
    assert (report.findings, report.impression) == ("The heart is normal.", "No acute disease.")


@given(st.text())
def test_sections_lie_in_order_inside_any_text(text: str) -> None:
    ends = 0
    for section in find(text):
        assert ends <= section.start <= section.body <= section.end <= len(text)
        ends = section.end


@given(st.text())
def test_no_word_of_the_whole_is_lost(text: str) -> None:
    assert read_report(text).text == text


words = st.text(st.characters(categories=["Ll"]), min_size=1, max_size=8).map(lambda w: f"the {w} is seen.")


@given(findings=words, impression=words)
def test_what_is_written_under_a_heading_is_read_back(findings: str, impression: str) -> None:
    assert bodies(f"FINDINGS: {findings}\n\nIMPRESSION:\n{impression}") == {
        "findings": findings,
        "impression": impression,
    }


@pytest.mark.shared
def test_296_real_reports_are_parted_as_their_sections_say(shared_data: Path) -> None:
    studies = json.loads((shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json").read_text())
    assert len(studies) == 296
    for study in studies.values():
        report = read_report(study["report"])
        assert report.findings == study["section_findings"].strip()
        assert report.impression == study["section_impression"].strip()
