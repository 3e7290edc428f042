"""What a model from outside must offer, checked when it is loaded and quoted back where it is missing."""

from __future__ import annotations

import inspect

from mmrad_eval.core.contracts import Answerer, Client
from mmrad_eval.core.values import Card


def missing(model: object) -> str | None:
    """What ``model`` lacks to be a client or an answerer; None where nothing is missing."""
    name = type(model).__name__
    card = getattr(model, "card", None)
    if not isinstance(card, Card):
        seen = "has no attribute `card`" if card is None else f"has a `card` of type {type(card).__name__}"
        return f"{name} {seen}; it needs `card: mmrad_eval.Card`"
    if hasattr(model, "generate"):
        return _arguments(name, "generate", model.generate, ("sent",))
    if hasattr(model, "answer"):
        return _arguments(name, "answer", model.answer, ("study", "shown", "donor"))
    return f"{name} has neither `generate(sent)` (a client) nor `answer(study, shown, donor)` (an answerer)"


def is_client(model: object) -> bool:
    """Whether it answers requests."""
    return hasattr(model, "generate")


def typed(model: object) -> Client | Answerer:
    """The same object under its contract's name; call ``missing`` first."""
    return model  # type: ignore[return-value]  # `missing` has checked what a type checker can't see


def _arguments(owner: str, method: str, function: object, names: tuple[str, ...]) -> str | None:
    wanted = f"{method}({', '.join(names)})"
    if not callable(function):
        return f"{owner}.{method} is not callable; it needs `{wanted}`"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None  # a builtin that hides its arguments
    try:
        signature.bind(*names)
    except TypeError as error:
        return f"{owner}.{method}{signature} can't be called as `{wanted}`: {error}"
    return None
