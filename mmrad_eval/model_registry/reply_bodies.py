"""Bodies of responses, read under a limit, however they are declared, cut into chunks or compressed.

What a server packs is unpacked here, piece by piece: few bytes may hold more than any memory. Large bodies are read one
after another, so that many of them at once take the memory of one.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import TransportError

if TYPE_CHECKING:
    import aiohttp

LARGEST = 64 << 20
"""Bytes of the largest body that is read: a page of errors, a list of models or a reply with images has far less."""
PACKINGS = "gzip, deflate"
"""How a server may pack a body, as ``Accept-Encoding`` says it."""
_LARGE = 1 << 20  # bytes from which on a body waits for its turn
_PIECE = 1 << 16  # bytes that are unpacked at a time

Unpack = Callable[[bytes], Iterator[bytes]]


class BodyReader:
    """Reads the bodies of one client."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def read(self, response: aiohttp.ClientResponse, base: str) -> bytes:
        """The whole body, unpacked; TransportError where it is too large, or packed in a way that was not asked for."""
        declared = response.content_length
        if declared is not None and declared > LARGEST:
            raise _too_large(response, base)
        unpack = _unpacker(response, base)
        pieces: list[bytes] = []
        try:
            await self._collect(response, base, unpack, pieces)
            return b"".join(pieces)
        finally:
            pieces.clear()  # whoever keeps the error keeps this frame

    async def _collect(self, response: aiohttp.ClientResponse, base: str, unpack: Unpack, pieces: list[bytes]) -> None:
        size = 0
        async with AsyncExitStack() as turn:
            waited = False
            async for chunk in response.content.iter_any():
                for piece in unpack(chunk):
                    pieces.append(piece)
                    size += len(piece)
                    if size > LARGEST:
                        raise _too_large(response, base)
                    if size > _LARGE and not waited:
                        await turn.enter_async_context(self._turn)
                        waited = True


def _too_large(response: aiohttp.ClientResponse, base: str) -> TransportError:
    response.close()
    why = f"{base} sends more than {LARGEST >> 20} MiB as one reply, which no reply needs; it was not read"
    return TransportError(why, retry=False)


def _unpacker(response: aiohttp.ClientResponse, base: str) -> Unpack:
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing in ("", "identity"):
        return lambda chunk: iter((chunk,))
    if packing not in ("gzip", "x-gzip", "deflate"):
        response.close()
        raise TransportError(f"{base} compresses its reply with {packing[:20]!r}, which was not requested", retry=True)
    return _inflating(packing, base)


def _inflating(packing: str, base: str) -> Unpack:
    unpacker = None

    def unpack(chunk: bytes) -> Iterator[bytes]:
        nonlocal unpacker
        if unpacker is None:
            raw = packing == "deflate" and chunk[:1] and chunk[0] & 0x0F != zlib.DEFLATED  # as some servers write it
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS | (packing != "deflate") << 4)
        while chunk:
            try:
                piece = unpacker.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise TransportError(f"the reply from {base} can't be unpacked: {error}", retry=True) from error
            yield piece
            chunk = unpacker.unconsumed_tail

    return unpack
