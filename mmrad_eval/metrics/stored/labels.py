"""Labels that a labeler wrote: csv of CheXbert, chexpert-labeler or MIMIC, in any order of columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.errors import DataError, MissingError
from mmrad_eval.core.values import DataUse, Example, Target
from mmrad_eval.metrics.labelf1 import BLANK, LABELS, POLICIES, STATISTICS, Codes, LabelF1, Policy, pairs
from mmrad_eval.metrics.stored.tables import StoredTable, read_table, two_files

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

TEXTS = ("report impression", "reports", "report", "text")
"""Columns by which rows are joined where there is no id: the text that was labelled."""

_BLANK = ("", "nan", "none", "null", "<na>", "-", "\u2013", "\u2014")
_VALUES = {**dict.fromkeys(_BLANK, BLANK), "1": 1, "1.0": 1, "0": 0, "0.0": 0, "-1": -1, "-1.0": -1}


@dataclass(frozen=True)
class StoredLabels:
    """The labels of one file, by study id or by the text that was labelled."""

    path: Path
    digest: str
    by: str
    """``id`` or ``text``."""
    rows: Mapping[str, Sequence[int]]
    """Key -> 14 codes in the order of LABELS."""
    data_use: DataUse

    def of(self, study: str, text: str) -> Sequence[int] | None:
        """The codes of a study, None where the file has none."""
        return self.rows.get(study if self.by == "id" else _line(text))


def read_labels(path: Path | str) -> StoredLabels:
    """Labels joined by the names of the columns; 1, 0, -1 and blank as the labelers write them."""
    table = read_table(path)
    present = {re.sub(r"[ _]+", " ", str(name)).strip().lower(): str(name) for name in table.rows[0]}
    absent = [label for label in LABELS if label.lower() not in present]
    if absent:
        raise DataError(f"{table.path}: no column {', '.join(absent)}; a file of labels has all 14 observations")
    names = [present[label.lower()] for label in LABELS]
    by, keyed = _keyed(table, present)
    rows = {key: [_code(row.get(name), f"{table.path}, {key[:40]}, {name}") for name in names] for key, row in keyed}
    return StoredLabels(table.path, table.digest, by, rows, table.data_use)


def stored_labels(setup: Setup) -> StoredLabelF1:
    """``labels:FILE:REFERENCES``, under the option ``uncertain``."""
    candidate, reference = two_files(setup.argument, "labels:")
    policy: Policy = setup.option("uncertain", "positive", POLICIES)  # type: ignore[assignment] # one of them
    labels = read_labels(candidate), read_labels(reference)
    for one in labels:
        setup.holds(one.data_use)
    return StoredLabelF1(setup.name, *labels, policy)


class StoredLabelF1(LabelF1):
    """Label F1 of two files. An empty candidate is blank throughout, whatever the file says."""

    def __init__(self, name: str, candidate: StoredLabels, reference: StoredLabels, policy: Policy) -> None:
        version = f"stored-{candidate.digest[:12]}-{reference.digest[:12]}"
        super().__init__(name, candidate.path.stem, _no_labeller, version, policy)
        self._candidate, self._reference = candidate, reference

    def fit(self, corpus: Corpus) -> Target:
        """Check that every reference has labels."""
        for study in corpus.scored:
            text = (study.reference.target(corpus.target) if study.reference else None) or ""
            self._find(self._reference, study.id, text)
        return super().fit(corpus)

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, 233) statistics; zeros for a study without a reference."""
        rows = np.zeros((len(examples), len(STATISTICS)))
        scored = [number for number, example in enumerate(examples) if example.reference is not None]
        if scored:
            chosen = [examples[number] for number in scored]
            reference = [self._find(self._reference, e.study.id, e.reference or "") for e in chosen]
            blank = [BLANK] * len(LABELS)
            candidate = [
                self._find(self._candidate, e.study.id, e.candidate) if e.candidate.strip() else blank for e in chosen
            ]
            rows[scored] = pairs(np.array(reference, np.int8), np.array(candidate, np.int8))
        return rows

    def _find(self, labels: StoredLabels, study: str, text: str) -> Sequence[int]:
        found = labels.of(study, text)
        if found is None:
            raise MissingError(
                f"{labels.path} has no labels for study {study} (joined by {labels.by})",
                "label it, or leave it out (--ids)",
            )
        return found


def _keyed(table: StoredTable, present: Mapping[str, str]) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    if table.id_column() is not None:
        return "id", list(table.by_id().items())
    column = next((present[name] for name in TEXTS if name in present), None)
    if column is None:
        raise DataError(
            f"{table.path}: neither a column of study ids nor the text that was labeled ({', '.join(TEXTS)})"
        )
    return "text", [(_line(str(row[column])), row) for row in table.rows]


def _code(value: Any, where: str) -> int:
    code = _VALUES.get("" if value is None else str(value).strip().lower())
    if code is None:
        raise DataError(f"{where}: {value!r} is not 1, 0, -1 or blank")
    return code


def _line(text: str) -> str:
    return " ".join(text.split())


def _no_labeller(texts: Sequence[str]) -> Codes:
    raise RuntimeError(f"{len(texts)} texts: stored labels can't be computed, only read from files")
