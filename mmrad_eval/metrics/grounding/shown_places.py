"""Where the picture of a step truly comes from, and how many pixels it has."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Example, Image, Step
from mmrad_eval.metrics.grounding.boxes import canonical
from mmrad_eval.traces import geometry, matching, rendering
from mmrad_eval.traces.geometry import Size

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels


def film_of(example: Example) -> Pixels | None:
    """The pixels of the study's first current image; None where it has none, or it can't be read."""
    current = next((image for image in example.study.images if image.role == "current"), None)
    return opened(current) if current else None


def opened(image: Image) -> Pixels | None:
    """The pixels as a model is shown them; None for a file that is gone or broken, which is counted."""
    from PIL import Image as Pillow

    try:
        data = rendering.load(image, ("image/png", "image/jpeg")).data
    except DataError:
        return None
    found = Pillow.open(io.BytesIO(data))
    found.load()
    return found


def shown_place(step: Step, film: Pixels | None, size: Size | None) -> Box | None:
    """The place that a step looks at, in the canonical frame; None where it looks at none.

    A picture that the model made is searched in the film; one that shows no part of it shows no place, whatever the box
    beside it. Of any other picture, and of a step without one, the stated box counts.
    """
    stated = None if step.box is None else canonical(step.box, size)
    if step.image is None or step.image.source != "model":
        return stated
    drawn = opened(step.image)
    if drawn is None or film is None:
        return None
    match = matching.locate(drawn, film, _in_pixels(step, film.size))
    return canonical(match.box, film.size) if match.found else None


def pixels_of(image: Image) -> float | None:
    """Pixels that a model is shown, or makes, with a region image; None where no size is known."""
    if image.render == "file" or image.box is None:
        return None if image.size is None else float(image.size[0] * image.size[1])
    if image.size is None:
        return None
    try:
        x1, y1, x2, y2 = geometry.convert(image.box, "original", image.size).xyxy
    except DataError:
        return None
    width, height = rendering.crop_size((max(1, round(x2 - x1)), max(1, round(y2 - y1))))[1]
    return float(width * height)


def _in_pixels(step: Step, size: Size) -> Box | None:
    try:
        return None if step.box is None else geometry.convert(step.box, "original", size)
    except DataError:
        return None
