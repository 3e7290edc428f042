"""CIDEr-D equals pycocoevalcap over the selection it was fitted on, and stays fixed where the package moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite

Score = Callable[..., Any]

WORDS = st.sampled_from(
    [
        "the",
        "heart",
        "is",
        "enlarged",
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
THREE = [
    ("the heart is big", "the heart is very big today"),
    ("lungs are clear", "lungs are clear of disease now"),
    ("no effusion", "there is no pleural effusion here"),
]
ODD = ("\u00a0", "\u2009", "\u200b", "\u3000", "\u2028", "\x85", "\x1c", "\x0b", "\r\n")
"""Spaces and line ends that some programs split at and others do not."""
SPACES = st.sampled_from([" ", "  ", "   ", "\n", " \t", *ODD])
SPACED = st.lists(st.tuples(WORDS, SPACES), min_size=1, max_size=20).map(
    lambda parts: "".join(word + space for word, space in parts).strip() or "the"
)


def coco(pairs: Sequence[tuple[str, str]]) -> Any:
    """What pycocoevalcap says: CIDEr-D of each study."""
    cider = pytest.importorskip("pycocoevalcap.cider.cider").Cider()
    candidates = {number: [candidate] for number, (candidate, _) in enumerate(pairs)}
    references = {number: [reference] for number, (_, reference) in enumerate(pairs)}
    return cider.compute_score(references, candidates)[1]


@given(PAIRS)
def test_raw_cider_is_pycocoevalcaps(score: Score, pairs: list[tuple[str, str]]) -> None:
    np.testing.assert_allclose(score("cider@raw", pairs).studies[:, 0], coco(pairs), rtol=1e-9, atol=1e-12)


@given(st.lists(st.tuples(SPACED, SPACED), min_size=1, max_size=5))
def test_raw_cider_is_pycocoevalcaps_on_text_with_any_spaces(score: Score, pairs: list[tuple[str, str]]) -> None:
    np.testing.assert_allclose(score("cider@raw", pairs).studies[:, 0], coco(pairs), rtol=1e-9, atol=1e-12)


def test_equal_texts_score_ten_where_every_order_has_a_rare_run_of_words(score: Score) -> None:
    assert score("cider@raw", [(reference, reference) for _, reference in THREE]).total[0] == pytest.approx(10)
    assert score("cider@raw", [("clear", "clear"), ("a", "b")]).studies[0, 0] == pytest.approx(2.5)


def test_one_study_scores_zero_as_in_the_package(score: Score) -> None:
    assert score("cider@raw", [("the heart is big", "the heart is big")]).total[0] == 0


def test_an_empty_candidate_scores_zero_and_nothing_is_undefined(score: Score) -> None:
    assert score("cider@raw", [*THREE, ("", "the heart is normal")]).studies[3, 0] == 0
    assert np.isnan(score("cider@raw", []).total).all()


def test_a_pair_scores_the_same_alone_as_among_the_others() -> None:
    (metric,) = suite(["cider@raw"])
    studies = [Study(id=str(number), reference=Report(findings=text)) for number, (_, text) in enumerate(THREE)]
    answers = [Answer(study=str(number), report=Report(text=text)) for number, (text, _) in enumerate(THREE)]
    examples = [Example(study, answer) for study, answer in zip(studies, answers, strict=True)]
    context = metric.fit(Corpus(studies))
    together = metric.measure(examples, context)
    alone = np.concatenate([metric.measure([one], context) for one in reversed(examples)])[::-1]
    np.testing.assert_allclose(together, alone)
    assert together[0, 0] > 0


def test_the_signature_names_the_references_in_any_order(score: Score) -> None:
    first, again = score("cider@raw", THREE).signature, score("cider@raw", THREE[::-1]).signature
    other = score("cider@raw", [*THREE[:2], ("a", "another reference")]).signature
    assert first == again != other
    assert first.startswith("cider|target:findings|prep:words|level:sentence|order:4|sigma:6|df:3-")


def test_a_reference_that_was_not_fitted_is_rare() -> None:
    (metric,) = suite(["cider@raw"])
    context = metric.fit(
        Corpus([Study(id=str(n), reference=Report(findings=text)) for n, (_, text) in enumerate(THREE)])
    )
    study = Study(id="new", reference=Report(findings="four words never seen"))
    row = metric.measure([Example(study, Answer(study="new", report=Report(text="four words never seen")))], context)
    assert row[0].tolist() == pytest.approx([10, 1])
