"""A page that is too large for one file: studies in pieces beside it, each a script that is loaded when it is needed.

Scripts load from disk as from a server, where no other way of reading a file works for both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mmrad_eval.core.data_use import mark
from mmrad_eval.core.values import DataUse, Value
from mmrad_eval.core.whole_files import write_whole

ONE_FILE = 10_000_000
"""Bytes of studies and answers that a page holds itself."""
PIECE = 1_000_000
"""Bytes of a piece, about."""
Named = tuple[str, str]
"""The id of a script, and its JSON."""


class PieceIndex(Value, frozen=True):
    """Where the pieces of a page are."""

    folder: str
    """As seen from the page."""
    starts: tuple[int, ...]
    """The number of the first study of each."""
    files: tuple[str, ...]


def placed(page: Path, records: Iterable[Named], use: DataUse) -> tuple[list[Named], PieceIndex | None]:
    """The records where they fit into one file; else nothing, and the pieces that were written of them.

    ``records``: study after study; the number of the study ends the id.
    """
    held: list[Named] = []
    size, written = 0, _Pieces(page, use)
    for name, text in records:
        held.append((name, text))
        size += len(text)
        if size > ONE_FILE or (written.files and size > PIECE):
            held, size = written.take(held), 0
    if not written.files:
        return held, None
    written.take(held, last=True)
    return [], written.finished()


class _Pieces:
    """Writes pieces, one study never in two of them."""

    def __init__(self, page: Path, use: DataUse) -> None:
        self.folder = page.with_name(f"{page.stem}_pieces")
        self.use = use
        self.files: list[str] = []
        self.starts: list[int] = []

    def take(self, held: list[Named], *, last: bool = False) -> list[Named]:
        """Write what is held but for the last study, whose answers may come yet; return that one."""
        if not self.files:
            mark(self.folder, self.use)
        current = _study(held[-1][0]) if held else -1
        whole = held if last else [one for one in held if _study(one[0]) != current]
        group: list[Named] = []
        size = 0
        for name, text in whole:
            if size > PIECE and _study(name) != _study(group[-1][0]):
                self._write(group)
                group, size = [], 0
            group.append((name, text))
            size += len(text)
        if group:
            self._write(group)
        return [] if last else [one for one in held if _study(one[0]) == current]

    def _write(self, group: list[Named]) -> None:
        number = len(self.files)
        body = ",".join(f'"{name}":{text}' for name, text in group)
        script = f"mmradPiece({number},{{{body}}});\n".encode()
        name = f"{number:05}-{hashlib.sha256(script).hexdigest()[:12]}.js"
        write_whole(self.folder / name, script)
        self.files.append(name)
        self.starts.append(_study(group[0][0]))

    def finished(self) -> PieceIndex:
        """The index; what an earlier page left in the folder is removed."""
        for old in self.folder.glob("*.js"):
            if old.name not in self.files:
                old.unlink(missing_ok=True)
        return PieceIndex(self.folder.name, tuple(self.starts), tuple(self.files))


def _study(name: str) -> int:
    return int(name.rpartition("-")[2])
