"""Pictures as models are shown them: a file's own bytes, or a part of one that is drawn when it is sent.

How pixels are made is written in ``Rendered.how``, which is part of every request's key:

``file``          the bytes of the file, untouched.
``masked``        the whole picture, everything outside the box constant black.
``highlighted``   the whole picture, the box outlined in red, max(2, longest side / 200) pixels wide.
``crop``          the box alone. Edges go outwards to whole pixels. Where a letterboxed box reaches into padding, the
                  crop is black, as was the padded square on which the box was drawn.
``full``          the whole picture, letterboxed in black into as many pixels as the ``crop`` of the same box has, so
                  that a model spends as many image tokens on it.
``crop@FRAME``, ``full@FRAME``  the same, then resized (bicubic) as the frame ``multiples_F:A-B`` says: both sides to
                  multiples of F, A to B pixels in all; the rule for tiny crops does not hold.
``montage``       several of these on one canvas (``montage.py``), each with what was done to it.
``blurred``       the whole picture, its box (or the boxes of its ``parts``) filled from what surrounds them, so that
                  nothing of what was there is left (``inpainting.py``).
``blank``         a picture as large (as the one of its ``parts``, where it has one), of the mean grey.
``noise``         the same size, mean, contrast and spectrum as the picture of its ``parts`` (or the whole one), with
                  phases drawn from a generator that its pixels seed: the same grain, and nothing to see.
``jpeg``          the whole picture (or the one picture of its ``parts``, made first) once through JPEG of quality 95.
``padded``        the same picture in the middle of a black square.

Tiny crops follow one rule: where the longest side is under 336 pixels, the crop is enlarged (bicubic) until it is 336;
a side still under 28 pixels (the smallest patch that servers of Qwen models accept) gets black bars on both sides.

A file is sent as it is unless it is of a format that the model does not accept, is turned by its EXIF orientation, has
16 bits a channel, or has colours that are neither grey nor RGB; then it is decoded upright to 8 bits and sent as PNG.
DICOM files go the way of ``dicom.py``.
Drawn pictures are PNG too (JPEG of quality 95 where a model takes no PNG); the same input gives the same bytes.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.core import decode as decode_bytes
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Image
from mmrad_eval.traces import dicom, geometry, headers
from mmrad_eval.traces.decoding import PILLOW_FAULTS, decode, opened_image
from mmrad_eval.traces.geometry import Size

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

VERSION = 1
"""Raised whenever equal input would give other pixels; part of ``how``."""

_PNG_BYTES = 0.6
"""Bytes of a PNG to a pixel, about, for 8-bit grey radiographs and parts of them."""

TARGET_SIDE = 336
SMALLEST_SIDE = 28
OUTLINE = (255, 0, 0)
_OF_A_PART = ("blank", "noise", "jpeg", "padded")
_WHOLE = ("blurred", *_OF_A_PART)
RENDERS = ("file", "crop", "masked", "highlighted", "full", "montage", "blurred", *_OF_A_PART)


@dataclass(frozen=True)
class Rendered:
    """Bytes to be sent."""

    media_type: str
    data: bytes
    how: str
    """``file`` for untouched bytes; otherwise every step from the file to these bytes, and this module's version."""
    size: Size


def load(image: Image, accepts: tuple[str, ...] = ("image/jpeg", "image/png"), max_edge: int | None = None) -> Rendered:
    """The bytes of an image as ``image.render`` says, in a media type of ``accepts``.

    ``max_edge`` shrinks what is longer than that (Lanczos), never enlarges. DataError: the file is missing, truncated
    or no image; the box is missing, reversed, empty or outside; the kind of rendering is unknown.
    """
    if image.render == "file":
        data = _read(image.path)
        as_is = untouched(data, image.path, accepts, max_edge)
        if as_is is not None:
            return as_is
        pixels, steps = decode(data, image.path)
        media_type = headers.read(data, image.path).media_type
        if media_type not in accepts:
            steps = [f"{media_type} not accepted", *steps]
    else:
        pixels, steps = pixels_of(image)
    return _encode(*_shrink(pixels, steps, max_edge), accepts, image.path)


def estimate(
    image: Image, accepts: tuple[str, ...] = ("image/jpeg", "image/png"), max_edge: int | None = None
) -> tuple[Size, float]:
    """(size, bytes) of what ``load`` returns, without compressing it: of what is drawn, bytes are an estimate.

    DataError as in ``load``.
    """
    if image.render == "file":
        data = _read(image.path)
        as_is = untouched(data, image.path, accepts, max_edge)
        if as_is is not None:
            return as_is.size, float(len(as_is.data))
        pixels, _ = decode(data, image.path)
    else:
        pixels, _ = pixels_of(image)
    size = _shrunk(pixels.size, max_edge)
    return size, size[0] * size[1] * _PNG_BYTES


def untouched(data: bytes, path: str, accepts: tuple[str, ...], max_edge: int | None) -> Rendered | None:
    """The bytes of a file as they are, where they can be sent so; None where they must be decoded first."""
    header = headers.read(data, path)
    small = header.size is not None and (max_edge is None or max(header.size) <= max_edge)
    if header.why_convert or header.media_type not in accepts or not small or header.size is None:
        return None
    headers.check_whole(data, header, path)
    return Rendered(header.media_type, data, "file", header.size)


def pixels_of(image: Image) -> tuple[Pixels, list[str]]:
    """Upright 8-bit pixels of an image as ``render`` says, and the steps that made them. DataError as in ``load``."""
    if image.render.partition("@")[0] not in RENDERS:
        raise DataError(f"{image.path}: no rendering is called {image.render!r}; known: {', '.join(RENDERS)}")
    if image.render == "montage":
        from mmrad_eval.traces.montage import compose

        if not image.parts:
            raise DataError(f"{image.path}: the montage has no parts")
        panels = [pixels_of(part) for part in image.parts]
        words = " | ".join(", ".join(steps) or "file" for _, steps in panels)
        return compose([pixels for pixels, _ in panels]), [f"montage/{VERSION} of {words}"]
    if image.render in _OF_A_PART and image.parts:
        pixels, steps = pixels_of(image.parts[0])
        made, words = _remade(pixels, image.render)
        return made, [f"{words} of {', '.join(steps) or 'file'}"]
    pixels, steps = decode(_read(image.path), image.path)
    if image.render == "file":
        return pixels, steps
    pixels, drawn = _whole(pixels, image) if image.render in _WHOLE else _draw(pixels, image)
    return pixels, [*steps, drawn]


def size_of(path: str) -> Size:
    """Width and height of the upright picture, from the file's header alone. DataError as in ``load``."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - Path.open costs twice as much, and runs once for every image
            start = file.read(headers.START)
            header = headers.read(start, path)
            if header.size is None:  # a long EXIF or ICC block before the size, or a format that Pillow knows better
                header = headers.read(start + file.read(), path)
    except OSError as error:
        raise DataError(_unreadable(path, error)) from error
    if header.media_type == dicom.MEDIA_TYPE:
        return dicom.size_of(path)
    return _pillow_size(path) if header.size is None else header.size


def pixel_box(image_box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """Whole pixels around a box in original pixels: edges outwards, but not for an error of a millionth."""
    x1, y1, x2, y2 = image_box
    left, top = math.floor(x1 + 1e-6), math.floor(y1 + 1e-6)
    return left, top, max(left + 1, math.ceil(x2 - 1e-6)), max(top + 1, math.ceil(y2 - 1e-6))


def crop_size(size: Size) -> tuple[Size, Size]:
    """What the rule for tiny crops makes of a crop: its size after enlarging, then after adding bars."""
    scale = max(1.0, TARGET_SIDE / max(size))
    scaled = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    return scaled, (max(SMALLEST_SIDE, scaled[0]), max(SMALLEST_SIDE, scaled[1]))


def _whole(pixels: Pixels, image: Image) -> tuple[Pixels, str]:
    """Renderings of the whole picture."""
    from mmrad_eval.traces import inpainting

    if image.render in _OF_A_PART:
        return _remade(pixels, image.render)
    words = f"{image.render}/{VERSION}"
    boxes = [_region(part, pixels.size) for part in image.parts or (image,)]
    if any(right - left >= pixels.width and bottom - top >= pixels.height for left, top, right, bottom in boxes):
        raise DataError(f"{image.path}: the whole image can't be blurred, because nothing surrounds it")
    return inpainting.filled(pixels, boxes), f"{words} {' '.join(str(list(box)) for box in boxes)}"


def _remade(pixels: Pixels, render: str) -> tuple[Pixels, str]:
    """What is made of all pixels of a picture, in its own size but for a square."""
    from mmrad_eval.traces import inpainting

    words = f"{render}/{VERSION}"
    if render == "jpeg":
        return inpainting.through_jpeg(pixels), words
    if render == "padded":
        return _letterbox(pixels, (max(pixels.size),) * 2), words
    if render == "noise":
        return inpainting.noise(pixels), words
    made, mean = inpainting.blank(pixels)
    return made, f"{words} of grey {', '.join(map(str, mean))}"


def _draw(pixels: Pixels, image: Image) -> tuple[Pixels, str]:
    left, top, right, bottom = region = _region(image, pixels.size)
    render, _, frame = image.render.partition("@")
    words = f"{render}/{VERSION} [{left}, {top}, {right}, {bottom}]"
    if frame:
        size = geometry.frame_size(frame, (right - left, bottom - top))
        words = f"{words} resized to {size[0]} x {size[1]}"
        return (_letterbox(pixels, size) if render == "full" else _resized(pixels.crop(region), size)), words
    if render == "crop":
        return _enlarge(pixels.crop(region), words)
    if render == "full":
        return _letterbox(pixels, crop_size((right - left, bottom - top))[1]), words
    if image.render == "masked":
        from PIL import Image as Pillow

        canvas = Pillow.new(pixels.mode, pixels.size)
        inside = (max(0, left), max(0, top), min(pixels.width, right), min(pixels.height, bottom))
        canvas.paste(pixels.crop(inside), inside[:2])
        return canvas, words
    from PIL import ImageDraw

    canvas = pixels.convert("RGB")
    width = max(2, round(max(pixels.size) / 200))
    ImageDraw.Draw(canvas).rectangle((left, top, right - 1, bottom - 1), outline=OUTLINE, width=width)
    return canvas, words


def _region(image: Image, size: Size) -> tuple[int, int, int, int]:
    """The box in whole pixels of the original, after every fault that can't be drawn was refused."""
    if image.box is None:
        raise DataError(f"{image.path}: rendering as {image.render!r} needs a box, and the image has none")
    faults = geometry.problems(image.box, size)
    fatal = [f for f in faults if not f.startswith("in padding") or "wholly" in f]
    if fatal:
        raise DataError(f"{image.path} ({size[0]} x {size[1]}): {'; '.join(fatal)}")
    left, top, right, bottom = pixel_box(geometry.convert(image.box, "original", size).xyxy)
    if not image.box.frame.startswith("pad_square_"):  # within a unit of rounding, as ``problems`` has checked
        left, top = min(max(0, left), size[0] - 1), min(max(0, top), size[1] - 1)
        right, bottom = max(left + 1, min(right, size[0])), max(top + 1, min(bottom, size[1]))
    return left, top, right, bottom


def _enlarge(crop: Pixels, words: str) -> tuple[Pixels, str]:
    from PIL import Image as Pillow

    scaled, final = crop_size(crop.size)
    if scaled != crop.size:
        words = f"{words} enlarged to {scaled[0]} x {scaled[1]}"
        crop = crop.resize(scaled, Pillow.Resampling.BICUBIC)
    if final != scaled:
        words = f"{words} with bars to {final[0]} x {final[1]}"
        canvas = Pillow.new(crop.mode, final)
        canvas.paste(crop, ((final[0] - scaled[0]) // 2, (final[1] - scaled[1]) // 2))
        crop = canvas
    return crop, words


def _resized(pixels: Pixels, size: Size) -> Pixels:
    from PIL import Image as Pillow

    return pixels.resize(size, Pillow.Resampling.BICUBIC)


def _letterbox(pixels: Pixels, size: Size) -> Pixels:
    from PIL import Image as Pillow

    scale = min(size[0] / pixels.width, size[1] / pixels.height)
    inner = (max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale)))
    canvas = Pillow.new(pixels.mode, size)
    resized = pixels.resize(inner, Pillow.Resampling.LANCZOS)
    canvas.paste(resized, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return canvas


def _shrink(pixels: Pixels, steps: list[str], max_edge: int | None) -> tuple[Pixels, list[str]]:
    small = shrunk(pixels, max_edge)
    return small, steps if small is pixels else [*steps, f"shrunk to {small.width} x {small.height}"]


def shrunk(pixels: Pixels, max_edge: int | None) -> Pixels:
    """The picture with a longest side of ``max_edge``, where it is longer."""
    if max_edge is None or max(pixels.size) <= max_edge:
        return pixels
    from PIL import Image as Pillow

    return pixels.resize(_shrunk(pixels.size, max_edge), Pillow.Resampling.LANCZOS)


def _shrunk(size: Size, max_edge: int | None) -> Size:
    if max_edge is None or max(size) <= max_edge:
        return size
    scale = max_edge / max(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def _encode(pixels: Pixels, steps: list[str], accepts: tuple[str, ...], path: str) -> Rendered:
    target = io.BytesIO()
    if "image/png" in accepts:
        media_type, words = "image/png", "png"
        pixels.save(target, "PNG", compress_level=6)
    elif "image/jpeg" in accepts:
        media_type, words = "image/jpeg", "jpeg 95"
        pixels.save(target, "JPEG", quality=95, subsampling=0)
    else:
        wanted = ", ".join(accepts) or "no format"
        raise DataError(f"{path}: the model accepts {wanted}; mmrad-eval converts to PNG and JPEG only")
    return Rendered(media_type, target.getvalue(), "; ".join([*steps, f"{words} v{VERSION}"]), pixels.size)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - Path.open costs twice as much, and runs once for every image
            return file.read()
    except OSError as error:
        raise DataError(_unreadable(path, error)) from error


def _unreadable(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path}: there is no such image; --images says which folder the names of a dataset start from"
    return f"{path}: the image can't be read: {error.strerror or error}"


def _pillow_size(path: str) -> Size:
    try:
        with opened_image(decode_bytes.read_bytes(Path(path)), path) as opened:
            turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return opened.size[::-1] if turned else opened.size
    except PILLOW_FAULTS as error:
        raise DataError(f"{path}: the image can't be read: {error}") from error
