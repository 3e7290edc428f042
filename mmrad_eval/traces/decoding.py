"""From the bytes of an image file to upright pixels: of 8 bits, as models see them, or with all gray values."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import DataError
from mmrad_eval.traces import dicom, headers
from mmrad_eval.traces.gray_values import GrayValues

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels
    from PIL.ImageFile import ImageFile


def decode(data: bytes, path: str) -> tuple[Pixels, list[str]]:
    """Upright 8-bit grey or RGB pixels of a file, and the steps that changed anything.

    16-bit grey is divided so that the largest value that the bits in use can hold becomes 255; bits in use are the
    fewest of 8, 10, 12, 14 and 16 that hold the largest pixel, because 12-bit radiographs are often stored in 16.
    """
    if headers.read(data, path).media_type == dicom.MEDIA_TYPE:
        return dicom.decode(data, path)
    with _upright(data, path) as (pixels, steps):
        eight, conversion = _eight_bit(pixels)
        return eight, [*steps, *conversion]


def values(data: bytes, path: str) -> GrayValues | None:
    """The gray values of a file that is no DICOM; None where it has 8 bits a pixel or colors. Errors: ``decode``."""
    with _upright(data, path) as (pixels, _):
        if not (pixels.mode.startswith("I") or pixels.mode == "F"):
            return None
        window, _ = _deep_window(pixels)
        return GrayValues(
            pixels.convert("I").convert("F") if pixels.mode != "F" else pixels, window, pixels.mode != "F"
        )


@contextmanager
def _upright(data: bytes, path: str) -> Iterator[tuple[Pixels, list[str]]]:
    """The pixels of a file as Pillow has them, upright, and the steps to it; every fault as DataError."""
    from PIL import ImageOps, UnidentifiedImageError

    try:
        with opened_image(data, path) as opened:
            opened.load()
            if opened.getexif().get(0x0112, 1) in (0, 1):
                yield opened, []
            else:
                yield ImageOps.exif_transpose(opened), ["turned upright by EXIF"]
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: not an image that Pillow can read; convert it to PNG or JPEG") from error
    except PILLOW_FAULTS as error:
        raise DataError(f"{path}: the image can't be decoded: {error}; the file is damaged or truncated") from error


def opened_image(data: bytes, path: str) -> ImageFile:
    """A picture whose header is read and whose pixels are not; DataError where it has too many, or several frames."""
    from PIL import Image as Pillow

    Pillow.MAX_IMAGE_PIXELS = None  # it would print a warning at a limit of its own; ours is an error, and comes first
    opened = Pillow.open(io.BytesIO(data))
    headers.check_size(opened.size, len(data), path)
    if getattr(opened, "is_animated", False) and opened.format != "MPO":  # MPO: cameras put a preview behind it
        raise DataError(f"{path}: contains several frames or pages; a radiograph has one, so save that one alone")
    return opened


PILLOW_FAULTS = (
    *(OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError),
    struct.error,
)
"""What Pillow and its decoders raise on bad data."""


def _eight_bit(pixels: Pixels) -> tuple[Pixels, list[str]]:
    mode = pixels.mode
    if mode in {"L", "RGB"}:
        return pixels, []
    if mode.startswith("I") or mode == "F":
        return _from_deep(pixels)
    if mode in {"1", "LA", "La"}:
        return pixels.convert("L"), [f"{mode} to 8-bit grey"]
    return pixels.convert("RGB"), [f"{mode} to RGB"]


def _from_deep(pixels: Pixels) -> tuple[Pixels, list[str]]:
    import numpy as np
    from PIL import Image as Pillow

    (low, high), words = _deep_window(pixels)
    scaled = (np.asarray(pixels).astype(np.float64) - low) * (255.0 / (high - low) if high > low else 0.0)
    return Pillow.fromarray(np.floor(scaled + 0.5).astype(np.uint8)), [words]


def _deep_window(pixels: Pixels) -> tuple[tuple[float, float], str]:
    """The values that become 0 and 255, and words for it."""
    import numpy as np

    values = np.asarray(pixels)
    if not np.isfinite(values).all():
        odd = int(np.count_nonzero(~np.isfinite(values)))
        raise ValueError(f"{odd:,} of {values.size:,} pixels are not finite (NaN or infinite)")
    low, high = float(values.min()), float(values.max())
    if low < 0 or pixels.mode == "F":  # no bits to count: the range itself is what is known
        return (low, high), f"{pixels.mode} to 8-bit grey, {low:g}..{high:g} to 0..255"
    bits = next((b for b in (8, 10, 12, 14, 16) if high < 2**b), 32)
    return (0.0, 2.0**bits - 1), f"16-bit to 8-bit grey, {bits} bits in use"
