"""Sets of words: those of a list, and those of a text, made so that a look for certain words costs next to nothing."""

from __future__ import annotations

from functools import lru_cache

_ASCII = tuple(map(chr, range(128)))
_LOWERED = bytes(ord(c.lower() if c.isalnum() else " ") for c in _ASCII) + bytes(128)
_SPACES = str.maketrans(dict.fromkeys([c for c in _ASCII if not c.isalnum()] + [*"\u2019\u2018\u201c\u201d"], " "))


def among(words: str) -> frozenset[str]:
    """The words of a list, with spaces between them."""
    return frozenset(words.split())


@lru_cache(maxsize=16)
def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, without marks."""
    if text.isascii():
        return frozenset(plain_words(text))
    return frozenset(text.lower().translate(_SPACES).split())


def plain_words(text: str) -> list[str]:
    """The words of a text in ASCII, in order: by a table of bytes, which is several times as fast as a pattern."""
    return text.encode("ascii").translate(_LOWERED).decode("ascii").split()
