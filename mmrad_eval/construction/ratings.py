"""Stage 6, ``rate``: what readers said of records that they were shown; the others pass.

Ratings lie in ``rating/ratings.json`` of the build, written when readers' answers are merged. Shares and agreement are
computed there, from first ratings; here a record that a reader rated 2 or less leaves the data.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace

from mmrad_eval.construction.records import StageLine
from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError

VERSION = 1
LOW = 2
"""A record that any reader rated so, or lower, is rejected."""
FILE = "ratings.json"


def read(folder: Path) -> dict[str, dict[str, int]]:
    """Record -> reader -> rating; empty where nothing was rated."""
    path = folder / "rating" / FILE
    if not path.exists():
        return {}
    try:
        return msgspec.convert(decode.json_value(decode.read_bytes(path), str(path)), dict[str, dict[str, int]])
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: not what `data rate merge` writes: {error}") from error


def rate(line: StageLine, said: dict[str, int]) -> StageLine:
    """The record with its ratings; rejected where one is low."""
    made = replace(line, ratings=dict(sorted(said.items())), findings=())
    if said and min(said.values()) <= LOW:
        lowest = min(said, key=lambda reader: said[reader])
        return replace(made, status="rejected", why="rated low", detail=f"{lowest} rated it {said[lowest]}")
    return made
