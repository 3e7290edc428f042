"""Temporal F1 of words of change: upstream's words, cleaning and formula, and what this profile leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mmrad_eval.metrics.facts.temporal import KEYWORDS, temporal_f1, temporal_words

UPSTREAM = (  # values of calculate_tem_score of radeval 2.2.1, its stanza model finding nothing
    ("No change.", "No change.", 0.99999999995),
    ("", "stable", 1.9999999994e-10),
    ("stable", "", 1e-10),
    ("Clear lungs.", "", 1.0),
    ("", "", 1.0),
    ("new stable", "stable", 0.6666666666444444),
    ("stable, new", "worse", 3.9999999996e-11),
    ("No new effusion.", "NEW effusion", 0.99999999995),
)


@pytest.mark.parametrize(("candidate", "reference", "score"), UPSTREAM)
def test_scores_are_upstreams(candidate: str, reference: str, score: float) -> None:
    assert temporal_f1(temporal_words(candidate), temporal_words(reference)) == pytest.approx(score, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The effusion is un-\nchanged.", set()),
        ("un\nchanged, stable_new", {"stable", "new"}),
        ("stable/unchanged", set()),  # one word once the slash is deleted: upstream's entities may add it, words can't
        ("stable / unchanged", {"stable", "unchanged"}),
        ('"New" (worse); improved: larger.', {"new", "worse", "improved", "larger"}),
        ("newly changes stabilized worsens", set()),
        ("post-removal; RESOLVED", {"removal", "resolved"}),
        ("no change's", set()),  # the apostrophe is deleted
    ],
)
def test_words_are_whole_words_of_the_cleaned_text(text: str, words: set[str]) -> None:
    assert temporal_words(text) == words


def test_every_word_is_found_in_any_case() -> None:
    assert len(KEYWORDS) == 44
    for word in KEYWORDS:
        assert temporal_words(f"It is {word.upper()}, seen again.") == {word}


def test_references_without_words_of_change_are_counted_apart(score: Callable[..., Any]) -> None:
    pairs = [("Stable.", "Stable effusion."), ("", "Worse edema."), ("Clear.", "Clear."), ("Clear.", None)]
    found = score("temporal", pairs)
    assert found.total == pytest.approx([2 / 3, 0.5, 2 / 3])
    assert found.rows[3].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert found.signature == "temporal|target:findings|words:44|entities:none|epsilon:1e-10|v1"


def test_no_study_is_no_number(score: Callable[..., Any]) -> None:
    assert np.isnan(score("temporal", [("Stable.", None)]).total).all()
    total = score("temporal", [("Clear.", "Clear.")]).total
    assert total[0] == 1.0
    assert np.isnan(total[1])
