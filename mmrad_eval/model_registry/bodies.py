"""Reading what endpoints send: JSON that is not quite JSON, bodies that are kept, pieces of unknown shape."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from mmrad_eval.core.errors import TransportError
from mmrad_eval.model_registry.echoes import Echo
from mmrad_eval.model_registry.secrets import Secret, scrub_body

MOST_TOKENS = 10**12
"""Of one reply; what a server states beyond it is no count."""


def read_json(body: bytes, *secrets: Secret | None) -> tuple[Any, msgspec.Raw]:
    """Decode a body, free of ``secrets``; returns its value, and the body as one line of JSON for the journal.

    Text with lone surrogates or invalid UTF-8, as some servers write it, gets replacement marks. TransportError (worth
    another try) where it is not JSON at all.
    """
    near = [secret.echo for secret in secrets if secret is not None and secret.echo.may_be_in(body)]
    try:
        value = msgspec.json.decode(body)
        line = msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value = _mended(json.loads(body.decode("utf-8-sig", "replace")))
        except (ValueError, RecursionError):
            raise TransportError("the reply is not JSON", retry=True) from None
        line = msgspec.json.encode(value)
    if near:
        clean = _without(value, near)
        if clean != value:
            value, line = clean, msgspec.json.encode(clean)
    return value, msgspec.Raw(line)


def read_error(body: bytes, *secrets: Secret | None) -> tuple[Any, msgspec.Raw]:
    """Decode an error body, without keys and without pixels that it may echo; its text where it is not JSON."""
    try:
        return read_json(scrub_body(body), *secrets)
    except TransportError:
        text = scrub_body(body, *secrets).decode("utf-8", "replace")[:2000]
        return text, msgspec.Raw(msgspec.json.encode(text))


def field(value: object, *names: str) -> Any:
    """Walk down nested objects; None where a step is missing or is no object."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text_of(value: object) -> str:
    """The string, or the empty string for anything else."""
    return value if isinstance(value, str) else ""


def count_of(value: object) -> int | None:
    """A token count; None where it is no whole number that a count can be."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None


def _without(value: Any, echoes: Sequence[Echo]) -> Any:
    """The value without the echoes in any of its strings, names of fields included."""
    if isinstance(value, str):
        for echo in echoes:
            value = echo.hidden(value)
        return value
    if isinstance(value, list):
        return [_without(item, echoes) for item in value]
    if isinstance(value, dict):
        return {_without(key, echoes): _without(item, echoes) for key, item in value.items()}
    return value


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value


def arguments(value: Any) -> str:
    """The arguments of a call as the text of JSON that they are in some formats already."""
    return value if isinstance(value, str) else msgspec.json.encode({} if value is None else value).decode()
