"""The stemmer gives NLTK's stems."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmrad_eval.metrics.lexical.stemmer import IRREGULAR, stem

SUFFIXES = re.findall(
    r"\w+",
    "s es sses ies ss ed ied eed ing ly y ational tional enci anci izer bli abli alli entli eli ousli ization ation "
    "ator alism iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance "
    "ence er ic able ible ant ement ment ent ion sion tion ou ism ate iti ous ive ize e ll",
)
"""Porter, 1980, and NLTK's additions."""


@pytest.fixture(scope="module")
def oracle() -> object:
    return pytest.importorskip("nltk.stem.porter").PorterStemmer()


@settings(max_examples=2000)
@given(st.text(alphabet="aeiouybcdlmnrstz", max_size=7), st.sampled_from(["", *SUFFIXES]))
def test_stems_are_nltks(oracle: object, root: str, suffix: str) -> None:
    word = root + suffix
    assert stem(word) == oracle.stem(word)  # type: ignore[attr-defined]  # nltk has no types


def test_irregular_forms_are_nltks(oracle: object) -> None:
    assert all(stem(form) == oracle.stem(form) for form in IRREGULAR)  # type: ignore[attr-defined]  # as above


def test_words_of_the_field() -> None:
    pairs = {"effusions": "effus", "enlarged": "enlarg", "opacities": "opac", "stable": "stabl", "lying": "lie"}
    assert {word: stem(word) for word in pairs} == pairs
