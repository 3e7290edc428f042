"""Studies that are read one by one, as they are asked for: for data sets too large to be held."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from mmrad_eval.core.values import Study
from mmrad_eval.datasets.held import Outline, PackedStudies, selected

FEW = 200
"""Studies that are read in a row before it pays to prepare for all."""


class LazyStudies(Sequence[Study]):
    """A sequence that makes each study when it is asked for.

    ``outline`` is a study without what costs reading (report, trace, priors): enough to choose by id, patient and
    split.
    """

    @abstractmethod
    def read(self, place: int) -> Study:
        """The study at a place in 0..n-1, with everything."""

    @abstractmethod
    def outline(self, place: int) -> Study:
        """The same study with id, patient and split alone."""

    @abstractmethod
    def digest(self) -> str:
        """SHA-256 over what the studies hold, 64 hexadecimal digits, without reading them one by one."""

    def rows(self, place: int) -> list[dict[str, Any]]:
        """The rows of the source that a study was made of, where there are several for each; else none."""
        return []

    @overload
    def __getitem__(self, place: int) -> Study: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Study]: ...
    def __getitem__(self, place: int | slice) -> Study | Sequence[Study]:
        if isinstance(place, slice):
            return [self.read(p) for p in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self.read(place % len(self))

    def prepare(self) -> None:
        """Called when many studies are read in order: what makes the next one cheap may cost memory now."""

    def __iter__(self) -> Iterator[Study]:
        for place in range(len(self)):
            if place == FEW:
                self.prepare()
            yield self.read(place)


def outlines(studies: Sequence[Study]) -> Iterator[Study | Outline]:
    """Each study with at least id, patient and split, as cheaply as the data allows."""
    if isinstance(studies, LazyStudies):
        return (studies.outline(place) for place in range(len(studies)))
    return studies.outlines() if isinstance(studies, PackedStudies) else iter(studies)


class Subset(LazyStudies):
    """Some studies of a lazy sequence, by their places."""

    def __init__(self, studies: LazyStudies, places: Sequence[int]) -> None:
        self._studies = studies
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def read(self, place: int) -> Study:
        """From the whole."""
        return self._studies.read(self._places[place])

    def rows(self, place: int) -> list[dict[str, Any]]:
        """From the whole."""
        return self._studies.rows(self._places[place])

    def prepare(self) -> None:
        """Pass it on."""
        self._studies.prepare()

    def outline(self, place: int) -> Study:
        """From the whole."""
        return self._studies.outline(self._places[place])

    def digest(self) -> str:
        """Of the whole, and of which ones."""
        return hashlib.sha256(f"{self._studies.digest()}|{list(self._places)}".encode()).hexdigest()


def subset(studies: Sequence[Study], keep: Callable[[Study | Outline], bool]) -> Sequence[Study]:
    """The studies whose outline satisfies ``keep``, in order; of a lazy sequence none is read for it.

    ``keep`` may look at id, patient and split alone.
    """
    if isinstance(studies, LazyStudies):
        return Subset(studies, [place for place in range(len(studies)) if keep(studies.outline(place))])
    if isinstance(studies, PackedStudies):
        return studies.only(place for place, outline in enumerate(studies.outlines()) if keep(outline))
    return selected(studies, keep)
