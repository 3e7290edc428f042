"""Rows with named columns, whatever the file: csv, tsv, jsonl, a JSON list, parquet; plain, gzipped or zipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmrad_eval.core import decode, sheets
from mmrad_eval.core.errors import DataError
from mmrad_eval.datasets import files
from mmrad_eval.datasets.problems import Problems


@dataclass(frozen=True)
class FileRow:
    """One row: the line it starts on (None where the file has no lines), and its cells by column name."""

    line: int | None
    cells: dict[str, Any]


@dataclass(frozen=True)
class FileRows:
    """The rows of a file and the names of its columns, in order."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[FileRow, ...]


def read_rows(path: Path, problems: Problems) -> FileRows:
    """All rows of a table; a row that can't be read is an error among ``problems``, and the next one is read."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zip")
    if name.endswith(".parquet"):
        return _parquet(path)
    if name.endswith((".jsonl", ".ndjson")):
        rows = tuple(FileRow(line, value) for line, value in files.json_lines(path, problems))
        return FileRows(path, _names(rows), rows)
    if name.endswith(".json"):
        return _json(path, problems)
    return _csv(path, problems)


def _csv(path: Path, problems: Problems) -> FileRows:
    text = files.read_text(path, problems)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(
            f"{path}:{line}: contains a zero byte; this is not a text table (or it is UTF-16 without a byte-order mark)"
        )
    return _csv_rows(path, sheets.read(text), problems, windows=text.partition("\n")[0].endswith("\r"))


def _csv_rows(path: Path, read: sheets.Csv, problems: Problems, *, windows: bool) -> FileRows:
    """The rows under the header. In a file whose rows end as Windows ends them, so do the lines inside its cells."""
    columns: list[str] = []
    rows: list[FileRow] = []
    for start, cells in read.rows:
        if not columns:
            columns = _header(path, start, cells)
        elif len(cells) == len(columns):
            values = (cell.replace("\r\n", "\n") if windows else cell for cell in cells)
            rows.append(FileRow(start, dict(zip(columns, values, strict=True))))
        elif any(cell.strip() for cell in cells):
            problems.error(
                "wrong number of columns",
                f"{len(cells)} cells where the header names {len(columns)};"
                " a text that contains the separator needs quotes",
                file=str(path),
                line=start,
            )
    if read.fault is not None:
        line, why = read.fault
        problems.error("broken csv", why, file=str(path), line=line)
    if not columns:
        raise DataError(f"{path}: the file is empty")
    return FileRows(path, tuple(columns), tuple(rows))


def _header(path: Path, line: int, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{path}:{line}: the header names {', '.join(map(repr, twice))} twice; rename one")
    return [name or f"column {number}" for number, name in enumerate(names, start=1)]


def _json(path: Path, problems: Problems) -> FileRows:
    value = files.json_file(path, problems)
    if not isinstance(value, list):
        raise DataError(f"{path}: contains {files.kind(value)}; a table in JSON is a list of objects")
    rows = []
    for number, item in enumerate(value, start=1):
        if isinstance(item, dict):
            rows.append(FileRow(None, item))
        else:
            problems.error("broken JSON", f"item {number} is {files.kind(item)}, not an object", file=str(path))
    return FileRows(path, _names(tuple(rows)), tuple(rows))


def _parquet(path: Path) -> FileRows:
    rows = [FileRow(None, cells) for batch in decode.parquet_batches(path) for cells in batch]
    return FileRows(path, tuple(decode.parquet_columns(path)), tuple(rows))


def _names(rows: tuple[FileRow, ...]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row.cells))
    return tuple(names)
