"""Several pictures as labelled panels of one canvas, for models that take one image a request.

Panels stand in rows, as many in a row as make the grid nearest to a square, each shrunk (never enlarged) into a cell of
768 pixels, on black, with a white letter above it and a thin white frame around it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

CELL = 768
STRIP = 40
"""Height of the strip that holds a panel's letter."""
GAP = 12


def label(number: int) -> str:
    """What panel ``number``, counted from 0, is called: A to Z, then A1 and so on."""
    turn, letter = divmod(number, 26)
    return chr(ord("A") + letter) + (str(turn) if turn else "")


def compose(panels: Sequence[Pixels]) -> Pixels:
    """The canvas; grey where all panels are."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    fitted = [_fitted(panel) for panel in panels]
    columns = math.ceil(math.sqrt(len(fitted)))
    rows = [fitted[i : i + columns] for i in range(0, len(fitted), columns)]
    widths = [max(row[c].width for row in rows if c < len(row)) for c in range(columns)]
    heights = [max(panel.height for panel in row) for row in rows]
    size = sum(widths) + GAP * (columns + 1), sum(heights) + (STRIP + GAP) * len(rows) + GAP
    mode = "L" if all(panel.mode == "L" for panel in fitted) else "RGB"
    canvas = Pillow.new(mode, size)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=STRIP - 8)
    white = 255 if mode == "L" else (255, 255, 255)
    top = GAP
    for r, row in enumerate(rows):
        left = GAP
        for c, panel in enumerate(row):
            pen.text((left, top), label(r * columns + c), fill=white, font=font)
            corner = left, top + STRIP
            canvas.paste(panel.convert(mode), corner)
            pen.rectangle((left - 1, corner[1] - 1, left + panel.width, corner[1] + panel.height), outline=white)
            left += widths[c] + GAP
        top += heights[r] + STRIP + GAP
    return canvas


def _fitted(panel: Pixels) -> Pixels:
    from PIL import Image as Pillow

    scale = min(1.0, CELL / max(panel.size))
    if scale == 1.0:
        return panel
    size = max(1, round(panel.width * scale)), max(1, round(panel.height * scale))
    return panel.resize(size, Pillow.Resampling.LANCZOS)
