"""Reads a table of one's own boxes, one row a box: csv, tsv, jsonl or parquet.

Columns: ``id`` of the study; ``region`` (a place of the chest) or ``label`` (a finding); ``x1``, ``y1``, ``x2``,
``y2``; ``frame``, how the four numbers are read (``original``, ``norm_1``, ``pad_square_336``, ... see docs/traces.md);
``text``, what is said of it; and, the same in each row of a study, what a table of studies has (images, patient, split,
findings, impression, report). A region becomes a step of the reference trace, with a crop; a finding a reader's box.

The frame is never guessed: a row without one is an error that names the frames in which its numbers would make sense.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image, ReaderBox, Step, Study, Trace
from mmrad_eval.datasets import columns, raw_text
from mmrad_eval.datasets.containers import read_table
from mmrad_eval.datasets.credentialed import class_of_rows
from mmrad_eval.datasets.readers.table import split
from mmrad_eval.datasets.recognise import first_line, header, parquet_columns
from mmrad_eval.datasets.references import reference
from mmrad_eval.datasets.rows import FileRow, FileRows
from mmrad_eval.datasets.source import Record, Source, dataset_name, gather, recognised_by
from mmrad_eval.traces import geometry
from mmrad_eval.traces.regions import category_of, resolve

CORNERS = ("x1", "y1", "x2", "y2")
BOX: dict[str, tuple[str, ...]] = {
    "region": ("region", "bbox_name", "anatomy", "anatomical_region"),
    "label": ("label", "class_name", "finding_name", "category_name"),
    **{corner: (corner,) for corner in CORNERS},
    "frame": ("frame", "box_frame"),
    "text": ("text", "sentence", "phrase", "observation"),
    "reader": ("reader", "rad_id", "reader_id"),
}
"""Our word for what a row says of its box -> the names of columns that hold it."""
WORDS = {**BOX, **{word: names for word, names in columns.STUDY.items() if word not in BOX}}


def _is_ours(path: Path) -> bool:
    line = first_line(path)
    known = (
        header(path) or parquet_columns(path) or {name for name in (*CORNERS, "region", "label") if f'"{name}"' in line}
    )
    return known >= set(CORNERS) and bool(known & {"region", "label"})


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study for all rows of an id."""
    path = source.file()
    table = read_table(path, source.problems)
    given = dict(source.columns) | ({"patient": source.patient_column} if source.patient_column else {})
    where = columns.match(table.columns, WORDS, given, path)
    lacking = [word for word in ("id", *CORNERS) if word not in where]
    if lacking or not {"region", "label"} & where.keys():
        lacking = lacking or ["region or label"]
        raise DataError(
            f"{path}: a table of boxes has {', '.join(lacking)}; this one has {', '.join(table.columns)}. "
            "Name them: --column id=COLUMN"
        )
    studies = gather(_records(source, table, where), source.problems)
    use = class_of_rows([row.cells for row in table.rows], source.data_use or "unknown")
    return Dataset(dataset_name(path), studies, use, str(path), "boxes")


def _records(source: Source, table: FileRows, where: dict[str, str]) -> Iterator[Record]:
    groups: dict[str, list[FileRow]] = {}
    for row in table.rows:
        identity = raw_text.identifier(row.cells.get(where["id"]))
        if identity is None:
            what = f"the column {where['id']!r} is empty"
            source.problems.error("no id", what, file=str(table.path), line=row.line)
        else:
            groups.setdefault(identity, []).append(row)
    for identity, rows in groups.items():
        yield Record(_study(source, table, identity, rows, where), str(table.path), rows[0].line)


def _study(source: Source, table: FileRows, identity: str, rows: list[FileRow], where: dict[str, str]) -> Study:
    file = str(table.path)
    cells = _shared(source, table, identity, rows, where)
    names = columns.texts(cells.get("images"))
    images = tuple(source.image(name) for name in names)
    steps: list[Step] = []
    drawn: list[ReaderBox] = []
    for row in rows:
        said = {word: row.cells.get(where[word]) for word in BOX if word in where}
        box = _box(source, file, row.line, identity, said)
        text = columns.text(said.get("text")) or ""
        region, label = columns.text(said.get("region")), columns.text(said.get("label"))
        if region is not None:
            steps.append(_step(region, box, text, images[0] if images else None))
        elif label is not None and box is not None:
            drawn.append(ReaderBox(box, label, text, columns.text(said.get("reader")) or ""))
        elif label is None:
            what = "neither a region nor a label is given"
            source.problems.error("no region", what, file=file, line=row.line, study=identity)
    return Study(
        id=identity,
        images=images,
        patient=raw_text.person(cells.get("patient")),
        reference=reference(cells, source.problems, file, rows[0].line, identity),
        trace=Trace(tuple(steps)) if steps else None,
        boxes=tuple(drawn),
        split=split(source, cells.get("split"), "split" in cells, file, rows[0].line, identity),
    )


def _shared(
    source: Source, table: FileRows, identity: str, rows: list[FileRow], where: dict[str, str]
) -> dict[str, Any]:
    """What all rows of a study say alike; an error where two say different things of the study itself."""
    cells: dict[str, Any] = {}
    for word, column in where.items():
        if word in BOX or word == "id":
            continue
        values = list(dict.fromkeys(str(row.cells.get(column)) for row in rows if columns.text(row.cells.get(column))))
        if len(values) > 1:
            what = f"the rows of one study differ in {column!r}: {values[0]!r} and {values[1]!r}"
            source.problems.error("rows differ", what, file=str(table.path), line=rows[0].line, study=identity)
        cells[word] = next((row.cells.get(column) for row in rows if columns.text(row.cells.get(column))), None)
    return cells


def _box(source: Source, file: str, line: int | None, identity: str, said: dict[str, Any]) -> Box | None:
    """The box of a row; None where it has no numbers. Numbers without a frame are an error, and so is a wrong frame."""
    numbers = [columns.text(said.get(corner)) for corner in CORNERS]
    if numbers == [None] * 4:
        return None
    try:
        left, top, right, bottom = edges = [float(number or "") for number in numbers]
    except ValueError:
        edges = []
    if not edges or not all(map(math.isfinite, edges)):
        what = f"{', '.join(number or 'nothing' for number in numbers)} is not a box of four numbers"
        source.problems.error("broken box", what, file=file, line=line, study=identity)
        return None
    frame = columns.text(said.get("frame")) or source.options.get("frame")
    if frame is None or not geometry.valid_frame(frame):
        fitting = ", ".join(geometry.fitting(Box((left, top, right, bottom)), None)) or "none that is known"
        seen = "it has no frame" if frame is None else f"no frame is called {frame!r}"
        what = (
            f"{seen}; add a column 'frame', or --option frame=NAME for all. The numbers fit: {fitting} "
            "(docs/traces.md says what each means)"
        )
        source.problems.error("no frame", what, file=file, line=line, study=identity)
        return None
    return Box((left, top, right, bottom), frame)


def _step(region: str, box: Box | None, text: str, image: Image | None) -> Step:
    known = resolve(region)
    cut = Image(path=image.path, name=image.name, role="region", box=box, render="crop") if image and box else None
    return Step(region, (known.name,) if known else (), category_of(region), box, cut, text)
