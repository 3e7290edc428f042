"""Draws messages and help texts at random, to be read as a stranger would: ``python scripts/draw_texts.py --seed 1``.

Messages are the texts of errors that are raised, of problems of data and of what commands print; a value that is filled
in stands as ``{…}``. Help texts are those of every command and option. ``--all`` prints all of them, by file.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from mmrad_eval.cli.main import app

PACKAGE = Path(__file__).parent.parent / "mmrad_eval"
SAID = ("say", "error", "warning", "warn", "note", "page", "Failed", "Unfit", "LeftOut", "Problem", "Lacking", "Note")
SHORTEST = 12


def messages() -> Iterator[tuple[str, str]]:
    """(file:line, text) of every message."""
    for path in sorted(PACKAGE.rglob("*.py")):
        seen: set[int] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if not (name.endswith(("Error", "Problem")) or name in SAID):
                continue
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                text = written(argument)
                if text is not None and len(text) >= SHORTEST and " " in text and argument.lineno not in seen:
                    seen.add(argument.lineno)
                    yield f"{path.relative_to(PACKAGE)}:{argument.lineno}", text


def written(node: ast.expr) -> str | None:
    """The text of a literal; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = written(node.left), written(node.right)
        return None if left is None and right is None else f"{left or '{…}'}{right or '{…}'}"
    return None


def helps() -> Iterator[tuple[str, str]]:
    """(command and option, text) of every help text."""
    yield from _helps(app, "mmrad-eval")


def _helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    if command.help:
        yield name, " ".join(command.help.split())
    for param in command.params:
        if isinstance(param, click.Option) and param.help:
            yield f"{name} {param.opts[0]}", param.help
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _helps(found, f"{name} {child}")


def main() -> None:
    """Print a draw, or everything."""
    parser = argparse.ArgumentParser(description="Draws messages and help texts.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=150)
    parser.add_argument("--all", action="store_true")
    said = parser.parse_args()
    texts = [*messages(), *helps()]
    unique = list({text: (place, text) for place, text in reversed(texts)}.values())[::-1]
    draw = random.Random(said.seed)  # noqa: S311 (no secret depends on it)
    chosen = unique if said.all else draw.sample(unique, min(said.n, len(unique)))
    for place, text in chosen:
        sys.stdout.write(f"{place}\t{text}\n")


if __name__ == "__main__":
    main()
