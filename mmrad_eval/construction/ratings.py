"""Stage 6, ``rate``: what readers said of records that they were shown; the others pass.

Ratings lie in ``rating/ratings.json`` of the build, which ``data rate merge`` writes. A rating is of the words that
were rated: each record names the key that its line of ``check`` had. A record that a reader rated 2 or less goes back
to the writer with the readers' comments, where there are any; its words change, its key changes, and it needs a new
rating. Without a comment it leaves the data. Shares and agreement are those of ``data rate merge``.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace

from mmrad_eval.construction.records import StageLine
from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.structs import Value

VERSION = 1
LOW = 2
"""A record that any reader rated so, or lower, must not stay as it is."""
FOLDER, FILE = "rating", "ratings.json"


class RatedRecord(Value, frozen=True):
    """What readers said of one record."""

    key: str
    """Of its line of ``check`` when it was shown."""
    ratings: dict[str, int]
    """Reader -> rating."""
    comments: tuple[str, ...] = ()

    @property
    def is_low(self) -> bool:
        """Whether some reader rated it low."""
        return bool(self.ratings) and min(self.ratings.values()) <= LOW


def read(folder: Path) -> dict[str, RatedRecord]:
    """What was said, by record; empty where nothing was rated."""
    path = folder / FOLDER / FILE
    if not path.exists():
        return {}
    try:
        return msgspec.convert(decode.json_value(decode.read_bytes(path), str(path)), dict[str, RatedRecord])
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: not what `data rate merge` writes: {error}") from error


def objections(rated: RatedRecord | None) -> list[dict[str, object]]:
    """What the writer is told of a record that was rated low; empty for any other."""
    if rated is None or not rated.is_low:
        return []
    return [{"verdict": "a reader's comment", "comment": comment} for comment in rated.comments]


def rate(line: StageLine, said: RatedRecord | None) -> StageLine:
    """The record with the ratings of its words; rejected where one is low."""
    made = replace(line, findings=())
    if said is None or said.key != line.input:
        return replace(made, counts={"changed since it was rated": 1}) if said is not None else made
    made = replace(made, ratings=dict(sorted(said.ratings.items())))
    if said.is_low:
        lowest = min(said.ratings, key=lambda reader: said.ratings[reader])
        return replace(made, status="rejected", why="rated low", detail=f"{lowest} rated it {said.ratings[lowest]}")
    return made
