"""Lengths of reports, and the studies in which those of two sides are about equally long.

A longer report finds more to match, so a gain may be one of length alone. The difference over the studies with reports
of about the same length shows what is left of it. It is a sensitivity analysis: the reports decide which studies count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Example, Study
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.statistics.paired import Differences

NEAR = 0.1
"""Two reports are about equally long where they differ by at most this share of the longer one, or by one word."""


@dataclass(frozen=True)
class SameLength:
    """A further arm minus the first, over the studies in which their reports are about equally long."""

    difference: Differences
    studies: int
    words: tuple[float, float]
    """Words of a report of the first and of the further arm, over all compared studies."""


def words_of(folders: Sequence[RunFolder], ids: Sequence[str]) -> FloatArray:
    """(n,) words of the report about each study, the mean over the runs of one side."""
    place = {name: i for i, name in enumerate(ids)}
    words = np.full((len(folders), len(ids)), np.nan)
    for row, folder in enumerate(folders):
        target = folder.run.identity.selection.target
        for answer in folder.answers():
            if answer.study in place:
                words[row, place[answer.study]] = len(Example(Study(answer.study), answer, target).candidate.split())
        if np.isnan(words[row]).any():
            lost = ids[int(np.flatnonzero(np.isnan(words[row]))[0])]
            raise DataError(
                f"{folder.answers_path}: the answer for {lost} was scored and is now missing; run its command again"
            )
    mean: FloatArray = words.mean(axis=0)
    return mean


def near(first: FloatArray, second: FloatArray) -> NDArray[np.bool_]:
    """(n,) whether two lengths are about equal."""
    return np.abs(first - second) <= np.maximum(NEAR * np.maximum(first, second), 1.0)
