"""Text preparation: each cleaner does what its package does, step by step."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.metrics.lexical.preparation import alphanumeric, r2gen_iu, r2gen_mimic, r2gen_written, rexrank, words

TEXTS = st.text(alphabet="abN. 12345._\"'/\\-()[]{}:;<=>@\n\té,", max_size=60)
R2GEN_CLASS = r"[.,?;*!%^&_+():-\[\]{}]"  # R2Gen, modules/tokenizers.py


def plainly(text: str, *, mimic: bool) -> list[str]:
    """R2Gen's cleaner, written as a list of steps (modules/tokenizers.py)."""
    if mimic:
        text = text.replace("\n", " ")
        for pattern, times in (("__", 7), ("  ", 6)):
            for _ in range(times):
                text = text.replace(pattern, pattern[0])
    for _ in range(8 if mimic else 3):
        text = text.replace("..", ".")
    text = text.replace("1. ", "")
    for start in (". ", " "):
        for number in "2345":
            text = text.replace(f"{start}{number}. ", ". ")
    cleaned = []
    for sentence in text.strip().lower().split(". "):
        for mark in "\"/\\'":
            sentence = sentence.replace(mark, "")  # noqa: PLW2901 (one mark after the other)
        cleaned.append(re.sub(R2GEN_CLASS, "", sentence.strip().lower()))
    return (" . ".join(cleaned) + " .").split()


@given(TEXTS)
def test_the_iu_cleaner_is_r2gens(text: str) -> None:
    assert r2gen_iu(text) == plainly(text, mimic=False) or not text.replace("1. ", "").strip()


@given(TEXTS)
def test_the_mimic_cleaner_is_r2gens(text: str) -> None:
    assert r2gen_mimic(text) == plainly(text, mimic=True) or r2gen_mimic(text) == []


def test_numbers_of_a_list_punctuation_and_capitals_go() -> None:
    text = "1. Heart size: normal. 2. No effusion (small), or pneumothorax.. 3. Lungs clear"
    assert " ".join(r2gen_iu(text)) == "heart size normal . no effusion small or pneumothorax . lungs clear ."


def test_the_range_in_r2gens_punctuation_takes_what_lies_between_colon_and_bracket() -> None:
    assert r2gen_iu("a <b> = c@d #e") == ["a", "b", "cd", "#e", "."]


def test_newlines_and_runs_of_underscores_are_mimics_only() -> None:
    assert r2gen_mimic("seen on ___.\nStable") == ["seen", "on", ".", "stable", "."]
    assert r2gen_iu("seen.\nStable") == ["seen", "stable", "."]


def test_an_empty_report_has_no_words_in_any_preparation() -> None:
    for prepare in (words, rexrank, r2gen_iu, r2gen_mimic, r2gen_written, alphanumeric):
        assert prepare("") == []
        assert prepare("  ") == []


def test_rexrank_parts_full_stops_and_keeps_newlines_in_words() -> None:
    assert rexrank("No  Effusion.\nClear.") == ["no", "effusion", ".\nclear", "."]


def test_a_written_candidate_only_gets_spaces_before_its_full_stops() -> None:
    assert r2gen_written("The heart, is 1.5  normal.") == ["The", "heart,", "is", "1", ".5", "normal", "."]


def test_alphanumeric_keeps_letters_and_digits_alone() -> None:
    assert alphanumeric("T-11 isn't 5.5 cm") == ["t", "11", "isn", "t", "5", "5", "cm"]
