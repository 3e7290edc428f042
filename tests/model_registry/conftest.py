"""Requests for the tests of clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.contracts import Sent
from mmrad_eval.core.values import Decoding, Image, Message, Request, Text


@pytest.fixture
def sent_of() -> Callable[..., Sent]:
    """Makes what a client gets: messages as (role, part, part, ...) with strings and (media type, bytes) pairs."""

    def make(
        *messages: tuple[Any, ...],
        decoding: Decoding | None = None,
        extra: Mapping[str, Any] | None = None,
        provider: str = "openai",
        model: str = "some-model",
    ) -> Sent:
        images: dict[Image, tuple[str, bytes]] = {}
        made = []
        for role, *parts in messages:
            content: list[Text | Image] = []
            for part in parts:
                if isinstance(part, str):
                    content.append(Text(part))
                else:
                    image = Image(path=f"/images/{len(images)}")
                    images[image] = part
                    content.append(image)
            made.append(Message(role, tuple(content)))
        raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in (extra or {}).items()}
        chosen = decoding or Decoding(max_tokens=100)
        return Sent(Request(provider, model, tuple(made), chosen, extra=raw), images, "key")

    return make
