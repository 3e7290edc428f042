"""Studies in memory: a few as they are, many as bytes, each made again when it is asked for.

A study of objects takes about 2.5 kB and is looked at by every search for cycles; its bytes take a quarter of that, and
4 microseconds make it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import overload

import msgspec

from mmrad_eval.core.values import Study

MANY = 2000
"""Studies from which on they are held as bytes."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Study)


class Outline(msgspec.Struct, frozen=True):
    """What studies are chosen, counted and resampled by: a fifth of the time that a whole study takes."""

    id: str
    patient: str | None = None
    split: str | None = None

    @property
    def cluster(self) -> str:
        """As a study's."""
        return self.patient if self.patient is not None else f"study:{self.id}"


_OUTLINES = msgspec.msgpack.Decoder(Outline)


class PackedStudies(Sequence[Study]):
    """Studies as MessagePack, one string of bytes each."""

    __slots__ = ("_packed",)

    def __init__(self, packed: list[bytes]) -> None:
        self._packed = packed

    def only(self, places: Iterable[int]) -> PackedStudies:
        """The studies at these places, in their order; they share the bytes."""
        return PackedStudies([self._packed[place] for place in places])

    @overload
    def __getitem__(self, place: int) -> Study: ...
    @overload
    def __getitem__(self, place: slice) -> PackedStudies: ...
    def __getitem__(self, place: int | slice) -> Study | PackedStudies:
        if isinstance(place, slice):
            return PackedStudies(self._packed[place])
        return _DECODER.decode(self._packed[place])

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[Study]:
        return map(_DECODER.decode, self._packed)

    def outlines(self) -> Iterator[Outline]:
        """Each study with id, patient and split alone."""
        return map(_OUTLINES.decode, self._packed)


def held(studies: Iterable[Study]) -> Sequence[Study]:
    """All of ``studies``, in order, in as little memory as keeps each as it is."""
    coming = iter(studies)
    few = tuple(islice(coming, MANY))
    if len(few) < MANY:
        return few
    packed: list[bytes] = []
    for study in chain(few, coming):
        data = _ENCODER.encode(study)
        if not _comes_back(data):
            return (*PackedStudies(packed), study, *coming)
        packed.append(data)
    return PackedStudies(packed)


def _comes_back(data: bytes) -> bool:
    """Whether these bytes make the same study again: not one whose fields hold what they are not declared to hold."""
    try:
        return _ENCODER.encode(_DECODER.decode(data)) == data
    except msgspec.ValidationError:
        return False


def selected(studies: Sequence[Study], keep: Callable[[Study], bool], limit: int | None = None) -> Sequence[Study]:
    """The first ``limit`` studies that satisfy ``keep``, held in memory; what comes after them is not read."""
    if isinstance(studies, PackedStudies):
        return studies.only(islice((place for place, study in enumerate(studies) if keep(study)), limit))
    return held(islice(filter(keep, studies), limit))
