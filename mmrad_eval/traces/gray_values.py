"""Gray pixels before they are made 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels


@dataclass(frozen=True)
class GrayValues:
    """The values of a picture, and which of them are black and white in what models see."""

    pixels: Pixels
    """Upright, of Pillow's mode F."""
    window: tuple[float, float]
    """The values that become 0 and 255."""
    whole: bool = True
    """No value has a fraction."""
    inverted: bool = False
    """A larger value is darker."""
