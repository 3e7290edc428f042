"""The registry: names of tasks, models, metrics and datasets, each loaded only when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import MmradError, PluginError, UnknownNameError, one_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILTIN = "mmrad-eval"


@dataclass(frozen=True)
class RegistryEntry:
    """One registered name."""

    name: str
    target: str
    """``module:attribute``."""
    summary: str
    """One line; a plugin's is its distribution's."""
    origin: str = BUILTIN
    """The distribution that registered it."""

    def load(self) -> object:
        """Import the module and return the attribute; PluginError where either is missing."""
        module, _, attribute = self.target.partition(":")
        try:
            value: object = importlib.import_module(module)
        except MmradError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self.name} ({self.origin}): importing {module} failed: {one_line(error)}") from error
        for part in attribute.split(".") if attribute else ():
            if not hasattr(value, part):
                raise PluginError(f"{self.name} ({self.origin}): {module} has no {attribute!r}")
            value = getattr(value, part)
        return value


@cache
def _points() -> tuple[EntryPoint, ...]:
    """What the installed packages register, under any group; kept once, since it opens a file of each of them."""
    from importlib.metadata import entry_points

    every = entry_points()
    return tuple(point for group in every.groups for point in every.select(group=group))


class Registry:
    """Names of one kind: the built-in ones, and those of installed packages under one entry-point group."""

    def __init__(self, kind: str, builtin: Mapping[str, tuple[str, str]], group: str = "") -> None:
        """``builtin`` maps a name to (``module:attribute``, summary); ``group`` is read when first needed."""
        self.kind = kind
        self.group = group or f"mmrad_eval.{kind}s"
        self._builtin = {name: RegistryEntry(name, target, summary) for name, (target, summary) in builtin.items()}
        self._plugins: dict[str, RegistryEntry] | None = None

    def __repr__(self) -> str:
        return f"<Registry({self.kind}, {len(self._builtin)} built in)>"

    def __iter__(self) -> Iterator[RegistryEntry]:
        return iter((self._builtin | self._installed()).values())

    def get(self, name: str) -> RegistryEntry | None:
        """The entry of that name, None where there is none. Built-in names never wait for plugins."""
        return self._builtin.get(name) or self._installed().get(name)

    def entry(self, name: str) -> RegistryEntry:
        """The entry of that name; UnknownNameError with near names."""
        found = self.get(name)
        if found is None:
            raise UnknownNameError(self.kind, name, ((e.name, e.origin) for e in self))
        return found

    def _installed(self) -> dict[str, RegistryEntry]:
        if self._plugins is None:
            plugins: dict[str, RegistryEntry] = {}
            for point in _points():
                if point.group != self.group:
                    continue
                origin = point.dist.name if point.dist else "unknown"
                summary = (point.dist.metadata["Summary"] if point.dist else "") or ""
                other = plugins.get(point.name) or self._builtin.get(point.name)
                if other:
                    raise PluginError(
                        f"{self.kind} {point.name!r} is registered by {other.origin} and by {origin}; uninstall one"
                    )
                plugins[point.name] = RegistryEntry(point.name, point.value, summary, origin)
            self._plugins = plugins
        return self._plugins
