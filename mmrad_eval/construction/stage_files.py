"""The file of a stage: lines appended as they come, found by image, and put in the order of their ids when it ends.

A line that a kill cut short is no line. A file that is complete is replaced by the sorted one as a whole, so that the
same build has the same bytes however often it was interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

import msgspec

from mmrad_eval.construction.records import STAGES, StageLine, StageName
from mmrad_eval.core.data_use import kept_with, mark
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import DataUse
from mmrad_eval.core.whole_files import written_whole

_DECODER = msgspec.json.Decoder(StageLine)
_ENCODER = msgspec.json.Encoder(order="deterministic")


class _Place(NamedTuple):
    offset: int
    length: int
    key: str
    settled: bool


class _Head(msgspec.Struct):
    """What is read of each line when the file is opened."""

    id: str
    key: str
    status: str = "kept"


_HEADS = msgspec.json.Decoder(_Head)


def stage_path(folder: Path, stage: StageName) -> Path:
    """Where the lines of a stage lie."""
    return folder / "stages" / f"{STAGES.index(stage) + 1}-{stage}.jsonl"


class StageFile:
    """The lines of one stage by id; the last line of an id counts."""

    def __init__(self, folder: Path, stage: StageName, data_use: DataUse = "open") -> None:
        """Opened to be read; what is there stays as it is until a line is put."""
        self.path = stage_path(folder, stage)
        self._data_use = data_use
        self._places: dict[str, _Place] = {}
        self._end = 0
        self._appended: IO[bytes] | None = None
        self._read: IO[bytes] | None = None
        self._dirty = False
        if self.path.exists():
            self._scan()

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def ids(self) -> list[str]:
        """The ids, in order."""
        return sorted(self._places)

    def settled(self, identity: str, key: str) -> bool:
        """Whether this image is done under this key: a line that says ``failed`` is not."""
        place = self._places.get(identity)
        return place is not None and place.settled and place.key == key

    def get(self, identity: str) -> StageLine:
        """The line of an image."""
        return _DECODER.decode(self._bytes(self._places[identity]))

    def lines(self) -> Iterator[StageLine]:
        """All lines, in the order of their ids."""
        return map(self.get, self.ids())

    def put(self, line: StageLine) -> None:
        """Append a line, on disk before the next one is begun."""
        data = _ENCODER.encode(msgspec.structs.replace(line, data_use=kept_with(self._data_use))) + b"\n"
        if self._appended is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            mark(self.path.parent, self._data_use)
            self._appended = self.path.open("ab")
            self._appended.truncate(self._end)
        self._appended.write(data)
        self._appended.flush()
        self._places[line.id] = _Place(self._end, len(data), line.key, line.status != "failed")
        self._end += len(data)
        self._dirty = True

    def finish(self, ids: frozenset[str]) -> None:
        """Put the lines in order, without those of images that no longer take part. The file is replaced as a whole."""
        self._places = {identity: place for identity, place in self._places.items() if identity in ids}
        order = self.ids()
        at = 0
        for identity in order:
            if self._places[identity].offset != at:
                break
            at += self._places[identity].length
        else:
            if at == self._end and self.path.exists():
                return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        mark(self.path.parent, self._data_use)
        places: dict[str, _Place] = {}
        at = 0
        with written_whole(self.path) as part:
            with part.open("wb") as file:
                for identity in order:
                    place = self._places[identity]
                    file.write(self._bytes(place))
                    places[identity] = place._replace(offset=at)
                    at += place.length
                file.flush()
                os.fsync(file.fileno())
            self.close()
        self._places, self._end = places, at

    def close(self) -> None:
        """Let go of the file; it is opened again where it is needed."""
        for file in (self._appended, self._read):
            if file is not None:
                file.close()
        self._appended = self._read = None

    def _bytes(self, place: _Place) -> bytes:
        if self._read is None:
            self._read = self.path.open("rb")
        self._read.seek(place.offset)
        return self._read.read(place.length)

    def _scan(self) -> None:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break  # a kill cut it
                try:
                    head = _HEADS.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise DataError(
                        f"{self.path}:{number}: this is not a record of a stage ({error}); delete the file and "
                        "run the same command again, which rebuilds it from the stored replies"
                    ) from error
                self._places[head.id] = _Place(self._end, len(line), head.key, head.status != "failed")
                self._end += len(line)
