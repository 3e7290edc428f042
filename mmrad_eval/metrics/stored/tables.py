"""Files of results by study: csv, json and jsonl to rows by id, with ids that are missing or doubled named."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrad_eval.core import decode, sheets
from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.data_use import FIELD, of_place, stated, strictest
from mmrad_eval.core.errors import DataError, MissingError, UsageError
from mmrad_eval.core.values import DataUse, Example
from mmrad_eval.datasets.credentialed import class_of_rows
from mmrad_eval.metrics.lexical.mean import means, reduce_means

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

IDS = ("study_id", "id", "study", "report_id", "case_id", "dicom_id", "image_id", "uid", "key", "name")
"""Columns that are taken for the study's id, the first that is there."""


@dataclass(frozen=True)
class StoredTable:
    """The rows of one file, as text by column."""

    path: Path
    digest: str
    rows: list[dict[str, Any]]
    data_use: DataUse

    def by_id(self) -> dict[str, dict[str, Any]]:
        """Rows by study id; DataError where there is no column of ids, or an id twice."""
        column = self.id_column()
        if column is None:
            raise DataError(
                f"{self.path}: no column of study ids ({', '.join(IDS[:4])}, …); its columns are {_names(self.rows)}"
            )
        found: dict[str, dict[str, Any]] = {}
        for number, row in enumerate(self.rows, start=1):
            if column not in row:
                raise DataError(f"{self.path}: row {number} has no {column!r}; give every row its study's id")
            key = str(row[column]).strip()
            if key in found:
                raise DataError(f"{self.path}: id {key!r} occurs twice (row {number}); keep one row per study")
            found[key] = row
        return found

    def id_column(self) -> str | None:
        """The name of the column of ids, None where there is none."""
        names = {str(name).strip().lower(): name for name in (self.rows[0] if self.rows else {})}
        return next((names[name] for name in IDS if name in names), None)


@dataclass(frozen=True)
class StudyScores:
    """Numbers by study id."""

    path: Path
    digest: str
    columns: tuple[str, ...]
    rows: dict[str, list[float]]
    data_use: DataUse


def read_table(path: Path | str) -> StoredTable:
    """A csv with a header, a json (list of objects, or object of objects by id) or a jsonl file."""
    file = Path(path).expanduser()
    data = readable(file, "give the path of a csv, json or jsonl file")
    text = decode.utf8(data, str(file))
    rows = _json_rows(file, text) if file.suffix in (".json", ".jsonl", ".ndjson") else _csv_rows(file, text)
    if not rows:
        raise DataError(f"{file}: contains no rows")
    return StoredTable(file, hashlib.sha256(data).hexdigest(), rows, class_of(file, rows))


def class_of(path: Path, rows: Sequence[Mapping[str, Any]]) -> DataUse:
    """The class of a file of results: what its rows and its folder state, and no less than what is seen in it."""
    return strictest((class_of_rows(rows, "open"), of_place(path)))


def readable(file: Path, remedy: str) -> bytes:
    """The bytes of a file; MissingError with the ``remedy`` where it can't be read."""
    try:
        return decode.read_bytes(file)
    except DataError as error:
        raise MissingError(str(error), remedy) from error


def json_records(path: Path, text: str) -> Any:
    """The value of a JSON file, or the list of the values of a file of JSON lines."""
    if path.suffix == ".json":
        return decode.json_value(text, str(path))
    return [
        decode.json_value(line, f"{path}:{number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]


def read_scores(path: Path | str, wanted: Mapping[str, Sequence[str]] | None = None) -> StudyScores:
    """Numbers by study: the ``wanted`` ones (name -> column names to try), or every column that is numeric."""
    table = read_table(path)
    by_id = table.by_id()
    if wanted is None:
        names = {name: name for name in _numeric(table)}
        if not names:
            raise DataError(f"{table.path}: no column is all numbers; its columns are {_names(table.rows)}")
    else:
        present = {str(name).strip().lower(): str(name) for name in table.rows[0]}
        names = {}
        for name, candidates in wanted.items():
            column = next((present[c] for c in candidates if c in present), None)
            if column is None:
                raise DataError(
                    f"{table.path}: no column of {name} ({', '.join(candidates)}); its columns are {_names(table.rows)}"
                )
            names[name] = column
    rows = {
        key: [_number(row.get(column), f"{table.path}, study {key}, {column}") for column in names.values()]
        for key, row in by_id.items()
    }
    return StudyScores(table.path, table.digest, tuple(names), rows, table.data_use)


def complete(known: Iterable[str], corpus: Corpus, path: Path) -> None:
    """Raise MissingError where studies of the selection are not in the file: all metrics share one denominator."""
    have = set(known)
    lacking = [study.id for study in corpus.scored if study.id not in have]
    if lacking:
        some = ", ".join(lacking[:3])
        raise MissingError(
            f"{path} has no row for {len(lacking)} of {len(corpus.scored)} studies, such as {some}",
            "add them, or score only the studies that it has (--ids)",
        )


def stored_scores(setup: Setup) -> StoredScores:
    """``scores:FILE``."""
    scores = read_scores(setup.argument)
    setup.holds(scores.data_use)
    return StoredScores(setup.name, scores)


class StoredScores:
    """Means of per-report numbers.

    Statistics of a study: its numbers, and 1.
    """

    requires: Sequence[str] = ()

    def __init__(self, name: str, scores: StudyScores) -> None:
        self.name, self._scores = name, scores
        self.statistics: Sequence[str] = (*scores.columns, "studies")
        self.columns: Sequence[Column] = [Column(column, scores.path.stem, better="") for column in scores.columns]

    def fit(self, corpus: Corpus) -> None:
        """Check that every study has a row."""
        complete(self._scores.rows, corpus, self._scores.path)

    def signature(self, context: None) -> str:
        """The file decides."""
        return f"scores|stored:{self._scores.digest[:12]}|level:mean|v1"

    def measure(self, examples: Sequence[Example], context: None) -> FloatArray:
        """(n, columns + 1) numbers and count."""
        rows = np.array([self._scores.rows[example.study.id] for example in examples])
        return means(examples, *rows.reshape(len(examples), len(self._scores.columns)).T)

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., columns + 1) to (..., columns)."""
        return reduce_means(sums)


def two_files(argument: str, name: str) -> tuple[Path, Path]:
    """FILE:REFERENCES, split at the colon that leaves two files."""
    for position in (index for index, letter in enumerate(argument) if letter == ":"):
        first, second = Path(argument[:position]).expanduser(), Path(argument[position + 1 :]).expanduser()
        if first.is_file() and second.is_file():
            return first, second
    missing = [part for part in argument.split(":") if part and not Path(part).expanduser().is_file()]
    hint = f"; there is no file {missing[0]}" if missing else ""
    raise UsageError(f"{name}{argument}: write {name}FILE:REFERENCES{hint}")


def _csv_rows(path: Path, text: str) -> list[dict[str, Any]]:
    read = sheets.read(text)
    header = read.rows[0].cells if read.rows else []
    rows: list[dict[str, Any]] = []
    for line, cells in read.rows[1:]:
        if cells and len(cells) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(cells)} cells where the header has {len(header)}; "
                "fix the line, or write the file again if it was cut off"
            )
        if cells:  # an empty line is none
            rows.append(dict(zip(header, cells, strict=True)))
    if read.fault is not None:
        raise DataError(f"{path}, line {read.fault[0]}: is not a csv file ({read.fault[1]})")
    return rows


def _json_rows(path: Path, text: str) -> list[dict[str, Any]]:
    loaded = json_records(path, text)
    if isinstance(loaded, dict):
        use = stated(loaded)
        class_ = {} if use is None else {FIELD: use}
        loaded = [
            {**class_, **value, "id": key} if isinstance(value, dict) else {**class_, "id": key, "text": value}
            for key, value in loaded.items()
            if stated({key: value}) is None
        ]
    if not isinstance(loaded, list) or not all(isinstance(row, dict) for row in loaded):
        raise DataError(f"{path}: is neither a list of objects nor an object by study id")
    return loaded


def _numeric(table: StoredTable) -> list[str]:
    """Columns whose every value is a number; the column of ids is none. DataError where few values of one are not."""
    ids, found = table.id_column(), []
    for name in table.rows[0]:
        odd = [number for number, row in enumerate(table.rows, start=1) if not _is_number(row.get(name))]
        if not name or name == ids or 2 * len(odd) >= len(table.rows):
            continue
        if odd:
            raise DataError(
                f"{table.path}: the column {name!r} contains numbers, except in {len(odd)} of {len(table.rows)} rows "
                f"(row {odd[0]}: {table.rows[odd[0] - 1].get(name)!r}); fill them, or leave the column out"
            )
        found.append(name)
    return found


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _number(value: Any, where: str) -> float:
    if not _is_number(value):
        raise DataError(f"{where}: {value!r} is not a number")
    return float(value)


def _names(rows: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(str(name) for name in (rows[0] if rows else {})) or "no columns"
