"""Does a server keep the order in which words and images were sent?

vLLM joins the words of a message and puts all image placeholders before them where the chat template's content format
is ``string`` (vllm/entrypoints/chat_utils.py; ``--interleave-mm-strings`` prevents it), and a template that loops over
the parts may put images first by itself. Nothing in a reply tells. So the server is asked twice for the tokens of the
same seven parts, woven and with the images first: equal tokens mean that the order is lost.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from mmrad_eval.core.values import Image, Message, Text

Order = Literal["kept", "lost"]

_WORDS = ("alpha", "bravo", "charlie", "delta")
_SIDE = 56  # pixels: two of the largest patches in use; all three images have one size, so only their places differ

Tokens = Callable[[list[dict[str, Any]]], Awaitable[list[int] | None]]
"""The tokens of a conversation, None where the server can't say."""


@dataclass(frozen=True)
class ImageOrder:
    """What a server does with the order of words and images."""

    order: Order | None
    """None: the server does not tell."""
    woven: str | None = None
    """Digest of the tokens of the woven parts; None where the server does not tell them."""


async def find_order(tokens: Tokens) -> ImageOrder:
    """Ask for the tokens of both arrangements."""
    woven, first = await tokens(_asked(_woven())), await tokens(_asked(_images_first()))
    if woven is None or first is None:
        return ImageOrder(None)
    kept: Order = "lost" if woven == first else "kept"
    return ImageOrder(kept, hashlib.sha256(repr(woven).encode()).hexdigest()[:12])


def depends_on_order(messages: Sequence[Message]) -> bool:
    """Whether some message shows a region image and has words between two of its images."""
    return any(_interleaved(message) for message in messages)


def _interleaved(message: Message) -> bool:
    if not any(isinstance(part, Image) and part.role == "region" for part in message.parts):
        return False
    places = [number for number, part in enumerate(message.parts) if isinstance(part, Image)]
    between = message.parts[places[0] : places[-1]]
    return any(isinstance(part, Text) and part.text.strip() for part in between)


def _asked(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": parts}]


def _woven() -> list[dict[str, Any]]:
    first, *others = ({"type": "text", "text": word} for word in _WORDS)
    return [first, *(part for text in others for part in (_picture(), text))]


def _images_first() -> list[dict[str, Any]]:
    return sorted(_woven(), key=lambda part: part["type"] == "text")


@cache
def _picture() -> dict[str, Any]:
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.new("RGB", (_SIDE, _SIDE), (128, 128, 128)).save(buffer, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}
