"""The answers of all readers beside the key: one row a reading, ready to be counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.reader_studies.records import KeyReading, ReaderAnswers, ReadingAnswer, StudyKey
from mmrad_eval.results.statistics.crossed import RESAMPLES, SEED, CrossedReadings


@dataclass(frozen=True)
class MergedReading:
    """One reading that was finished."""

    reader: str
    case: int
    arms: tuple[int, ...]
    """In the order in which they were shown."""
    answer: ReadingAnswer

    def number(self, field: str) -> float:
        """A number that was answered; nan where the field was left empty."""
        value = self.answer.values.get(field)
        return float(value) if isinstance(value, int) else float("nan")


@dataclass(frozen=True)
class MergedStudy:
    """A study with what its readers answered."""

    key: StudyKey
    answers: Sequence[ReaderAnswers]
    resamples: int = RESAMPLES
    seed: int = SEED

    @cached_property
    def readings(self) -> list[MergedReading]:
        """Every reading that counts: repeats and cases with a planted error are left out."""
        return [row for row, reading in self._finished() if not reading.repeats and not self._planted(row)]

    @cached_property
    def planted(self) -> list[MergedReading]:
        """The readings of cases with a planted error."""
        return [row for row, reading in self._finished() if not reading.repeats and self._planted(row)]

    def _planted(self, row: MergedReading) -> bool:
        return bool(self.key.cases[row.case].planted)

    @cached_property
    def repeats(self) -> list[tuple[MergedReading, MergedReading]]:
        """(first time, again) of each reading that was shown twice."""
        first = {(row.reader, reading.id): row for row, reading in self._finished() if not reading.repeats}
        again = ((row, reading) for row, reading in self._finished() if reading.repeats)
        pairs = ((first.get((row.reader, reading.repeats)), row) for row, reading in again)
        return [(one, row) for one, row in pairs if one is not None and not self._planted(row)]

    def _finished(self) -> list[tuple[MergedReading, KeyReading]]:
        given = {answers.reader: answers.answers for answers in self.answers}
        return [
            (MergedReading(reader.code, reading.case, reading.arms, held), reading)
            for reader in self.key.readers
            for reading in reader.readings
            if (held := given.get(reader.code, {}).get(reading.id)) is not None and held.done
        ]

    @cached_property
    def case_weights(self) -> FloatArray:
        """(cases,) the inverse of each case's chance, with mean 1."""
        weights = 1 / np.array([case.inclusion for case in self.key.cases])
        found: FloatArray = weights / weights[[not case.planted for case in self.key.cases]].mean()
        return found

    def clusters(self, cases: Sequence[int]) -> list[str]:
        """What is resampled: the patient of each case, or the case where no patient is known."""
        return [self.key.cases[i].patient or f"case {self.key.cases[i].id}" for i in cases]

    @cached_property
    def crossed(self) -> CrossedReadings:
        """The readings, for intervals over cases and readers."""
        cases = [row.case for row in self.readings]
        return CrossedReadings(
            self.clusters(cases),
            [row.reader for row in self.readings],
            self.case_weights[cases],
            resamples=self.resamples,
            seed=self.seed,
        )

    @property
    def readers(self) -> int:
        """Readers with answers."""
        return len({row.reader for row in self.readings})

    @property
    def cases(self) -> int:
        """Cases with answers."""
        return len({row.case for row in self.readings})

    def name(self, arm: int) -> str:
        """What tables call an arm."""
        return self.key.arms[arm].name
