"""Tells the format of a file or folder from its name and its first bytes."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable
from pathlib import Path

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError, UsageError

HEAD = 1 << 16
FOLDERS = (
    ("annotation.json", "r2gen"),
    ("annotations/annotations_train.csv", "vindr"),
    ("annotations/annotations_test.csv", "vindr"),
    ("grounded_reports_*.json", "padchest-gr"),
    ("indiana_reports.csv", "openi"),
    ("df_chexpert_plus*.csv*", "chexpert-plus"),
    ("metadata/*_metadata*.json", "rexgradient"),
    ("*_metadata_view_position.json", "rexgradient"),
    ("silver_dataset", "chest-imagenome"),
    ("*_SceneGraph.json", "chest-imagenome"),
    ("ecgen-radiology/*.xml", "openi"),
    ("*/ecgen-radiology/*.xml", "openi"),
    ("*.xml", "openi"),
)
"""What lies in a folder -> the reader, the most telling first."""
HEADERS = (
    ({"path_to_image", "section_findings"}, "chexpert-plus"),
    ({"image_path", "thinkVG"}, "gemex-thinkvg"),
    ({"uid", "MeSH"}, "openi"),
    ({"image_id", "class_name", "x_min"}, "vindr"),
)
"""Columns that tell whose csv it is."""


def recognise(path: Path) -> str:
    """The name of the reader for ``path``; UsageError says what was seen and how to name a format."""
    found = _folder(path) if path.is_dir() else _file(path)
    if found is None:
        seen = "no file that tells its format" if path.is_dir() else f"a file that starts {_head(path)[:40]!r}"
        raise UsageError(
            f"{path} holds {seen}; name the format: --data FORMAT:{path} (`mmrad-eval datasets` lists them)"
        )
    return found


def _folder(path: Path) -> str | None:
    from mmrad_eval.datasets.readers.mimic.layout import looks_like_mimic

    named = next((reader for pattern, reader in FOLDERS if next(path.glob(pattern), None) is not None), None)
    return named or ("mimic" if looks_like_mimic(path) else None)


def _file(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz").removesuffix(".zip")
    by_suffix: tuple[tuple[tuple[str, ...], Callable[[Path], str | None]], ...] = (
        ((".tgz", ".tar"), lambda _: "openi"),
        ((".jsonl", ".ndjson"), _lines),
        ((".parquet",), _parquet),
        ((".csv", ".tsv"), _table),
        ((".json",), lambda p: _json(_head(p).lstrip("\ufeff"))),
    )
    return next((tell(path) for suffixes, tell in by_suffix if name.endswith(suffixes)), None)


def _lines(path: Path) -> str:
    first = _head(path).lstrip("\ufeff").lstrip().split("\n", 1)[0]
    if '"mmrad.trace/1"' in first:
        return "mmrad.trace"
    return "mmrad" if all(f'"{key}"' in first for key in ("prompt", "response", "images")) else "table"


def _parquet(path: Path) -> str:
    columns = set(_parquet_columns(path))
    if {"segments", "image_order"} <= columns:
        return "mmrad.trace"
    return "gemex-thinkvg" if "thinkVG" in columns else "table"


def _table(path: Path) -> str:
    header = set(re.split(r"[,;\t]", _head(path).lstrip("\ufeff").split("\n", 1)[0].replace('"', "").strip()))
    return next((reader for named, reader in HEADERS if named <= header), "table")


def _parquet_columns(path: Path) -> list[str]:
    try:
        return decode.parquet_columns(path)
    except DataError:
        return []


def _json(head: str) -> str | None:
    if re.match(r'\s*\{\s*"(?:train|val|valid|validate|test|\s*)"\s*:\s*\[', head):
        return "r2gen"
    if re.match(r"\s*\[", head) and all(f'"{key}"' in head for key in ("report", "image_path", "split")):
        return "r2gen"
    if re.match(r'\s*\{\s*"[^"]*"\s*:\s*(?:\[\s*)?"', head):
        return "r2gen"
    if re.match(r"\s*\[", head):
        return "padchest-gr" if '"StudyID"' in head and '"sentence_' in head else "table"
    if re.match(r"\s*\{", head):
        return "rexgradient" if '"StudyInstanceUid"' in head or '"ImageViewPosition"' in head else "rexrank"
    return None


def _head(path: Path) -> str:
    try:
        data = decode.head(path, HEAD)
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as unpacked:
                data = unpacked.read(HEAD)
    except (DataError, OSError, EOFError, zlib.error):
        return ""
    return data.decode("utf-8", errors="replace")
