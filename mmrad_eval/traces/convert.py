"""From one format of traces to another, by way of the neutral record.

Formats: ``mmrad.trace`` (``.jsonl`` or ``.parquet``), ``mmrad`` (the authors' records), ``thinkvg``, ``zebra``,
``anole``, and, to be read alone, those of other harnesses (``transcript_files``). A path may say its format,
``zebra:rows.jsonl``; otherwise what is read is recognized by its fields, and what is written is the neutral format.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mmrad_eval.core import decode, sheets
from mmrad_eval.core.data_use import mark, of_place, strictest
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import DataUse
from mmrad_eval.core.whole_files import write_whole, written_whole
from mmrad_eval.traces import anole, files, headers, mmrad, thinkvg, transcript_files, zebra
from mmrad_eval.traces.data_use import class_of, classed, stating
from mmrad_eval.traces.record import TraceRecord

NEUTRAL = "mmrad.trace"
FORMATS: dict[str, str] = {
    NEUTRAL: "the neutral record, as JSON lines or Parquet",
    "mmrad": "the authors' records: prompt, response, images",
    "thinkvg": "GEMeX-ThinkVG rows: one record for all rows about an image",
    "zebra": "Zebra-CoT rows: Question, Text Reasoning Trace, Final Answer, images by column",
    "anole": "detokenized Anole output: sample_id, text, image_paths",
    **transcript_files.FORMATS,
}
_FIELDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("mmrad", frozenset({"prompt", "response", "images"})),
    ("thinkvg", frozenset({"image_path", "thinkVG"})),
    ("zebra", frozenset({zebra.QUESTION, zebra.TRACE})),
    ("anole", frozenset({"text", "image_paths"})),
    *transcript_files.FIELDS,
)
_KEPT = 20
"""Notes that are kept word by word; all are counted."""


@dataclass
class Converted:
    """What became of a file."""

    source: str
    """The format that was read."""
    target: str
    records: int = 0
    """Neutral records."""
    written: int = 0
    """Lines or rows of the new file."""
    invalid: dict[str, str] = field(default_factory=dict)
    """Record id -> why it is invalid. Invalid records are written too."""
    notes: Counter[str] = field(default_factory=Counter)
    """What readers had to decide or could not place, and how often."""
    first: list[str] = field(default_factory=list)
    """The first of them, with the record's id."""
    data_use: DataUse = "unknown"
    """The class of the new file: that of its strictest record."""
    pictures: int = 0
    """Pictures that stood inside the rows and were written as files beside the new one."""


def convert(a: str | Path, b: str | Path) -> Converted:
    """Read ``a``, write ``b``; each a path or ``format:path``.

    The file appears under its name when it is whole. Pictures that are inside rows become files in a folder beside it,
    ``NAME-images``. UsageError for an unknown format, or where both are one file;
    DataError for what can't be read, or can't be written in that format.
    """
    source, origin = _spec(a)
    target, goal = _spec(b)
    if not origin.is_file() and not (source == "mini-o3" and origin.is_dir()):
        raise DataError(f"{origin}: there is no such file")
    if goal.exists() and goal.samefile(origin):
        raise UsageError(f"{goal}: cannot be both input and output; name another file")
    source = source or recognise(origin)
    target = target or NEUTRAL
    if target in transcript_files.FORMATS:
        raise UsageError(f"{target} is a format of another harness, which can be read but not written; write {NEUTRAL}")
    done = Converted(source, target)
    try:
        with written_whole(goal) as partial:
            records = _watched(read(origin, source, save=_saver(goal, done)), done)
            done.written = _write(records, target, partial, parquet=goal.suffix == ".parquet")
            if done.pictures:
                mark(_pictures_of(goal), done.data_use)
    except OSError as error:
        raise DataError(f"{goal}: can't be written: {error.strerror or error}") from error
    return done


def read(path: Path, source: str | None = None, *, save: zebra.Save | None = None) -> Iterator[TraceRecord]:
    """The records of a file in any of the formats; ``save`` keeps pictures that are inside rows."""
    place = of_place(path)
    return (_known(record, place) for record in _records(path, source or recognise(path), save))


def _records(path: Path, source: str, save: zebra.Save | None) -> Iterator[TraceRecord]:
    if source == NEUTRAL:
        yield from files.read_parquet(path) if _is_parquet(path) else files.read_jsonl(path)
    elif source == "mini-o3":
        yield from map(files.checked, transcript_files.mini_o3(path))
    elif source == "thinkvg":
        for rows in thinkvg.group(row for _, row in _rows(path)):
            yield classed(thinkvg.parse(rows, where=str(path)), source, rows)
    else:
        for number, row in _rows(path):
            record = _one(source, row, f"{path}:{number}", f"{path.stem}-{number}", save)
            yield files.checked(classed(record, source, [row]))


def recognise(path: Path) -> str:
    """The format of a file, by the fields of its first record. DataError where they are none that we know."""
    names = set(decode.parquet_columns(path)) if _is_parquet(path) else set(next(_rows(path), (0, {}))[1])
    if "schema" in names and "response" in names:
        return NEUTRAL
    for name, fields in _FIELDS:
        if fields <= names:
            return name
    seen = f"it has {', '.join(sorted(names)[:8])}" if names else "it contains no record"
    raise DataError(
        f"{path}: not a file of traces in a known format: {seen}; name it as FORMAT:PATH ({', '.join(FORMATS)})"
    )


def _spec(spec: str | Path) -> tuple[str | None, Path]:
    name, colon, path = str(spec).partition(":")
    if isinstance(spec, Path) or not colon or Path(str(spec)).exists() or "/" in name or name.startswith("."):
        return None, Path(spec)
    if name not in FORMATS:
        raise UsageError(f"no trace format is called {name!r}; known: {', '.join(FORMATS)}")
    return name, Path(path)


def _pictures_of(goal: Path) -> Path:
    return goal.with_name(f"{goal.name.partition('.')[0]}-images")


def _saver(goal: Path, done: Converted) -> zebra.Save:
    folder = _pictures_of(goal)

    def save(name: str, data: bytes) -> str:
        kind = headers.read(data, name).media_type.rpartition("/")[2]
        safe = "/".join(re.sub(r"[^\w.-]+", "_", part).lstrip(".") or "_" for part in name.split("/"))
        path = folder / f"{safe}.{'jpg' if kind == 'jpeg' else kind}"
        write_whole(path, data)
        done.pictures += 1
        return str(path.relative_to(goal.parent))

    return save


def _one(source: str, row: dict[str, Any], where: str, identity: str, save: zebra.Save | None) -> TraceRecord:
    if source in transcript_files.FORMATS:
        try:
            return transcript_files.record(source, row, identity)
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
    if source == "mmrad":
        return mmrad.parse(row, str(row.get("id") or ""), where=where)
    if source == "zebra":
        return zebra.parse(row, str(row.get("id") or identity), where=where, save=save)
    if source == "anole":
        return anole.parse(row, where=where)
    raise UsageError(f"no trace format is called {source!r}; known: {', '.join(FORMATS)}")


def _known(record: TraceRecord, place: DataUse) -> TraceRecord:
    """A record with the class that its dataset and its place are known to have, whatever it states."""
    use = strictest((class_of(record), place))
    if use == record.study.licence_class:
        return record
    return msgspec.structs.replace(record, study=msgspec.structs.replace(record.study, licence_class=use))


def _write(records: Iterable[TraceRecord], target: str, path: Path, *, parquet: bool) -> int:
    if target == NEUTRAL:
        return files.write_parquet(records, path) if parquet else files.write_jsonl(records, path)
    if parquet:
        return _write_rows(records, target, path)
    make = _makers(target)
    count = 0
    with path.open("wb") as file:
        for record in records:
            for row in make(record):
                file.write(msgspec.json.encode(row) + b"\n")
                count += 1
    return count


def _write_rows(records: Iterable[TraceRecord], target: str, path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    make = _makers(target)
    rows = [row for record in records for row in make(record)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    try:
        pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path.absolute())
    except pa.ArrowException as error:
        raise DataError(f"{path}: these records don't fit the columns of one Parquet file: {error}") from error
    return len(rows)


def _makers(target: str) -> Callable[[TraceRecord], list[dict[str, Any]]]:
    make: Callable[[TraceRecord], list[dict[str, Any]]] = {
        "mmrad": lambda record: [mmrad.write(record)],
        "thinkvg": thinkvg.write,
        "zebra": lambda record: [zebra.write(record)],
        "anole": lambda record: [anole.write(record)],
    }[target]
    return lambda record: [stating(row, record, target) for row in make(record)]


def _watched(records: Iterator[TraceRecord], done: Converted) -> Iterator[TraceRecord]:
    for record in records:
        done.records += 1
        done.data_use = class_of(record) if done.records == 1 else strictest((done.data_use, class_of(record)))
        if record.invalid:
            done.invalid[record.id] = record.invalid
        for note in record.notes:
            done.notes[note] += 1
            if len(done.first) < _KEPT:
                done.first.append(f"{record.id}: {note}")
        yield record


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered rows of JSON lines, of one JSON list, of a csv file, or of Parquet."""
    if _is_parquet(path):
        yield from enumerate(_parquet_rows(path), 1)
    elif path.suffix == ".csv":
        yield from enumerate(_csv_rows(path), 1)
    elif _first_byte(path) == b"[":
        for number, row in enumerate(decode.json_value(decode.read_bytes(path), str(path)), 1):
            yield number, _object(row, f"{path}: item {number}")
    else:
        for number, line in files.lines(path):
            where = f"{path}:{number}"
            yield number, _object(decode.json_value(line, where), where)


def _object(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f"{where}: a record is a JSON object, not {type(row).__name__}")
    return row


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    for rows in decode.parquet_batches(path, files.BATCH):
        yield from rows


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    read = sheets.read(decode.utf8(decode.read_bytes(path), str(path)))
    if read.fault is not None:
        raise DataError(f"{path}:{read.fault[0]}: can't be read as csv: {read.fault[1]}")
    header = read.rows[0].cells if read.rows else []
    for line, cells in read.rows[1:]:
        if cells and len(cells) != len(header):
            raise DataError(f"{path}:{line}: {len(cells)} cells where the header names {len(header)}")
        if cells:
            yield dict(zip(header, cells, strict=True))


def _is_parquet(path: Path) -> bool:
    return _first_byte(path, 4) == b"PAR1"


def _first_byte(path: Path, count: int = 1) -> bytes:
    return decode.head(path, 64).lstrip(b"\xef\xbb\xbf \r\n\t")[:count]
