"""The pixels of requests: digested once, remembered by path, size and time.

What takes time is done off the event loop; a small file that is sent as it is and lies in memory already takes less
than handing it to a thread would.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from mmrad_eval.core.contracts import Client
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, Image, Message, Part, Value
from mmrad_eval.traces.dicom import MISSES

if TYPE_CHECKING:
    from mmrad_eval.traces.rendering import Rendered

_SHRINKS = 12  # times three quarters: from any size to a thirtieth of it
_LARGEST = 30 << 20
"""Bytes of the largest block that is taken from the heap; pictures, their base64 and bodies are smaller."""
_AT_HAND = 1 << 20
"""Bytes of the largest file that is read on the event loop."""
_WORKERS = 4  # reading waits for disks and rendering for Pillow, and both let go of the interpreter's lock


class Mark(Value, frozen=True):
    """What a request's key holds of an image."""

    sha256: str
    how: str


@dataclass(frozen=True)
class Loaded:
    """An image as it is sent."""

    mark: Mark
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Limits:
    """What an endpoint takes; a picture is re-encoded only where one of these forces it, and that is recorded."""

    accepts: tuple[str, ...] = ("image/jpeg", "image/png")
    max_edge: int | None = None
    """Pixels of the longest side."""
    max_bytes: int | None = None
    """Bytes of one file."""

    def fit(self, data: bytes) -> bool:
        """Whether a file of these bytes is taken."""
        return self.max_bytes is None or len(data) <= self.max_bytes


def as_sent(message: Message, card: Card) -> Message:
    """The message with its films as the card says that they are sent: as they are, or padded to a square.

    Region images and montages stay as they are.
    """
    if card.send != "pad_square":
        return message
    return msgspec.structs.replace(message, parts=tuple(map(_padded, message.parts)))


def _padded(part: Part) -> Part:
    if not isinstance(part, Image) or part.role == "region" or part.render in {"padded", "montage"}:
        return part
    return msgspec.structs.replace(part, render="padded", parts=() if part.render == "file" else (part,))


def limits_of(client: Client, count: int, most: int | None = None) -> Limits:
    """The limits of a client for a request of ``count`` images.

    ``most`` is the longest side that the run allows: the smaller of the two counts.
    """
    edges = [limit for limit in (client.edge_for(count), most) if limit is not None]
    return Limits(client.card.formats, min(edges, default=None), client.bytes_for(count))


@dataclass
class ImageLoader:
    """Renders and digests images; ``memory`` keeps digests from one run to the next.

    A remembered digest lets a finished run be read again without opening one picture.
    """

    memory: Journal | None = None
    blank: set[str] = field(default_factory=set)
    """Files of which nothing is seen, because the window that they state misses their values."""
    _marks: dict[bytes, Mark] = field(default_factory=dict)
    _threads: ThreadPoolExecutor | None = None

    def __post_init__(self) -> None:
        """Let the C library keep memory that is freed instead of giving each picture's pages back and taking new ones.

        glibc takes blocks of up to 32 MB from its heap once it has seen one of them freed (mallopt(3)); what is
        allocated here is never touched, so it costs nothing.
        """
        bytes(_LARGEST)

    def known(self, images: Iterable[Image], limits: Limits) -> dict[Image, Mark] | None:
        """The marks of all ``images``; None where one was not seen before or its file has changed."""
        marks = {}
        for image in images:
            mark = self._remembered(_identity(image, limits))
            if mark is None:
                return None
            marks[image] = mark
        self._look(marks)
        return marks

    def notes(self) -> tuple[str, ...]:
        """What a reader of the run should know of its pictures, one sentence each."""
        if not self.blank:
            return ()
        files = (
            f"{len(self.blank):,} DICOM files, such as {min(self.blank)}" if len(self.blank) > 1 else min(self.blank)
        )
        return (
            f"{files}: the stated window misses the picture, so the model received an all-black or all-white image",
        )

    def _look(self, marks: Mapping[Image, Mark]) -> None:
        self.blank.update(image.path for image, mark in marks.items() if MISSES in mark.how)

    async def load(self, images: Iterable[Image], limits: Limits) -> dict[Image, Loaded]:
        """Read and render ``images``. DataError where one can't be sent."""
        wanted = list(dict.fromkeys(images))
        loaded = {image: one for image in wanted if (one := _at_hand(image, limits)) is not None}
        if rest := [image for image in wanted if image not in loaded]:
            loaded |= await self._loaded(rest, limits)
        self._remember(loaded, limits)
        self._look({image: one.mark for image, one in loaded.items()})
        return loaded

    async def _loaded(self, images: list[Image], limits: Limits) -> dict[Image, Loaded]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_WORKERS, "pictures")
        loop = asyncio.get_running_loop()
        loads = [loop.run_in_executor(self._threads, _load, image, limits) for image in images]
        # one by one: no study has work in progress when its first picture fails
        outcomes = await asyncio.gather(*loads, return_exceptions=True) if len(loads) > 1 else [await loads[0]]
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return {image: outcome for image, outcome in zip(images, outcomes, strict=True) if isinstance(outcome, Loaded)}

    def close(self) -> None:
        """Let go of threads and files."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None
        if self.memory is not None:
            self.memory.close()

    def _remember(self, loaded: dict[Image, Loaded], limits: Limits) -> None:
        for image, one in loaded.items():
            identity = _identity(image, limits)
            if self._remembered(identity) == one.mark:
                continue
            if self.memory is None:
                self._marks[identity] = one.mark
                continue
            key = identity.hex()
            if key in self.memory:
                self.memory.void(key)
            self.memory.put(key, {"name": image.name}, one.mark)

    def _remembered(self, identity: bytes) -> Mark | None:
        if self.memory is None:
            return self._marks.get(identity)
        stored = self.memory.get(identity.hex())
        return None if stored is None else msgspec.json.decode(stored, type=Mark)


def _at_hand(image: Image, limits: Limits) -> Loaded | None:
    """An image that is sent as its file is, where that costs no waiting; None where it may."""
    from mmrad_eval.traces import rendering

    data = _in_memory(image.path) if image.render == "file" else b""
    made = rendering.untouched(data, image.path, limits.accepts, limits.max_edge) if data else None
    return _marked(made, made.how) if made is not None and limits.fit(made.data) else None


def _in_memory(path: str) -> bytes:
    """A file's bytes where the system has all of them in memory; none where a disk would be waited for."""
    if not hasattr(os, "RWF_NOWAIT"):
        return b""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            size = os.fstat(file).st_size
            data = bytearray(size if size <= _AT_HAND else 0)
            read = os.preadv(file, [data], 0, os.RWF_NOWAIT)
        finally:
            os.close(file)
    except OSError:  # not in memory, or a fault that the reading in a thread will name
        return b""
    return bytes(data) if read == size else b""


def _load(image: Image, limits: Limits) -> Loaded:
    from mmrad_eval.traces import rendering

    made = rendering.load(image, limits.accepts, limits.max_edge)
    how = made.how
    if limits.max_bytes is not None and not limits.fit(made.data):
        made, how = _smaller(image, limits, limits.max_bytes, len(made.data))
    return _marked(made, how)


def _marked(made: Rendered, how: str) -> Loaded:
    return Loaded(Mark(hashlib.sha256(made.data).hexdigest(), how), made.media_type, made.data)


def _smaller(image: Image, limits: Limits, most: int, before: int) -> tuple[Rendered, str]:
    """The picture as JPEG, and shrunk by quarters of its side until it fits."""
    from mmrad_eval.traces import rendering

    accepts = ("image/jpeg",) if "image/jpeg" in limits.accepts else limits.accepts
    edge = limits.max_edge
    for _ in range(_SHRINKS):
        # a JPEG file that is too large passes through untouched unless it is shrunk
        made = rendering.load(image, accepts, edge)
        if len(made.data) <= most:
            return made, f"{before:,} bytes, of which the endpoint takes {most:,}; {made.how}"
        edge = max(made.size) * 3 // 4
    raise DataError(f"{image.path}: {before:,} bytes can't be reduced to the {most:,} that the endpoint accepts")


def _identity(image: Image, limits: Limits) -> bytes:
    """Digest of all that decides the pixels without opening the file: path, size, time, rendering, limits."""
    from mmrad_eval.traces.rendering import VERSION

    try:
        stat = os.stat(image.path)  # noqa: PTH116 (Path.stat costs twice as much, and runs for every image)
    except OSError as error:
        raise DataError(f"{image.path}: the image can't be read: {error.strerror}") from error
    box = image.box and (image.box.xyxy, image.box.frame)
    bounds = (limits.accepts, limits.max_edge, limits.max_bytes)
    panels = tuple(_identity(part, limits) for part in image.parts)
    words = (image.path, stat.st_size, stat.st_mtime_ns, image.render, box, *bounds, VERSION, *panels)
    return hashlib.sha256(repr(words).encode("utf-8", "surrogateescape")).digest()
