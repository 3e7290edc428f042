"""Modules of a pinned wheel, run as they are for the rules that they hold, without what they need for anything else."""

from __future__ import annotations

import builtins
import logging
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

from mmrad_eval.metrics.judged.wheels import Wheel

_ALLOWED = frozenset(
    (
        *("__future__", "collections", "concurrent", "csv", "dataclasses", "datetime", "functools", "hashlib"),
        *("importlib", "itertools", "json", "logging", "pathlib", "re", "shutil", "sys", "tempfile", "time", "typing"),
    )
)
"""Packages of the standard library that the modules may import."""
_ROOM = "_mmrad_eval_wheel"


class WheelCode:
    """Modules of one package of a wheel, by their own names.

    ``stand_ins`` are given for modules that are not run: clients, progress bars. The environment is hidden from the
    modules, since it would change their numbers and is in no signature.
    """

    def __init__(self, wheel: Wheel, package: str, stand_ins: Mapping[str, object]) -> None:
        self._wheel, self._package = wheel, package
        self._stand_ins = {"os": SimpleNamespace(environ={}, path=None), **stand_ins}
        self._modules: dict[str, Any] = {}
        quiet = logging.getLogger(_ROOM)  # what they log is about studies
        quiet.propagate = False
        if not quiet.handlers:
            quiet.addHandler(logging.NullHandler())

    def module(self, name: str) -> Any:
        """One module; a package has those of its modules that were imported, and nothing of its own."""
        if name in self._stand_ins:
            return self._stand_ins[name]
        if name not in self._modules:
            self._modules[name] = self._run(name)
        return self._modules[name]

    def _run(self, name: str) -> ModuleType:
        made = ModuleType(f"{_ROOM}.{name}")
        path = f"{name.replace('.', '/')}.py"
        if path not in self._wheel.names:
            return made
        made.__file__ = path
        vars(made)["__builtins__"] = vars(builtins) | {"__import__": self._import}
        sys.modules[made.__name__] = made  # dataclasses look there for the module of a class
        try:
            code = compile(self._wheel.text(path), f"{self._wheel.pin.file}/{path}", "exec", dont_inherit=True)
            exec(code, vars(made))  # noqa: S102 (code of a wheel whose digest is pinned, which the user fetched)
        finally:
            del sys.modules[made.__name__]
        return made

    def _import(
        self,
        name: str,
        globals_: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """``import`` as the modules see it."""
        top = name.partition(".")[0]
        if name in self._stand_ins or top == self._package:
            found = self.module(name)
            for one in fromlist or ():
                inner = f"{name}.{one}"
                if not hasattr(found, one) and self._known(inner):
                    setattr(found, one, self.module(inner))
            return found if fromlist else self.module(top)
        if top not in _ALLOWED:
            raise ImportError(f"{self._wheel.pin.file} imports {name}, which is not available here")
        return builtins.__import__(name, globals_, locals_, fromlist or (), level)

    def _known(self, name: str) -> bool:
        path = name.replace(".", "/")
        return name in self._stand_ins or bool({f"{path}.py", f"{path}/__init__.py"} & self._wheel.names)
