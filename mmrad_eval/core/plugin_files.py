"""Plugins in Python files: ``path/to/file.py:Name:rest``, the module of a file, and what it defines."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import DataError, MmradError, PluginError, one_line

if TYPE_CHECKING:
    from types import ModuleType

_FILE = re.compile(r"(?P<path>.+?\.py)(?::(?P<name>[^:]*)(?::(?P<rest>.*))?)?", re.DOTALL)


@dataclass(frozen=True)
class FileSpec:
    """``path/to/file.py:Name:rest``."""

    path: Path
    name: str
    rest: str


def file_spec(spec: object) -> FileSpec | None:
    """The parts of ``path/to/file.py:Name:rest``; None for what names no Python file."""
    match = _FILE.fullmatch(spec) if isinstance(spec, str) else None
    if match is None:
        return None
    return FileSpec(Path(match["path"]).expanduser(), match["name"] or "", match["rest"] or "")


def load_file(path: Path) -> ModuleType:
    """The module of a Python file; the same one while the file stays as it is."""
    import hashlib
    import importlib.util

    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "no such file"
        raise DataError(f"{path}: {what}; a plugin in a file is named path/to/file.py:Name")
    path = path.absolute()
    digest = hashlib.sha256(str(path).encode() + b"\0" + _bytes(path)).hexdigest()
    name = f"mmrad_eval_plugin_{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    described = importlib.util.spec_from_file_location(name, path)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    sys.modules[name] = module  # dataclasses and pickling look their module up
    try:
        described.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[name]
        line = f":{error.lineno}" if error.lineno else ""
        raise PluginError(f"{path}{line} is not Python: {error.msg}") from error
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        words = str(error) if isinstance(error, MmradError) else f"fails when it is imported: {one_line(error)}"
        raise PluginError(f"{path}{_line(error, path)} {words}{_neighbor(error, path)}") from error
    return module


def _neighbor(error: BaseException, path: Path) -> str:
    """What to do about a module that lies beside the file that imports it."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name is None or not any(path.with_name(beside).exists() for beside in (name, f"{name}.py")):
        return ""
    return "; it lies beside the file, and a plugin in a file imports installed packages only: make a package of both"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the file can't be read: {error.strerror or error}") from error


def _line(error: BaseException, path: Path) -> str:
    """``:12`` for the last line of ``path`` on the way to an error."""
    line, at = "", error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == str(path):
            line = f":{at.tb_lineno}"
        at = at.tb_next
    return line


def attribute(module: ModuleType, file: FileSpec) -> object:
    """What a file calls by that name; PluginError with the nearest name where it has none."""
    import difflib

    value: object = module
    for part in file.name.split("."):
        if not hasattr(value, part):
            names = list(own(module))
            near = difflib.get_close_matches(file.name, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise PluginError(f"{file.path} has no {file.name!r}; {hint}it defines {', '.join(names) or 'nothing'}")
        value = getattr(value, part)
    return value


def own(module: ModuleType) -> dict[str, object]:
    """What a file defines itself, by name: no modules, and nothing that it only imports."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and (
            getattr(value, "__module__", None) == module.__name__
            if inspect.isroutine(value) or inspect.isclass(value)
            else True
        )
    }


def name_of(module: ModuleType, value: object) -> str:
    """The name under which a file has a value."""
    return next(name for name, other in vars(module).items() if other is value)
