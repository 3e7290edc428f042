"""What a reader is given: where the data lies and how the user wants it read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import DataUse, Image, Study
from mmrad_eval.datasets import columns
from mmrad_eval.datasets.problems import Problems


@dataclass(frozen=True)
class Source:
    """Where data lies, and how it is to be read."""

    path: Path | None = None
    """The file or folder; None for a dataset that is named alone."""
    images: Path | None = None
    """The folder that relative image names start from; None: the file's own folder."""
    data_use: DataUse | None = None
    """What the user says of the data; None: what the reader knows."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our word -> the file's column, for names that are not recognised."""
    patient_column: str | None = None
    link: Path | None = None
    """The folder of MIMIC-CXR that DICOM ids are looked up in."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What one reader alone understands, such as ``unit`` or ``sections``."""
    problems: Problems = field(default_factory=Problems)
    strict: bool = True
    """Whether a study that can't be read later, one of many, is raised (a run) or added to ``problems`` (a check)."""

    def file(self) -> Path:
        """The path; UsageError where there is none or nothing lies there."""
        if self.path is None:
            raise UsageError("this format needs a path: --data FORMAT:PATH")
        if not self.path.exists():
            raise UsageError(f"there is nothing at {self.path}")
        return self.path

    def image(self, name: str, **fields: object) -> Image:
        """The image that the dataset calls ``name``: an absolute path, under ``images`` or beside the file.

        A leading slash of a name that is relative by nature (``/p10/…``) is no root where a folder of images is given.
        """
        base = self.images or (self.file() if self.file().is_dir() else self.file().parent)
        path = Path(name) if not self.images and Path(name).is_absolute() else base / name.lstrip("/")
        return Image(path=str(path.absolute()), name=name, **fields)  # type: ignore[arg-type]  # msgspec checks fields

    def patient(self, fields: Mapping[str, Any], usual: Sequence[str], file: str, study: str) -> str | None:
        """The patient's id of a record: in the column that the user named, else in the first of the usual ones.

        A record without the named column is an error: what stands there clusters every interval.
        """
        if self.patient_column is not None and self.patient_column not in fields:
            what = f"--patient-column {self.patient_column}: this record has {', '.join(fields)}"
            self.problems.error("no patient column", what, file=file, study=study)
        names = [self.patient_column] if self.patient_column is not None else usual
        return next((value for name in names if (value := columns.text(fields.get(name)))), None)

    def option(self, name: str, allowed: tuple[str, ...]) -> str:
        """The value of an option, the first allowed one where it is not given; UsageError names the allowed ones."""
        value = self.options.get(name, allowed[0])
        if value not in allowed:
            raise UsageError(f"{name} can be {', '.join(allowed)}, not {value!r}")
        return value


class Reader(Protocol):
    """What the dataset registry holds: a function from a source to a dataset.

    What can't be read is added to ``source.problems`` with its place; DataError is for what leaves nothing to read.
    A reader whose format is never open says so with ``at_least``.
    """

    def __call__(self, source: Source, /) -> Dataset:
        """Read the studies. Opens no image."""
        ...


ReaderT = TypeVar("ReaderT", bound=Callable[[Source], Dataset])


def at_least(use: DataUse) -> Callable[[ReaderT], ReaderT]:
    """Declare the least class that a reader's format can have: no ``--data-use`` goes below it."""

    def declare(reader: ReaderT) -> ReaderT:
        reader.least_data_use = use  # type: ignore[attr-defined]  # read by least_data_use alone
        return reader

    return declare


def least_data_use(reader: object) -> DataUse:
    """What ``at_least`` declared for a reader; ``open`` where it declared nothing."""
    use: DataUse = getattr(reader, "least_data_use", "open")
    return use


@dataclass(frozen=True)
class Record:
    """A study and the place in a file that it came from."""

    study: Study
    file: str
    line: int | None = None


def gather(records: Iterable[Record], problems: Problems) -> tuple[Study, ...]:
    """The studies in order; a duplicate id is an error that names both places, an empty report a warning."""
    first: dict[str, Record] = {}
    for record in records:
        other = first.get(record.study.id)
        if other is not None:
            place = f"{other.file}:{other.line}" if other.line else other.file
            problems.error(
                "duplicate id",
                f"this id was already used at {place}; ids must be unique",
                file=record.file,
                line=record.line,
                study=record.study.id,
            )
            continue
        first[record.study.id] = record
        reference = record.study.reference
        if reference is not None and not reference.text.strip():
            problems.warn(
                "empty report",
                "the report is empty; the study can be asked about, never scored",
                file=record.file,
                line=record.line,
                study=record.study.id,
            )
    return tuple(r.study for r in first.values())


def dataset_name(path: Path) -> str:
    """A name for data without one: the file's stem, with its folder's where the stem says nothing."""
    stem = path.name
    for suffix in (".gz", ".zip", ".json", ".jsonl", ".csv", ".tsv", ".parquet", ".xml"):
        stem = stem.removesuffix(suffix)
    if stem.lower() in {"annotation", "annotations", "data", "dataset", "test", "val", "valid", "train", "reports"}:
        stem = f"{path.absolute().parent.name}-{stem}"
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in stem) or "data"
