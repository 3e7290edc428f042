"""How many tokens a prompt can take at most, learnt from those that a server counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Image, Request, Text
from mmrad_eval.model_registry.raw_prompts import is_raw, prompt_of
from mmrad_eval.traces import headers

_WORDS_AROUND = 32  # tokens that a chat template may put around a message; those of known families put 5 to 20
_MARGIN = 1.5  # an image may take so many times the tokens of the dearest one seen before the server is asked


@dataclass
class TokenGauge:
    """An upper estimate of prompt tokens, from the dearest image seen so far."""

    an_image: float = 0.0
    """Tokens of the dearest image."""
    pixels: float = 1.0
    """Pixels of the largest image seen."""

    def most(self, request: Request, images: Mapping[Any, tuple[str, bytes]]) -> float | None:
        """Tokens that the prompt can't exceed, a byte to a token; None where no image was seen yet."""
        if is_raw(request):
            return float(len(prompt_of(request).encode()) + _WORDS_AROUND)
        tokens = 0.0
        for message in request.messages:
            tokens += _WORDS_AROUND
            for part in message.parts:
                tokens += len(part.text.encode()) if isinstance(part, Text) else 0
        pixels = [_pixels(images[image]) for image in _images(request)]
        if pixels and not self.an_image:
            return None
        return tokens + sum(self.an_image * _MARGIN * max(1.0, one / self.pixels) for one in pixels)

    def saw(self, tokens: int, request: Request, images: Mapping[Any, tuple[str, bytes]]) -> None:
        """Learn from a prompt whose tokens are known."""
        pixels = [_pixels(images[image]) for image in _images(request)]
        if pixels:
            self.an_image = max(self.an_image, tokens / len(pixels))
            self.pixels = max(self.pixels, *pixels)


def _images(request: Request) -> list[Image]:
    return [part for message in request.messages for part in message.parts if isinstance(part, Image)]


def _pixels(image: tuple[str, bytes]) -> float:
    try:
        size = headers.read(image[1], "an image").size
    except DataError:
        size = None  # the server will say what is wrong with it
    return float(size[0] * size[1]) if size else 1.0
