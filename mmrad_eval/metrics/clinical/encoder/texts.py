"""Results of a text, made once: found again by the digest of the text and the signature of what made them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from mmrad_eval.core.canonical import digest
from mmrad_eval.core.journal import Journal

T = TypeVar("T")
K = TypeVar("K", bound="str | tuple[str, ...]")

CHUNK = 256
"""Results are written after this many new texts, so that a killed process loses no more."""


class TextResults(Generic[K, T]):
    """What one engine says of texts, or of pairs of them. Without a journal, results are kept for this process only."""

    def __init__(self, journal: Journal | None, signature: str, kind: type[T]) -> None:
        """``kind`` is the record that is stored; ``signature`` names everything that decides it."""
        self._journal, self._signature = journal, signature
        self._decoder = msgspec.json.Decoder(kind)
        self._held: dict[str, T] = {}
        self.made = 0
        """Texts that had to be computed."""

    def __call__(self, texts: Sequence[K], make: Callable[[list[K]], Sequence[T]]) -> list[T]:
        """One result a text, in order; ``make`` is asked for the distinct texts that no one has asked about."""
        keys = {text: self._key(text) for text in dict.fromkeys(texts)}
        fresh = [text for text, key in keys.items() if not self._known(key)]
        for start in range(0, len(fresh), CHUNK):
            part = fresh[start : start + CHUNK]
            for text, result in zip(part, make(part), strict=True):
                self._keep(keys[text], text, result)
        return [self._held[keys[text]] for text in texts]

    def fresh(self, texts: Sequence[K]) -> list[K]:
        """The distinct texts that no one has asked about."""
        return [text for text in dict.fromkeys(texts) if not self._known(self._key(text))]

    def keep(self, texts: Sequence[K], results: Sequence[bytes]) -> None:
        """Take what another process made of ``texts``: the JSON of one record each."""
        for text, result in zip(texts, results, strict=True):
            self._keep(self._key(text), text, self._decoder.decode(result))

    def _key(self, text: K) -> str:
        return digest([self._signature, text])

    def _known(self, key: str) -> bool:
        if key in self._held:
            return True
        stored = self._journal.get(key) if self._journal is not None else None
        if stored is None:
            return False
        self._held[key] = self._decoder.decode(stored)
        return True

    def _keep(self, key: str, text: K, result: T) -> None:
        self._held[key] = result
        self.made += 1
        if self._journal is not None:
            request = {"signature": self._signature, "text": digest(text)}
            self._journal.put(key, request, result)


def open_journal(given: Journal | Path | str | None) -> Journal | None:
    """The journal of a folder, or the one given; None: nothing is stored."""
    return given if given is None or isinstance(given, Journal) else Journal(Path(given))
