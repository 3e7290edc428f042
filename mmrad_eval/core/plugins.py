"""The one way in for models, providers, tasks, metrics and readers: a registered name, a file, or an object.

``load`` finds what was named, makes an instance of a class or factory, checks the instance against its contract and
gives it the defaults of the optional members that it lacks. What does not fit is refused in one line.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.core import members
from mmrad_eval.core.errors import Interrupted, MissingError, MmradError, PluginError, UsageError, one_line
from mmrad_eval.core.plugin_files import FileSpec, attribute, file_spec, load_file, name_of, own
from mmrad_eval.core.registry import BUILTIN

if TYPE_CHECKING:
    from mmrad_eval.core.registry import Registry

_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Kind:
    """One kind of plugin."""

    name: str
    """What messages call it: ``model``, ``provider``, ``task``, ``metric``, ``dataset``."""
    contracts: Sequence[type]
    """The protocols of which an instance must fit one."""
    hint: str = ""
    """The shortest way to make one, for messages."""
    adapted: Callable[[object], object] = lambda value: value
    """Turns a plain function into an instance, for kinds whose plugin may be one."""
    checked: Callable[[Any], str | None] = lambda value: None  # noqa: ARG005 (for kinds with more to check)
    """What else is wrong with an instance that has all members; None where nothing is."""


@dataclass(frozen=True)
class Plugin:
    """A plugin that fits its contract, and where it came from."""

    value: Any
    name: str
    """A registered name, ``/path/to/file.py:Name``, or the name of an object's class or function."""
    origin: str
    """The distribution that registered it, ``file``, or ``object``."""
    rest: str = ""
    """What followed the name: the path of ``read.py:read:PATH``, the size of ``models.py:Model:7b``."""
    found: object = field(default=None, repr=False)
    """What was named, before it was called."""
    path: Path | None = None
    """The file of a plugin that was named by its file."""


def load(
    kind: Kind,
    spec: object,
    registry: Registry | None = None,
    *,
    arguments: Sequence[object] = (),
    offered: Sequence[object] = (),
) -> Plugin:
    """Find, make and check one plugin.

    ``spec`` is a name of ``registry``, ``path/to/file.py:Name``, or an object. A class or factory is called with
    ``arguments``, and with as many of ``offered`` as it needs. UnknownNameError for a name that nobody registers,
    DataError for a file that is not there, PluginError in one line for everything that does not fit.
    """
    file = file_spec(spec)
    if file is not None:
        module, found = load_file(file.path), named(kind, file)
        label, origin = f"{file.path.absolute()}:{file.name or name_of(module, found)}", "file"
        arguments = (*arguments, *([file.rest] if file.rest and kind.name != "dataset" else ()))
    elif isinstance(spec, str):
        if registry is None:
            raise UsageError(f"no {kind.name} is called {spec!r}")
        entry = registry.entry(spec)
        found, origin = entry.load(), entry.origin
        label = spec if origin == BUILTIN else f"{spec} ({origin}, {entry.target})"
    else:
        found, label, origin = spec, _name_of(spec), "object"
    value = checked(kind, _made(kind, found, label, tuple(arguments), tuple(offered)), label)
    return Plugin(value, label, origin, file.rest if file else "", found, file.path.absolute() if file else None)


def checked(kind: Kind, value: object, label: str) -> Any:
    """The instance with the defaults of its contract; PluginError where it does not fit."""
    problem, contract = _misfit(kind, value)
    if problem is None:
        value = members.complete(value, contract)
        problem = call(f"checking {kind.name} {label}", kind.checked, value)
    if problem is not None:
        hint = f"; {kind.hint}" if kind.hint else ""
        raise PluginError(f"{kind.name} {label} is not valid: {problem}{hint}")
    return value


def call(what: str, function: Callable[..., Any], *arguments: object) -> Any:
    """Call code of a plugin; PluginError in one line for whatever it raises that is no error of ours."""
    try:
        return function(*arguments)
    except (MmradError, Interrupted, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(f"{what} failed: {one_line(error)}") from error


def name_problem(name: str, forbidden: str = "") -> str | None:
    """Why a name can't stand in tables, files and commands; None where it can."""
    if not name or name != name.strip() or not name.isprintable():
        return f"the name {name!r} must be visible characters without blanks around them"
    wrong = [mark for mark in forbidden if mark in name]
    return f"the name {name!r} must not contain {wrong[0]!r}" if wrong else None


def holds(kind: Kind, file: FileSpec) -> bool:
    """Whether the attribute that was named, or anything in the file where none was, is a plugin of this kind."""
    if file.name:
        return _suits(kind, named(kind, file))
    return any(_suits(kind, value) for value in own(load_file(file.path)).values())


def named(kind: Kind, file: FileSpec) -> object:
    """The attribute that was named, or the one plugin of this kind that the file holds."""
    module = load_file(file.path)
    if file.name:
        return call(f"reading {file.name} of {file.path}", attribute, module, file)
    fitting = {name: value for name, value in own(module).items() if _suits(kind, value)}
    distinct = {id(value): name for name, value in fitting.items()}
    if len(distinct) == 1:
        return next(iter(fitting.values()))
    if fitting:
        raise UsageError(f"{file.path} contains several {kind.name}s ({', '.join(fitting)}): name {file.path}:NAME")
    defined = ", ".join(own(module)) or "nothing"
    raise UsageError(f"{file.path} contains no {kind.name}; it defines {defined}. Name it as in {file.path}:NAME")


def _suits(kind: Kind, value: object) -> bool:
    """Whether a value, or instances of a class, have what some contract of the kind requires."""
    if inspect.isclass(value):
        return any(
            members.methods(contract) and all(hasattr(value, name) for name in members.names(contract))
            for contract in kind.contracts
        )
    if inspect.isroutine(value) or _misfit(kind, value)[0] is not None:
        return False
    return bool(kind.contracts[0] is not object or kind.checked(value) is None)


def _made(kind: Kind, found: object, label: str, arguments: tuple[object, ...], offered: tuple[object, ...]) -> object:
    """An instance: a class or factory is called, whatever fits already stays as it is."""
    if inspect.isclass(found):
        return _called(kind, found, label, arguments, offered)
    value = kind.adapted(found)
    if _misfit(kind, value)[0] is None:
        if arguments:
            raise UsageError(f"{kind.name} {label} takes nothing after its name, but {arguments[-1]!r} was given")
        return value
    if inspect.isroutine(value) or isinstance(value, functools.partial):
        return _called(kind, value, label, arguments, offered)
    return value  # what it lacks is said by whoever checks it


def _called(kind: Kind, factory: Any, label: str, arguments: tuple[object, ...], offered: tuple[object, ...]) -> object:
    hint = f"; {kind.hint}" if kind.hint and not inspect.isclass(factory) else ""
    if inspect.iscoroutinefunction(factory):
        raise PluginError(f"{kind.name} {label} is not valid: it is a coroutine function, not a {kind.name}{hint}")
    given = (*arguments, *offered[: max(0, _needed(factory) - len(arguments))])
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        signature = None  # a builtin that hides its parameters
    if signature is not None:
        try:
            signature.bind(*given)
        except TypeError as error:
            words = f"({', '.join(map(_short, given))})"
            raise PluginError(
                f"{kind.name} {label} can't be created: it is called as {words}, which {_name_of(factory)}{signature} "
                f"does not accept: {error}{hint}"
            ) from error
    try:
        return factory(*given)
    except MissingError as error:
        raise MissingError(error.what, error.remedy, f"{kind.name} {label}") from error
    except (MmradError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(f"{kind.name} {label} could not be created: {one_line(error)}") from error


def _short(value: object) -> str:
    return repr(value) if isinstance(value, str) else type(value).__name__.lower()


def _needed(factory: Any) -> int:
    """How many positional arguments must be given."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return 0
    return sum(p.default is p.empty and p.kind in _PLACED for p in parameters)


def _misfit(kind: Kind, value: object) -> tuple[str | None, type]:
    """Why ``value`` is no plugin of this kind, and the contract that it was held against."""
    first = kind.contracts[0]
    if inspect.isclass(value):
        return f"{value.__name__} is a class that was not called", first
    if value is None:
        return "it is None", first
    owner = type(members.original(value)).__name__
    try:
        named = [c for c in kind.contracts if any(hasattr(value, name) for name in members.method_names(c))]
        if len(kind.contracts) > 1 and not named:
            ways = " nor ".join(f"`{members.methods(contract)[0]}`" for contract in kind.contracts)
            return f"{owner} has neither {ways}", first
        contract = (named or [first])[0]
        problem = members.misfit(value, contract)
    except MmradError:
        raise
    except Exception as error:  # noqa: BLE001 (a property of the plugin's own)
        return f"{owner} fails when its members are read: {one_line(error)}", first
    return (f"{owner}: {problem}" if problem else None), contract


def _name_of(value: object) -> str:
    """What messages call an object: its own name where it has one that can be shown, or that of its class."""
    if inspect.isroutine(value) or inspect.isclass(value):
        return str(getattr(value, "__qualname__", value))
    named = inspect.getattr_static(value, "__name__" if inspect.ismodule(value) else "name", None)
    shown = isinstance(named, str) and name_problem(named) is None
    return str(named) if shown else type(members.original(value)).__qualname__
