"""Reads VinDr-CXR: images with boxes and labels by radiologists, without reports.

Folder (physionet.org/content/vindr-cxr/1.0.0): ``train/<image id>.dicom`` and ``test/``;
``annotations/annotations_train.csv`` with image_id, rad_id, class_name, x_min, y_min, x_max, y_max in pixels (a row
without numbers is a class without a box, such as "No finding"), ``annotations_test.csv`` the same without rad_id (the
consensus of five); ``image_labels_train.csv`` and ``image_labels_test.csv`` with image_id, rad_id and a column of 0
and 1 for each of 28 labels. Also the ``train.csv`` of the Kaggle competition of 2021 (with class_id). A label's value
is the share of the radiologists who gave it. PhysioNet's credentials are needed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image, Label, ReaderBox, Study
from mmrad_eval.datasets.recognise import header, holds
from mmrad_eval.datasets.rows import FileRow, read_rows
from mmrad_eval.datasets.source import Source, at_least, recognised_by

SPLITS = ("train", "test")
CORNERS = ("x_min", "y_min", "x_max", "y_max")
NOT_LABELS = frozenset({"image_id", "rad_id"})
SUFFIXES = (".dicom", ".dcm", ".png", ".jpg")
CONSENSUS = "consensus"


@dataclass
class Seen:
    """What radiologists said of one image."""

    split: str
    boxes: list[ReaderBox] = field(default_factory=list)
    votes: Counter[str] = field(default_factory=Counter)
    readers: set[str] = field(default_factory=set)


def _is_ours(path: Path) -> bool:
    lists = ("annotations/annotations_train.csv", "annotations/annotations_test.csv")
    return holds(path, *lists) or header(path) >= {"image_id", "class_name", "x_min"}


@at_least("credentialed")
@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study an image."""
    path = source.file()
    folder = path if path.is_dir() else path.parent
    seen: dict[str, Seen] = {}
    files = [path] if path.is_file() else _lists(folder)
    for file in files:
        split = next((name for name in SPLITS if name in file.stem), "train")
        (_votes if "label" in file.name else _drawn)(source, file, split, seen)
    places = {split: _place(source, folder, split) for split in SPLITS}
    studies = tuple(_study(image, found, places[found.split]) for image, found in seen.items())
    return Dataset(
        "vindr", studies, "credentialed", str(path), "vindr", ("there are no reports: text is never scored",)
    )


def _lists(folder: Path) -> list[Path]:
    names = [f"{kind}_{split}.csv" for kind in ("annotations", "image_labels") for split in SPLITS] + ["train.csv"]
    found = [base / name for base in (folder / "annotations", folder) for name in names if (base / name).is_file()]
    if not found:
        raise DataError(f"{folder}: contains none of {', '.join(names)}")
    return found


def _drawn(source: Source, file: Path, split: str, seen: dict[str, Seen]) -> None:
    """Boxes; a row is one."""
    table = read_rows(file, source.problems)
    missing = [name for name in ("image_id", "class_name", *CORNERS) if name not in table.columns]
    if missing:
        raise DataError(f"{file}: has no column {', '.join(missing)}; its columns are {', '.join(table.columns)}")
    for row in table.rows:
        image = str(row.cells["image_id"])
        found = seen.setdefault(image, Seen(split))
        reader = str(row.cells.get("rad_id") or CONSENSUS)
        found.readers.add(reader)
        box = _box(source, file, row, image)
        if box is not None:
            found.boxes.append(ReaderBox(box, str(row.cells["class_name"]), reader=reader))


def _box(source: Source, file: Path, row: FileRow, image: str) -> Box | None:
    """None where the row has no numbers; three numbers, or letters, are an error."""
    cells = [row.cells[name] for name in CORNERS]
    if all(cell in {None, "", "nan", "NaN"} for cell in cells):
        return None
    try:
        left, top, right, bottom = (float(cell) for cell in cells)
    except (TypeError, ValueError):
        what = f"{', '.join(map(str, cells))} is not a box"
        source.problems.error("broken box", what, file=str(file), line=row.line, study=image)
        return None
    return Box((left, top, right, bottom))


def _votes(source: Source, file: Path, split: str, seen: dict[str, Seen]) -> None:
    """Labels of whole images, one row a radiologist."""
    table = read_rows(file, source.problems)
    if "image_id" not in table.columns:
        raise DataError(f"{file}: has no column image_id; its columns are {', '.join(table.columns)}")
    labels = [name for name in table.columns if name not in NOT_LABELS]
    for row in table.rows:
        found = seen.setdefault(str(row.cells["image_id"]), Seen(split))
        found.readers.add(str(row.cells.get("rad_id") or CONSENSUS))
        found.votes.update(name for name in labels if _given(row.cells[name]))


def _given(cell: Any) -> bool:
    return str(cell).strip() in {"1", "1.0"}


def _place(source: Source, folder: Path, split: str) -> tuple[Path, str]:
    """The folder of a split's images, and what they end in."""
    base = source.images or folder
    root = base / split if (base / split).is_dir() else base
    names = (entry.suffix for _, entry in zip(range(50), root.iterdir(), strict=False)) if root.is_dir() else iter(())
    return root, next((suffix for suffix in names if suffix in SUFFIXES), SUFFIXES[0])


def _study(image: str, found: Seen, place: tuple[Path, str]) -> Study:
    root, suffix = place
    readers = max(1, len(found.readers))
    return Study(
        id=image,
        images=(Image(path=str((root / f"{image}{suffix}").absolute()), name=f"{found.split}/{image}"),),
        boxes=tuple(found.boxes),
        labels=tuple(Label(name, n / readers, "vindr") for name, n in found.votes.items()),
        split=found.split,
    )
