"""Boxes in every frame that data and models use: conversion, overlap, and what can be wrong with a box.

A frame says how the four numbers of a box (left, top, right, bottom) are read, for an image of width W and height H:

``original``       pixels of the upright image, 0..W and 0..H
``resized:wxh``    pixels after a resize to w x h that need not keep proportions (Qwen2.5-VL after its own resize)
``multiples_F:A-B``  pixels after both sides are rounded to multiples of F, the picture kept between A and B pixels in
                   all (Qwen2.5-VL's own resize: ``multiples_28:3136-12845056``)
``pad_square_N``   longest side scaled to N, centred, padded: s = N / max(W, H), x' = x s + (N - W s) / 2
                   (MMRad and GEMeX-ThinkVG N = 336, Chest ImaGenome and GEMeX N = 224)
``norm_N``         N x / W, N y / H: fractions (N = 1), percent (100), thousandths (1000: Qwen3-VL, InternVL), 999 parts
                   (DeepSeek-VL2)
``bins_100``       numbers 0..99 of bins, each a hundredth of a side; bin k means its centre, (k + 0.5) / 100
``center_bins_100``  the same of the central square of the image: MAIRA-2, whose processor crops to it first

With ``_yx`` at its end a frame's boxes are written top, left, bottom, right: ``norm_1000_yx`` is the ``box_2d`` of
Gemini and MedGemma 1.5.

Numbers stay as they were written. Conversion is linear in every frame and so loses nothing; only ``spoken`` rounds, and
only ``clip`` clips.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Frame

Size = tuple[int, int]
"""Width and height in pixels."""
Corners = tuple[float, float, float, float]

CANONICAL: Frame = "pad_square_336"
"""The frame that overlaps are measured in."""

SUSPECTS: tuple[Frame, ...] = ("norm_1", "bins_100", "pad_square_224", "pad_square_336", "norm_1000", "original")
"""Frames that a box with impossible numbers may have been written in, smallest range first."""

_PAD = re.compile(r"pad_square_([1-9]\d*)")
_MULTIPLES = re.compile(r"multiples_([1-9]\d*):([1-9]\d*)-([1-9]\d*)")
_BINS = ("bins_100", "center_bins_100")
_Y_FIRST = "_yx"
"""The end of the name of a frame whose boxes are written top, left, bottom, right."""
_KNOWN = (
    "original, resized:WxH, multiples_F:A-B, pad_square_N, norm_N, bins_100, center_bins_100; _yx at the end: y first"
)
_NORM = re.compile(r"norm_([1-9]\d*)")
_RESIZED = re.compile(r"resized:([1-9]\d*)x([1-9]\d*)")


class _Axes(NamedTuple):
    """x' = x * sx + ox of an original x; and the largest x' that the frame can hold."""

    sx: float
    ox: float
    sy: float
    oy: float
    low: float
    right: float
    bottom: float


def convert(box: Box, to: Frame, size: Size) -> Box:
    """The same rectangle in another frame of an image of ``size``. Reversed and outside boxes stay what they are."""
    if box.frame == to:
        _axes(to, size)
        return box
    a, b = _axes(box.frame, size), _axes(to, size)
    x1, y1, x2, y2 = _ordered(box.xyxy, box.frame)

    def across(x: float) -> float:
        return (x - a.ox) / a.sx * b.sx + b.ox

    def down(y: float) -> float:
        return (y - a.oy) / a.sy * b.sy + b.oy

    return Box(_ordered((across(x1), down(y1), across(x2), down(y2)), to), to)


def valid_frame(frame: Frame) -> bool:
    """Whether ``frame`` is one that this module reads."""
    base = frame.removesuffix(_Y_FIRST)
    shaped = (_NORM, _PAD, _RESIZED, _MULTIPLES)
    return base in {"original", *_BINS} or any(shape.fullmatch(base) for shape in shaped)


def y_first(frame: Frame) -> bool:
    """Whether boxes of the frame are written top, left, bottom, right."""
    return frame.endswith(_Y_FIRST)


def corner_words(frame: Frame) -> str:
    """The order of the four numbers, as a model is told it."""
    return "top, left, bottom, right" if y_first(frame) else "left, top, right, bottom"


def _ordered(numbers: Corners, frame: Frame) -> Corners:
    """Numbers as the frame writes them from left, top, right, bottom, and the other way round."""
    if not y_first(frame):
        return numbers
    a, b, c, d = numbers
    return b, a, d, c


def frame_size(frame: Frame, size: Size) -> Size:
    """Width and height of the picture whose pixels the frame counts: of a padded square with its padding.

    DataError for a frame that counts no pixels of a picture of its own (``norm_N``, bins).
    """
    base = frame.removesuffix(_Y_FIRST)
    if padded := _PAD.fullmatch(base):
        return int(padded[1]), int(padded[1])
    if made := _resized(base, size):
        return int(made[0]), int(made[1])
    if base == "original":
        return size
    raise DataError(f"the frame {frame!r} is not in pixels of an image")


def area(box: Box, size: Size | None = None) -> float:
    """Area in square units of the box's frame, or in original square pixels where ``size`` is given; 0 if reversed."""
    x1, y1, x2, y2 = (convert(box, "original", size) if size else box).xyxy
    return max(0.0, x2 - x1) * max(0.0, y2 - y1)


def iou(a: Box, b: Box, size: Size | None = None) -> float:
    """Intersection over union. Boxes of different frames need ``size``; two empty boxes have 0."""
    if a.frame != b.frame or size is not None:
        if size is None:
            raise DataError(
                f"boxes in frames {a.frame} and {b.frame} can't be compared without the size of their image"
            )
        a, b = convert(a, "original", size), convert(b, "original", size)
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = a.xyxy, b.xyxy
    width, height = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    if shared == 0:  # sides so small that their product is none
        return 0.0
    return shared / (area(a) + area(b) - shared)


def fraction(box: Box, size: Size) -> float:
    """The share of the image that the box covers, counting only what lies inside the image."""
    return area(clip(box, size), size) / (size[0] * size[1])


def hull(boxes: Iterable[Box], size: Size | None = None) -> Box:
    """The smallest box around all; in the first one's frame. Different frames need ``size``."""
    found = list(boxes)
    if not found:
        raise DataError("the hull of no boxes")
    frame = found[0].frame
    if any(box.frame != frame for box in found):
        if size is None:
            raise DataError("the hull of boxes in different frames needs the size of their image")
        found = [convert(box, frame, size) for box in found]
    xs1, ys1, xs2, ys2 = zip(*(box.xyxy for box in found), strict=True)
    return Box((min(xs1), min(ys1), max(xs2), max(ys2)), frame)


def full_frame(size: Size, frame: Frame = "original") -> Box:
    """The box around the whole picture."""
    return convert(Box((0.0, 0.0, float(size[0]), float(size[1]))), frame, size)


def clip(box: Box, size: Size) -> Box:
    """The part inside the picture, in the box's frame. Nothing else cuts a box; callers say that they did it."""
    x1, y1, x2, y2 = convert(box, "original", size).xyxy
    width, height = size
    inside = (min(max(x1, 0.0), width), min(max(y1, 0.0), height), min(max(x2, 0.0), width), min(max(y2, 0.0), height))
    if inside == (x1, y1, x2, y2):
        return box
    return convert(Box(inside), box.frame, size)


def spoken(box: Box) -> str:
    """The box as a prompt writes it: ``[108, 104, 252, 277]``; three decimals in ``norm_1``, bins kept within 0..99."""
    base = box.frame.removesuffix(_Y_FIRST)
    if base == "norm_1":
        return "[" + ", ".join(f"{v:.3f}" for v in box.xyxy) + "]"
    numbers = [math.floor(v + 0.5) for v in box.xyxy]
    if base in _BINS:
        numbers = [min(99, max(0, v)) for v in numbers]
    return "[" + ", ".join(map(str, numbers)) + "]"


def problems(box: Box, size: Size | None) -> list[str]:
    """Everything wrong with a box, each as ``kind: what was seen``; an empty list for a sound one.

    Kinds: ``unknown frame``, ``not finite``, ``reversed``, ``empty``, ``outside``, ``in padding``,
    ``wrong frame suspected``.
    One unit of the frame beyond the edge is rounding and not a problem. Without ``size`` only what the frame itself
    bounds is checked.
    """
    if not valid_frame(box.frame):
        return [f"unknown frame: {box.frame!r}; known: {_KNOWN}"]
    if not all(map(math.isfinite, box.xyxy)):
        return [f"not finite: {list(box.xyxy)}"]
    found = _shape(box)
    bounds = _bounds(box.frame, size)
    if bounds is not None and not bounds.holds(box):
        how = "wholly outside" if bounds.misses(box) else "partly outside"
        found.append(f"outside: {_plain(box)} lies {how} the {box.frame} frame of {bounds.right:g} x {bounds.bottom:g}")
    elif size is not None and _PAD.fullmatch(box.frame.removesuffix(_Y_FIRST)):
        found.extend(_padding(box, size))
    found.extend(_suspicion(box, size))
    return found


def fitting(box: Box, size: Size | None) -> list[Frame]:
    """The frames of ``SUSPECTS`` that could hold these numbers."""
    return [frame for frame in SUSPECTS if _plausible(box.xyxy, frame, size)]


class _Bounds(NamedTuple):
    low: float
    right: float
    bottom: float
    slack: float

    def holds(self, box: Box) -> bool:
        xs, ys = box.xyxy[::2], box.xyxy[1::2]
        low, slack = self.low - self.slack, self.slack
        return min(xs) >= low and min(ys) >= low and max(xs) <= self.right + slack and max(ys) <= self.bottom + slack

    def misses(self, box: Box) -> bool:
        xs, ys = box.xyxy[::2], box.xyxy[1::2]
        return max(xs) <= self.low or max(ys) <= self.low or min(xs) >= self.right or min(ys) >= self.bottom


def _bounds(frame: Frame, size: Size | None) -> _Bounds | None:
    base = frame.removesuffix(_Y_FIRST)
    if size is None and (base == "original" or _MULTIPLES.fullmatch(base)):
        return None
    axes = _axes(frame, size or (1, 1))
    first, second = (axes.bottom, axes.right) if y_first(frame) else (axes.right, axes.bottom)
    return _Bounds(axes.low, first, second, {"norm_1": 0.005, **dict.fromkeys(_BINS, 0.5)}.get(base, 1.0))


def _axes(frame: Frame, size: Size) -> _Axes:
    width, height = size
    frame = frame.removesuffix(_Y_FIRST)
    if width <= 0 or height <= 0:
        raise DataError(f"an image of {width} x {height} pixels has no boxes")
    if frame == "original":
        return _Axes(1.0, 0.0, 1.0, 0.0, 0.0, width, height)
    if norm := _NORM.fullmatch(frame):
        parts = float(norm[1])
        return _Axes(parts / width, 0.0, parts / height, 0.0, 0.0, parts, parts)
    if frame == "center_bins_100":
        scale = 100 / min(width, height)
        left, top = (width * scale - 100) / 2, (height * scale - 100) / 2
        return _Axes(scale, -left - 0.5, scale, -top - 0.5, -0.5, 99.5, 99.5)
    if frame == "bins_100":
        return _Axes(100 / width, -0.5, 100 / height, -0.5, -0.5, 99.5, 99.5)
    if padded := _PAD.fullmatch(frame):
        side = float(padded[1])
        scale = side / max(width, height)
        return _Axes(scale, (side - width * scale) / 2, scale, (side - height * scale) / 2, 0.0, side, side)
    if new := _resized(frame, size):
        return _Axes(new[0] / width, 0.0, new[1] / height, 0.0, 0.0, *new)
    raise DataError(f"no box frame is called {frame!r}; known: {_KNOWN}")


def _resized(frame: Frame, size: Size) -> tuple[float, float] | None:
    """Width and height after the resize that a frame names; None for frames of other kinds."""
    if resized := _RESIZED.fullmatch(frame):
        return float(resized[1]), float(resized[2])
    if multiples := _MULTIPLES.fullmatch(frame):
        return _rounded(size, *map(int, multiples.groups()))
    return None


def _rounded(size: Size, factor: int, least: int, most: int) -> tuple[float, float]:
    """Width and height as Qwen2.5-VL's image processor makes them (transformers, ``smart_resize``)."""
    width, height = (max(factor, round(side / factor) * factor) for side in size)
    if width * height > most:
        shrink = math.sqrt(size[0] * size[1] / most)
        width, height = (max(factor, math.floor(side / shrink / factor) * factor) for side in size)
    elif width * height < least:
        grow = math.sqrt(least / (size[0] * size[1]))
        width, height = (math.ceil(side * grow / factor) * factor for side in size)
    return float(width), float(height)


def _shape(box: Box) -> list[str]:
    x1, y1, x2, y2 = box.xyxy
    found = []
    if x2 < x1 or y2 < y1:
        sides = [name for name, low, high in (("right < left", x1, x2), ("bottom < top", y1, y2)) if high < low]
        found.append(f"reversed: {_plain(box)} has {' and '.join(sides)}")
    if not box.frame.startswith(_BINS) and (x1 == x2 or y1 == y2):  # two equal bin numbers are a box of one bin
        found.append(f"empty: {_plain(box)} has no {'width' if x1 == x2 else 'height'}")
    return found


def _padding(box: Box, size: Size) -> list[str]:
    """A box in the square, yet partly or wholly on the bars beside the picture."""
    picture = full_frame(size, box.frame).xyxy
    xs, ys = sorted(box.xyxy[::2]), sorted(box.xyxy[1::2])
    over = max(picture[0] - xs[0], picture[1] - ys[0], xs[1] - picture[2], ys[1] - picture[3])
    if over <= 1.0:
        return []
    wholly = xs[1] <= picture[0] or ys[1] <= picture[1] or xs[0] >= picture[2] or ys[0] >= picture[3]
    how = "lies wholly in" if wholly else f"reaches {over:.0f} px into"
    shown = ", ".join(f"{v:.0f}" for v in picture)
    return [f"in padding: {_plain(box)} {how} the padding around the picture [{shown}]"]


def _suspicion(box: Box, size: Size | None) -> list[str]:
    """Whether the numbers would make sense in another frame, and make none in this one."""
    if _plausible(box.xyxy, box.frame, size):
        return []
    others = [frame for frame in fitting(box, size) if frame != box.frame]
    return (
        [f"wrong frame suspected: {_plain(box)} is not a {box.frame} box, but could be {others[0]}"] if others else []
    )


def _plausible(xyxy: Corners, frame: Frame, size: Size | None) -> bool:
    """Whether the frame could hold these numbers: inside it, and more than a corner of one pixel, bin or thousandth."""
    bounds = _bounds(frame, size)
    inside = bounds is None or bounds.holds(Box(xyxy, frame))
    return inside and (frame.removesuffix(_Y_FIRST) == "norm_1" or max(xyxy) > 1.0)


def _plain(box: Box) -> str:
    return "[" + ", ".join(f"{v:g}" for v in box.xyxy) + "]"
