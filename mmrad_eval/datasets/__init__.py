"""Where studies come from: file formats, sections, splits, the demo, and one reader for reports made elsewhere.

A dataset is a registered name (``demo``), ``FORMAT:PATH``, or a path whose format is recognised; options follow a
``?``. ``Study.images[0]`` is the key image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace as remade
from pathlib import Path

from mmrad_eval.core.connections import confined
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import MmradError, PluginError, UsageError
from mmrad_eval.core.registry import Registry
from mmrad_eval.core.values import DataUse
from mmrad_eval.datasets.credentialed import looks_credentialed
from mmrad_eval.datasets.digests import digest
from mmrad_eval.datasets.prepare import prepared
from mmrad_eval.datasets.problems import Problem, Problems
from mmrad_eval.datasets.recognise import recognise
from mmrad_eval.datasets.source import Reader, Source, at_least, dataset_name, least_data_use

__all__ = [
    "Problem",
    "Problems",
    "Reader",
    "Source",
    "at_least",
    "dataset_name",
    "digest",
    "load",
    "locate",
    "looks_credentialed",
    "read",
    "recognise",
    "registry",
    "split_options",
]

OPTIONS = re.compile(r"[a-z_-]+=[^&=]+(?:&[a-z_-]+=[^&=]+)*")
"""Options at the end of a spec."""


def registry() -> Registry:
    """The datasets and formats, built in and installed; nothing is imported or drawn."""
    return Registry(
        "dataset",
        {
            "demo": (
                "mmrad_eval.datasets.demo:read",
                "24 invented studies of 16 patients, with drawn films and traces",
            ),
            "mmrad": (
                "mmrad_eval.datasets.readers.mmrad:read",
                "mmrad:PATH, jsonl of interleaved traces (prompt, response, images)",
            ),
            "mmrad.trace": (
                "mmrad_eval.datasets.readers.mmrad_trace:read",
                "mmrad.trace:PATH, neutral traces (data convert makes them)",
            ),
            "rexrank": ("mmrad_eval.datasets.readers.rexrank:read", "rexrank:PATH, JSON of the ReXrank board"),
            "r2gen": ("mmrad_eval.datasets.readers.r2gen:read", "r2gen:PATH, annotation.json with train, val and test"),
            "mimic": (
                "mmrad_eval.datasets.readers.mimic:read",
                "mimic:FOLDER, MIMIC-CXR and MIMIC-CXR-JPG, one study an examination",
            ),
            "mimic-images": (
                "mmrad_eval.datasets.readers.mimic:read_images",
                "mimic-images:FOLDER, the same, one study an image",
            ),
            "openi": (
                "mmrad_eval.datasets.readers.openi:read",
                "openi:PATH, Indiana University reports: XML folder, tgz or csv",
            ),
            "rexgradient": (
                "mmrad_eval.datasets.readers.rexgradient:read",
                "rexgradient:PATH, ReXGradient-160K's metadata JSON",
            ),
            "chexpert-plus": (
                "mmrad_eval.datasets.readers.chexpert_plus:read",
                "chexpert-plus:PATH, CheXpert Plus's csv",
            ),
            "padchest-gr": ("mmrad_eval.datasets.readers.padchest_gr:read", "padchest-gr:PATH, PadChest-GR in English"),
            "padchest-gr-es": (
                "mmrad_eval.datasets.readers.padchest_gr:read_spanish",
                "padchest-gr-es:PATH, the same in Spanish",
            ),
            "vindr": (
                "mmrad_eval.datasets.readers.vindr:read",
                "vindr:FOLDER, VinDr-CXR: boxes and labels, no reports",
            ),
            "chest-imagenome": (
                "mmrad_eval.datasets.readers.imagenome:read",
                "chest-imagenome:FOLDER, scene graphs as traces",
            ),
            "gemex-thinkvg": (
                "mmrad_eval.datasets.readers.thinkvg:read",
                "gemex-thinkvg:PATH, grounded thoughts as traces",
            ),
            "table": (
                "mmrad_eval.datasets.readers.table:read",
                "table:PATH, csv, tsv, jsonl or parquet with named columns",
            ),
        },
    )


def load(
    spec: str,
    *,
    images: str | Path | None = None,
    data_use: DataUse | None = None,
    patient_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    link: str | Path | None = None,
    options: Mapping[str, str] | None = None,
) -> Dataset:
    """Load the dataset that ``spec`` names.

    ``images`` is the folder that relative image names start from; ``columns`` maps our words to a table's own names;
    ``link`` is a folder of MIMIC-CXR in which DICOM ids are looked up; ``options`` are the reader's own and the steps
    of ``prepare``, which may also stand at the end of the spec: ``mimic:PATH?marks=drop&priors=all``. DataError names
    what is wrong with file, line and study; UsageError what can't be asked.
    """
    problems = Problems()
    plain, asked = split_options(spec)
    name, path = locate(plain)
    source = Source(
        path=path,
        images=Path(images) if images else None,
        data_use=data_use,
        columns=columns or {},
        patient_column=patient_column,
        link=Path(link) if link else None,
        options={**asked, **(options or {})},
        problems=problems,
    )
    dataset = read(name, source)
    problems.raise_errors(spec)
    return dataset


def split_options(spec: str) -> tuple[str, dict[str, str]]:
    """``mimic:PATH?marks=drop&priors=all`` as the spec alone and its options; a path that holds a ``?`` stays whole."""
    plain, mark, asked = spec.rpartition("?")
    if not mark or not OPTIONS.fullmatch(asked) or Path(spec.partition(":")[2] or spec).exists() or Path(spec).exists():
        return spec, {}
    return plain, dict(pair.split("=", 1) for pair in asked.split("&"))


def read(name: str, source: Source) -> Dataset:
    """The dataset as the reader ``name`` sees it, with its data-use class settled and warnings among its notes.

    What is wrong stays in ``source.problems``: whoever checks data wants all of it.
    """
    entry = registry().entry(name)
    with confined("unknown"):
        reader = entry.load()
    if not callable(reader):
        raise PluginError(
            f"dataset {name} ({entry.origin}, {entry.target}) does not fit: it can't be called with a Source"
        )
    said = source.data_use if least_data_use(reader) == "open" else None
    with confined(said or "unknown"):  # what is read may be anything until its class is known
        dataset = reader(source)
    if not isinstance(dataset, Dataset):
        raise PluginError(f"dataset {name} ({entry.origin}, {entry.target}) does not fit: it made no Dataset")
    if source.link is not None and not name.startswith("mimic"):
        from mmrad_eval.datasets.readers.mimic.link import linked

        dataset = linked(dataset, source)
    least = strictest((least_data_use(reader), _least_of_file(name, source)))
    data_use = _data_use(
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
    )


def _least_of_file(name: str, source: Source) -> DataUse:
    """What the file's own format is never less than, where it is read as a table or as something else."""
    if source.path is None or source.data_use != "open":
        return "open"
    try:
        found = recognise(source.path)
    except MmradError:
        return "open"
    return "open" if found == name else least_data_use(registry().entry(found).load())


def locate(spec: str) -> tuple[str, Path | None]:
    """(reader, path) of a registered name, ``format:PATH`` or a path; a registered name wins over a path."""
    names = registry()
    if names.get(spec):
        return spec, None
    head, colon, rest = spec.partition(":")
    if colon and names.get(head):
        return head, Path(rest).expanduser()
    path = Path(spec).expanduser()
    if path.exists():
        return recognise(path), path
    if colon and Path(rest).expanduser().exists():
        names.entry(head)  # says which formats are near
    if spec.startswith((".", "/", "~")) or "/" in spec or path.suffix:
        raise UsageError(f"there is nothing at {path}")
    names.entry(head)  # says which names are near
    raise UsageError(f"there is nothing at {path}")


def _data_use(dataset: Dataset, said: DataUse | None) -> DataUse:
    """The stricter of what the reader knows and what the studies show; the user decides only what is unknown."""
    known, seen = dataset.data_use, None
    if known != "credentialed":
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
