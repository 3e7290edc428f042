"""``--images-first``: every message shows its images before its words.

For models and servers that read them in this order anyway, so that a run says what was asked. It is another run than
the interleaved one, and the two are never ranked against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmrad_eval.core.contracts import Ask
from mmrad_eval.core.values import Image, Message, Reply
from mmrad_eval.tasks.prompting import Piece, parts

OPTION = "images first"
"""The name under which a run's identity holds it."""


def images_first(messages: Sequence[Message]) -> list[Message]:
    """The same conversation; in each message all images in their order, then all words in theirs."""
    return [Message(message.role, parts(_rearranged(message))) for message in messages]


def _rearranged(message: Message) -> list[Piece]:
    pictures: list[Piece] = [part for part in message.parts if isinstance(part, Image)]
    words: list[Piece] = [part.text for part in message.parts if not isinstance(part, Image)]
    return [*pictures, *words]


def asking_images_first(ask: Ask) -> Ask:
    """``ask`` with the images of each message before its words."""

    async def asked(messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
        return await ask(images_first(messages), extra=extra)

    return asked
