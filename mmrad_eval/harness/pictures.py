"""The pixels of requests: rendered off the event loop, digested once, remembered by path, size and time."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Image, Value

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


@dataclass
class Pictures:
    """Renders and digests images for one model; ``memory`` keeps digests from one run to the next.

    A remembered digest lets a finished run be read again without opening one picture.
    """

    accepts: tuple[str, ...] = ("image/jpeg", "image/png")
    max_edge: int | None = None
    """Pixels of the longest side that the endpoint takes; larger pictures are shrunk, and that is recorded."""
    memory: Journal | None = None
    _marks: dict[bytes, Mark] = field(default_factory=dict)
    _threads: ThreadPoolExecutor | None = None

    def known(self, images: Iterable[Image]) -> dict[Image, Mark] | None:
        """The marks of all ``images``; None where one was not seen before or its file has changed."""
        marks = {}
        for image in images:
            mark = self._remembered(self._identity(image))
            if mark is None:
                return None
            marks[image] = mark
        return marks

    async def load(self, images: Iterable[Image]) -> dict[Image, Loaded]:
        """Read and render ``images``. DataError where one can't be sent."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_WORKERS, "pictures")
        loop = asyncio.get_running_loop()
        wanted = list(dict.fromkeys(images))
        if len(wanted) == 1:
            return {wanted[0]: await loop.run_in_executor(self._threads, self._load, wanted[0])}
        loads = (loop.run_in_executor(self._threads, self._load, image) for image in wanted)
        return dict(zip(wanted, await asyncio.gather(*loads), strict=True))

    def close(self) -> None:
        """Let go of threads and files."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None
        if self.memory is not None:
            self.memory.close()

    def remember(self, loaded: dict[Image, Loaded]) -> None:
        """Keep the marks; called on the event loop, after ``load``."""
        for image, one in loaded.items():
            identity = self._identity(image)
            if self._remembered(identity) == one.mark:
                continue
            if self.memory is None:
                self._marks[identity] = one.mark
            else:
                key = identity.hex()
                if key in self.memory:
                    self.memory.void(key)
                self.memory.put(key, {"name": image.name}, one.mark)

    def _load(self, image: Image) -> Loaded:
        from mmrad_eval.traces import rendering

        made = rendering.load(image, self.accepts, self.max_edge)
        return Loaded(Mark(hashlib.sha256(made.data).hexdigest(), made.how), made.media_type, made.data)

    def _remembered(self, identity: bytes) -> Mark | None:
        if self.memory is None:
            return self._marks.get(identity)
        stored = self.memory.get(identity.hex())
        return None if stored is None else msgspec.json.decode(stored, type=Mark)

    def _identity(self, image: Image) -> bytes:
        """Digest of all that decides the pixels without opening the file: path, size, time, rendering, formats."""
        from mmrad_eval.traces.rendering import VERSION

        try:
            stat = os.stat(image.path)  # noqa: PTH116 (Path.stat costs twice as much, and runs for every image)
        except OSError as error:
            raise DataError(f"{image.path}: the image can't be read: {error.strerror}") from error
        box = image.box and (image.box.xyxy, image.box.frame)
        words = (image.path, stat.st_size, stat.st_mtime_ns, image.render, box, self.accepts, self.max_edge, VERSION)
        return hashlib.sha256(repr(words).encode("utf-8", "surrogateescape")).digest()
