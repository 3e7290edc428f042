"""Donors: a deterministic other patient for every study."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Study
from mmrad_eval.datasets.lazy import outlines


class Donors:
    """The whole dataset in the order of its ids' digests; the donor of a study is the next one of another patient.

    The order does not depend on a limit, a model or the file's order, so every model meets the same donor.
    """

    def __init__(self, studies: Sequence[Study]) -> None:
        self._studies = studies

    @cached_property
    def _places(self) -> dict[str, int]:
        """Id -> place in the dataset, in the order of the ids' digests; made when a task first borrows."""
        named = [(study.id, place) for place, study in enumerate(outlines(self._studies))]
        return dict(sorted(named, key=lambda pair: hashlib.sha256(pair[0].encode()).digest()))

    @cached_property
    def _ring(self) -> list[int]:
        return list(self._places.values())

    @cached_property
    def _clusters(self) -> list[str]:
        """Of each study, by its place in the dataset."""
        return [study.cluster for study in outlines(self._studies)]

    @cached_property
    def _turns(self) -> dict[str, int]:
        return {name: turn for turn, name in enumerate(self._places)}

    def __call__(self, study: Study, where: Callable[[Study], bool] | None = None) -> Study:
        """The donor of ``study`` among those that satisfy ``where``; DataError where there is none."""
        turn, own = self._turns[study.id], study.cluster
        ring, clusters = self._ring, self._clusters
        for distance in range(1, len(ring)):
            place = ring[(turn + distance) % len(ring)]
            if clusters[place] == own:
                continue
            other = self._studies[place]
            if where is None or where(other):
                return other
        raise DataError(
            f"study {study.id} has no donor: no other patient among {len(self._ring)} studies has what the task borrows"
        )
