"""Which split a patient draws where the data has none, and lists of those who are held out of training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError

TRAIN, VALIDATE, TEST = "train", "validate", "test"
SHARES = ((0.8, TRAIN), (0.9, VALIDATE), (1.0, TEST))
SEED = 1
VERSION = 1


def drawn(cluster: str, seed: int = SEED) -> str:
    """The split that the digest of a patient draws: train below .8, validate below .9, test above."""
    number = int.from_bytes(hashlib.sha256(f"{seed}\n{cluster}".encode()).digest()) / 2**256
    return next((name for share, name in SHARES if number < share), TEST)


def read_held_out(paths: Iterable[Path]) -> frozenset[str]:
    """Ids of patients or studies, one a line, or a table whose first column they are; what follows a ``#`` is a remark.

    DataError for a file without any.
    """
    found: set[str] = set()
    for path in paths:
        text = decode.utf8(decode.read_bytes(path), str(path))
        names = {line.partition("#")[0].split(",")[0].strip().strip('"') for line in text.splitlines()} - {""}
        if not names:
            raise DataError(f"{path}: names no patient; write one per line")
        found |= names
    return frozenset(found)
