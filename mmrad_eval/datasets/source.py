"""What a reader is given: where the data lies and how the user wants it read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import ORDER
from mmrad_eval.core.errors import DataError, PluginError, UsageError
from mmrad_eval.core.members import default, wrong_call
from mmrad_eval.core.plugins import name_problem
from mmrad_eval.core.values import DataUse, Image, Study
from mmrad_eval.datasets import raw_text
from mmrad_eval.datasets.held import PackedStudies, held
from mmrad_eval.datasets.lazy import LazyStudies
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
    format: str = ""
    """The name of the format that is read, for messages."""
    strict: bool = True
    """Whether a study that can't be read later, one of many, is raised (a run) or added to ``problems`` (a check)."""

    def file(self) -> Path:
        """The path; UsageError where there is none or nothing lies there."""
        if self.path is None:
            name = self.format or "FORMAT"
            here = f"; the one here called {name} is ./{name}" if Path(name).exists() else ""
            raise UsageError(f"{name} is a data format and needs a file or folder: write {name}:PATH{here}")
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
        return next((value for name in names if (value := raw_text.person(fields.get(name)))), None)

    def option(self, name: str, allowed: tuple[str, ...]) -> str:
        """The value of an option, the first allowed one where it is not given; UsageError names the allowed ones."""
        value = self.options.get(name, allowed[0])
        if value not in allowed:
            raise UsageError(f"{name} can be {', '.join(allowed)}, not {value!r}")
        return value


@runtime_checkable
class Reader(Protocol):
    """What the dataset registry holds: a function from a source to a dataset, or to its studies.

    What can't be read is added to ``source.problems`` with its place; DataError is for what leaves nothing to read.
    """

    @abstractmethod
    def __call__(self, source: Source, /) -> Dataset | Iterable[Study]:
        """Read the studies. Opens no image."""
        ...

    @default
    def least_data_use(self) -> DataUse:
        """The least class that the format can have: no ``--data-use`` goes below it."""
        return "open"

    def recognises(self, path: Path) -> bool:
        """Whether a file or folder is of this format. Built-in formats are asked first, those of packages next."""
        return False


ReaderT = TypeVar("ReaderT", bound=Callable[[Source], Dataset])


def at_least(use: DataUse) -> Callable[[ReaderT], ReaderT]:
    """Declare the least class that a reader's format can have: no ``--data-use`` goes below it."""

    def declare(reader: ReaderT) -> ReaderT:
        reader.least_data_use = use  # type: ignore[attr-defined]  # the member of ``Reader``
        return reader

    return declare


def recognised_by(tells: Callable[[Path], bool]) -> Callable[[ReaderT], ReaderT]:
    """Declare how a reader recognises a file or folder of its format."""

    def declare(reader: ReaderT) -> ReaderT:
        reader.recognises = tells  # type: ignore[attr-defined]  # the member of ``Reader``
        return reader

    return declare


@dataclass(frozen=True)
class FunctionReader(Reader):
    """A reader that was made of a function by ``reader``."""

    name: str
    function: Callable[[Source], Dataset | Iterable[Study]]
    data_use: DataUse
    tells: Callable[[Path], bool] | None = None

    @property
    def least_data_use(self) -> DataUse:
        """Credentialed data stays so, whatever the user says."""
        return "credentialed" if self.data_use == "credentialed" else "open"

    def __call__(self, source: Source, /) -> Dataset:
        """The dataset, made of what the function returned or yielded."""
        return as_dataset(self.function(source), self.name, source, self.data_use)

    def recognises(self, path: Path) -> bool:
        """What the function ``recognises`` says."""
        return self.tells is not None and self.tells(path)


def reader(
    name: str, *, data_use: DataUse = "unknown", recognises: Callable[[Path], bool] | None = None
) -> Callable[[Callable[[Source], Dataset | Iterable[Study]]], FunctionReader]:
    """Make a reader of a function that takes a ``Source`` and yields studies, or returns a ``Dataset``.

    ``data_use`` is what the format's data always is; ``unknown`` leaves it to ``--data-use``. ``recognises`` tells from
    a path whether a file or folder is of this format.
    """
    if not isinstance(name, str):
        raise PluginError('@reader needs a name: write @mmrad_eval.reader("name") above the function')
    problem = name_problem(name)
    if recognises is not None and problem is None:
        plain = callable(recognises)
        wrong = (
            wrong_call("recognises", recognises, Reader.recognises) if plain else "its `recognises` is not a function"
        )
        problem = wrong
    if problem:
        raise PluginError(f"dataset {name!r} is not valid: {problem}")
    if data_use not in ORDER:
        raise PluginError(f"dataset {name} is not valid: its `data_use` must be {', '.join(ORDER)}, not {data_use!r}")

    def made(function: Callable[[Source], Dataset | Iterable[Study]]) -> FunctionReader:
        wrong = wrong_call("__call__", function, Reader.__call__) if callable(function) else "it is not a function"
        if wrong:
            raise PluginError(f"dataset {name} is not valid: {wrong}")
        return FunctionReader(name, function, data_use, recognises)

    return made


def as_dataset(made: object, name: str, source: Source, data_use: DataUse = "unknown") -> Dataset:
    """What a reader returned as a dataset; PluginError where it is none."""
    if isinstance(made, Dataset):
        return checked_dataset(made, name)
    if isinstance(made, str | bytes | Mapping) or not isinstance(made, Iterable):
        raise PluginError(f"dataset {name} returned {type(made).__name__}, not studies or a Dataset")
    records = (Record(checked_study(study, name, number), str(source.path)) for number, study in enumerate(made, 1))
    studies = gather(records, source.problems)
    where = dataset_name(source.path) if source.path else name
    return Dataset(where, studies, source.data_use or data_use, str(source.path or name), name)


def checked_dataset(dataset: Dataset, name: str) -> Dataset:
    """The dataset of a plugin or a notebook; PluginError where a field or a study of it is something else.

    Studies that are opened when they are asked for are checked then.
    """
    if dataset.data_use not in ORDER:
        raise PluginError(f"dataset {name}: its data_use is {dataset.data_use!r}; it must be one of {', '.join(ORDER)}")
    if not isinstance(dataset.name, str) or name_problem(dataset.name):
        raise PluginError(f"dataset {name}: its name is {dataset.name!r}; it must consist of visible characters")
    if not isinstance(dataset.studies, tuple | list | LazyStudies | PackedStudies):
        raise PluginError(
            f"dataset {name}: its studies are of type {type(dataset.studies).__name__}, not a tuple of Study"
        )
    if isinstance(dataset.studies, tuple | list):
        first: dict[str, int] = {}
        for number, study in enumerate(dataset.studies, 1):
            other = first.setdefault(checked_study(study, name, number, dataset.source).id, number)
            if other != number:
                raise DataError(
                    f"dataset {name}: studies {other} and {number} share the id {study.id!r}; ids must be unique"
                )
    return dataset


def checked_study(study: object, name: str, number: int, source: str = "") -> Study:
    """The study; PluginError where it is something else, DataError where it has no id."""
    if not isinstance(study, Study):
        raise PluginError(f"dataset {name}: study {number} is of type {type(study).__name__}, not mmrad_eval.Study")
    if study.id == "":
        raise DataError(f"dataset {name}{f' ({source})' if source else ''}: study {number} has an empty id")
    try:
        return msgspec.json.decode(msgspec.json.encode(study), type=Study)
    except (msgspec.ValidationError, TypeError, UnicodeError) as error:
        raise PluginError(f"dataset {name}: study {number} ({study.id!r}) is not a valid Study: {error}") from error


@dataclass(frozen=True)
class Record:
    """A study and the place in a file that it came from."""

    study: Study
    file: str
    line: int | None = None


def gather(records: Iterable[Record], problems: Problems) -> Sequence[Study]:
    """The studies in order; a duplicate id is an error that names both places, an empty report a warning."""
    return held(_distinct(records, problems))


def _distinct(records: Iterable[Record], problems: Problems) -> Iterator[Study]:
    first: dict[str, tuple[str, int | None]] = {}
    for record in records:
        if not record.study.id.strip():
            problems.error("no id", "the id is empty; every study needs one", file=record.file, line=record.line)
            continue
        if record.study.id in first:
            file, line = first[record.study.id]
            problems.error(
                "duplicate id",
                f"this id was already used at {f'{file}:{line}' if line else file}; ids must be unique",
                file=record.file,
                line=record.line,
                study=record.study.id,
            )
            continue
        first[record.study.id] = (record.file, record.line)
        reference = record.study.reference
        if reference is not None and not reference.text.strip():
            problems.warn(
                "empty report",
                "the report is empty; models can be run on the study, but it cannot be scored",
                file=record.file,
                line=record.line,
                study=record.study.id,
            )
        yield record.study


BLANK_SPLIT = "blank"
"""What ``--split`` calls a split whose name is empty or white space, where others are named."""


def dataset_name(path: Path) -> str:
    """A name for data without one: the file's stem, with its folder's where the stem says nothing."""
    stem = path.name
    for suffix in (".gz", ".zip", ".json", ".jsonl", ".csv", ".tsv", ".parquet", ".xml"):
        stem = stem.removesuffix(suffix)
    if stem.lower() in {"annotation", "annotations", "data", "dataset", "test", "val", "valid", "train", "reports"}:
        stem = f"{path.absolute().parent.name}-{stem}"
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in stem) or "data"
