"""Tables in whatever container they come: rows of a file, an object by id, records under splits, texts in order."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmrad_eval.core.data_use import apart
from mmrad_eval.core.errors import DataError
from mmrad_eval.datasets import columns, files
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.rows import FileRow, FileRows, read_rows

IN_ORDER = "name the data whose order they follow with --ids-from DATA, and its split with --split"
_KNOWN = frozenset(name for table in (columns.STUDY, columns.PREDICTION) for names in table.values() for name in names)


def read_table(path: Path, problems: Problems) -> FileRows:
    """The rows of a csv, tsv, jsonl or parquet file, a JSON list, or an object of texts, lists or objects by id."""
    if not path.name.lower().removesuffix(".gz").endswith(".json"):
        return read_rows(path, problems)
    value = files.json_file(path, problems)
    if isinstance(value, dict):
        return _table(path, _of_object(path, value))
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        raise DataError(
            f"{path}: is a list of texts without ids; reports are joined by id, never by position; {IN_ORDER}"
        )
    return read_rows(path, problems)


def _of_object(path: Path, value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Records by id, or lists of records under the names of splits or under one outer key."""
    value, said = apart(value)
    if said:
        return [{**record, **said} for record in _of_object(path, value)]
    items = list(value.values())
    if items and all(isinstance(item, list) and all(isinstance(record, dict) for record in item) for item in items):
        return [record for item in items for record in item]
    if items and all(isinstance(item, dict) for item in items):
        return [{"id": key, **{k: v for k, v in item.items() if k != "id"}} for key, item in value.items()]
    if all(item is None or isinstance(item, str) or is_texts(item) for item in items):  # the second: COCO's tools
        return [{"id": key, "report": item} for key, item in value.items()]
    kinds = sorted({files.kind(item) for item in items})
    raise DataError(f"{path}: an object of {' and '.join(kinds)}; expected strings or objects keyed by study id")


def is_texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _table(path: Path, records: Iterable[Mapping[str, Any]]) -> FileRows:
    rows = tuple(FileRow(None, dict(record)) for record in records)
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row.cells))
    return FileRows(path, tuple(names), rows)


def read_in_order(path: Path, ids: Sequence[str], problems: Problems) -> FileRows:
    """A file without ids: its rows, or its lines where it has no header, under ``ids`` in their order.

    DataError where the numbers differ.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".json"):
        value = files.json_file(path, problems)
        records = list(value) if isinstance(value, list) else _of_object(path, value)
        found = [record if isinstance(record, dict) else {"report": record} for record in records]
    elif name.endswith((".csv", ".tsv", ".txt")) and (lines := _headless(path, problems)) is not None:
        found = [{"report": line} for line in lines]
    else:
        found = [row.cells for row in read_rows(path, problems).rows]
    if len(found) != len(ids):
        raise DataError(
            f"{path}: contains {len(found):,} reports, and the named split has {len(ids):,} studies; they can be "
            "joined by order only if the two numbers are equal"
        )
    return _table(path, ({**cells, "id": study} for cells, study in zip(found, ids, strict=True)))


def _headless(path: Path, problems: Problems) -> list[str] | None:
    """The texts of a file without a header, one a line; None where the first line names columns."""
    text = files.read_text(path, problems)
    first = next(csv.reader(io.StringIO(text.split("\n", 1)[0])), [])
    if path.suffix.lower() != ".txt" and any(columns.plain(cell) in _KNOWN for cell in first):
        return None
    if path.suffix.lower() == ".txt":
        return [line for line in text.splitlines() if line.strip()]
    return [",".join(cells) for cells in csv.reader(io.StringIO(text, newline="")) if cells]
