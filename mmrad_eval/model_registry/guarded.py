"""Models from outside: what they are made of, raise and return is checked, so that each fault is one line."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec

from mmrad_eval.core import guarding, plugins
from mmrad_eval.core.contracts import Answerer, Client, PreparedRequest, is_client
from mmrad_eval.core.errors import MmradError, ModelError, PluginError, one_line
from mmrad_eval.core.values import Card, Reply

BUILTIN_PROVIDERS = frozenset({"baseline", "file"})
"""Providers whose runs tables treat in their own way."""


def unlike_a_model(model: Client | Answerer) -> str | None:
    """What members of the right type can't say: a card whose fields are of other types, or that names nobody."""
    card = model.card
    try:
        msgspec.convert(msgspec.to_builtins(card), Card)
    except (msgspec.ValidationError, TypeError) as error:
        return f"its card is not a valid Card: {error}"
    problem = plugins.name_problem(card.provider, ":") or plugins.name_problem(card.id)
    return f"its card: {problem}" if problem else None


def guarded(model: Client | Answerer, **own: object) -> Client | Answerer:
    """The model with its methods checked; ``own`` stands in place of its members."""
    label = f"model {model.card.label}"
    if model.card.provider in BUILTIN_PROVIDERS:
        raise PluginError(f"{label}: the provider {model.card.provider!r} of its card is built in; choose another name")
    if not is_client(model):
        return cast(
            "Answerer", guarding.guarded(model, Answerer, label, raising=("answer", "trace"), own=own)
        )  # what it raises is the trouble of one study

    async def generate(sent: PreparedRequest) -> Reply:
        return _valid(await _awaited(model.generate, sent))

    async def prepare() -> None:
        try:
            await model.prepare()
        except MmradError:
            raise
        except (Exception, SystemExit) as error:
            raise ModelError(f"{label}: prepare failed: {one_line(error)}") from error

    async def close() -> None:
        made = plugins.call(f"{label}: close", model.close)
        if inspect.isawaitable(made):
            await made

    own |= {"generate": generate, "prepare": prepare, "close": close}
    return cast("Client", guarding.guarded(model, Client, label, own=own))


async def _awaited(generate: Callable[[PreparedRequest], Awaitable[Reply] | Reply], sent: PreparedRequest) -> object:
    """What it returns; a plain ``def`` runs in a thread without holding up the others."""
    made: Any
    if inspect.iscoroutinefunction(generate):
        made = generate(sent)
    else:
        made = await asyncio.to_thread(plugins.call, "the model", generate, sent)
    return await guarding.uncancelled(made, "generate") if inspect.isawaitable(made) else made


def _valid(reply: object) -> Reply:
    """The reply; TypeError for what is none, which fails the study and is never a score."""
    if not isinstance(reply, Reply):
        raise TypeError(f"generate returned {type(reply).__name__}, not mmrad_eval.Reply")
    try:
        return msgspec.json.decode(msgspec.json.encode(reply), type=Reply)
    except (msgspec.MsgspecError, TypeError, UnicodeError) as error:
        raise TypeError(f"generate returned an invalid Reply: {error}") from error
