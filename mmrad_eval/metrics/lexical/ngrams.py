"""Runs of words as integers: the n-grams of many texts, counted in arrays.

Words and n-grams are numbered as they are met, and the numbers hold for as long as their ``NgramIndex`` lives, so that
what was counted over a corpus can be compared with what is read later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ORDER = 4

Ints = NDArray[np.int64]


class WordIds(dict[str, int]):
    """Word -> number of what it counts as: itself, its stem, ``<unk>``."""

    def __init__(self, numbers: dict[str, int], counts_as: Callable[[str], str] | None = None) -> None:
        super().__init__()
        self._numbers, self._counts_as = numbers, counts_as

    def __missing__(self, word: str) -> int:
        known = self._counts_as(word) if self._counts_as else word
        number = self._numbers.setdefault(known, len(self._numbers))
        self[word] = number
        return number


class NgramIndex:
    """The numbers of n-grams: an n-gram is its first n-1 words, as one number, and its last word."""

    def __init__(self) -> None:
        self._keys: list[Ints] = [np.empty(0, np.int64) for _ in range(MAX_ORDER + 1)]
        self._ids: list[Ints] = [np.empty(0, np.int64) for _ in range(MAX_ORDER + 1)]

    def of(self, order: int, heads: Ints, lasts: Ints) -> Ints:
        """The number of each n-gram of this order; new ones are numbered on."""
        keys, inverse = np.unique((heads << 32) | lasts, return_inverse=True)
        known, ids = self._keys[order], self._ids[order]
        at: Ints = np.asarray(np.searchsorted(known, keys))
        found = np.zeros(len(keys), bool)
        inside = at < len(known)
        found[inside] = known[at[inside]] == keys[inside]
        mine = np.empty(len(keys), np.int64)
        mine[found] = ids[at[found]]
        new = ~found
        mine[new] = len(known) + np.arange(int(new.sum()))
        self._keys[order] = np.insert(known, at[new], keys[new])
        self._ids[order] = np.insert(ids, at[new], mine[new])
        return mine[inverse]


@dataclass(frozen=True)
class Counted:
    """The n-grams of one order in n texts, sorted by text, then by n-gram; each once a text."""

    rows: Ints
    """The text."""
    grams: Ints
    """The number of the n-gram."""
    counts: Ints
    """How often it is there."""

    @property
    def keys(self) -> Ints:
        """Text and n-gram as one number."""
        return (self.rows << 32) | self.grams


class TokenIds:
    """Texts as numbered words, laid end to end."""

    def __init__(self, texts: Sequence[Sequence[int]], numbers: NgramIndex) -> None:
        self.texts = texts
        self.numbers = numbers
        self.lengths: Ints = np.fromiter(map(len, texts), np.int64, len(texts))

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def words(self) -> Ints:
        """The words of all texts."""
        return np.fromiter(chain.from_iterable(self.texts), np.int64, int(self.lengths.sum()))

    @property
    def rows(self) -> Ints:
        """The text of each word."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def left(self) -> Ints:
        """Words from each word to the end of its text, itself included."""
        return np.repeat(np.cumsum(self.lengths), self.lengths) - np.arange(int(self.lengths.sum()))

    @cached_property
    def counted(self) -> tuple[Counted, ...]:
        """The n-grams of orders 1 to 4."""
        words, rows, left = self.words, self.rows, self.left
        heads, starts, orders = words, np.arange(len(words)), [_count(rows, words)]
        for order in range(2, MAX_ORDER + 1):
            whole = left[starts] >= order
            starts = starts[whole]
            heads = self.numbers.of(order, heads[whole], words[starts + order - 1])
            orders.append(_count(rows[starts], heads))
        return tuple(orders)

    def possible(self, order: int) -> Ints:
        """(n,) how many n-grams of this order each text has."""
        return np.maximum(self.lengths - order + 1, 0)


def _count(rows: Ints, grams: Ints) -> Counted:
    keys, counts = np.unique((rows << 32) | grams, return_counts=True)
    return Counted(keys >> 32, keys & 0xFFFFFFFF, counts)


@dataclass(frozen=True)
class SharedNgrams:
    """N-grams that a candidate and its reference both have, each once a pair."""

    rows: Ints
    grams: Ints
    candidate: Ints
    """Count in the candidate."""
    reference: Ints
    """Count in the reference."""


class Pairs:
    """Candidates beside their references."""

    def __init__(self, candidates: TokenIds, references: TokenIds) -> None:
        self.candidates, self.references = candidates, references

    def __len__(self) -> int:
        return len(self.candidates)

    @cached_property
    def shared(self) -> tuple[SharedNgrams, ...]:
        """Orders 1 to 4."""
        return tuple(map(_share, self.candidates.counted, self.references.counted))

    @cached_property
    def matched(self) -> Ints:
        """(4, n) n-grams of the candidate that its reference has, each at most as often as there."""
        found = _matched(self.candidates, self.references)
        if found is not None:
            return found
        return np.stack(
            [total(one.rows, np.minimum(one.candidate, one.reference), len(self)) for one in self.shared]
        ).astype(np.int64)

    @cached_property
    def subsequences(self) -> Ints:
        """(n,) length of the longest common subsequence."""
        return np.fromiter(
            map(longest_common_subsequence, self.references.texts, self.candidates.texts), np.int64, len(self)
        )


def _share(candidate: Counted, reference: Counted) -> SharedNgrams:
    mine, theirs = candidate.keys, reference.keys
    at: Ints = np.asarray(np.searchsorted(theirs, mine))
    both = np.zeros(len(mine), bool)
    inside = at < len(theirs)
    both[inside] = theirs[at[inside]] == mine[inside]
    return SharedNgrams(candidate.rows[both], candidate.grams[both], candidate.counts[both], reference.counts[at[both]])


def _matched(candidates: TokenIds, references: TokenIds) -> Ints | None:
    """(4, n) matches by one sort: row and four words of every place as one number, whose parts are the shorter n-grams.

    None where row and words do not fit into one number together: very many pairs, or very many different words.
    """
    n, of_candidates = len(candidates), int(candidates.lengths.sum())
    words = np.concatenate([candidates.words, references.words])
    if not len(words):
        return np.zeros((MAX_ORDER, n), np.int64)
    here = np.zeros(int(words.max()) + 1, np.int64)
    here[words] = 1
    words = np.append(np.cumsum(here)[words], np.zeros(MAX_ORDER - 1, np.int64))  # from 1, so that 0 is none
    bits = int(here.sum()).bit_length()
    if MAX_ORDER * bits + n.bit_length() + 1 > 63:
        return None
    left = np.concatenate([candidates.left, references.left])
    keys = np.concatenate([candidates.rows, references.rows])
    for ahead in range(MAX_ORDER):
        keys <<= bits
        keys |= words[ahead : ahead + len(keys)] * (left > ahead)
    keys <<= 1
    keys[of_candidates:] |= 1
    keys.sort()
    referred = np.concatenate([[0], np.cumsum(keys & 1)])
    """How many of the places before each are a reference's."""
    keys >>= 1
    matched = np.empty((MAX_ORDER, n), np.int64)
    for order in range(MAX_ORDER, 0, -1):
        starts = np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1])
        stops = np.append(starts[1:], len(keys))
        grams = keys[starts]
        wanted = referred[stops] - referred[starts]
        least = np.minimum(wanted, stops - starts - wanted)
        least[(grams & ((1 << bits) - 1)) == 0] = 0  # its last word lies beyond the text
        matched[order - 1] = total(grams >> (bits * order), least, n)
        keys >>= bits
    return matched


def total(rows: Ints, values: NDArray[Any], n: int) -> NDArray[np.float64]:
    """(n,) sum of the values of each row."""
    return np.bincount(rows, weights=values.astype(np.float64), minlength=n)[:n].astype(np.float64)


def longest_common_subsequence(a: Sequence[int], b: Sequence[int]) -> int:
    """Its length, a whole row of the table at a time as the bits of one integer (Hyyrö, 2004).

    Bit i of ``row`` is 0 where the i-th word of ``a`` adds to the subsequence.
    """
    places: dict[int, int] = {}
    bit = 1
    for word in a:
        places[word] = places.get(word, 0) | bit
        bit <<= 1
    full = bit - 1
    row = full
    for word in b:
        here = places.get(word)
        if here:
            hit = row & here
            row = ((row + hit) | (row - hit)) & full
    return len(a) - row.bit_count()
