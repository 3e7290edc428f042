"""Pictures of an export: drawn once in the size in which a trainer's model will see them, so that nothing resizes them.

The film is drawn in a frame of ``traces.geometry``: ``multiples_28:3136-589824`` is a picture both of whose sides are
multiples of 28, of at most 768 x 768 pixels in all; ``pad_square_512`` a padded square. Box numbers in that frame are
pixels of the file.
"""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from typing import TYPE_CHECKING

from mmrad_eval.core.values import Frame, Image
from mmrad_eval.traces import geometry, rendering
from mmrad_eval.training.conversation import ExportPicture

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

FOLDER = "images"


@lru_cache(maxsize=32)  # one study's pictures, for trainers that share a frame
def drawn(image: Image, frame: Frame) -> tuple[ExportPicture, bytes]:
    """A picture as it will be exported, and its file; equal files have one name. DataError as in ``rendering``."""
    pixels = framed(_pixels(image), frame)
    target = io.BytesIO()
    pixels.save(target, "PNG", compress_level=4)
    data = target.getvalue()
    return ExportPicture(f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:32]}.png", pixels.size), data


@lru_cache(maxsize=12)  # the pictures of one study, which are drawn in several frames
def _pixels(image: Image) -> Pixels:
    return rendering.pixels_of(image)[0]


def framed(pixels: Pixels, frame: Frame) -> Pixels:
    """The picture as ``frame`` has it: resized (Lanczos), and padded with black where the frame is a padded square."""
    from PIL import Image as Pillow

    size = geometry.frame_size(frame, pixels.size)
    inner = geometry.full_frame(pixels.size, frame).xyxy
    left, top = round(inner[0]), round(inner[1])
    scaled = (max(1, round(inner[2] - inner[0])), max(1, round(inner[3] - inner[1])))
    resized = pixels if scaled == pixels.size else pixels.resize(scaled, Pillow.Resampling.LANCZOS)
    if scaled == size:
        return resized
    canvas = Pillow.new(pixels.mode, size)
    canvas.paste(resized, (left, top))
    return canvas
