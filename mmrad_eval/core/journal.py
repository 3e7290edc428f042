"""The journal: what was asked and what came back, append-only, found again by key.

A folder of segments, one a writer and never reopened, so that many processes and machines write at once without locks.
A line is ``{"key":"<64 hex digits>","time":<seconds since 1970>,"request":…,"reply":…}``; reading is the union of the
segments, and the first by time wins. A line whose reply is null voids what was stored under its key before it. A torn
last line costs that one reply.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from pathlib import Path
from typing import BinaryIO, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

_KEY = slice(8, 72)
_TIME = slice(81, 98)
_HEAD = b'{"key":"'
_FOLD = 8192  # fresh entries are folded into the arrays at this many, so that each costs 40 bytes in the long run
_BLOCK = 64 << 20

_INDEX = np.dtype([("prefix", "<u8"), ("time", "<f8"), ("offset", "<i8"), ("length", "<i4"), ("segment", "<i4")])
_ENCODER = msgspec.json.Encoder()


class _Line(msgspec.Struct):
    key: str
    time: float
    request: msgspec.Raw
    reply: msgspec.Raw


class Journal:
    """Replies (or results of a text) by key; opened lazily, 40 bytes of memory a reply."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.torn = 0
        """Lines that could not be read back: a writer was killed in the middle of them."""
        self._paths: list[Path] = []
        self._files: dict[int, BinaryIO] = {}
        self._index: NDArray[np.void] | None = None
        self._prefixes: NDArray[np.uint64] = np.empty(0, np.uint64)
        """The index's own, side by side: a search in a field of records copies the whole field first."""
        self._fresh: dict[str, tuple[float, int, int]] = {}
        self._voided: dict[str, float] = {}
        self._writer: BinaryIO | None = None
        self._segment = -1
        self._end = 0

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
        """Write and flush one line, before anybody uses the reply."""
        self._fresh.setdefault(key, self._append(key, request, reply))
        if len(self._fresh) >= _FOLD:
            self._fold()

    def void(self, key: str) -> None:
        """Forget what is stored under ``key``; the file keeps it, and the next ``put`` counts."""
        when, _, _ = self._append(key, None, None)
        self._fresh.pop(key, None)
        self._voided[key] = when

    def _append(self, key: str, request: object, reply: object) -> tuple[float, int, int]:
        """Write one line; returns its time, offset and length."""
        now = time.time()
        head = f'{{"key":"{key}","time":{now:017.6f},"request":'.encode()
        line = b"".join((head, _ENCODER.encode(request), b',"reply":', _ENCODER.encode(reply), b"}\n"))
        self._opened()
        if self._writer is None:
            self._start()
        assert self._writer is not None
        self._writer.write(line)
        self._end += len(line)
        return now, self._end - len(line), len(line)

    def put_image(self, data: bytes, suffix: str) -> str:
        """Store an image that a model made under its own digest; returns its name in this folder."""
        name = f"images/{hashlib.sha256(data).hexdigest()}{suffix}"
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
            part.write_bytes(data)
            part.replace(path)
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
        since = self._voided.get(key, 0.0)
        first: _Line | None = None
        while row < len(index) and self._prefixes[row] == prefix:
            _, _, offset, length, segment = index[row].item()
            row += 1
            line = self._read(segment, offset, length)
            if line is not None and line.key == key and line.time > since:
                first = None if bytes(line.reply) == b"null" else first or line
        if first is None and fresh is not None:
            return self._read(self._segment, fresh[1], fresh[2])
        return first

    def _read(self, segment: int, offset: int, length: int) -> _Line | None:
        file = self._files.get(segment)
        if file is None:
            file = self._files[segment] = self._paths[segment].open("rb", buffering=0)
        try:
            return msgspec.json.decode(os.pread(file.fileno(), length, offset), type=_Line)
        except msgspec.DecodeError:
            self.torn += 1
            return None

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{uuid.uuid4().hex}.jsonl"
        self._writer = path.open("xb", buffering=0)
        self._paths.append(path)
        self._segment = len(self._paths) - 1
        self._end = 0

    def _fold(self) -> None:
        rows = np.empty(len(self._fresh), _INDEX)
        for i, (key, (when, offset, length)) in enumerate(self._fresh.items()):
            rows[i] = (int(key[:16], 16), when, offset, length, self._segment)
        self._sort(np.concatenate([self._opened(), rows]))
        self._fresh.clear()

    def _opened(self) -> NDArray[np.void]:
        if self._index is None:
            self._paths = sorted(self.folder.glob("*.jsonl")) if self.folder.is_dir() else []
            parts = [np.empty(0, _INDEX)]
            for number, path in enumerate(self._paths):
                parts.extend(self._scan(number, path))
            return self._sort(np.concatenate(parts))
        return self._index

    def _sort(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        self._index = rows[np.lexsort((rows["time"], rows["prefix"]))]
        self._prefixes = self._index["prefix"].copy()
        return self._index

    def _scan(self, segment: int, path: Path) -> list[NDArray[np.void]]:
        """Index entries of one segment, block by block; no line is decoded."""
        parts = []
        start, rest = 0, b""
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                data = rest + block
                cut = data.rfind(b"\n") + 1
                if cut:
                    parts.append(self._entries(segment, start, np.frombuffer(data, np.uint8, cut)))
                    start += cut
                rest = data[cut:]
        self.torn += bool(rest)
        return parts

    def _entries(self, segment: int, start: int, data: NDArray[np.uint8]) -> NDArray[np.void]:
        ends = np.flatnonzero(data == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1])
        whole = ends - starts > _TIME.stop
        self.torn += int((~whole).sum())
        starts, ends = starts[whole], ends[whole]
        head = data[starts[:, None] + np.arange(len(_HEAD))]
        ours = (head == np.frombuffer(_HEAD, np.uint8)).all(axis=1)
        self.torn += int((~ours).sum())
        starts, ends = starts[ours], ends[ours]
        rows = np.empty(len(starts), _INDEX)
        digits = data[starts[:, None] + np.arange(_KEY.start, _KEY.start + 16)]
        values = np.where(digits >= ord("a"), digits - ord("a") + 10, digits - ord("0")).astype(np.uint64)
        rows["prefix"] = (values << np.arange(60, -4, -4, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        times = np.ascontiguousarray(data[starts[:, None] + np.arange(_TIME.start, _TIME.stop)])
        rows["time"] = times.view(f"S{_TIME.stop - _TIME.start}")[:, 0].astype(np.float64)
        rows["offset"] = start + starts
        rows["length"] = ends - starts + 1
        rows["segment"] = segment
        return rows


class JournalCache:
    """Journals by folder, each read once, for all that one process does one after the other."""

    def __init__(self) -> None:
        self._journals: dict[Path, Journal] = {}

    def journal(self, folder: Path) -> Journal:
        """The journal in that folder; who closes it may take it up again."""
        return self._journals.setdefault(folder, Journal(folder))
