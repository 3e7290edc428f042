"""A TOML file that holds the options of a command: each value as the command line takes it, or an error of one line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

_SCALARS = (str, int, float)  # bool is an int


def configured(ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    """Take the options of a TOML file as defaults; what the command line says wins."""
    if path is None:
        return None
    from mmrad_eval.core import decode
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.harness.experiment_keys import check_permissions

    data = decode.read_bytes(path, longest=decode.LONGEST_TOML)
    found: dict[str, Any] = decode.toml_value(data, str(path), dict[str, Any])
    known = _by_name(ctx.command)
    values = {}
    for written, value in found.items():
        param = known.get(written.replace("-", "_"))
        if param is None or not param.name:
            near = difflib.get_close_matches(written.replace("-", "_"), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{path}: there is no option {written!r}{hint}")
        values[param.name] = _value(f"{path}: {written}", value, param, ctx)
    options = {param.name: param.opts[0].lstrip("-").replace("-", "_") for param in known.values()}
    check_permissions(str(path), {options[name]: value for name, value in values.items()})
    ctx.default_map = values
    return path


def _by_name(command: click.Command) -> dict[str, click.Parameter]:
    """Option -> its parameter, under each of its spellings."""
    found = {}
    for param in command.params:
        if param.expose_value and param.name:
            names = (param.name, *(spelled.lstrip("-").replace("-", "_") for spelled in param.opts))
            found.update(dict.fromkeys(names, param))
    return found


def _value(place: str, value: object, param: click.Parameter, ctx: click.Context) -> object:
    """The value as click takes a default of this option; UsageError where it is of another kind."""
    from mmrad_eval.core.errors import UsageError

    if isinstance(param, click.Option) and param.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{place} is {_kind(value)}; write true or false")
        return value
    if not getattr(param, "multiple", False):
        return _one(place, value, param, ctx)
    if isinstance(value, Mapping):
        if "=" not in (param.metavar or ""):
            raise UsageError(f'{place} is a table; write a list, as in ["one", "two"]')
        value = [f"{name}={_one(f'{place}.{name}', one, param, ctx)}" for name, one in value.items()]
    parts = value if isinstance(value, list) else [value]
    return [_one(place, part, param, ctx) for part in parts]


def _one(place: str, value: object, param: click.Parameter, ctx: click.Context) -> str:
    """One value as the command line would have it."""
    from mmrad_eval.core.errors import UsageError

    if isinstance(value, bool) or not isinstance(value, _SCALARS):
        raise UsageError(f"{place} is {_kind(value)}; write one text or number")
    try:
        param.type.convert(str(value), param, ctx)
    except click.BadParameter as error:
        if isinstance(param.type, click.types.IntParamType | click.types.FloatParamType):
            raise UsageError(f"{place} is {value!r}; write {_number(param.type)}") from error
        raise UsageError(f"{place}: {error.message.rstrip('.')}") from error
    return str(value)


def _number(wanted: click.types.IntParamType | click.types.FloatParamType) -> str:
    """What an option takes, in words."""
    kind = "a whole number" if isinstance(wanted, click.types.IntParamType) else "a number"
    low, high = getattr(wanted, "min", None), getattr(wanted, "max", None)
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    return kind if low is None else f"{kind} of at least {low}"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Mapping):
        return "a table"
    return repr(value) if isinstance(value, _SCALARS) else "a date or time"
