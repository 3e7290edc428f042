"""Files of neutral records: JSON lines, and Parquet with the same names.

In Parquet, ``images`` and ``segments`` are lists of structs; what may hold any JSON (``extra``, the decoding of
``provenance``) is JSON text. Both are read into the same records and checked by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError
from mmrad_eval.traces.record import TraceRecord, faults, fields_of

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 1000
"""Records of one row group."""


def read_jsonl(path: Path) -> Iterator[TraceRecord]:
    """The records of a file of JSON lines; DataError names the line that is none."""
    decoder = msgspec.json.Decoder(TraceRecord)
    for number, line in lines(path):
        try:
            yield checked(decoder.decode(line))
        except decode.FAULTS:  # fields of others, or a fault that is named when it is read again
            yield checked(_with_extra(line, f"{path}:{number}"))


def write_jsonl(records: Iterable[TraceRecord], path: Path) -> int:
    """Write records as JSON lines, each ended by a line feed; how many."""
    count = 0
    with path.open("wb") as file:
        for record in records:
            file.write(msgspec.json.encode(record) + b"\n")
            count += 1
    return count


def read_parquet(path: Path) -> Iterator[TraceRecord]:
    """The records of a Parquet file; DataError where a column is missing or does not fit."""
    number = 0
    for rows in decode.parquet_batches(path, BATCH):
        for row in rows:
            number += 1
            try:
                yield checked(msgspec.convert(_from_row(row), TraceRecord))
            except (AttributeError, TypeError, *decode.FAULTS) as error:  # a column is no struct, or text is not JSON
                who = row.get("id") or f"row {number}"
                raise DataError(f"{path}: record {who} does not fit mmrad.trace/1: {error}") from error


def write_parquet(records: Iterable[TraceRecord], path: Path) -> int:
    """Write records as Parquet; how many. One row group for every thousand, so memory stays small."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, pending = 0, iter(records)
    schema = arrow_schema()
    with pq.ParquetWriter(path.absolute(), schema) as writer:
        while rows := [_row(record) for record in islice(pending, BATCH)]:
            writer.write_table(pa.Table.from_pylist(rows, schema))
            count += len(rows)
    return count


def arrow_schema() -> pa.Schema:
    """The columns of the Parquet form."""
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    box, size = pa.list_(pa.float64()), pa.list_(number)
    return pa.schema(
        {
            "schema": text,
            "id": text,
            "study": _struct(dataset=text, subject=text, study=text, image=text, split=text, licence_class=text),
            "frame": _struct(kind=text, size=number, source_size=size),
            "images": pa.list_(
                _struct(
                    id=text, role=text, path=text, sha256=text, size=size, derived_from=text, render=text, box=box,
                    box_frame=text, source=text,
                )
            ),
            "prompt": text,
            "response": text,
            "image_order": pa.list_(text),
            "segments": pa.list_(
                _struct(
                    part=text, type=text, start=number, end=number, step=number, region_raw=text, category=text,
                    regions=pa.list_(text), image=text, box=box, box_frame=text, why=text,
                )
            ),
            "report": _struct(text=text, findings=text, impression=text),
            "provenance": _struct(producer=text, mode=text, arm=text, seed=number, decoding=text),
            "invalid": text,
            "notes": pa.list_(text),
            "extra": text,
        }
    )  # fmt: skip


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that hold something, numbered from 1, without their ends and without a byte order mark."""
    for number, line in enumerate(decode.lines(path), 1):
        words = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if words:
            yield number, words


def checked(record: TraceRecord) -> TraceRecord:
    """The record, marked invalid where its own bookkeeping is wrong."""
    if record.invalid:
        return record
    found = faults(record)
    return msgspec.structs.replace(record, invalid="; ".join(found)) if found else record


def _with_extra(line: bytes, where: str) -> TraceRecord:
    """A record with fields that the format does not have: they go to ``extra``."""
    value = decode.json_value(line, where)
    if not isinstance(value, dict):
        raise DataError(f"{where}: a record is a JSON object, not {type(value).__name__}")
    known = ("schema", *TraceRecord.__struct_fields__)
    more = fields_of(value, known)
    try:
        record = msgspec.convert({name: value[name] for name in known if name in value}, TraceRecord)
    except msgspec.ValidationError as error:
        raise DataError(f"{where}: does not fit mmrad.trace/1: {error}") from error
    return msgspec.structs.replace(record, extra={**record.extra, **more})


def _struct(**fields: Any) -> Any:
    import pyarrow as pa

    return pa.struct(fields)


def _row(record: TraceRecord) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(record, extra={}))
    row["extra"] = msgspec.json.encode(record.extra).decode()
    provenance = msgspec.to_builtins(msgspec.structs.replace(record.provenance, decoding={}))
    row["provenance"] = {**provenance, "decoding": msgspec.json.encode(record.provenance.decoding).decode()}
    return row


def _from_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row without nulls and empty structs, so that each field takes its own default; JSON text as what it holds."""
    kept: dict[str, Any] = {name: _dense(value) for name, value in row.items() if value is not None}
    provenance = kept.get("provenance", {})
    provenance["decoding"] = _raw(provenance.get("decoding"))
    kept["extra"] = _raw(kept.get("extra"))
    kept["provenance"] = {name: value for name, value in provenance.items() if value != {}}
    return {name: value for name, value in kept.items() if value != {}}


def _raw(text: object) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(text, type=dict[str, msgspec.Raw]) if isinstance(text, str) and text else {}


def _dense(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _dense(part) for name, part in value.items() if part is not None}
    return [_dense(part) for part in value] if isinstance(value, list) else value
