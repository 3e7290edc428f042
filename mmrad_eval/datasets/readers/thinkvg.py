"""Reads GEMeX-ThinkVG (GEMeX-RMCoT): questions about MIMIC-CXR images, answered with thoughts that point at regions.

Rows of the parquet (huggingface.co/datasets/BoKelvin/GEMeX-ThinkVG), also as csv or jsonl: image_path
(``/p10/p10…/s5…/<dicom id>.jpg``), question, question_type, thinkVG, response. One study an image;
``traces/thinkvg.py`` makes its rows a trace, each step of which gets a crop of the image at its box. Patient, split,
prior and report come with ``--link`` to MIMIC-CXR, from which the images and the reports behind the thoughts were
taken, so credentials are needed.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Image, Step, Study, Trace
from mmrad_eval.datasets.lazy import LazyStudies
from mmrad_eval.datasets.recognise import header, parquet_columns
from mmrad_eval.datasets.rows import read_rows
from mmrad_eval.datasets.source import Source, at_least, recognised_by
from mmrad_eval.traces import record, thinkvg

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED = ("image_path", "thinkVG")
SUBJECT = re.compile(r"(?:^|/)p(1\d{7})/")


def _is_ours(path: Path) -> bool:
    return header(path) >= {"image_path", "thinkVG"} or "thinkVG" in parquet_columns(path)


@at_least("credentialed")
@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study an image."""
    path = source.file()
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))
        if not found:
            raise DataError(f"{path}: contains no parquet file")
        path = found[0]
    studies = Thoughts(source, path, _columns(source, path))
    return Dataset("gemex-thinkvg", studies, "credentialed", str(path), "gemex-thinkvg")


def _columns(source: Source, path: Path) -> dict[str, pa.Array]:
    import pyarrow as pa

    if path.suffix == ".parquet":
        table = decode.arrow_faults(decode.parquet(path).read, path)
    else:
        table = pa.Table.from_pylist([row.cells for row in read_rows(path, source.problems).rows])
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; its columns are {', '.join(table.column_names)}")
    names = [name for name in thinkvg.FIELDS if name in table.column_names]
    return {name: table.column(name).combine_chunks().cast(pa.string()).fill_null("") for name in names}


class Thoughts(LazyStudies):
    """The images in the order in which they are first asked about."""

    def __init__(self, source: Source, path: Path, rows: dict[str, pa.Array]) -> None:
        self._source = source
        self._path = path
        self._columns = rows
        coded = rows["image_path"].dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self._paths: list[str] = coded.dictionary.to_pylist()
        self._rows = np.argsort(codes, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(self._paths)))])

    def __len__(self) -> int:
        return len(self._paths)

    def outline(self, place: int) -> Study:
        """Id and patient, which stand in the path."""
        path = self._paths[place]
        subject = SUBJECT.search(path)
        return Study(id=Path(path).stem, patient=subject[1] if subject else None)

    def digest(self) -> str:
        """Of all rows."""
        sha = hashlib.sha256(b"gemex-thinkvg 1")
        for name, column in sorted(self._columns.items()):
            sha.update(f"|{name}:".encode() + "\n".join(column.to_pylist()).encode())
        return sha.hexdigest()

    def rows(self, place: int) -> list[dict[str, Any]]:
        """All rows about an image."""
        rows = self._rows[self._starts[place] : self._starts[place + 1]].tolist()
        return [{name: column[row].as_py() for name, column in self._columns.items()} for row in rows]

    def read(self, place: int) -> Study:
        """All rows about an image as one study."""
        said = self.rows(place)
        image = self._source.image(self._paths[place].lstrip("/"))
        trace = record.trace_of(thinkvg.parse(said, where=str(self._path)))
        steps = tuple(_with_crop(step, image) for step in trace.steps)
        return msgspec.structs.replace(self.outline(place), images=(image,), trace=Trace(steps, trace.text))


def _with_crop(step: Step, image: Image) -> Step:
    """The step with the part of the image that its box shows."""
    if step.box is None:
        return step
    cut = Image(path=image.path, name=image.name, role="region", box=step.box, render="crop")
    return msgspec.structs.replace(step, image=cut)
