"""Reads a table with one row per study: csv, tsv, jsonl, a JSON list or parquet.

Obvious column names are recognised (``columns.STUDY``), others are named with ``--column word=column``. A findings or
an impression column is that section; a report column is read for headings. Images may be one name or a list; pixels
may be absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import ClinicalContext, Image, Study, Trace
from mmrad_eval.datasets import columns, raw_text
from mmrad_eval.datasets.containers import read_table
from mmrad_eval.datasets.credentialed import class_of_rows
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.recognise import LINES, TABLES, json_start, suffix
from mmrad_eval.datasets.references import WORDS, reference
from mmrad_eval.datasets.rows import FileRow, FileRows
from mmrad_eval.datasets.source import BLANK_SPLIT, Record, Source, dataset_name, gather, recognised_by

CONTEXT = ("indication", "comparison", "technique", "history", "age", "sex")


def _is_ours(path: Path) -> bool:
    return suffix(path) in {*TABLES, *LINES, ".parquet"} or json_start(path).startswith("[")


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study a row."""
    path = source.file()
    table = read_table(path, source.problems)
    given = dict(source.columns)
    if source.patient_column:
        given["patient"] = source.patient_column
    where = columns.match(table.columns, columns.STUDY, given, path)
    _require(table, where)
    studies = gather(_records(source, table, where), source.problems)
    used = ", ".join(f"{word} from {column!r}" for word, column in where.items() if word != column)
    return Dataset(
        dataset_name(path),
        studies,
        class_of_rows([row.cells for row in table.rows], source.data_use or "unknown"),
        str(path),
        "table",
        (f"columns: {used}",) if used else (),
    )


def _require(table: FileRows, where: dict[str, str]) -> None:
    has = f"its columns are {', '.join(table.columns)}"
    if "id" not in where:
        raise DataError(f"{table.path}: no column is recognized as ids; {has}. Name it: --column id=COLUMN")
    if not {"report", "findings", "impression", "images"} & where.keys():
        raise DataError(
            f"{table.path}: no column is recognized as reports or images; {has}. Name it: --column report=COLUMN"
        )


def _records(source: Source, table: FileRows, where: dict[str, str]) -> Iterator[Record]:
    ids = [raw_text.identifier(row.cells.get(where["id"])) for row in table.rows]
    again = {name: list[FileRow]() for name, count in Counter(ids).items() if name and count > 1}
    for row, study_id in zip(table.rows, ids, strict=True):
        if study_id in again:
            again[study_id].append(row)
    for row, study_id in zip(table.rows, ids, strict=True):
        if study_id is None:
            source.problems.error("no id", f"the column {where['id']!r} is empty", file=str(table.path), line=row.line)
        elif study_id not in again:
            yield _record(source, table, row, study_id, where)
        elif rows := again[study_id]:
            yield from _joined([_record(source, table, one, study_id, where) for one in rows], source.problems)
            again[study_id] = []


def _record(source: Source, table: FileRows, row: FileRow, study_id: str, where: dict[str, str]) -> Record:
    cells = {word: row.cells.get(column) for word, column in where.items()}
    return Record(_study(source, table, row, study_id, cells), str(table.path), row.line)


def _joined(records: list[Record], problems: Problems) -> list[Record]:
    """One record of the rows of a study that differ in nothing but the image; any other rows as they are."""
    first = records[0]
    if any(replace(one.study, images=()) != replace(first.study, images=()) for one in records):
        return records
    images = dict.fromkeys(image for one in records for image in one.study.images)
    what = f"{len(records)} rows of this study are identical and were joined"
    problems.warn("one row per image", what, file=first.file, line=first.line, study=first.study.id)
    return [Record(replace(first.study, images=tuple(images)), first.file, first.line)]


def _study(source: Source, table: FileRows, row: FileRow, study_id: str, cells: dict[str, Any]) -> Study:
    trace = columns.text(cells.get("trace"))
    place = source.problems, str(table.path), row.line, study_id
    second = {word: cells[name] for word in WORDS if columns.text(cells.get(name := f"second_{word}"))}
    return Study(
        id=study_id,
        images=_images(source, cells),
        patient=raw_text.person(cells.get("patient")),
        reference=reference(cells, *place),
        trace=Trace(text=trace) if trace else None,
        context=ClinicalContext(**{word: columns.text(cells.get(word)) for word in CONTEXT}),
        split=split(source, cells.get("split"), "split" in cells, str(table.path), row.line, study_id),
        second=reference(second, *place),
    )


def split(source: Source, cell: Any, known: bool, file: str, line: int | None, study: str) -> str | None:  # noqa: PLR0917
    """The split of a record in lower case; a blank one where others are named is a warning."""
    value = columns.text(cell)
    if value is None and known:
        why = f"the split is blank; --split {BLANK_SPLIT} selects this study"
        source.problems.warn("blank split", why, file=file, line=line, study=study)
        return BLANK_SPLIT
    return value.strip().lower() if value else None


def _images(source: Source, cells: dict[str, Any]) -> tuple[Image, ...]:
    names, views = columns.texts(cells.get("images")), columns.texts(cells.get("view"))
    if len(views) == 1:
        views *= len(names)
    if len(views) != len(names):
        views = []
    return tuple(source.image(name, view=view) for name, view in zip(names, views or repeat(None), strict=False))
