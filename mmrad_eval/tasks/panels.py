"""One image in the place of many: what a conversation becomes for a model that takes fewer than it holds.

All pictures of a request become labelled panels of one canvas, which stands before the first user's words; where a
picture stood, the words point at its panel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmrad_eval.core.contracts import Ask
from mmrad_eval.core.values import Image, Message, Reply
from mmrad_eval.tasks.prompting import Piece, parts
from mmrad_eval.traces.montage import label


def montaged(messages: Sequence[Message], most: int) -> list[Message]:
    """The conversation with at most ``most`` images (at least one): as it is, or with a montage."""
    pictures = [part for message in messages for part in message.parts if isinstance(part, Image)]
    if len(pictures) <= most:
        return list(messages)
    panels = list(dict.fromkeys(pictures))  # a picture that is shown twice is one panel
    first = panels[0]
    canvas = Image(path=first.path, name=first.name, view=first.view, render="montage", parts=tuple(panels))
    names = {picture: f"[panel {label(i)}]" for i, picture in enumerate(panels)}
    opening: list[Piece] = [
        f"All pictures stand on one canvas, as panels with the letters A to {label(len(panels) - 1)}: ",
        canvas,
        "\n\n",
    ]
    result = []
    for message in messages:
        pieces: list[Piece] = [names[part] if isinstance(part, Image) else part.text for part in message.parts]
        if message.role == "user" and opening:
            pieces, opening = [*opening, *pieces], []
        result.append(Message(message.role, parts(pieces)))
    return result


def asking_in_panels(ask: Ask, most: int) -> Ask:
    """``ask`` for a model that takes ``most`` images a request."""

    async def asked(messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
        return await ask(montaged(messages, most), extra=extra)

    return asked
