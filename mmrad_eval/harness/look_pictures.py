"""The pictures of the look check: two films that differ at a glance, and three large digits.

All are drawn, byte for byte the same on every machine, so they are data of nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.values import Image
from mmrad_eval.core.whole_files import write_whole

DIGITS = "847"
"""In the order in which they are shown. None of them numbers a picture, so "Picture 1: 8" can be read."""

_SIDE = 336  # pixels
_STROKE = 28
_SEGMENTS = {"4": "bcfg", "7": "abc", "8": "abcdefg"}
"""Segments of a seven-segment digit: a on top, then clockwise to f, and g in the middle."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 98, 238, 48, 288
_MIDDLE = (_TOP + _BOTTOM) // 2


def digit(name: str) -> bytes:
    """A PNG of one white digit on black."""
    from mmrad_eval.datasets.demo import png

    pixels: NDArray[np.uint8] = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
    for segment in _SEGMENTS[name]:
        pixels[_window(segment)] = 255
    return png.encode(pixels)


def film(*, abnormal: bool) -> bytes:
    """A PNG of a drawn chest film: clear lungs, or a pacemaker and fluid on the left."""
    from mmrad_eval.datasets.demo import film as films
    from mmrad_eval.datasets.demo import findings, png
    from mmrad_eval.datasets.demo.anatomy import anatomy

    shown = ["effusion:left:large", "pacemaker"] if abnormal else []
    thorax = anatomy("look check", "PA", shown)
    picture = films.frontal(thorax)
    findings.draw(picture, thorax, shown)
    return png.encode(picture.pixels())


def films(folder: Path) -> tuple[Image, Image]:
    """The two films as files in ``folder``."""
    first, second = (
        _file(folder, name, lambda abnormal=abnormal: film(abnormal=abnormal))  # type: ignore[misc]
        for name, abnormal in (("film-clear", False), ("film-abnormal", True))
    )
    return first, second


def digits(folder: Path, count: int) -> Sequence[Image]:
    """The first ``count`` digits as files in ``folder``, in the order in which they are shown."""
    return [_file(folder, f"digit-{name}", lambda name=name: digit(name)) for name in DIGITS[:count]]  # type: ignore[misc]


def _file(folder: Path, name: str, draw: Callable[[], bytes]) -> Image:
    """The picture of that name, drawn where it is not there yet; renamed into place, so nobody reads half of it."""
    path = folder.absolute() / f"{name}.png"
    if not path.exists():
        write_whole(path, draw())
    return Image(path=str(path), name=path.name)


def _window(segment: str) -> tuple[slice, slice]:
    """Rows and columns of a segment."""
    across = slice(_LEFT, _RIGHT)
    upper, lower = slice(_TOP, _MIDDLE), slice(_MIDDLE, _BOTTOM)
    half = _STROKE // 2
    return {
        "a": (slice(_TOP, _TOP + _STROKE), across),
        "b": (upper, slice(_RIGHT - _STROKE, _RIGHT)),
        "c": (lower, slice(_RIGHT - _STROKE, _RIGHT)),
        "d": (slice(_BOTTOM - _STROKE, _BOTTOM), across),
        "e": (lower, slice(_LEFT, _LEFT + _STROKE)),
        "f": (upper, slice(_LEFT, _LEFT + _STROKE)),
        "g": (slice(_MIDDLE - half, _MIDDLE + half), across),
    }[segment]
