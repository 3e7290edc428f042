"""Writes a grey picture as a PNG whose bytes do not depend on the zlib of the machine."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

BLOCK = 65535
"""The longest stored block of a deflate stream (RFC 1951, 3.2.4)."""


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """(height, width) uint8 to an 8-bit grey PNG; pixels are stored, not packed, so that every zlib agrees."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # the first byte of a row names its filter: none
    rows[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_chunk(b"IHDR", header), _chunk(b"IDAT", _stored(rows.tobytes())), _chunk(b"IEND", b""))
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _stored(data: bytes) -> bytes:
    """A zlib stream of stored blocks (RFC 1950, RFC 1951)."""
    parts = [b"\x78\x01"]
    for start in range(0, len(data), BLOCK):
        block = data[start : start + BLOCK]
        last = start + BLOCK >= len(data)
        parts.append(struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block)
    return b"".join((*parts, struct.pack(">I", zlib.adler32(data))))
