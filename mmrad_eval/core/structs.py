"""How the project's records behave: frozen, compared by their fields, digested by those that count."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec


class Value(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A frozen record; equal fields make equal values and equal JSON."""


def keyed(value: Value) -> dict[str, Any]:
    """The fields that a digest is made of: those of ``KEYED``, and of the others those that differ from their default.

    So a field that a later version adds changes no digest of what does not use it. Types without ``KEYED`` keep all.
    """
    made: dict[str, Any] = {}
    for name, always, default in _fields(type(value)):
        held = getattr(value, name)
        if always or held != default:
            made[name] = keyed(held) if hasattr(held, "KEYED") else held
    return made


@cache
def _fields(kind: type[Value]) -> tuple[tuple[str, bool, Any], ...]:
    """Name, whether it is always part of a digest, and default of each field."""
    always = getattr(kind, "KEYED", None)
    fields = msgspec.structs.fields(kind)
    return tuple((field.name, always is None or field.name in always, _default(field)) for field in fields)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
