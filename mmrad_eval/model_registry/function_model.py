"""A model that was made of a function by ``@model``."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

from mmrad_eval.core import members, plugins
from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import PluginError
from mmrad_eval.core.values import Card, Reply

Generate: TypeAlias = Callable[[PreparedRequest], "str | Reply | Awaitable[str | Reply]"]


@dataclass(frozen=True)
class FunctionModel(Client):
    """One function, and what is said about it."""

    card: Card
    function: Generate
    endpoints: Sequence[str] | None

    async def generate(self, sent: PreparedRequest) -> Reply:
        """The function's text or reply; TypeError where it returns anything else, which is never a score."""
        made: Any
        if inspect.iscoroutinefunction(self.function):
            made = self.function(sent)
        else:
            made = await asyncio.to_thread(plugins.call, "the model", self.function, sent)
        made = await made if inspect.isawaitable(made) else made
        if not isinstance(made, str | Reply):
            raise TypeError(f"model {self.card.label} returned {type(made).__name__}, not a string or mmrad_eval.Reply")
        return Reply(text=made) if isinstance(made, str) else made


@overload
def model(function: Generate, /) -> FunctionModel: ...
@overload
def model(
    name: str | None = None,
    /,
    *,
    card: Card | None = None,
    revision: str | None = None,
    endpoints: Sequence[str] | None = None,
) -> Callable[[Generate], FunctionModel]: ...
def model(
    name: str | Generate | None = None,
    /,
    *,
    card: Card | None = None,
    revision: str | None = None,
    endpoints: Sequence[str] | None = None,
) -> FunctionModel | Callable[[Generate], FunctionModel]:
    """Make a model of a function of a ``PreparedRequest`` that returns a text or a ``Reply``; it may be a coroutine.

    ``name`` is what tables call it, by default the function's own; ``card`` states more. Without a ``revision`` the
    source of the function stands for it, so that a function that was edited is asked again. ``endpoints`` are the
    addresses that it sends to: ``()`` for none; where they are unknown, only open data is given to it.
    """

    def made(function: Generate) -> FunctionModel:
        _check(function)
        called = name if isinstance(name, str) else str(getattr(function, "__name__", type(function).__name__))
        stated = card or Card(provider="function", id=called, revision=revision, name=called)
        return FunctionModel(stated, function, endpoints)

    return made(name) if callable(name) else made


def _check(function: Any) -> None:
    if not callable(function):
        raise PluginError(f"@model needs a function, not {type(function).__name__}")
    wrong = members.wrong_call("generate", function, Client.generate, either=True)
    if wrong:
        raise PluginError(f"model {getattr(function, '__name__', function)} is not valid: {wrong}")
