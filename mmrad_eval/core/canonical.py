"""Canonical JSON and digests: equal questions have equal bytes, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from mmrad_eval.core.values import Image, Message, Request, Text, keyed

_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces."""
    return _ENCODER.encode(value)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def request_value(request: Request, images: Mapping[Image, tuple[str, str]]) -> dict[str, Any]:
    """The request as plain JSON data, with (digest, how it was made) in the place of each image's pixels.

    Holds all that was asked and nothing that can't matter: no path, address, key or time-out.
    """
    value: dict[str, Any] = {
        "provider": request.provider,
        "model": request.model,
        "revision": request.revision,
        "messages": [_message(message, images) for message in request.messages],
        "decoding": keyed(request.decoding),
        "sample": request.sample,
    }
    if request.extra:
        value["extra"] = {name: msgspec.json.decode(raw) for name, raw in request.extra.items()}
    return value


def request_key(value: Mapping[str, Any]) -> str:
    """The key of a request value: 64 hexadecimal digits."""
    return digest(value)


def _message(message: Message, images: Mapping[Image, tuple[str, str]]) -> dict[str, Any]:
    return {"role": message.role, "parts": [_part(part, images) for part in message.parts]}


def _part(part: Text | Image, images: Mapping[Image, tuple[str, str]]) -> dict[str, str]:
    if isinstance(part, Text):
        return {"text": part.text, **({"signature": part.signature} if part.signature else {})}
    sha256, how = images[part]
    return {"image": sha256, "how": how}
