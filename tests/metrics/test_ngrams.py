"""N-grams that a candidate and its reference share, counted in arrays, against counting them one by one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.metrics.lexical import ngrams
from mmrad_eval.metrics.lexical.ngrams import MAX_ORDER, NgramIndex, Pairs, TokenIds

Texts = list[list[int]]
_texts = st.lists(st.lists(st.integers(0, 5) | st.integers(0, 40_000), max_size=12), max_size=6)


def _one_by_one(candidate: Sequence[int], reference: Sequence[int], order: int) -> int:
    def counted(words: Sequence[int]) -> Counter[tuple[int, ...]]:
        return Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))

    return (counted(candidate) & counted(reference)).total()


def _pairs(candidates: Texts, references: Texts) -> Pairs:
    numbers = NgramIndex()
    return Pairs(TokenIds(candidates, numbers), TokenIds(references, numbers))


def _expected(candidates: Texts, references: Texts) -> list[list[int]]:
    both = list(zip(candidates, references, strict=True))
    return [[_one_by_one(c, r, order) for c, r in both] for order in range(1, MAX_ORDER + 1)]


@given(_texts, st.randoms(use_true_random=False))
def test_matches_are_those_counted_one_by_one(candidates: Texts, chance: random.Random) -> None:
    references = [chance.sample(words, len(words)) + words[:3] for words in candidates]
    chance.shuffle(references)

    assert _pairs(candidates, references).matched.tolist() == _expected(candidates, references)


def test_matches_of_more_words_than_one_number_holds_are_the_same() -> None:
    chance = random.Random(7)
    candidates = [[chance.randrange(40_000) for _ in range(9_000)] for _ in range(5)]
    references = [words[: 9_000 - 1_000 * i] + words[:50] for i, words in enumerate(candidates)]
    pairs = _pairs(candidates, references)

    assert ngrams._matched(pairs.candidates, pairs.references) is None
    assert pairs.matched.tolist() == _expected(candidates, references)
