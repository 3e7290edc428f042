"""Reads REFLACX: radiologists' dictations of MIMIC-CXR images, with their eye movements and ellipses around findings.

Folder (physionet.org/content/reflacx-xray-localization/1.0.0): ``main_data/metadata_phase_{1,2,3}.csv`` with id, split,
eye_tracking_data_discarded, image (a path of MIMIC-CXR), dicom_id, subject_id, image_size_x, image_size_y; and for each
reading a folder ``main_data/<id>/`` with ``transcription.txt``, ``timestamps_transcription.csv`` (word,
timestamp_start_word, timestamp_end_word), ``fixations.csv`` (timestamp_start_fixation, timestamp_end_fixation,
x_position, y_position in pixels of the image), ``anomaly_location_ellipses.csv`` (xmin, ymin, xmax, ymax, certainty and
a column for each finding). Sources: Bigolin Lanfredi et al., Scientific Data 2022, and public loaders.

One study an image. All of its readings are kept as readers' boxes: each dictated sentence at the hull of the places
that were looked at since the sentence before, in the order of looking, and each ellipse as its bounding box. The trace
is that of one reading, the first by its id unless ``?reading=2`` says another; the reference is what it dictated,
unless ``--link`` to MIMIC-CXR is given with ``?report=mimic``. Credentials are needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Box, Image, ReaderBox, Report, Step, Study, Trace
from mmrad_eval.datasets import columns
from mmrad_eval.datasets.recognise import holds
from mmrad_eval.datasets.rows import read_rows
from mmrad_eval.datasets.source import Record, Source, at_least, gather, recognised_by
from mmrad_eval.traces.regions import category_of, fine_names

TABLES = "metadata_phase_*.csv"
NOT_FINDINGS = frozenset({"xmin", "ymin", "xmax", "ymax", "certainty", "id", ""})
SMALLEST = 0.05
"""Share of the image's longer side that a hull of fixations has at least: a single fixation sees about a degree."""


class _Fixation(NamedTuple):
    start: float
    x: float
    y: float


def _is_ours(path: Path) -> bool:
    return holds(path, TABLES, f"main_data/{TABLES}")


@at_least("credentialed")
@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study an image."""
    path = source.file()
    base = path / "main_data" if (path / "main_data").is_dir() else path
    tables = sorted(base.glob(TABLES))
    if not tables:
        raise DataError(f"{path}: contains no {TABLES}")
    chosen = source.options.get("reading", "1")
    if not chosen.isdigit() or chosen == "0":
        raise UsageError(f"?reading= takes the number of a reading, such as 1 or 2, not {chosen!r}")
    own = source.option("report", ("dictation", "mimic")) == "dictation"
    studies = gather(_records(source, base, tables, int(chosen), own=own), source.problems)
    return Dataset("reflacx", studies, "credentialed", str(path), "reflacx")


def _records(source: Source, base: Path, tables: list[Path], chosen: int, *, own: bool) -> Iterator[Record]:
    groups: dict[str, list[tuple[Path, int | None, Mapping[str, Any]]]] = defaultdict(list)
    for table in tables:
        rows = read_rows(table, source.problems)
        missing = [name for name in ("id", "image", "dicom_id") if name not in rows.columns]
        if missing:
            raise DataError(f"{table}: has no column {', '.join(missing)}; its columns are {', '.join(rows.columns)}")
        for row in rows.rows:
            groups[str(row.cells["dicom_id"])].append((table, row.line, row.cells))
    for dicom, readings in groups.items():
        readings.sort(key=lambda one: str(one[2]["id"]))
        yield Record(
            _study(source, base, dicom, [cells for _, _, cells in readings], chosen, own=own), str(readings[0][0])
        )


def _study(
    source: Source, base: Path, dicom: str, readings: list[Mapping[str, Any]], chosen: int, *, own: bool
) -> Study:
    first = readings[0]
    size = _size(first)
    name = str(columns.text(first.get("image")) or dicom).replace("\\", "/").removeprefix("physionet.org/")
    name = name.removeprefix("files/mimic-cxr/2.0.0/").removeprefix("files/").removesuffix(".dcm") + ".jpg"
    image = source.image(name, size=size)
    looks = [_looks(source, base, str(reading["id"]), reading, size) for reading in readings]
    boxes = [
        box for reading, found in zip(readings, looks, strict=True) for box in _boxes(source, base, reading, found)
    ]
    picked = min(chosen, len(readings)) - 1
    text = " ".join(sentence for sentence, _ in looks[picked])
    split = columns.text(first.get("split"))
    return Study(
        id=dicom,
        images=(image,),
        patient=columns.text(first.get("subject_id")),
        reference=Report(text, findings=text) if own and text else None,
        trace=Trace(tuple(_step(sentence, box, image) for sentence, box in looks[picked])) if looks[picked] else None,
        boxes=tuple(boxes),
        split=split.strip().lower() if split else None,
    )


def _size(cells: Mapping[str, Any]) -> tuple[int, int] | None:
    sides = [columns.text(cells.get(name)) for name in ("image_size_x", "image_size_y")]
    return (int(float(sides[0])), int(float(sides[1]))) if sides[0] and sides[1] else None


def _looks(
    source: Source, base: Path, reading: str, cells: Mapping[str, Any], size: tuple[int, int] | None
) -> list[tuple[str, Box | None]]:
    """The sentences of a dictation in order, each with the hull of what was looked at since the one before."""
    words = base / reading / "timestamps_transcription.csv"
    if not words.is_file():
        text = base / reading / "transcription.txt"
        said = decode.utf8(decode.read_bytes(text), str(text)) if text.is_file() else ""
        if not said.strip():
            source.problems.warn("no dictation", f"there is no {text}", file=str(base), study=reading)
        return [(f"{one.strip()}.", None) for one in said.replace("\n", " ").split(".") if one.strip()]
    discarded = str(cells.get("eye_tracking_data_discarded")).strip().lower() == "true"
    fixations = [] if discarded else list(_fixations(source, base / reading / "fixations.csv"))
    found: list[tuple[str, Box | None]] = []
    begun = float("-inf")
    for sentence, end in _sentences(source, words):
        seen = [one for one in fixations if begun <= one.start < end]
        found.append((sentence, _hull(seen, size)))
        begun = end
    return found


def _sentences(source: Source, path: Path) -> Iterator[tuple[str, float]]:
    """(sentence, second at which its last word ended)."""
    words: list[str] = []
    end = 0.0
    for row in read_rows(path, source.problems).rows:
        word = columns.text(row.cells.get("word"))
        try:
            end = float(row.cells.get("timestamp_end_word"))  # type: ignore[arg-type]  # None raises too
        except (TypeError, ValueError):
            what = f"{row.cells.get('timestamp_end_word')!r} is no time"
            source.problems.error("broken time", what, file=str(path), line=row.line)
            continue
        if word is None:
            continue
        if word in {".", ",", "?", "!"} and words:
            words[-1] += word
        else:
            words.append(word.strip())
        if words and words[-1].endswith((".", "?", "!")):
            yield _written(words), end
            words = []
    if words:
        yield f"{_written(words)}.", end


def _written(words: list[str]) -> str:
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _fixations(source: Source, path: Path) -> Iterator[_Fixation]:
    if not path.is_file():
        return
    for row in read_rows(path, source.problems).rows:
        names = ("timestamp_start_fixation", "x_position", "y_position")
        try:
            yield _Fixation(*(float(row.cells[name]) for name in names))
        except (KeyError, TypeError, ValueError):
            what = f"{', '.join(str(row.cells.get(name)) for name in names)} is no fixation"
            source.problems.error("broken fixation", what, file=str(path), line=row.line)


def _hull(seen: list[_Fixation], size: tuple[int, int] | None) -> Box | None:
    """The hull of fixations inside the image, no smaller than what one of them sees."""
    inside = [one for one in seen if size is None or (0 <= one.x <= size[0] and 0 <= one.y <= size[1])]
    if not inside:
        return None
    half = SMALLEST * max(size or (0, 0)) / 2
    left, right = min(one.x for one in inside) - half, max(one.x for one in inside) + half
    top, bottom = min(one.y for one in inside) - half, max(one.y for one in inside) + half
    if size is not None:
        left, top, right, bottom = (
            max(0.0, left),
            max(0.0, top),
            min(right, float(size[0])),
            min(bottom, float(size[1])),
        )
    return Box((left, top, right, bottom)) if right > left and bottom > top else None


def _boxes(
    source: Source, base: Path, cells: Mapping[str, Any], looks: list[tuple[str, Box | None]]
) -> Iterator[ReaderBox]:
    """The sentences of one reading where they were looked at, then its ellipses as boxes."""
    reading = str(cells["id"])
    for sentence, box in looks:
        if box is not None:
            yield ReaderBox(box, "", sentence, reading)
    path = base / reading / "anomaly_location_ellipses.csv"
    if not path.is_file():
        return
    for row in read_rows(path, source.problems).rows:
        try:
            left, top, right, bottom = (float(row.cells[name]) for name in ("xmin", "ymin", "xmax", "ymax"))
        except (KeyError, TypeError, ValueError):
            source.problems.error("broken box", "an ellipse without four numbers", file=str(path), line=row.line)
            continue
        named = [n for n, value in row.cells.items() if n not in NOT_FINDINGS and str(value).strip().lower() == "true"]
        for name in named or ["finding"]:
            yield ReaderBox(Box((left, top, right, bottom)), name.lower(), "", reading)


def _step(sentence: str, box: Box | None, image: Image) -> Step:
    names = fine_names(sentence)
    cut = (
        Image(path=image.path, name=image.name, role="region", box=box, render="crop", size=image.size) if box else None
    )
    region = names[0] if names else ""
    return Step(region, names, category_of(region) if region else "other", box, cut, sentence)
