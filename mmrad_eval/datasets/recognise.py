"""Tells the format of a file or folder from its name and its first bytes."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from mmrad_eval.core.errors import UsageError

HEAD = 1 << 16
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


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
    if (path / "annotation.json").is_file():
        return "r2gen"
    from mmrad_eval.datasets.mimic.layout import looks_like_mimic

    return "mimic" if looks_like_mimic(path) else None


def _file(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".jsonl", ".ndjson")):
        first = _head(path).lstrip("\ufeff").lstrip().split("\n", 1)[0]
        return "mmrad" if all(f'"{key}"' in first for key in ("prompt", "response", "images")) else "table"
    if name.endswith(TABLES):
        return "table"
    if name.endswith(".json"):
        return _json(_head(path).lstrip("\ufeff"))
    return None


def _json(head: str) -> str | None:
    if re.match(r'\s*\{\s*"(?:train|val|valid|validate|test|\s*)"\s*:\s*\[', head):
        return "r2gen"
    if re.match(r"\s*\[", head):
        return "table"
    if re.match(r"\s*\{", head):
        return "rexrank"
    return None


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(HEAD)
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as unpacked:
                data = unpacked.read(HEAD)
    except (OSError, EOFError):
        return ""
    return data.decode("utf-8", errors="replace")
