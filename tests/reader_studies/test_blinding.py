"""Reports in one form: what tells writers apart goes, what is said stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.reader_studies.blinding import EMPTY, blinded

SAME = "Findings: The lungs are clear. Heart size is normal.\n\nImpression: No acute disease."


@pytest.mark.parametrize(
    "written",
    [
        "FINDINGS: THE LUNGS ARE CLEAR. HEART SIZE IS NORMAL.\nIMPRESSION: NO ACUTE DISEASE.",
        "**Findings:**\n- The lungs are clear\n- Heart size is normal\n\n**Impression:** No acute disease.",
        "Sure! Here it is:\n\n# Findings\nThe lungs are clear.\nHeart size is\nnormal.\n# Impression\nNo acute disease",
        "Findings: The lungs are clear. Heart size is normal. Impression: No acute disease. Please note: I am an AI.",
        "findings: the lungs are clear. heart size is normal. impression: no acute disease",
        "FINDINGS:\r\n1. The lungs are clear.\r\n2. Heart size is normal.\r\nCONCLUSION:\r\nNo acute disease.",
        "```\nReport:\nFindings: 1. The lungs are clear. 2. Heart size is normal.\nImpressions: No acute disease.\n```",
    ],
)
def test_one_report_written_in_seven_ways_reads_the_same(written: str) -> None:
    assert blinded(written) == SAME


@pytest.mark.parametrize(
    "text",
    [
        "Here is a small left effusion. This is an AP view.",
        "This is a limited study. Left effusion.",
        "Two nodules of 3 mm; the larger one was 2.5 cm. Compared with 3/4, no change.",
        "Lungs: clear. Heart: large.",
        "Based on the images, the heart is large. Findings: none.",
    ],
)
def test_what_a_report_says_is_left_alone(text: str) -> None:
    def said(words: str) -> list[str]:
        return [word for word in re.findall(r"[a-z0-9/]+", words.lower()) if word != "findings"]

    assert said(blinded(text)) == said(text)


def test_capitals_come_back_where_they_belong() -> None:
    assert blinded("AP VIEW. NG TUBE IN THE STOMACH, 3 CM LEFT OF THE PICC.") == (
        "AP view. NG tube in the stomach, 3 cm left of the PICC."
    )


def test_marks_of_removed_names_look_alike() -> None:
    assert blinded("Dr. ___ was told. [**Name**] and XXXX too.") == "Dr. [...] was told. [...] and [...] too."


def test_names_of_systems_are_hidden_as_whole_words() -> None:
    assert blinded("As MedGemma sees it: medgemmas are no word. Medgemma-4b.", ["medgemma", "4b"]) == (
        "As [...] sees it: medgemmas are no word. [...]-4b."
    )


def test_a_report_that_says_nothing_says_so() -> None:
    assert blinded(" \n ") == EMPTY


@given(st.text(alphabet="aB .\n:#*-1X_", max_size=60))
def test_blinding_twice_is_blinding_once_in_letters(text: str) -> None:
    def letters(words: str) -> str:
        return re.sub(r"[^a-z]", "", words.lower())

    once = blinded(text)
    assert letters(blinded(once)) == letters(once)
