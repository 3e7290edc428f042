"""Plugins whose methods return what their contract says: anything else is a PluginError in one line."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from mmrad_eval.core import members, plugins
from mmrad_eval.core.errors import PluginError

T = TypeVar("T")


def guarded(
    value: object, contract: type, who: str, *, raising: Collection[str] = (), own: Mapping[str, object] | None = None
) -> Any:
    """``value`` with its plain methods checked: PluginError for what they return in another form, and what they raise.

    ``who`` is what messages call it. What the methods named in ``raising`` raise comes through as it is: the caller
    takes it for the trouble of one study. ``own`` stands in place of the plugin's members, as it is.
    """
    wrapped = {
        name: _checked(f"{name} of {who}", getattr(value, name), hint, raises=name in raising)
        for name, hint in members.returns(contract).items()
    }
    return members.replaced(value, **(wrapped | dict(own or {})))


def valid(made: object, hint: Any, what: str) -> Any:
    """What a call returned; PluginError where it is of another type than ``hint``."""
    if members.fits(made, hint):
        return made
    raise PluginError(f"{what} returned {members.seen(made)}, not {members.words(hint)}")


async def uncancelled(awaited: Awaitable[T], what: str) -> T:
    """What a plugin's coroutine returns; one that cancels itself fails alone, and does not cancel the run."""
    task = asyncio.current_task()
    try:
        return await awaited
    except asyncio.CancelledError:
        if task is not None and task.cancelling():
            raise
        raise RuntimeError(f"{what} canceled itself") from None


def _checked(what: str, function: Callable[..., Any], hint: Any, *, raises: bool) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: object, **named: object) -> Any:
        bound = functools.partial(function, *arguments, **named)
        made = bound() if raises else plugins.call(what, bound)
        if inspect.iscoroutine(made):
            made.close()
        return valid(made, hint, what)

    return call
