"""Reads neutral traces (``mmrad.trace/1``, jsonl or parquet), which ``mmrad-eval data convert`` makes of every format
of traces.

One study a record: its problem image, its trace, its report by its sections, and what ``study`` says of patient and
split. The class is that of the records: ``open`` only where all say so. A folder that `mmrad-eval data build` made is
read too, under the name that its ``build.json`` states, with what that says of the leak.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import DataUse, Report, Study
from mmrad_eval.datasets import sections
from mmrad_eval.datasets.recognise import first_line, parquet_columns
from mmrad_eval.datasets.source import Record as Placed
from mmrad_eval.datasets.source import Source, dataset_name, gather, recognised_by
from mmrad_eval.traces import files, record
from mmrad_eval.traces.data_use import class_of
from mmrad_eval.traces.record import TraceRecord

BUILD, TRACES = "build.json", "traces.jsonl"
"""What a folder of a build holds."""


class _Build(msgspec.Struct):
    """What is read of build.json."""

    schema: Literal["mmrad.build/1"]
    name: str
    notes: tuple[str, ...] = ()


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return (path / BUILD).is_file() and (path / TRACES).is_file()
    return f'"{record.SCHEMA}"' in first_line(path) or parquet_columns(path) >= {"segments", "image_order"}


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study a record."""
    path = source.file()
    build = _build(path) if path.is_dir() else None
    file = path / TRACES if path.is_dir() else path
    classes: set[DataUse] = set()
    studies = gather(_records(source, file, classes), source.problems)
    name, notes = (build.name, build.notes) if build else (dataset_name(path), ())
    return Dataset(name, studies, _data_use(source, classes), str(path), "mmrad.trace", notes)


def _build(folder: Path) -> _Build:
    path = folder / BUILD
    try:
        return msgspec.convert(decode.json_value(decode.read_bytes(path), str(path)), _Build)
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: not what `mmrad-eval data build` writes: {error}") from error


def _records(source: Source, path: Path, classes: set[DataUse]) -> Iterator[Placed]:
    reader = files.read_parquet if path.suffix == ".parquet" else files.read_jsonl
    root = str((source.images or path.parent).absolute())
    try:
        for number, found in enumerate(reader(path), start=1):
            line = None if path.suffix == ".parquet" else number
            classes.add(class_of(found))
            if found.invalid:
                source.problems.error("placeholder count", found.invalid, file=str(path), line=line, study=found.id)
            yield Placed(_study(found, root), str(path), line)
    except (OSError, ValueError, msgspec.MsgspecError) as error:  # ValueError: bytes that are no UTF-8, no parquet
        raise DataError(f"{path}: can't be read as neutral traces: {error}") from error


def _study(found: TraceRecord, root: str) -> Study:
    image = record.problem_image(found, root)
    said = found.report
    report = said if said.findings or said.impression else sections.read_report(said.text)
    return Study(
        id=found.id,
        images=(image,) if image else (),
        patient=found.study.subject,
        reference=report if report != Report() else None,
        trace=record.trace_of(found, root),
        split=found.study.split,
    )


def _data_use(source: Source, classes: set[DataUse]) -> DataUse:
    known = strictest(classes)
    return source.data_use or known if known == "unknown" else known
