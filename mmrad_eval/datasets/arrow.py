"""Columns of large csv files as Arrow arrays of texts: half a million rows in a second, no object a cell."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import DataError
from mmrad_eval.datasets import files
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.rows import read_rows

if TYPE_CHECKING:
    import pyarrow as pa


def read_columns(
    path: Path, required: tuple[str, ...], optional: tuple[str, ...], problems: Problems, *, long_texts: bool = False
) -> dict[str, pa.Array]:
    """Columns of a csv as texts; optional ones that are not there are empty texts. DataError names missing columns.

    Names are matched in any case. A file that the fast reader refuses is read again row by row, so that its faults have
    lines. ``long_texts`` says that cells may hold line ends.
    """
    import pyarrow as pa
    from pyarrow import csv

    data = files.read_bytes(path)
    columns: dict[str, pa.Array] = {}
    try:
        parse = csv.ParseOptions(newlines_in_values=long_texts)
        header = csv.open_csv(io.BytesIO(data), parse_options=parse).schema.names
        wanted = _wanted(path, header, required, optional)
        types = {name: pa.string() for name in wanted.values()}
        options = csv.ConvertOptions(column_types=types, include_columns=list(types), strings_can_be_null=False)
        table = csv.read_csv(io.BytesIO(data), parse_options=parse, convert_options=options)
    except (pa.ArrowInvalid, UnicodeDecodeError):  # the second: a header of another encoding
        rows = read_rows(path, problems)
        wanted = _wanted(path, rows.columns, required, optional)
        columns = {
            word: pa.array([str(row.cells[name]) for row in rows.rows], pa.string()) for word, name in wanted.items()
        }
    else:
        columns = {word: _whole(table.column(name)) for word, name in wanted.items()}
    blank = pa.array([""] * len(columns[required[0]]), pa.string())
    return columns | {word: blank for word in optional if word not in columns}


def _whole(column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())


def _wanted(path: Path, header: Sequence[str], required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, str]:
    by_name = {name.strip().lstrip("\ufeff").lower(): name for name in header}
    missing = [name for name in required if name.lower() not in by_name]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; its columns are {', '.join(header)}")
    return {word: by_name[word.lower()] for word in (*required, *optional) if word.lower() in by_name}
