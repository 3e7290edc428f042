"""What a file or folder shows of its format without being read: the looks by which readers recognise their own."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError

HEAD = 1 << 16
TABLES = frozenset((".csv", ".tsv"))
LINES = frozenset((".jsonl", ".ndjson"))


def suffix(path: Path) -> str:
    """The ending of a file's name in lower case, without that of its packing; empty for a folder."""
    if path.is_dir():
        return ""
    return Path(path.name.lower().removesuffix(".gz").removesuffix(".zip")).suffix


def holds(path: Path, *patterns: str) -> bool:
    """Whether a folder holds something that one of the patterns names."""
    return path.is_dir() and any(next(path.glob(pattern), None) is not None for pattern in patterns)


def head(path: Path) -> str:
    """The first characters of a file, unpacked where it is gzipped; empty where it can't be read."""
    try:
        data = decode.head(path, HEAD)
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as unpacked:
                data = unpacked.read(HEAD)
    except (DataError, OSError, EOFError, zlib.error):
        return ""
    return data.decode("utf-8", errors="replace").lstrip("\ufeff")


def first_line(path: Path) -> str:
    """The first line of a file of lines (jsonl); empty for any other."""
    return head(path).lstrip().split("\n", 1)[0] if suffix(path) in LINES else ""


def header(path: Path) -> set[str]:
    """The columns of a csv or tsv file; empty for any other."""
    if suffix(path) not in TABLES:
        return set()
    return set(re.split(r"[,;\t]", head(path).split("\n", 1)[0].replace('"', "").strip()))


def parquet_columns(path: Path) -> set[str]:
    """The columns of a Parquet file; empty for any other."""
    try:
        return set(decode.parquet_columns(path)) if suffix(path) == ".parquet" else set()
    except DataError:
        return set()


def json_start(path: Path) -> str:
    """The beginning of a JSON document, without space before it; empty for any other file."""
    return head(path).lstrip() if suffix(path) == ".json" else ""


def unrecognised(path: Path) -> str:
    """What was seen of a path that nobody recognises, and how to name its format."""
    seen = "no file that identifies its format" if path.is_dir() else f"a file that starts {head(path)[:40]!r}"
    return f"{path} holds {seen}; name the format: --data FORMAT:{path} (`mmrad-eval datasets` lists them)"
