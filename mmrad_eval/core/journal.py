"""The journal: what was asked and what came back, append-only, found again by key.

A folder of segments, one a writer and never reopened, so that many processes and machines write at once without locks.
A line of version 2 is ::

    {"v":2,"crc":"<8 hex digits>","seq":"<20 digits>","key":"<64 hex digits>","time":<seconds since 1970>,"request":…,
     "reply":…,"data_use":…}

``data_use`` is the class of the data that the folder states when the segment is begun; open data has none.
``crc`` is the CRC-32 of all that follows it. ``seq`` is the time in microseconds, or one more than the highest that the
writer has seen where a clock was ahead: what was written with knowledge of a line comes after it. Lines of version 1
have no ``v``, ``crc`` and ``seq``, and are ordered by their time. Reading is the union of the segments, each line
checked; the first by sequence wins. A line whose reply is null voids what was stored under its key before it. A damaged
line costs one reply, and ``damage`` names it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.data_use import FIELD, kept_with, marked
from mmrad_eval.core.whole_files import write_whole

VERSION = 2
_FOLD = 8192  # fresh entries are folded into the arrays at this many, so that each costs 40 bytes in the long run
_BLOCK = 16 << 20
_LONGEST = 512 << 20  # bytes of a line: a reply of 64 MiB, each byte escaped in six, and what was asked
_FOREIGN = 32 << 20  # bytes without a line end that begin no line: taken in pieces of so many
_NAMED = 100  # damaged places that are named

_HEAD, _OLD_HEAD = b'{"v":2,"crc":"', b'{"key":"'
_CRC, _SEQ, _KEY = slice(14, 22), slice(31, 51), slice(60, 124)
_OLD_KEY, _OLD_TIME = slice(8, 72), slice(81, 98)
_ANY_HEAD = re.compile(
    rb'\{"v":2,"crc":"[0-9a-f]{8}","seq":"|\{"key":"[0-9a-f]{64}","time":[0-9]{10}\.[0-9]{6},"request":'
)

_INDEX = np.dtype([("prefix", "<u8"), ("order", "<u8"), ("offset", "<i8"), ("length", "<i4"), ("segment", "<i4")])
_ENCODER = msgspec.json.Encoder()


class _Line(msgspec.Struct):
    key: str
    request: msgspec.Raw
    reply: msgspec.Raw


class Damage(NamedTuple):
    """A place of a segment that can't be read."""

    path: Path
    offset: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}, byte {self.offset}: {self.what}"


class Journal:
    """Replies (or results of a text) by key; opened lazily, 40 bytes of memory a reply."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.torn = 0
        """Lines that could not be read back: damaged ones, and last ones whose writer was killed in the middle."""
        self.damage: list[Damage] = []
        """Where the first hundred of the damaged ones stand."""
        self._paths: list[Path] = []
        self._files: dict[int, BinaryIO] = {}
        self._index: NDArray[np.void] | None = None
        self._prefixes: NDArray[np.uint64] = np.empty(0, np.uint64)
        """The index's own, side by side: a search in a field of records copies the whole field first."""
        self._fresh: dict[str, tuple[int, int, int]] = {}
        self._voided: dict[str, int] = {}
        self._writer: BinaryIO | None = None
        self._own: set[Path] = set()
        self._sizes: dict[Path, int] = {}
        """Bytes of the segments of others when they were read."""
        self._segment = -1
        self._end = 0
        self._seq = 0
        self._class = b""

    def __len__(self) -> int:
        return len(np.unique(self._opened()["prefix"])) + len(self._fresh)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str) -> bytes | None:
        """The reply that was stored first under ``key``, as JSON; None where there is none."""
        line = self._find(key)
        return None if line is None else bytes(line.reply)

    def request(self, key: str) -> bytes | None:
        """The request that was stored with it, as canonical JSON."""
        line = self._find(key)
        return None if line is None else bytes(line.request)

    def put(self, key: str, request: object, reply: object) -> None:
        """Write one line whole, before anybody uses the reply; OSError where the disk does not take it."""
        self._fresh.setdefault(key, self._append(key, request, reply))
        if len(self._fresh) >= _FOLD:
            self._fold()

    def void(self, key: str) -> None:
        """Forget what is stored under ``key``; the file keeps it, and the next ``put`` counts."""
        order, _, _ = self._append(key, None, None)
        self._fresh.pop(key, None)
        self._voided[key] = order

    def changed_by_others(self) -> bool:
        """Whether another writer has added anything since this journal was opened."""
        if self._index is None:
            return False
        return any(_size(path) != self._sizes.get(path, 0) for path in _segments(self.folder) if path not in self._own)

    def _append(self, key: str, request: object, reply: object) -> tuple[int, int, int]:
        """Write one line; returns its place in the order, offset and length."""
        self._opened()
        now = time.time()
        seq = max(self._seq + 1, int(now * 1e6))
        head = f'","seq":"{seq:020d}","key":"{key}","time":{now:017.6f},"request":'.encode()
        if self._writer is None:
            self._start()
        rest = b"".join((head, _ENCODER.encode(request), b',"reply":', _ENCODER.encode(reply), self._class, b"}"))
        line = b"%b%08x%b\n" % (_HEAD, zlib.crc32(rest), rest)
        assert self._writer is not None
        self._write(self._writer.fileno(), line)
        self._seq = seq
        self._end += len(line)
        return seq, self._end - len(line), len(line)

    def _write(self, file: int, line: bytes) -> None:
        """Write all of ``line``, or nothing of it: a disk that is almost full takes a part, and says why only then."""
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(file, rest) :]
        except BaseException:
            if len(rest) < len(line):
                self._take_back(file)
            raise

    def _take_back(self, file: int) -> None:
        """Cut a half line off; where that fails, the next line begins a segment of its own."""
        try:
            os.ftruncate(file, self._end)
            os.lseek(file, self._end, os.SEEK_SET)
        except OSError:
            self.close()

    def put_image(self, data: bytes, suffix: str) -> str:
        """Store an image that a model made under its own digest; returns its name in this folder."""
        name = f"images/{hashlib.sha256(data).hexdigest()}{suffix}"
        path = self.folder / name
        if not path.exists():
            write_whole(path, data)
        return name

    def close(self) -> None:
        """Let go of the files; what was put is on disk. What is asked or put later opens them again."""
        if self._fresh:
            self._fold()  # their segment is about to end
        if self._writer is not None:
            os.fsync(self._writer.fileno())
            self._writer.close()
            self._writer = None
        for file in self._files.values():
            file.close()
        self._files.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find(self, key: str) -> _Line | None:
        index = self._opened()
        fresh = self._fresh.get(key)
        if fresh is None and not len(index):
            return None
        prefix = np.uint64(int(key[:16], 16))
        row = int(self._prefixes.searchsorted(prefix))
        since = self._voided.get(key, -1)
        first: _Line | None = None
        while row < len(index) and self._prefixes[row] == prefix:
            _, order, offset, length, segment = index[row].item()
            row += 1
            line = self._read(segment, offset, length) if order > since else None
            if line is not None and line.key == key:
                first = None if bytes(line.reply) == b"null" else first or line
        if first is None and fresh is not None:
            return self._read(self._segment, fresh[1], fresh[2])
        return first

    def _read(self, segment: int, offset: int, length: int) -> _Line | None:
        what = "a damaged line"
        try:
            file = self._files.get(segment)
            if file is None:
                file = self._files[segment] = self._paths[segment].open("rb", buffering=0)
            data = os.pread(file.fileno(), length, offset)
            if not data.startswith(_HEAD) or _sound(data.rstrip(b"\n")):
                return msgspec.json.decode(data, type=_Line)
        except OSError as error:  # a segment that was removed meanwhile, a disk that fails
            what = f"can't be read: {error.strerror or error}"
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last: nested without end
            pass
        self._lost(segment, offset, what)
        return None

    def _lost(self, segment: int, offset: int, what: str) -> None:
        self.torn += 1
        place = Damage(self._paths[segment], offset, what)
        if len(self.damage) < _NAMED and place not in self.damage:
            self.damage.append(place)

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{uuid.uuid4().hex}.jsonl"
        self._writer = path.open("xb", buffering=0)
        self._paths.append(path)
        self._own.add(path)
        use = kept_with(marked(self.folder))
        self._class = b"" if use is None else b',"%b":"%b"' % (FIELD.encode(), use.encode())
        self._segment = len(self._paths) - 1
        self._end = 0

    def _fold(self) -> None:
        rows = np.empty(len(self._fresh), _INDEX)
        for i, (key, (order, offset, length)) in enumerate(self._fresh.items()):
            rows[i] = (int(key[:16], 16), order, offset, length, self._segment)
        self._sort(np.concatenate([self._opened(), rows]))
        self._fresh.clear()

    def _opened(self) -> NDArray[np.void]:
        if self._index is None:
            self._paths = list(_segments(self.folder))
            self._sizes = {path: _size(path) for path in self._paths}  # before they are read: no line is missed
            return self._sort(np.concatenate([np.empty(0, _INDEX), *map(self._scan, range(len(self._paths)))]))
        return self._index

    def _sort(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        self._index = rows[np.lexsort((rows["order"], rows["prefix"]))]
        self._prefixes = self._index["prefix"].copy()
        return self._index

    def _scan(self, segment: int) -> NDArray[np.void]:
        """Index entries of one segment, block by block; each line is checked, none is decoded."""
        found = _Entries()
        damaged: list[int] = []
        try:
            for offset, line, whole in _lines(self._paths[segment]):
                if found.add(offset, line) or (not whole and found.add(offset, line[:-1])):  # its line end is damaged
                    continue
                kept = [found.add(offset + start, line[start:end], part=True) for start, end in _hidden(line)]
                if whole and not all(kept or [False]):
                    damaged.append(offset)
                self.torn += not whole
        except OSError as error:
            self._lost(segment, 0, f"can't be read: {error.strerror or error}")
        if damaged and not len(found):
            self._lost(segment, 0, "not a journal; ignored")
        for offset in damaged if len(found) else ():
            self._lost(segment, offset, "a damaged line")
        self._seq = max(self._seq, found.highest)
        return found.rows(segment)


def _segments(folder: Path) -> Iterator[Path]:
    """The segments of a journal: plain files, in the order of their names."""
    yield from (path for path in sorted(folder.glob("*.jsonl")) if path.is_file())


def _size(path: Path) -> int:
    """Bytes of a segment; 0 where it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Offset, bytes without the line end, and whether it ends, of each line that is not empty."""
    offset, parts, held = 0, list[bytes](), 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            *lines, last = block.split(b"\n")
            for end in lines:
                line = b"".join((*parts, end))
                parts, held = [], 0
                yield offset, line.removesuffix(b"\r"), True  # of a file that a program gave line ends of Windows
                offset += len(line) + 1
            if last:
                parts.append(last)
                held += len(last)
            if parts and held > (_LONGEST if parts[0].startswith(b'{"') else _FOREIGN):
                yield offset, b"".join(parts), True
                offset, parts, held = offset + held, [], 0
    if parts:
        yield offset, b"".join(parts), False


def _joined(line: bytes) -> bool:
    """Whether another line of version 1 stands in it."""
    return line.find(_OLD_HEAD, 1) > 0 and _ANY_HEAD.search(line, 1) is not None


def _sound(line: bytes) -> bool:
    """Whether a line of version 2 is what was written."""
    return b"%08x" % zlib.crc32(memoryview(line)[_CRC.stop :]) == line[_CRC]


def _hidden(line: bytes) -> Iterator[tuple[int, int]]:
    """Where lines may stand inside a damaged one: the line ends between them were damaged, too."""
    starts = [found.start() for found in _ANY_HEAD.finditer(line)]
    ends = [start - 1 for start in starts[1:]] + [len(line)]
    return zip(starts, ends, strict=False)


class _Entries:
    """Index entries of one segment on their way."""

    def __init__(self) -> None:
        self._prefix, self._order, self._offset, self._length = array("Q"), array("Q"), array("q"), array("i")
        self.highest = 0

    def __len__(self) -> int:
        return len(self._prefix)

    def add(self, offset: int, line: bytes, *, part: bool = False) -> bool:
        """Take a line up; False where it is damaged, or no journal's. ``part``: it was found within a damaged one."""
        try:
            if line.startswith(_HEAD):
                if not _sound(line):
                    return False
                order, prefix = int(line[_SEQ]), int(line[_KEY][:16], 16)
            elif line.startswith(_OLD_HEAD) and line.endswith(b"}") and (part or not _joined(line)):
                order, prefix = int(line[_OLD_TIME].replace(b".", b"", 1)), int(line[_OLD_KEY][:16], 16)
            else:
                return False
            self._order.append(order)
        except (ValueError, OverflowError):  # a digit that is none
            return False
        self.highest = max(self.highest, order)
        self._prefix.append(prefix)
        self._offset.append(offset)
        self._length.append(len(line))
        return True

    def rows(self, segment: int) -> NDArray[np.void]:
        """All of them as the index holds them."""
        rows = np.empty(len(self), _INDEX)
        rows["prefix"], rows["order"] = self._prefix, self._order
        rows["offset"], rows["length"], rows["segment"] = self._offset, self._length, segment
        return rows


class JournalCache:
    """Journals by folder, each read once, for all that one process does one after the other."""

    def __init__(self) -> None:
        self._journals: dict[Path, Journal] = {}

    def journal(self, folder: Path) -> Journal:
        """The journal in that folder; who closes it may take it up again."""
        return self._journals.setdefault(folder, Journal(folder))
