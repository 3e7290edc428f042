"""Pixels that take the place of others: boxes filled from what surrounds them, pictures of one grey, JPEG and back.

All are deterministic; nothing of what is replaced is left.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import FloatArray

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

JPEG_QUALITY = 95

PixelBox = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels."""


def filled(pixels: Pixels, boxes: Sequence[PixelBox]) -> Pixels:
    """The picture with each box replaced by what a blur of its surroundings extends into it.

    Known pixels are averaged down to ever coarser grids until the boxes are closed, and interpolated back (the pull and
    push of Gortler et al., SIGGRAPH 1996, section 4.3). Pixels inside the boxes are never read; those outside stay.
    """
    from PIL import Image as Pillow

    array = np.array(pixels)
    unknown = np.zeros(array.shape[:2], np.bool_)
    for left, top, right, bottom in boxes:
        unknown[max(0, top) : bottom, max(0, left) : right] = True
    for box in boxes:
        window = _window(box, pixels.size)
        values = array[window].astype(np.float64).reshape(*unknown[window].shape, -1)
        made = _closed(values, ~unknown[window])
        whole = np.floor(np.clip(made, 0, 255) + 0.5).astype(np.uint8).reshape(array[window].shape)
        array[window] = np.where(_like(unknown[window], whole), whole, array[window])
    return Pillow.fromarray(array)


def blank(pixels: Pixels) -> tuple[Pixels, tuple[int, ...]]:
    """A picture as large, of the mean of all pixels, and that mean for each channel."""
    from PIL import Image as Pillow

    array = np.array(pixels)
    mean = np.floor(array.reshape(array.shape[0] * array.shape[1], -1).mean(axis=0) + 0.5).astype(np.uint8)
    whole = np.broadcast_to(mean if array.ndim == 3 else mean[0], array.shape)
    return Pillow.fromarray(np.ascontiguousarray(whole)), tuple(int(value) for value in mean)


def noise(pixels: Pixels) -> Pixels:
    """Noise with the mean, the contrast and, but for rounding, the spectrum of a picture; its pixels are the seed.

    The amplitudes of the picture's Fourier transform with the phases of white noise (Galerne et al., IEEE TIP 2011).
    """
    import hashlib

    from PIL import Image as Pillow

    array = np.array(pixels)
    seed = hashlib.sha256(array.tobytes()).digest()
    white = np.random.default_rng(int.from_bytes(seed[:8], "big")).standard_normal(array.shape[:2])
    phases = np.exp(1j * np.angle(np.fft.fft2(white)))
    phases[0, 0] = 1.0  # the mean stays
    layers = array.reshape(*array.shape[:2], -1).astype(np.float64)
    made = np.stack(
        [np.fft.ifft2(np.abs(np.fft.fft2(layers[..., i])) * phases).real for i in range(layers.shape[2])], -1
    )
    return Pillow.fromarray(np.floor(np.clip(made, 0, 255) + 0.5).astype(np.uint8).reshape(array.shape))


def through_jpeg(pixels: Pixels) -> Pixels:
    """The picture after one passage through JPEG of quality 95, all colours kept at full size."""
    from PIL import Image as Pillow

    target = io.BytesIO()
    pixels.save(target, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    with Pillow.open(target) as opened:
        opened.load()
        return opened.convert(pixels.mode)


def _window(box: PixelBox, size: tuple[int, int]) -> tuple[slice, slice]:
    """The box with half of its longer side around it: nothing farther away counts as its surroundings."""
    left, top, right, bottom = box
    around = max(right - left, bottom - top) // 2 + 2
    return (
        slice(max(0, top - around), min(size[1], bottom + around)),
        slice(max(0, left - around), min(size[0], right + around)),
    )


def _closed(values: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """(h, w, channels) values with those that are not known, (h, w), interpolated from those that are."""
    if known.all() or max(known.shape) == 1:
        return np.where(_like(known, values), values, 0.0)
    up = _doubled(_closed(*_halved(values, known)))[: known.shape[0], : known.shape[1]]
    return np.where(_like(known, values), values, up)


def _halved(values: FloatArray, known: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Means of the known ones of each two by two, and where there was any."""
    tall, wide = known.shape
    pad = ((0, tall % 2), (0, wide % 2))
    weights = np.pad(known.astype(np.float64), pad)
    summed = _fours(np.pad(values * known[..., None], (*pad, (0, 0))))
    count = _fours(weights[..., None])
    return np.divide(summed, count, out=np.zeros_like(summed), where=count > 0), count[..., 0] > 0


def _fours(array: FloatArray) -> FloatArray:
    total: FloatArray = array[::2, ::2] + array[1::2, ::2] + array[::2, 1::2] + array[1::2, 1::2]
    return total


def _doubled(coarse: FloatArray) -> FloatArray:
    """Twice as tall and as wide, interpolated linearly between the centres of the coarse pixels."""
    for axis in (0, 1):
        width = [(1, 1) if i == axis else (0, 0) for i in range(3)]
        wide = np.moveaxis(np.pad(coarse, width, mode="edge"), axis, 0)
        near = 0.75 * wide[1:-1]
        pairs = np.stack([near + 0.25 * wide[:-2], near + 0.25 * wide[2:]], axis=1)
        coarse = np.moveaxis(pairs.reshape(-1, *pairs.shape[2:]), 0, axis)
    return coarse


def _like(mask: NDArray[np.bool_], array: NDArray[Any]) -> NDArray[np.bool_]:
    """(h, w) with an axis for channels where the array has one."""
    return mask[..., None] if array.ndim == 3 else mask
