"""What the first bytes of an image file say: its format, size, and whether it must be converted before it is sent.

Read by hand because it happens once for every image of a run: opening a file with Pillow costs more than sending it.
Formats: PNG (W3C PNG third edition, section 11.2.1), JPEG (ITU T.81 annex B; EXIF orientation by CIPA DC-008),
others by their magic bytes alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mmrad_eval.core.errors import DataError

START = 65536
"""Bytes that hold the header of nearly every file."""

MOST_PIXELS = 100_000_000
"""Pixels of a picture, counted before any is made; the largest radiographs have about 20 million."""

_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}  # SOF markers, JPEG-LS; the three are tables
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


@dataclass(frozen=True)
class Header:
    """What is known of a file before it is decoded."""

    media_type: str
    size: tuple[int, int] | None
    """Of the upright picture; None where the header was not reached or the format is left to Pillow."""
    why_convert: str = ""
    """Why its bytes can't be sent as they are; empty where they can."""
    deep: bool = False
    """Whether a PNG has 16 bits a channel; other formats are decoded to know."""


def read(data: bytes, path: str) -> Header:
    """The header of a file that starts with ``data``. DataError where it is empty or no image."""
    header = _png(data, path) if data.startswith(_PNG) else _jpeg(data) if data[:3] == b"\xff\xd8\xff" else None
    if header is not None:
        check_size(header.size or (0, 0), len(data), path)
        return header
    kind = _other(data)
    if kind is None:
        what = "is empty" if not data else f"is not an image: it starts with {data[:8]!r}"
        raise DataError(f"{path}: the file {what}")
    return Header(kind, None, "left to the decoder")


def check_size(size: tuple[int, int], held: int, path: str) -> None:
    """DataError where a picture of ``held`` bytes says that it has more pixels than any radiograph."""
    if size[0] * size[1] > MOST_PIXELS:
        raise DataError(
            f"{path}: the image declares {size[0]:,} x {size[1]:,} pixels (in {held:,} bytes); at most "
            f"{MOST_PIXELS:,} are read, so downscale it first if the size is right"
        )


def coded_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG, JPEG-LS or JPEG 2000 codestream states; None for any other bytes."""
    if data[:4] == b"\xff\x4f\xff\x51" and len(data) >= 16:  # SOC and SIZ: ISO 15444-1, A.5.1
        return struct.unpack(">II", data[8:16])
    return _jpeg(data).size if data[:2] == b"\xff\xd8" else None


def check_whole(data: bytes, header: Header, path: str) -> None:
    """DataError where a PNG or JPEG lacks its end mark: a truncated download is caught before it is sent."""
    png = header.media_type == "image/png"
    if data.rfind(b"IEND" if png else b"\xff\xd9") < (0 if png else data.find(b"\xff\xda")):
        raise DataError(f"{path}: the image is truncated: its end mark is missing; copy the file again")


def _png(data: bytes, path: str) -> Header:
    if len(data) < 29 or data[12:16] != b"IHDR":
        raise DataError(f"{path}: the PNG is truncated in its header; copy the file again")
    width, height, depth = struct.unpack(">IIB", data[16:25])
    if not width or not height:
        raise DataError(f"{path}: the PNG header says {width} x {height} pixels, so the file is damaged; copy it again")
    exif = data.find(b"eXIf", 33, max(33, data.find(b"IDAT")))
    orientation = _orientation(data[exif + 4 :]) if exif > 0 else 1
    size = (height, width) if orientation in _TURNED else (width, height)
    why = "16 bits a channel" if depth == 16 else "turned by EXIF" if orientation != 1 else ""
    return Header("image/png", size, why, depth == 16)


def _jpeg(data: bytes) -> Header:
    at, orientation = 2, 1
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return Header("image/jpeg", None, "left to the decoder")
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\x00\x00":
            orientation = _orientation(data[at + 10 : at + 2 + length])
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            channels = data[at + 9]
            size = (height, width) if orientation in _TURNED else (width, height)
            why = "turned by EXIF" if orientation != 1 else "CMYK" if channels == 4 else ""
            return Header("image/jpeg", size if width and height else None, why)
        at += 2 + length
    return Header("image/jpeg", None, "left to the decoder")


def _orientation(tiff: bytes) -> int:
    """The orientation tag (0x0112) of an EXIF block's first directory; 1 where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 14:
        return 1
    (start,) = struct.unpack(order + "I", tiff[4:8])
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack(order + "H", tiff[start : start + 2])
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _, _, value = struct.unpack(order + "HHIH", tiff[entry : entry + 10])
        if tag == 0x0112:
            return value if 1 <= value <= 8 else 1
    return 1


def _other(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[128:132] == b"DICM" or (data[:2] in {b"\x02\x00", b"\x08\x00"} and data[4:6].isalpha()):
        return "application/dicom"  # the second: a file whose preamble was cut off, as old archives have them
    for magic, kind in (
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"II+\x00", "image/tiff"),
        (b"MM\x00+", "image/tiff"),
        (b"\x00\x00\x00\x0cjP  ", "image/jp2"),
        (b"\xff\x4f\xff\x51", "image/jp2"),
    ):
        if data.startswith(magic):
            return kind
    return None
