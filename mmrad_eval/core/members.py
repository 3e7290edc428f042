"""What a contract asks of an object: required members, optional ones with their defaults, and the check of both.

A contract is a protocol. Its abstract methods and ``required`` values must be there; every other member is optional and
has its default in the contract, so that nobody needs to ask whether a plugin has it.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, cast

__all__ = [
    "Completed",
    "complete",
    "default",
    "method_names",
    "methods",
    "misfit",
    "names",
    "original",
    "replaced",
    "required",
    "returns",
    "seen",
    "words",
]

if TYPE_CHECKING:
    from builtins import property as default
    from builtins import property as required
else:

    class required:  # noqa: N801 (a decorator)
        """A value that an object must have: an attribute of its class, of the instance, or a property."""

        def __init__(self, get: Callable[[Any], Any]) -> None:
            self.get = get
            self.__doc__ = get.__doc__

        def __get__(self, instance: object, owner: type) -> Any:
            raise AttributeError(self.get.__name__)

    class default(required):  # noqa: N801 (a decorator)
        """A value that an object may have; the decorated function returns what holds where it has none."""

        def __get__(self, instance: object, owner: type) -> Any:
            if instance is None:
                raise AttributeError(self.get.__name__)
            return self.get(instance)


class Completed:
    """A plugin that has the defaults of its contract in place of the optional members that it lacks."""

    def __init__(self, own: object, contract: type, **replaced: object) -> None:
        """``replaced`` stands in place of the plugin's own members."""
        vars(self).update(replaced)
        self._own, self._contract = own, contract

    def __getattr__(self, name: str) -> Any:
        if hasattr(self._own, name) or name not in _optional(self._contract):
            return getattr(self._own, name)
        return _optional(self._contract)[name].__get__(self, type(self))

    def __call__(self, *arguments: object, **named: object) -> Any:
        """As the plugin does, where it can be called."""
        return cast("Callable[..., Any]", self._own)(*arguments, **named)

    def __repr__(self) -> str:
        return repr(self._own)


def replaced(value: object, **own: object) -> Any:
    """``value`` with other members in place of its own; all else stays."""
    return Completed(value, object, **own)


def complete(value: object, contract: type) -> Any:
    """``value`` with every optional member of ``contract``: itself where it has them all already."""
    return value if all(hasattr(value, name) for name in _optional(contract)) else Completed(value, contract)


def original(value: object) -> object:
    """What was completed, or ``value`` itself."""
    return original(value._own) if isinstance(value, Completed) else value  # noqa: SLF001 (this module's own class)


def misfit(value: object, contract: type) -> str | None:
    """What of ``contract`` is missing from ``value`` or has another form; None where it fits."""
    missing = lacks(value, contract)
    if missing:
        return f"it has no {', '.join(f'`{member}`' for member in missing)}"
    for name, member in _members(contract).items():
        if hasattr(value, name):
            own = (
                value if name == "__call__" else getattr(value, name)
            )  # a function's own says nothing of its parameters
            wrong = _wrong(name, own, member)
            if wrong:
                return wrong
    return None


def lacks(value: object, contract: type) -> list[str]:
    """The required members that ``value`` does not have, as they would be written."""
    return [_spelled(name, _members(contract)[name]) for name in names(contract) if not hasattr(value, name)]


def names(contract: type) -> list[str]:
    """The names of all required members."""
    return [name for name in _members(contract) if name not in _optional(contract)]


def method_names(contract: type) -> list[str]:
    """The names of the required methods."""
    return [name for name in names(contract) if inspect.isfunction(_members(contract)[name])]


def methods(contract: type) -> list[str]:
    """The required methods, as they would be written."""
    return [_spelled(name, _members(contract)[name]) for name in method_names(contract)]


@functools.cache
def returns(contract: type) -> Mapping[str, Any]:
    """The types that a contract's plain methods return, by name, without those of what is awaited or is a plugin."""
    hints = {
        name: _returned(member)
        for name, member in _members(contract).items()
        if inspect.isfunction(member) and not inspect.iscoroutinefunction(member) and name != "__call__"
    }
    return {
        name: hint
        for name, hint in hints.items()
        if "Awaitable" not in str(hint) and not getattr(hint, "_is_protocol", False)
    }


@functools.cache
def _members(contract: type) -> Mapping[str, Any]:
    """The public members of a contract and of those that it extends, in their order."""
    found: dict[str, Any] = {}
    for owner in reversed(contract.__mro__):
        if owner in {object, typing.Protocol, typing.Generic}:
            continue
        for name, member in vars(owner).items():
            public = not name.startswith("_") or name == "__call__"
            if public and (inspect.isfunction(member) or isinstance(member, required)):
                found[name] = member
    return found


@functools.cache
def _optional(contract: type) -> Mapping[str, Any]:
    abstract: frozenset[str] = getattr(contract, "__abstractmethods__", frozenset())
    return {
        name: member
        for name, member in _members(contract).items()
        if (isinstance(member, default) if isinstance(member, required) else name not in abstract)
    }


def _spelled(name: str, member: Any) -> str:
    if isinstance(member, required):
        return name
    names = [p.name for p in _parameters(member)]
    called = f"({', '.join(names)})"
    word = "async def " if inspect.iscoroutinefunction(member) else ""
    return f"{word}{name}{called}"


def _parameters(member: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(member).parameters.values())[1:]


def _wrong(name: str, value: object, member: Any) -> str | None:
    hint = _returned(member)
    if isinstance(member, required):
        return None if fits(value, hint) else f"its `{name}` must be {words(hint)}, not {seen(value)}"
    if not callable(value):
        return f"its `{name}` must be a method `{_spelled(name, member)}`, not {seen(value)}"
    return wrong_call(name, value, member, either="Awaitable" in str(hint))


def _returned(member: Any) -> Any:
    return typing.get_type_hints(vars(member).get("get", member)).get("return", Any)


def wrong_call(
    name: str, function: Callable[..., Any], member: Callable[..., Any], *, either: bool = False
) -> str | None:
    """Why ``function`` can't be called as ``member`` is; ``either``: whether it may be a coroutine or not."""
    wanted = _spelled(name, member)
    called = getattr(function, "__call__", function)  # noqa: B004 (an object whose call is a coroutine)
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
    if not either and is_async != inspect.iscoroutinefunction(member):
        return f"its `{name}` is {'a coroutine' if is_async else 'no coroutine'}; write `{_defined(wanted)}`"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None  # a builtin that hides its parameters
    parameters = _parameters(member)
    by_place = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    by_name = {p.name: None for p in parameters if p.kind is p.KEYWORD_ONLY}
    try:
        signature.bind(*by_place, **by_name)
    except TypeError as error:
        return f"its `{name}{signature}` can't be called as `{wanted}`: {error}"
    return None


def _defined(wanted: str) -> str:
    return wanted if wanted.startswith("async def ") else f"def {wanted}"


def fits(value: object, hint: Any) -> bool:
    """Whether ``value`` is of the type that an annotation names: classes, unions, literals and collections of them."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in {typing.Union, types.UnionType}:
        return any(fits(value, one) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return isinstance(value, origin) and not isinstance(value, str | bytes) and _each(value, arguments[-1])
    if hint in {int, float}:
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


def _each(values: Any, hint: Any) -> bool:
    return all(fits(value, hint) for value in (values.values() if isinstance(values, Mapping) else values))


def words(hint: Any) -> str:
    """An annotation as a reader says it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(words(one) for one in arguments)
    if origin is typing.Literal:
        return " or ".join(map(repr, arguments))
    if isinstance(origin, type):
        what = "set" if issubclass(origin, AbstractSet) else "mapping" if issubclass(origin, Mapping) else "sequence"
        return f"a {what} of {words(arguments[-1])}"
    return "None" if hint is type(None) else str(getattr(hint, "__name__", hint))


def seen(value: object) -> str:
    """A value as messages show it: the beginning of it, and its type."""
    words = repr(value).split("\n", 1)[0]
    return f"{words[:60]} ({type(value).__name__})"
