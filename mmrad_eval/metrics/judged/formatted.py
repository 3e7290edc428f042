"""Formatted strings in the source of a checkout, read without running any of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError


@dataclass(frozen=True)
class Formatted:
    """An f-string: texts, and names of what stands between them."""

    pieces: tuple[str, ...]
    slots: tuple[bool, ...]
    """Which of the pieces are names."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(piece for piece, slot in zip(self.pieces, self.slots, strict=True) if slot))

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with a value for each name."""
        return "".join(values[piece] if slot else piece for piece, slot in zip(self.pieces, self.slots, strict=True))


def parsed(path: Path) -> ast.Module:
    """The source as a tree; DataError where it is no Python."""
    try:
        return ast.parse(decode.utf8(path.read_bytes(), str(path)))
    except SyntaxError as error:
        raise DataError(f"{path}, line {error.lineno}: is not valid Python ({error.msg})") from error


def function(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """A function of the module."""
    return next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name), None)


def longest(node: ast.AST) -> Formatted:
    """The longest f-string below a node; an empty one where there is none, or where it formats more than names."""
    found = [_read(one) for one in ast.walk(node) if isinstance(one, ast.JoinedStr)]
    return max(found, key=lambda one: sum(map(len, one.pieces)), default=Formatted((), ()))


def _read(node: ast.JoinedStr) -> Formatted:
    pieces: list[str] = []
    slots: list[bool] = []
    for part in node.values:
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        slots.append(isinstance(part, ast.FormattedValue))
        pieces.append(inner.id if isinstance(inner, ast.Name) else str(getattr(inner, "value", "")))
    return Formatted(tuple(pieces), tuple(slots))
