"""RadCliQ: one number of four, fitted to radiologists' error counts. Lower is better.

Yu et al., Patterns 2023. A linear formula of standardised sub-scores, so its mean over studies is the formula of their
means. Coefficients as numbers, read from the models of CXR-Report-Metric, so that no pickle is needed. The board shows
1/mean of v1, which changes sign where the mean passes 0: the raw value stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.lexical.mean import has_reference

if TYPE_CHECKING:
    from pathlib import Path

    from mmrad_eval.metrics.suites import Setup

INPUTS = ("RadGraph", "BERTScore", "SembScore", "BLEU-2")
"""The sub-scores, in the order of the coefficients."""


@dataclass(frozen=True)
class Formula:
    """Means and deviations that standardise, coefficients, intercept."""

    means: tuple[float, float, float, float]
    deviations: tuple[float, float, float, float]
    coefficients: tuple[float, float, float, float]
    intercept: float

    def __call__(self, scores: FloatArray) -> FloatArray:
        """(..., 4) sub-scores to (...) RadCliQ."""
        standard = (scores - np.array(self.means)) / np.array(self.deviations)
        value: FloatArray = standard @ np.array(self.coefficients) + self.intercept
        return value


V1 = Formula(
    (0.537923124136, 0.617572562813, 0.764794212114, 0.447383353962),
    (0.302825841149, 0.224309384593, 0.253943911017, 0.298927167104),
    (-0.3770836826, -0.3703000997, -0.2526162179, 4.315e-12),
    2.4666e-10,
)
V0 = Formula(
    (0.539837601908, 0.6312549595, 0.771679786667, 0.460737206481),
    (0.301834444056, 0.224669507461, 0.247503338052, 0.303366709361),
    (-0.479625264486, -0.676217054237, -0.463665751618, 0.216586190529),
    1.641666666667,
)
"""A better BLEU-2 makes v0 worse: so it was fitted."""

PERFECT = np.ones(4)


def columns(profile: str) -> tuple[Column, Column, Column]:
    """v1, the board's reciprocal of its mean, v0."""
    best = float(V1(PERFECT))
    return (
        Column("RadCliQ-v1", profile, "lower", best),
        Column("1/RadCliQ-v1", profile),
        Column("RadCliQ-v0", profile, "lower", float(V0(PERFECT))),
    )


def values(scores: FloatArray) -> FloatArray:
    """(..., 4) sub-scores, of a study or means of many, to (..., 3) columns; the reciprocal of 0 is nan."""
    v1 = V1(scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        board = np.where(v1 != 0, 1.0 / v1, np.nan)
    return np.stack([v1, board, V0(scores)], axis=-1)


@dataclass(frozen=True)
class Input:
    """Where a required metric keeps what RadCliQ reads."""

    metric: str
    size: int
    """How many statistics it has."""
    score: int
    """Which of them is the sum of the sub-score."""
    studies: int
    """Which of them counts studies."""


class RadCliQ:
    """RadCliQ of the means of its four inputs.

    Statistics of a study: 1. ``reduce`` gets those of the required metrics after it.
    """

    statistics: Sequence[str] = ("studies",)

    def __init__(self, name: str, inputs: Sequence[Input]) -> None:
        self.name, self._inputs = name, tuple(inputs)
        self.columns: Sequence[Column] = columns(name.partition("@")[2])
        self.requires: Sequence[str] = tuple(entry.metric for entry in inputs)

    def fit(self, corpus: Corpus) -> str:
        """The target; nothing is learnt."""
        return corpus.target

    def signature(self, context: str) -> str:
        """The inputs have signatures of their own."""
        return f"radcliq|target:{context}|of:{','.join(self.requires)}|board:1/mean|v1"

    def measure(self, examples: Sequence[Example], context: str) -> FloatArray:
        """(n, 1) whether the study counts."""
        return has_reference(examples)[:, None]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 1 + inputs) to (..., 3)."""
        sums = np.asarray(sums, np.float64)
        means = []
        start = 1
        for entry in self._inputs:
            count = sums[..., start + entry.studies]
            with np.errstate(invalid="ignore", divide="ignore"):
                means.append(np.where(count > 0, sums[..., start + entry.score] / count, np.nan))
            start += entry.size
        return values(np.stack(means, axis=-1))


def radcliq(setup: Setup) -> RadCliQ:
    """``radcliq@rexrank`` from the four metrics of the same board."""
    from mmrad_eval.metrics.clinical.graphs.metric import STATISTICS
    from mmrad_eval.metrics.lexical.bleu import SentenceBleu

    bleu = list(SentenceBleu.statistics)
    return RadCliQ(
        setup.name,
        (
            Input("radgraph@rexrank", len(STATISTICS), STATISTICS.index("combined"), STATISTICS.index("studies")),
            Input("bertscore@rexrank", 4, 0, 3),
            Input("semb@rexrank", 2, 0, 1),
            Input(SentenceBleu.name, len(bleu), bleu.index("score"), bleu.index("studies")),
        ),
    )


NAMES: dict[str, tuple[str, ...]] = {
    "RadGraph": ("radgraph_combined", "radgraph", "radgraph_f1"),
    "BERTScore": ("bertscore", "bert_score", "bertscore_f1"),
    "SembScore": ("semb_score", "semb", "sembscore", "chexbert_cosine"),
    "BLEU-2": ("bleu_score", "bleu2", "bleu-2", "bleu_2", "bleu"),
}
"""Columns that are taken for each sub-score, CXR-Report-Metric's own name first."""


def stored(setup: Setup) -> StoredRadCliQ:
    """``radcliq:FILE``: a csv with a study id and the four sub-scores of each report."""
    from mmrad_eval.metrics.stored.tables import read_scores

    path = setup.argument
    table = read_scores(path, NAMES)
    setup.holds(table.data_use)
    return StoredRadCliQ(setup.name, table.path, table.digest, table.rows)


class StoredRadCliQ:
    """RadCliQ of sub-scores that were computed elsewhere.

    Statistics of a study: its four sub-scores, and 1.
    """

    requires: Sequence[str] = ()
    statistics: Sequence[str] = (*INPUTS, "studies")

    def __init__(self, name: str, path: Path, digest: str, rows: dict[str, list[float]]) -> None:
        self.name, self._path, self._digest, self._rows = name, path, digest, rows
        self.columns: Sequence[Column] = columns(path.stem)

    def fit(self, corpus: Corpus) -> None:
        """Check that every study has a row."""
        from mmrad_eval.metrics.stored.tables import complete

        complete(self._rows, corpus, self._path)

    def signature(self, context: None) -> str:
        """The file decides."""
        return f"radcliq|stored:{self._digest[:12]}|board:1/mean|v1"

    def measure(self, examples: Sequence[Example], context: None) -> FloatArray:
        """(n, 5) sub-scores and count."""
        rows = np.array([[*self._rows[example.study.id], 1.0] for example in examples]).reshape(-1, 5)
        return rows * has_reference(examples)[:, None]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 5) to (..., 3)."""
        sums = np.asarray(sums, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return values(np.where(sums[..., 4:] > 0, sums[..., :4] / sums[..., 4:], np.nan))
