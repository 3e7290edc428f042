"""What is known of several runs over the same studies, and how their sums become values with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import Answer, Example, Study, Target, Trace
from mmrad_eval.metrics.consistency.matching import supported
from mmrad_eval.metrics.consistency.statements import Statement, statements, trace_facts
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.metrics.facts.extractors import rules
from mmrad_eval.metrics.facts.labels import label_many
from mmrad_eval.metrics.labelf1 import LABELS, POSITIVE, UNCERTAIN
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, SEED, StatisticsPart, bootstrap

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ArmValue:
    """One number with its interval; nan where there is none."""

    value: float
    low: float
    high: float
    n: int
    """Studies that it rests on."""

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.high < 0


@dataclass(frozen=True)
class ArmContrast:
    """Numbers on their way: additive statistics of studies, and the formula on their sums."""

    names: Sequence[str]
    """One for each column of the formula; columns beyond them are not kept."""
    studies: Sequence[Study]
    rows: FloatArray
    """(n, k) statistics of the studies."""
    reduce: Callable[[FloatArray], FloatArray]
    """(..., k) sums to (..., columns)."""


@dataclass
class ArmReading:
    """What is known of the runs: answers by arm and study, and what they say."""

    studies: Sequence[Study]
    target: Target
    answers: Mapping[str, Mapping[str, Answer]]
    _labels: dict[str, dict[str, Bools]] = field(default_factory=dict)
    _facts: dict[str, dict[str, tuple[Statement, ...]]] = field(default_factory=dict)
    _told: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    _covered: dict[str, tuple[bool, ...]] = field(default_factory=dict)

    def common(self, *arms: str) -> list[Study]:
        """The studies that all these arms answered, in dataset order."""
        return [s for s in self.studies if all(s.id in self.answers.get(arm, {}) for arm in arms)]

    def text(self, arm: str, study: Study) -> str:
        """The report of an arm."""
        return Example(study, self.answers[arm][study.id], self.target).candidate

    def labels(self, arm: str, studies: Sequence[Study]) -> Bools:
        """(n, 14) which labels are positive or uncertain."""
        known = self._labels.setdefault(arm, {})
        new = [s for s in studies if s.id not in known]
        known.update(zip((s.id for s in new), positive([self.text(arm, s) for s in new]), strict=True))
        return np.array([known[s.id] for s in studies], dtype=np.bool_).reshape(len(studies), len(LABELS))

    def facts(self, arm: str, study: Study) -> tuple[Statement, ...]:
        """The abnormal statements of a report; of the reference for the arm ``reference``."""
        known = self._facts.setdefault(arm, {})
        if study.id not in known:
            text = self.reference(study) if arm == "reference" else self.text(arm, study)
            known[study.id] = abnormal(text)
        return known[study.id]

    def told(self, study: Study) -> tuple[Statement, ...]:
        """What the words of the study's reference trace state."""
        if study.id not in self._told:
            (facts,) = trace_facts([study.trace or Trace()], rules())
            self._told[study.id] = statements(facts)
        return self._told[study.id]

    def covered(self, study: Study) -> tuple[bool, ...]:
        """Of each abnormal statement of the reference, whether the words of its trace tell it."""
        if study.id not in self._covered:
            self._covered[study.id] = supported(self.facts("reference", study), self.told(study))
        return self._covered[study.id]

    def reference(self, study: Study) -> str:
        """The reference's text."""
        return (study.reference.target(self.target) if study.reference else None) or ""


def estimate(contrasts: Iterable[ArmContrast], resamples: int = RESAMPLES) -> dict[str, ArmValue]:
    """Values with patient-clustered intervals, by name, in the order of the contrasts.

    Contrasts over the same studies share their resamples. Of two that give the same name, the first counts.
    """
    asked = [contrast for contrast in contrasts if len(contrast.rows)]
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, contrast in enumerate(asked):
        groups.setdefault(tuple(study.id for study in contrast.studies), []).append(number)
    known: dict[int, dict[str, ArmValue]] = {}
    for numbers in groups.values():
        found = _estimated([asked[number] for number in numbers], resamples)
        known.update(zip(numbers, found, strict=True))
    values: dict[str, ArmValue] = {}
    for number in range(len(asked)):
        values |= {name: value for name, value in known[number].items() if name not in values}
    return values


def _estimated(group: Sequence[ArmContrast], resamples: int) -> Iterator[dict[str, ArmValue]]:
    """The values of each contrast; all are over the same studies."""
    studies = group[0].studies
    ends = np.cumsum([contrast.rows.shape[1] for contrast in group]).tolist()
    parts = [StatisticsPart(range(end - c.rows.shape[1], end), c.reduce) for c, end in zip(group, ends, strict=True)]
    rows = np.concatenate([contrast.rows for contrast in group], axis=1).astype(np.float64)
    found = bootstrap(rows, [study.cluster for study in studies], parts, resamples=resamples, seed=SEED)
    values = (
        ArmValue(float(v), float(a), float(b), len(rows))
        for v, a, b in zip(found.value, found.low, found.high, strict=True)
    )
    for contrast in group:
        columns = int(np.asarray(contrast.reduce(contrast.rows.sum(axis=0))).shape[-1])
        yield dict(zip(contrast.names, list(islice(values, columns)), strict=False))


def positive(texts: Sequence[str]) -> Bools:
    """(n, 14) labels that are positive or uncertain."""
    return np.isin(label_many(texts), [POSITIVE, UNCERTAIN])


def abnormal(text: str) -> tuple[Statement, ...]:
    """The statements of a text that something is there, surely or perhaps."""
    return tuple(s for s in statements(extract(text)) if s.abnormal)
