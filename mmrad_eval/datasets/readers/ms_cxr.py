"""Reads MS-CXR: phrases of reports with boxes that radiologists drew on MIMIC-CXR's images.

File (physionet.org/content/ms-cxr/1.1.0): ``MS_CXR_Local_Alignment_v*.csv`` with dicom_id, category_name, label_text,
path, x, y, w, h, image_width, image_height and, since 1.1.0, split; or the ``.json`` beside it in COCO's form (images
with id, path, width, height; annotations with image_id, category_id, bbox and label_text; categories with id and name).
Boxes are left, top, width and height in pixels. One study an image; each box keeps its phrase. Reports, patients and
official splits come with ``--link`` to MIMIC-CXR, whose credentials are needed. The split of 1.1.0 is its authors' own
and not MIMIC-CXR's: it is read where nothing else says one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Label, ReaderBox, Study
from mmrad_eval.datasets import columns, files
from mmrad_eval.datasets.recognise import header, holds, json_start
from mmrad_eval.datasets.rows import read_rows
from mmrad_eval.datasets.source import Record, Source, at_least, gather, recognised_by

FILES = "MS_CXR_Local_Alignment*"
COLUMNS = ("dicom_id", "category_name", "label_text", "x", "y", "w", "h")
SUBJECT = re.compile(r"(?:^|/)p(1\d{7})/")


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return holds(path, f"{FILES}.csv", f"{FILES}.json")
    return header(path) >= {"dicom_id", "label_text", "w", "h"} or (
        path.name.startswith("MS_CXR_Local_Alignment") and json_start(path).startswith("{")
    )


@at_least("credentialed")
@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study an image."""
    path = source.file()
    if path.is_dir():
        found = [*sorted(path.glob(f"{FILES}.csv")), *sorted(path.glob(f"{FILES}.json"))]
        if not found:
            raise DataError(f"{path}: contains no {FILES}.csv or .json")
        path = found[0]
    rows = _coco(source, path) if path.suffix == ".json" else _table(source, path)
    studies = gather(_records(source, path, rows), source.problems)
    return Dataset("ms-cxr", studies, "credentialed", str(path), "ms-cxr")


def _table(source: Source, path: Path) -> Iterator[tuple[int | None, Mapping[str, Any]]]:
    table = read_rows(path, source.problems)
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; its columns are {', '.join(table.columns)}")
    yield from ((row.line, row.cells) for row in table.rows)


def _coco(source: Source, path: Path) -> Iterator[tuple[int | None, Mapping[str, Any]]]:
    """The same rows from COCO's form."""
    value = files.json_file(path, source.problems)
    if not isinstance(value, dict) or not isinstance(value.get("annotations"), list):
        raise DataError(f"{path}: this is not an MS-CXR file: it has no list of annotations")
    images = {one.get("id"): one for one in columns.listing(value.get("images")) if isinstance(one, dict)}
    kinds = {
        one.get("id"): one.get("name") for one in columns.listing(value.get("categories")) if isinstance(one, dict)
    }
    for number, one in enumerate(value["annotations"], 1):
        image = images.get(one.get("image_id")) if isinstance(one, dict) else None
        if image is None:
            what = f"annotation {number} is of no image of the file"
            source.problems.error("no image", what, file=str(path))
            continue
        name = str(image.get("path") or image.get("file_name") or "")
        left, top, wide, high = (*columns.listing(one.get("bbox")), None, None, None, None)[:4]
        yield (
            None,
            {
                "dicom_id": PurePosixPath(name).stem,
                "path": name,
                "category_name": kinds.get(one.get("category_id")),
                "label_text": one.get("label_text"),
                "x": left,
                "y": top,
                "w": wide,
                "h": high,
                "image_width": image.get("width"),
                "image_height": image.get("height"),
            },
        )


def _records(source: Source, path: Path, rows: Iterator[tuple[int | None, Mapping[str, Any]]]) -> Iterator[Record]:
    groups: dict[str, list[tuple[int | None, Mapping[str, Any]]]] = {}
    for line, cells in rows:
        groups.setdefault(str(columns.text(cells.get("dicom_id")) or ""), []).append((line, cells))
    for dicom, found in groups.items():
        yield Record(_study(source, path, dicom, found), str(path), found[0][0])


def _study(source: Source, path: Path, dicom: str, rows: list[tuple[int | None, Mapping[str, Any]]]) -> Study:
    _, first = rows[0]
    name = (columns.text(first.get("path")) or f"{dicom}.jpg").removeprefix("files/")
    subject = SUBJECT.search(name)
    sides = [columns.text(first.get(side)) for side in ("image_width", "image_height")]
    size = (int(float(sides[0])), int(float(sides[1]))) if sides[0] and sides[1] else None
    split = columns.text(first.get("split"))
    drawn = tuple(box for line, cells in rows if (box := _box(source, path, line, dicom, cells)) is not None)
    return Study(
        id=dicom,
        images=(source.image(name, size=size),),
        patient=subject[1] if subject else None,
        boxes=drawn,
        labels=tuple(Label(name, 1.0, "ms-cxr") for name in dict.fromkeys(box.label for box in drawn)),
        split=split.strip().lower() if split else None,
    )


def _box(source: Source, path: Path, line: int | None, dicom: str, cells: Mapping[str, Any]) -> ReaderBox | None:
    try:
        left, top, wide, high = (float(cells[name]) for name in ("x", "y", "w", "h"))
    except (TypeError, ValueError, KeyError):
        shown = ", ".join(str(cells.get(name)) for name in ("x", "y", "w", "h"))
        source.problems.error("broken box", f"{shown} is not a box", file=str(path), line=line, study=dicom)
        return None
    label, phrase = columns.text(cells.get("category_name")), columns.text(cells.get("label_text"))
    return ReaderBox(Box((left, top, left + wide, top + high)), label or "", " ".join((phrase or "").split()))
