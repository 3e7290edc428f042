"""Reads GEMeX-ThinkVG (GEMeX-RMCoT): questions about MIMIC-CXR images, answered with thoughts that point at regions.

Rows of the parquet (huggingface.co/datasets/BoKelvin/GEMeX-ThinkVG): image_path (``/p10/p10…/s5…/<dicom id>.jpg``),
question, question_type, thinkVG (words with ``region [x1,y1,x2,y2]`` in them, boxes in the 336-pixel padded square),
response (``<answer>…</answer><location><ref>region</ref><box>[x1, y1, x2, y2]</box></location>``).

One study an image. Its trace has a step for each region and box that its thoughts name, with the sentences that name
it, in the order in which they come; regions of responses that no thought names follow without words. Patient, split,
prior and report come with ``--link`` to MIMIC-CXR, from which the images and the reports behind the thoughts were
taken, so credentials are needed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image, Step, Study, Trace
from mmrad_eval.datasets import columns
from mmrad_eval.datasets.lazy import LazyStudies
from mmrad_eval.datasets.rows import read_rows
from mmrad_eval.datasets.source import Source
from mmrad_eval.traces import regions

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED = ("image_path", "thinkVG")
FRAME = "pad_square_336"
NUMBER = r"\s*(-?\d+(?:\.\d+)?)\s*"
BOX = rf"\[{NUMBER},{NUMBER},{NUMBER},{NUMBER}\]"
THOUGHT = re.compile(rf"(?P<region>[A-Za-z][A-Za-z /-]{{1,60}}?)\s*[:,]?\s*\(?\s*{BOX}(?:\s*\))?")
LOCATION = re.compile(rf"<ref>\s*(?P<region>[^<]{{1,80}}?)\s*</ref>\s*<box>\s*{BOX}\s*</box>")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
SMALL = frozenset(
    {
        *("a", "an", "and", "at", "from", "in", "is", "near", "of", "on", "over", "see", "shows", "the", "to", "with"),
        *("within", "visual", "location"),
    }
)
"""Words that stand before a region, never in its name."""
DICOM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")


def read(source: Source) -> Dataset:
    """One study an image."""
    path = source.file()
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))
        if not found:
            raise DataError(f"{path}: holds no parquet file")
        path = found[0]
    studies = Thoughts(source, _columns(source, path))
    return Dataset("gemex-thinkvg", studies, "credentialed", str(path), "gemex-thinkvg")


def _columns(source: Source, path: Path) -> dict[str, pa.Array]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: can't be read as parquet: {error}") from error
    else:
        table = pa.Table.from_pylist([row.cells for row in read_rows(path, source.problems).rows])
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; it has {', '.join(table.column_names)}")
    names = [*REQUIRED, *(["response"] if "response" in table.column_names else [])]
    return {name: table.column(name).combine_chunks().cast(pa.string()).fill_null("") for name in names}


class Thoughts(LazyStudies):
    """The images in the order in which they are first asked about."""

    def __init__(self, source: Source, rows: dict[str, pa.Array]) -> None:
        self._source = source
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
        found, subject = DICOM.search(path), re.search(r"/p(1\d{7})/", path)
        return Study(id=found[0] if found else Path(path).stem, patient=subject[1] if subject else None)

    def digest(self) -> str:
        """Of all rows."""
        sha = hashlib.sha256(b"gemex-thinkvg 1")
        for name, column in sorted(self._columns.items()):
            sha.update(f"|{name}:".encode() + "\n".join(column.to_pylist()).encode())
        return sha.hexdigest()

    def read(self, place: int) -> Study:
        """All rows about an image as one study."""
        outline = self.outline(place)
        image = self._source.image(self._paths[place].lstrip("/"))
        rows = self._rows[self._starts[place] : self._starts[place + 1]].tolist()
        said = {name: [column[row].as_py() for row in rows] for name, column in self._columns.items()}
        return Study(
            id=outline.id,
            images=(image,),
            patient=outline.patient,
            trace=Trace(tuple(_steps(said["thinkVG"], said.get("response", []), image))),
        )


def _steps(thoughts: list[str], responses: list[str], image: Image) -> Iterator[Step]:
    """A step for each region and box, its sentences each once."""
    found: dict[tuple[str, tuple[float, ...]], dict[str, None]] = {}
    for thought in thoughts:
        for sentence in SENTENCE.split(" ".join(thought.split())):
            plain = THOUGHT.sub(lambda match: str(match["region"]), sentence).strip()
            for match in THOUGHT.finditer(sentence):
                found.setdefault(_where(match), {})[plain] = None
    for response in responses:
        for match in LOCATION.finditer(response):
            found.setdefault(_where(match), {})
    for (region, numbers), sentences in found.items():
        box = Box((numbers[0], numbers[1], numbers[2], numbers[3]), FRAME)
        cut = Image(path=image.path, name=image.name, role="region", box=box, render="crop")
        known = regions.resolve(region)
        fine = (known.name,) if known else regions.fine_names(region)
        yield Step(region, fine, known.category if known else "other", box, cut, " ".join(sentences))


def _where(match: re.Match[str]) -> tuple[str, tuple[float, ...]]:
    """Region and numbers.

    Of the words before the numbers ("an opacity in the left lung") the longest end that the vocabulary knows is the
    region, else what follows the last small word.
    """
    words = (columns.text(match["region"]) or "").split()
    ends = (" ".join(words[i:]) for i in range(len(words)) if words[i].lower() not in SMALL)
    region = next((end for end in ends if regions.resolve(end)), None)
    if region is None:
        last = max((i for i, word in enumerate(words) if word.lower() in SMALL), default=-1)
        region = " ".join(words[last + 1 :])
    return region, tuple(float(number) for number in match.groups()[1:5])
