"""Where studies come from: file formats, sections, splits, the demo, and one reader for reports made elsewhere.

A dataset is a registered name (``demo``), ``FORMAT:PATH``, or a path whose format is recognised; options follow a
``?``. ``Study.images[0]`` is the key image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace as remade
from pathlib import Path

from mmrad_eval.core import plugins
from mmrad_eval.core.connections import confined
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import of_place, strictest
from mmrad_eval.core.errors import MmradError, PluginError, UsageError, one_line
from mmrad_eval.core.guarding import valid
from mmrad_eval.core.plugin_files import file_spec
from mmrad_eval.core.plugins import Kind, Plugin
from mmrad_eval.core.registry import BUILTIN, Registry
from mmrad_eval.core.values import DataUse
from mmrad_eval.datasets.credentialed import looks_credentialed
from mmrad_eval.datasets.digests import digest
from mmrad_eval.datasets.prepare import prepared
from mmrad_eval.datasets.problems import Problem, Problems
from mmrad_eval.datasets.published import PUBLISHED
from mmrad_eval.datasets.recognise import unrecognised
from mmrad_eval.datasets.source import (
    FunctionReader,
    Reader,
    Source,
    as_dataset,
    at_least,
    checked_study,
    dataset_name,
    reader,
)

__all__ = [
    "Problem",
    "Problems",
    "Reader",
    "Source",
    "at_least",
    "dataset_name",
    "digest",
    "fitting",
    "load",
    "load_dataset",
    "locate",
    "looks_credentialed",
    "read",
    "reader",
    "recognised",
    "registry",
    "settled_data_use",
    "split_options",
]

_HINT = "decorate a function of a Source with @mmrad_eval.reader(NAME), or make a mmrad_eval.Dataset of studies"
KIND = Kind("dataset", (Reader,), _HINT)
GENERAL = ("rexrank", "table")
"""Formats that are taken for want of a better one."""
OPTIONS = re.compile(r"[a-z_-]+=[^&=]+(?:&[a-z_-]+=[^&=]+)*")
"""Options at the end of a spec."""


def registry() -> Registry:
    """The datasets and formats, built in and installed, in the order in which they are asked whether a path is theirs.

    Nothing is imported or drawn.
    """
    return Registry(
        "dataset",
        {
            "demo": (
                "mmrad_eval.datasets.demo:read",
                "24 invented studies of 16 patients, with drawn films and traces",
            ),
            "mmrad.trace": (
                "mmrad_eval.datasets.readers.mmrad_trace:read",
                "mmrad.trace:PATH, neutral traces (data convert makes them)",
            ),
            "mmrad": (
                "mmrad_eval.datasets.readers.mmrad:read",
                "mmrad:PATH, jsonl of interleaved traces (prompt, response, images)",
            ),
            "r2gen": ("mmrad_eval.datasets.readers.r2gen:read", "r2gen:PATH, annotation.json with train, val and test"),
            "vindr": (
                "mmrad_eval.datasets.readers.vindr:read",
                "vindr:FOLDER, VinDr-CXR: boxes and labels, no reports",
            ),
            "padchest-gr": ("mmrad_eval.datasets.readers.padchest_gr:read", "padchest-gr:PATH, PadChest-GR in English"),
            "padchest-gr-es": (
                "mmrad_eval.datasets.readers.padchest_gr:read_spanish",
                "padchest-gr-es:PATH, the same in Spanish",
            ),
            "chexpert-plus": (
                "mmrad_eval.datasets.readers.chexpert_plus:read",
                "chexpert-plus:PATH, CheXpert Plus's csv",
            ),
            "rexgradient": (
                "mmrad_eval.datasets.readers.rexgradient:read",
                "rexgradient:PATH, ReXGradient-160K's metadata JSON",
            ),
            "ms-cxr": (
                "mmrad_eval.datasets.readers.ms_cxr:read",
                "ms-cxr:PATH, MS-CXR: phrases of reports with boxes",
            ),
            "reflacx": (
                "mmrad_eval.datasets.readers.reflacx:read",
                "reflacx:FOLDER, dictations in their order, with gaze and ellipses",
            ),
            "chest-imagenome": (
                "mmrad_eval.datasets.readers.imagenome:read",
                "chest-imagenome:FOLDER, scene graphs as traces",
            ),
            "gemex-thinkvg": (
                "mmrad_eval.datasets.readers.thinkvg:read",
                "gemex-thinkvg:PATH, grounded thoughts as traces",
            ),
            "openi": (
                "mmrad_eval.datasets.readers.openi:read",
                "openi:PATH, Indiana University reports: XML folder, tgz or csv",
            ),
            "mimic": (
                "mmrad_eval.datasets.readers.mimic:read",
                "mimic:FOLDER, MIMIC-CXR and MIMIC-CXR-JPG, one study per examination",
            ),
            "mimic-images": (
                "mmrad_eval.datasets.readers.mimic:read_images",
                "mimic-images:FOLDER, the same, one study per image",
            ),
            "boxes": ("mmrad_eval.datasets.readers.boxes:read", "boxes:PATH, a table with one row per box"),
            "rexrank": ("mmrad_eval.datasets.readers.rexrank:read", "rexrank:PATH, JSON of the ReXrank board"),
            "table": (
                "mmrad_eval.datasets.readers.table:read",
                "table:PATH, csv, tsv, jsonl or parquet with named columns",
            ),
        },
    )


def load(
    spec: object,
    path: str | Path | None = None,
    *,
    images: str | Path | None = None,
    data_use: DataUse | None = None,
    patient_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    link: str | Path | None = None,
    options: Mapping[str, str] | None = None,
) -> Dataset:
    """Load the dataset that ``spec`` names, or that the reader ``spec`` finds at ``path``.

    ``images`` is the folder that relative image names start from; ``columns`` maps our words to a table's own names;
    ``link`` is a folder of MIMIC-CXR in which DICOM ids are looked up; ``options`` are the reader's own and the steps
    of ``prepare``, which may also stand at the end of the spec: ``mimic:PATH?marks=drop&priors=all``. DataError names
    what is wrong with file, line and study; UsageError what can't be asked.
    """
    problems = Problems()
    plain, asked = split_options(spec) if isinstance(spec, str) else (spec, {})
    name, place = locate(plain) if isinstance(plain, str) and path is None else (plain, Path(path) if path else None)
    source = Source(
        path=place,
        images=Path(images) if images else None,
        data_use=data_use,
        columns=columns or {},
        patient_column=patient_column,
        link=Path(link) if link else None,
        options={**asked, **(options or {})},
        problems=problems,
    )
    dataset = read(name, source)
    problems.raise_errors(str(spec) if isinstance(spec, str) else dataset.source)
    return dataset


load_dataset = load
"""The same under the name that it has on the package's own page, where ``load`` reads results."""


def split_options(spec: str) -> tuple[str, dict[str, str]]:
    """``mimic:PATH?marks=drop&priors=all`` as the spec alone and its options; a path that holds a ``?`` stays whole."""
    plain, mark, asked = spec.rpartition("?")
    if not mark or not OPTIONS.fullmatch(asked) or Path(spec.partition(":")[2] or spec).exists() or Path(spec).exists():
        return spec, {}
    return plain, dict(pair.split("=", 1) for pair in asked.split("&"))


def read(reader: object, source: Source) -> Dataset:
    """The dataset as a reader sees it, with its data-use class settled and warnings among its notes.

    ``reader`` is a registered name, ``file.py:Name`` or an object.
    What is wrong stays in ``source.problems``: whoever checks data wants all of it.
    """
    with confined("unknown"):
        plugin = plugins.load(KIND, reader, registry())
    name = plugin.name if isinstance(reader, str) else _name_of(plugin)
    _refuse_a_name_in_use(plugin)
    said = source.data_use if plugin.value.least_data_use == "open" else None
    with confined(said or "unknown"):  # what is read may be anything until its class is known
        dataset = _made(plugin, name, source)
    if source.link is not None and not name.startswith("mimic"):
        from mmrad_eval.datasets.readers.mimic.link import linked

        dataset = linked(dataset, source)
    of_folder = "open" if source.path is None else of_place(source.path)
    least = strictest((plugin.value.least_data_use, _least_of_file(name, source), of_folder))
    data_use = settled_data_use(
        remade(dataset, data_use=strictest((dataset.data_use, least))), source.data_use
    )  # before any mark that tells is taken out
    dataset = prepared(dataset, source.options)
    return Dataset(
        name=dataset.name,
        studies=dataset.studies,
        data_use=data_use,
        source=dataset.source,
        format=dataset.format or name,
        notes=(*dataset.notes, *source.problems.notes()),
        published=dataset.published or PUBLISHED.get(name, ""),
    )


def _least_of_file(name: str, source: Source) -> DataUse:
    """What the file's own format is never less than, where it is read as a table or as something else."""
    if source.path is None or source.data_use != "open":
        return "open"
    try:
        found = recognised(source.path)
    except MmradError:
        return "open"
    return "open" if found == name else _least(found)


def _least(name: str) -> DataUse:
    return fitting(name).least_data_use


def _made(plugin: Plugin, name: str, source: Source) -> Dataset:
    """What the reader returns, checked; a fault of a reader that isn't ours is told in one line."""
    try:
        made = as_dataset(plugin.value(remade(source, format=name)), name, source)
        studies = made.studies
        if plugin.origin != BUILTIN and isinstance(
            studies, tuple | list
        ):  # others open their studies when they are asked for
            for number, study in enumerate(studies, 1):
                checked_study(study, name, number)
    except (Exception, SystemExit) as error:
        if isinstance(error, MmradError) or plugin.origin == BUILTIN:
            raise
        raise PluginError(f"dataset {name} failed on {source.path}: {one_line(error)}") from error
    return made


def _refuse_a_name_in_use(plugin: Plugin) -> None:
    """UsageError for a reader of a file or an object whose name another format has: tables would show one for both."""
    entry = registry().get(plugin.found.name) if isinstance(plugin.found, FunctionReader) else None
    if entry is not None and plugin.origin in {"file", "object"} and entry.load() is not plugin.found:
        raise UsageError(
            f"dataset {plugin.name}: another format already has the name {entry.name!r}; rename one of them"
        )


def _name_of(plugin: Plugin) -> str:
    return plugin.found.name if isinstance(plugin.found, FunctionReader) else plugin.name


def fitting(name: str) -> Reader:
    """The reader of that name, held against its contract."""
    reader: Reader = plugins.load(KIND, name, registry()).value
    return reader


def locate(spec: str) -> tuple[str, Path | None]:
    """(reader, path) of a registered name, ``format:PATH``, ``file.py:Name:PATH`` or a path.

    A registered name wins over a path.
    """
    names = registry()
    file = file_spec(spec)
    if file is not None:
        return f"{file.path.absolute()}:{file.name}", Path(file.rest).expanduser() if file.rest else None
    if names.get(spec):
        return spec, None
    head, colon, rest = spec.partition(":")
    if colon and names.get(head):
        return head, Path(rest).expanduser()
    path = Path(spec).expanduser()
    if path.exists():
        return recognised(path), path
    if colon and Path(rest).expanduser().exists():
        names.entry(head)  # says which formats are near
    if spec.startswith((".", "/", "~")) or "/" in spec or path.suffix:
        raise UsageError(f"there is nothing at {path}")
    names.entry(head)  # says which names are near
    raise UsageError(f"there is nothing at {path}")


def recognised(path: Path) -> str:
    """The name of the reader that recognises a path: a built-in one, else an installed one, else a general one.

    UsageError where nobody knows it, or two installed ones do.
    """
    own = [entry.name for entry in registry() if entry.origin == BUILTIN and entry.name not in GENERAL]
    name = _first(own, path)
    if name is None:
        theirs = [entry.name for entry in registry() if entry.origin != BUILTIN and _recognises(entry.name, path)]
        if len(theirs) > 1:
            raise UsageError(f"{path} is recognized by {' and '.join(theirs)}; name one: --data {theirs[0]}:{path}")
        name = theirs[0] if theirs else _first(GENERAL, path)
    if name is None:
        raise UsageError(unrecognised(path))
    return name


def _first(names: Sequence[str], path: Path) -> str | None:
    return next((name for name in names if _recognises(name, path)), None)


def _recognises(name: str, path: Path) -> bool:
    plugin = plugins.load(KIND, name, registry())
    what = f"dataset {plugin.name}: recognises({path})"
    try:
        found: bool = valid(plugin.value.recognises(path), bool, what)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(f"{what} failed: {one_line(error)}; name the format: --data FORMAT:{path}") from error
    return found


def settled_data_use(dataset: Dataset, said: DataUse | None) -> DataUse:
    """The stricter of what the reader knows and what the studies show; the user decides only what is unknown."""
    known, seen = dataset.data_use, None
    if known != "credentialed" or said not in (None, known):
        seen = looks_credentialed(dataset.studies)
        known = "credentialed" if seen else known
    if said is None or said == known:
        return known
    if known == "credentialed":
        why = f": {seen} is written as in MIMIC-CXR" if seen else ""
        raise UsageError(
            f"{dataset.source} is credentialed data (or made from such data){why}; --data-use {said} can't change that."
            " A run against a remote endpoint needs an attestation instead"
        )
    return said
