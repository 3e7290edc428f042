"""BLEU equals the packages that it is named after, and behaves at the edges."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.metrics.lexical.preparation import r2gen_iu, rexrank

Score = Callable[..., Any]

WORDS = st.sampled_from(
    [
        "the",
        "heart",
        "is",
        "normal",
        ".",
        "no",
        "effusion",
        "small",
        "left",
        "right",
        "XXXX",
        "Lungs,",
        "clear",
        "opacity",
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


def coco(pairs: Sequence[tuple[str, str]]) -> tuple[list[float], list[list[float]]]:
    """What pycocoevalcap says: corpus and per-study BLEU-1..4 of texts that are split at spaces."""
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu").Bleu(4)
    candidates = {number: [candidate] for number, (candidate, _) in enumerate(pairs)}
    references = {number: [reference] for number, (_, reference) in enumerate(pairs)}
    corpus, studies = bleu.compute_score(references, candidates, verbose=0)
    return corpus, studies


@given(PAIRS)
def test_raw_bleu_is_pycocoevalcaps(score: Score, pairs: list[tuple[str, str]]) -> None:
    corpus, studies = coco(pairs)
    ours = score("bleu@raw", pairs)
    np.testing.assert_allclose(ours.total, corpus, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.studies.T, studies, rtol=1e-9, atol=1e-12)


@given(st.lists(st.tuples(SPACED, SPACED), min_size=1, max_size=5))
def test_raw_bleu_is_pycocoevalcaps_on_text_with_any_spaces(score: Score, pairs: list[tuple[str, str]]) -> None:
    np.testing.assert_allclose(score("bleu@raw", pairs).total, coco(pairs)[0], rtol=1e-9, atol=1e-12)


@given(PAIRS)
def test_r2gen_bleu_is_pycocoevalcaps_on_cleaned_and_cut_text(score: Score, pairs: list[tuple[str, str]]) -> None:
    cleaned = [(" ".join(r2gen_iu(c)[:59]), " ".join(r2gen_iu(r)[:59])) for c, r in pairs]
    np.testing.assert_allclose(score("bleu@r2gen-iu", pairs).total, coco(cleaned)[0], rtol=1e-9, atol=1e-12)


@given(PAIRS)
def test_rexrank_bleu_is_nltks_sentence_bleu_with_method1(score: Score, pairs: list[tuple[str, str]]) -> None:
    nltk = pytest.importorskip("nltk.translate.bleu_score")
    smooth = nltk.SmoothingFunction().method1
    expected = [
        nltk.sentence_bleu([rexrank(reference)], rexrank(candidate), (0.5, 0.5), smooth)
        for candidate, reference in pairs
    ]
    ours = score("bleu@rexrank", pairs)
    np.testing.assert_allclose(ours.studies[:, 0], expected, rtol=1e-12)
    assert ours.total[0] == pytest.approx(np.mean(expected), rel=1e-12)


def test_corpus_bleu_is_nltks_and_sacrebleus_where_every_order_has_matches(score: Score) -> None:
    nltk = pytest.importorskip("nltk.translate.bleu_score")
    sacrebleu = pytest.importorskip("sacrebleu.metrics")
    pairs = [
        ("the heart is normal and the lungs are clear", "the heart is normal in size and the lungs are clear"),
        ("no effusion or pneumothorax is seen", "no pleural effusion or pneumothorax is seen today"),
    ]
    candidates, references = zip(*pairs, strict=True)
    ours = score("bleu@raw", pairs).total
    words = [text.split() for text in candidates], [[text.split()] for text in references]
    for order in range(1, 5):
        by_nltk = nltk.corpus_bleu(words[1], words[0], [1 / order] * order)
        by_sacrebleu = sacrebleu.BLEU(tokenize="none", smooth_method="none", max_ngram_order=order)
        assert ours[order - 1] == pytest.approx(by_nltk, rel=1e-9)
        assert ours[order - 1] == pytest.approx(
            by_sacrebleu.corpus_score(candidates, [references]).score / 100, rel=1e-9
        )


@pytest.mark.shared
def test_radeval_bleu_equals_its_recorded_values(score: Score, shared_data: Path) -> None:
    recorded = json.loads((shared_data / "radeval" / "five_pairs.json").read_text(encoding="utf-8"))
    expected = recorded["expected"]
    ours = score("bleu@radeval", list(zip(recorded["candidates"], recorded["references"], strict=True)))
    assert ours.total == pytest.approx(
        [*(expected["detailed"][f"bleu_{order}"] for order in (1, 2, 3)), expected["default"]["bleu"]], abs=5e-5
    )  # recorded to four digits
    np.testing.assert_allclose(ours.studies[:, 3], expected["per_sample"]["bleu"], rtol=1e-9)


@pytest.mark.parametrize("name", ["bleu@raw", "bleu@radeval", "bleu@rexrank", "bleu@r2gen-iu", "bleu@r2gen-mimic"])
def test_equal_texts_score_the_columns_best_and_empty_ones_nothing(score: Score, name: str) -> None:
    text = "The heart is normal in size. The lungs are clear."
    perfect = score(name, [(text, text)] * 3)
    assert perfect.total == pytest.approx([column.best for column in perfect.metric.columns], abs=1e-9)
    assert score(name, [("", text)] * 3).total == pytest.approx(0, abs=1e-12)
    assert score(name, [(" \n ", text)]).studies == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["bleu@raw", "bleu@rexrank", "bleu@r2gen-iu"])
def test_nothing_to_score_is_undefined(score: Score, name: str) -> None:
    nothing = score(name, [])
    assert nothing.rows.shape == (0, len(nothing.metric.statistics))
    assert np.isnan(nothing.total).all()


@pytest.mark.parametrize("name", ["bleu@raw", "bleu@rexrank"])
def test_a_study_without_reference_counts_nowhere(score: Score, name: str) -> None:
    pair = ("lungs are clear today", "lungs are clear")
    assert score(name, [pair, ("anything", None)]).total == pytest.approx(score(name, [pair]).total)


def test_a_summed_corpus_is_the_corpus_of_its_shards(score: Score) -> None:
    pairs = [("a b c d e", "a b c d f"), ("b c", "a b c d"), ("x", "a")]
    whole, first, rest = score("bleu@raw", pairs), score("bleu@raw", pairs[:1]), score("bleu@raw", pairs[1:])
    sums = first.rows.sum(axis=0) + rest.rows.sum(axis=0)
    assert whole.metric.reduce(sums) == pytest.approx(whole.total)


def test_reduce_takes_any_leading_axes(score: Score) -> None:
    scored = score("bleu@raw", [("a b c d e", "a b c d f"), ("b c", "a b c d")])
    stacked = np.stack([[scored.rows[0], scored.rows[1]], [scored.rows[1], scored.rows[0]]])
    reduced = scored.metric.reduce(stacked)
    assert reduced.shape == (2, 2, 4)
    np.testing.assert_array_equal(reduced[0, 0], reduced[1, 1])


def test_rare_words_of_the_training_split_count_as_one_unknown_word(score: Score) -> None:
    train = ["lungs are clear."] * 3 + ["cardiomegaly."]
    scored = score("bleu@r2gen-iu", [("effusion are clear.", "cardiomegaly are clear.")], train=train)
    assert scored.total == pytest.approx(1.0, abs=1e-9)
    assert "|vocab:train-3-4-" in scored.signature
    assert "|vocab:none|" in score("bleu@r2gen-iu", [("a", "a")]).signature


def test_a_report_is_read_as_far_as_r2gen_reads_it_unless_told_otherwise(score: Score) -> None:
    long = " ".join(f"word{number}" for number in range(80))
    longer = f"{long} and more"
    assert score("bleu@r2gen-iu", [(longer, long)]).total == pytest.approx(1.0, abs=1e-9)
    uncut = score("bleu@r2gen-iu", [(longer, long)], {"cut": "none"})
    assert uncut.total[0] == pytest.approx(81 / 83)  # 80 words and the full stop of 83 tokens
    assert "|cut:none|" in uncut.signature
    assert uncut.rows[0, :2].tolist() == [83, 81]


def test_a_candidate_left_as_it_is_keeps_its_capitals_and_commas(score: Score) -> None:
    pairs = [("Heart, normal .", "Heart, normal.")]
    assert score("bleu@r2gen-iu", pairs).total[0] == pytest.approx(1)
    left = score("bleu@r2gen-iu", pairs, {"candidate": "as-is"})
    assert left.total[0] == pytest.approx(2 / 3)  # "normal" and "." of "Heart, normal ."
    assert "|candidate:as-is|" in left.signature


def test_the_winner_changes_with_the_convention(score: Score) -> None:
    reference = "The heart is normal. The lungs are clear. No effusion."
    tidy = "the heart is normal . the lungs are clear . no effusion ."
    partly = "The heart is normal. The lungs are hazy. No effusion."
    raw = [score("bleu@raw", [(text, reference)]).total[3] for text in (tidy, partly)]
    cleaned = [score("bleu@r2gen-iu", [(text, reference)]).total[3] for text in (tidy, partly)]
    assert raw[0] < raw[1]
    assert cleaned[0] > cleaned[1]


def test_one_word_in_common_scores_by_the_smoothed_pair_of_words(score: Score) -> None:
    value = score("bleu@rexrank", [("clear", "clear lungs")]).total[0]
    assert value == pytest.approx(math.exp(-1) * math.sqrt(0.1))


def test_signatures_say_how_the_number_was_made(score: Score) -> None:
    pair = [("a", "a")]
    assert score("bleu@r2gen-iu", pair).signature == (
        "bleu|target:findings|prep:r2gen-iu|candidate:clean|cut:60|vocab:none|level:corpus|order:4|smooth:none"
        "|guards:coco|v1"
    )
    assert score("bleu@rexrank", pair).signature == (
        "bleu|target:findings|prep:rexrank|level:sentence|order:2|smooth:method1|v1"
    )
