"""What the encoders of a suite offer to those who let other processes encode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

SourceKey = tuple[Any, ...]
"""Which encoder: the name of what gives it, and what that takes."""


class StoredTexts(Protocol):
    """What one encoder said of texts."""

    def keep(self, texts: Sequence[Any], results: Sequence[bytes]) -> None:
        """Take what another process made of ``texts``: the JSON of one record each."""
        ...


class TextEncoder(Protocol):
    """Texts, or pairs of texts, to records."""

    signature: str

    @property
    def results(self) -> StoredTexts:
        """What it said so far."""
        ...

    def __call__(self, texts: Sequence[Any]) -> Sequence[Any]:
        """One record a text."""
        ...


class TextEncoders(Protocol):
    """The encoders that the metrics of a suite share."""

    @property
    def count(self) -> int:
        """Encoders that the metrics have asked for so far."""
        ...

    def kind(self) -> str:
        """What computes: sums of single precision differ in their last digits from one kind of machine to another."""
        ...

    def source(self, key: SourceKey) -> TextEncoder:
        """The encoder of this key."""
        ...

    def wanted(self, measure: Callable[[], object]) -> dict[SourceKey, list[Any]]:
        """Encoder -> the texts that ``measure`` needs of it and that nothing is known of; nothing is computed.

        What ``measure`` asks of a second encoder shows once the first one's results are kept.
        """
        ...
