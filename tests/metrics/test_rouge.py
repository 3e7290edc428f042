"""ROUGE equals pycocoevalcap and rouge-score, and behaves at the edges."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.metrics.lexical.ngrams import longest_common_subsequence
from mmrad_eval.metrics.lexical.preparation import r2gen_mimic

Score = Callable[..., Any]

WORDS = st.sampled_from(
    [
        "the",
        "heart",
        "is",
        "enlarged",
        ".",
        "no",
        "effusions",
        "effusion",
        "lying",
        "(small)",
        "left",
        "XXXX",
        "Lungs,",
        "é",
        "5.5",
    ]
)
REPORTS = st.lists(WORDS, min_size=1, max_size=30).map(" ".join)
PAIRS = st.lists(st.tuples(REPORTS, REPORTS), min_size=1, max_size=8)
ODD = ("\u00a0", "\u2009", "\u200b", "\u3000", "\u2028", "\x85", "\x1c", "\x0b", "\r\n")
"""Spaces and line ends that some programs split at and others do not."""
SPACES = st.sampled_from([" ", "  ", "   ", "\n", " \t", *ODD])
SPACED = st.lists(st.tuples(WORDS, SPACES), min_size=1, max_size=20).map(
    lambda parts: "".join(word + space for word, space in parts).strip() or "the"
)


def coco(pairs: Sequence[tuple[str, str]]) -> Any:
    """What pycocoevalcap says: ROUGE-L of each study."""
    rouge = pytest.importorskip("pycocoevalcap.rouge.rouge").Rouge()
    candidates = {number: [candidate] for number, (candidate, _) in enumerate(pairs)}
    references = {number: [reference] for number, (_, reference) in enumerate(pairs)}
    return rouge.compute_score(references, candidates)[1]


@given(st.lists(st.integers(0, 5), max_size=150), st.lists(st.integers(0, 5), max_size=150))
def test_the_subsequence_is_as_long_as_the_table_says(a: list[int], b: list[int]) -> None:
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
    assert longest_common_subsequence(a, b) == table[-1, -1]


@given(PAIRS)
def test_raw_rouge_is_pycocoevalcaps(score: Score, pairs: list[tuple[str, str]]) -> None:
    ours = score("rouge@raw", pairs)
    np.testing.assert_allclose(ours.studies[:, 0], coco(pairs), rtol=1e-9)
    assert ours.total[0] == pytest.approx(np.mean(coco(pairs)), rel=1e-9)


@given(st.lists(st.tuples(SPACED, SPACED), min_size=1, max_size=5))
def test_raw_rouge_is_pycocoevalcaps_on_text_with_any_spaces(score: Score, pairs: list[tuple[str, str]]) -> None:
    np.testing.assert_allclose(score("rouge@raw", pairs).studies[:, 0], coco(pairs), rtol=1e-9)


@given(PAIRS)
def test_r2gen_rouge_is_pycocoevalcaps_on_cleaned_text(score: Score, pairs: list[tuple[str, str]]) -> None:
    cleaned = [(" ".join(r2gen_mimic(c)[:99]), " ".join(r2gen_mimic(r)[:99])) for c, r in pairs]
    np.testing.assert_allclose(score("rouge@r2gen-mimic", pairs).studies[:, 0], coco(cleaned), rtol=1e-9)


@given(PAIRS)
def test_radeval_rouge_is_rouge_scores_f1_of_stems(score: Score, pairs: list[tuple[str, str]]) -> None:
    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(kinds, use_stemmer=True)
    expected = [[scorer.score(r, c)[kind].fmeasure for kind in kinds] for c, r in pairs]
    np.testing.assert_allclose(score("rouge@radeval", pairs).studies, expected, rtol=1e-9)


@pytest.mark.shared
def test_radeval_rouge_equals_its_recorded_values(score: Score, shared_data: Path) -> None:
    recorded = json.loads((shared_data / "radeval" / "five_pairs.json").read_text(encoding="utf-8"))
    expected = recorded["expected"]
    ours = score("rouge@radeval", list(zip(recorded["candidates"], recorded["references"], strict=True)))
    kinds = ("rouge1", "rouge2", "rougeL")
    assert ours.total == pytest.approx([expected["default"][kind] for kind in kinds], abs=5e-5)  # four digits recorded
    np.testing.assert_allclose(ours.studies.T, [expected["per_sample"][kind] for kind in kinds], rtol=1e-9)


@pytest.mark.parametrize("name", ["rouge@raw", "rouge@radeval", "rouge@r2gen-iu", "rouge@r2gen-mimic"])
def test_equal_texts_score_the_columns_best_and_empty_ones_nothing(score: Score, name: str) -> None:
    text = "The heart is normal in size. The lungs are clear."
    perfect = score(name, [(text, text)] * 2)
    assert perfect.total == pytest.approx([column.best for column in perfect.metric.columns])
    assert score(name, [("", text)]).total == pytest.approx(0)
    assert np.isnan(score(name, []).total).all()


def test_a_reference_without_letters_scores_zero_as_in_the_package(score: Score) -> None:
    assert score("rouge@radeval", [("clear", "!!!"), ("clear", "clear lungs")]).studies[0] == pytest.approx(0)


def test_recall_weighs_more_than_precision(score: Score) -> None:
    short, long = score("rouge@raw", [("a b", "a b c d")]).total, score("rouge@raw", [("a b c d", "a b")]).total
    assert short[0] < long[0]


def test_signatures_say_how_the_number_was_made(score: Score) -> None:
    assert score("rouge@raw", [("a", "a")]).signature == (
        "rouge|target:findings|prep:spaces|level:sentence|type:L|beta:1.2|v1"
    )
    assert score("rouge@radeval", [("a", "a")]).signature == (
        "rouge|target:findings|prep:stems|level:sentence|type:1,2,L|beta:1|v1"
    )
