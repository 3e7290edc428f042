"""What stands for the code of a plugin in run ids and signatures: a digest of its file, or of an object's source.

- A plugin of a file: the file's bytes, the name in it and what follows the name. Modules that it imports don't count.
- A function or class: its source text, and in the same way what it uses of its own module: functions, classes, plain
  values. Where there is no source text (``python -c``), the compiled code.
- An instance: its class, and its attributes as far as they are plain values, functions, or instances of the same kind.

What holds anything else (an open connection, a loaded network) can't be told from another one like it.
"""

from __future__ import annotations

import dataclasses
import dis
import functools
import hashlib
import inspect
import pickle
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import msgspec

from mmrad_eval.core.errors import UsageError

if TYPE_CHECKING:
    from mmrad_eval.core.plugins import Plugin

DIGITS = 12
"""Hexadecimal digits of a digest."""
_PLAIN = (str, bytes, int, float, complex, bool, type(None), type(Ellipsis), PurePath)


class _UnknownSourceError(Exception):
    """Something that has no digest; the message says what and where."""


def source_of(plugin: Plugin) -> str:
    """The digest that stands for the code of a plugin of a file or an object; empty for an installed package's.

    UsageError where an object can't be told from another one.
    """
    if plugin.path is not None:
        return _short(plugin.path.read_bytes(), plugin.name.rpartition(":")[2], plugin.rest)
    if plugin.origin != "object":
        return ""
    try:
        return _short(repr(_Walk().describe(plugin.found, "it")))
    except _UnknownSourceError as error:
        raise UsageError(
            f"{plugin.name} can't be identified, so its results could be mistaken for another's: {error}; "
            "put it in a file and name path/to/file.py:NAME, or give a model's card a revision"
        ) from None


def _short(*parts: str | bytes) -> str:
    whole = b"\0".join(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass") for part in parts)
    return hashlib.sha256(whole).hexdigest()[:DIGITS]


class _Walk:
    """One object and what it uses, each thing once, as nested tuples of plain values."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._kept: list[object] = []  # what is let go of gives its id to another

    def describe(self, value: Any, where: str) -> object:
        """``value`` as plain data; ``where`` is its place, for the message that says it can't be done."""
        if isinstance(value, _PLAIN):
            return (type(value).__name__, str(value) if isinstance(value, PurePath) else value)
        if id(value) in self._seen:
            return ("again", self._seen[id(value)])
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        code = isinstance(value, ModuleType) or inspect.isroutine(value) or inspect.isclass(value)
        return self._code(value, where) if code else self._instance(value, where)

    def _code(self, value: Any, where: str) -> object:
        if isinstance(value, ModuleType):
            return ("module", value.__name__)
        if _elsewhere(value):
            return ("from", value.__module__, value.__qualname__, _version(value))
        if isinstance(value, MethodType):
            return ("method", self.describe(value.__func__, where), self.describe(value.__self__, where))
        if isinstance(value, FunctionType):
            return (value.__qualname__, _text(value) or _compiled(value.__code__), self._used(value, where))
        if inspect.isclass(value):
            return self._class(value, where)
        return self._instance(value, where)

    def _used(self, function: FunctionType, where: str) -> object:
        """What a function has closed over, its defaults, and what it uses of its own module."""
        inner = [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
        given = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        module = function.__globals__
        names = sorted(name for name in _names(function.__code__) if name in module)
        return (
            tuple(self.describe(one, f"{where}, in {function.__name__}") for one in (*inner, *given)),
            tuple((name, self.describe(module[name], f"`{name}`")) for name in names),
        )

    def _class(self, owner: type, where: str) -> object:
        bases = tuple(self.describe(base, where) for base in owner.__bases__)
        functions = [one for one in map(_plain_function, vars(owner).values()) if one is not None]
        text = _class_text(owner)
        if text is not None:
            return (owner.__qualname__, text, bases, tuple(self._used(function, where) for function in functions))
        members = tuple(
            (name, self.describe(member, f"{where}, {name}"))
            for name, member in sorted(vars(owner).items())
            if isinstance(member, _PLAIN) and not name.startswith("__")
        )
        return (owner.__qualname__, members, bases, tuple(self.describe(function, where) for function in functions))

    def _instance(self, value: Any, where: str) -> object:
        kind = type(value)
        if isinstance(value, functools.partial):
            return ("partial", *(self.describe(p, where) for p in (value.func, value.args, value.keywords)))
        if isinstance(value, Mapping | AbstractSet | Sequence) and _elsewhere(kind):
            return self._collection(value, where)
        if isinstance(value, msgspec.Raw):
            return ("raw", bytes(value))
        if hasattr(value, "tobytes") and hasattr(value, "dtype"):
            return ("array", str(value.dtype), value.shape, value.tobytes())
        fields = _fields(value)
        if fields is not None and (_ours(kind) or not _elsewhere(kind)):
            own = tuple((name, self.describe(one, f"{where}.{name}")) for name, one in sorted(fields.items()))
            return (self.describe(kind, where), own)
        if _standard(kind.__module__):
            return ("pickled", _pickled(value, where))
        raise _UnknownSourceError(f"{where} is a {kind.__module__}.{kind.__qualname__}")

    def _collection(self, value: Mapping[Any, Any] | AbstractSet[Any] | Sequence[Any], where: str) -> object:
        if isinstance(value, Mapping):
            pairs = ((self.describe(k, where), self.describe(v, f"{where}[{k!r}]")) for k, v in value.items())
            return ("mapping", *pairs)
        if isinstance(value, AbstractSet):
            return ("set", *sorted(repr(self.describe(one, where)) for one in value))
        return (type(value).__name__, *(self.describe(one, where) for one in value))


def _fields(value: Any) -> Mapping[str, object] | None:
    """The attributes of an instance, without what is only remembered; None where it has none that can be listed."""
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return getattr(value, "__dict__", None)


def _pickled(value: object, where: str) -> bytes:
    """Patterns, dates, loggers: what the standard library can write."""
    try:
        return pickle.dumps(value, protocol=4)
    except Exception:  # noqa: BLE001 (whatever a class raises that can't be pickled)
        kind = type(value)
        raise _UnknownSourceError(f"{where} is a {kind.__module__}.{kind.__qualname__}") from None


def _elsewhere(value: Any) -> bool:
    """Whether a function or class is no code of the user's: ours, the standard library's, or an installed package's."""
    module = str(getattr(value, "__module__", None) or "builtins")
    return _ours(value) or _standard(module) or _installed(module)


def _ours(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] == "mmrad_eval"


def _standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names and module != "__main__"


def _installed(module: str) -> bool:
    """Whether a module came with a package; never what a user defines under a program of one, as in a notebook."""
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return module != "__main__" and ("site-packages" in file or "dist-packages" in file)


def _version(value: Any) -> str:
    top = sys.modules.get(str(value.__module__ or "").partition(".")[0])
    return "" if _ours(value) else str(getattr(top, "__version__", ""))


def _plain_function(member: object) -> FunctionType | None:
    """The function of a method, static method, class method or property."""
    inner = getattr(member, "__func__", getattr(member, "fget", member))
    return inner if isinstance(inner, FunctionType) else None


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 (asked for the error alone)
    except ValueError:
        return False
    return True


def _text(value: Any) -> str | None:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError, SyntaxError):
        return None


def _class_text(owner: type) -> str | None:
    """The text of a class; None too where what stands at its line of its module's file is another thing's.

    From Python 3.13 on a class says its line and no file, so that one which was made by ``exec`` finds strange lines.
    """
    text = _text(owner)
    return text if text is not None and f"class {owner.__name__}" in text else None


def _compiled(code: CodeType) -> object:
    constants = (_compiled(c) if isinstance(c, CodeType) else _constant(c) for c in code.co_consts)
    return (code.co_code.hex(), code.co_names, *constants)


def _constant(value: object) -> str:
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)


def _names(code: CodeType) -> set[str]:
    """The names that a function looks up in its module."""
    own = {str(one.argval) for one in dis.get_instructions(code) if one.opname in {"LOAD_GLOBAL", "LOAD_NAME"}}
    return own.union(*(_names(one) for one in code.co_consts if isinstance(one, CodeType)))
