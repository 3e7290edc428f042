"""Which packages import which: one direction, no circle, and one meaning for each public class name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mmrad_eval"
LAYERS: Sequence[Sequence[str]] = (
    ("core",),
    ("traces",),
    ("datasets",),
    ("model_registry", "metrics"),
    ("tasks",),
    ("results",),
    ("reader_studies", "training"),
    ("harness",),
    ("construction",),
    ("cli",),
)
RESULTS: Sequence[Sequence[str]] = (
    ("statistics", "run"),
    ("tables",),
    ("scoring", "leaderboard", "figures"),
    ("comparison", "validation", "faithfulness", "view"),
    ("paper",),
)
"""The same order inside ``results``."""
_TARGET = re.compile(r"mmrad_eval(?:\.\w+)+(?::\w+)?")


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def module_of(name: str) -> str:
    """The module that a dotted name lies in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def named(path: Path, *, strings: bool = True) -> Iterator[str]:
    """The modules of ours that a file imports, or names in a string such as ``"package.module:Name"``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (module_of(f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (module_of(alias.name) for alias in node.names)
        elif strings and isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _TARGET.fullmatch(node.value):
                yield module_of(node.value.partition(":")[0])
        elif strings and isinstance(node, ast.JoinedStr):
            parts = [
                part.value
                if isinstance(part, ast.Constant)
                else values.get(part.value.id, "")
                if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name)
                else ""
                for part in node.values
            ]
            if match := _TARGET.match("".join(map(str, parts))):
                yield module_of(match[0].partition(":")[0])


def arrows(depth: int, within: str = "mmrad_eval") -> Iterator[tuple[Path, str, str]]:
    """(file, package, package that it names), for packages at this depth below the root."""
    for name, path in MODULES.items():
        if not f"{name}.".startswith(f"{within}."):
            continue
        for other in named(path):
            if not f"{other}.".startswith(f"{within}."):
                continue
            here, there = name.split("."), other.split(".")
            if len(here) > depth and len(there) > depth and here[depth] != there[depth]:
                yield path, here[depth], there[depth]


@pytest.mark.parametrize(
    ("layers", "depth", "within"),
    [(LAYERS, 1, "mmrad_eval"), (RESULTS, 2, "mmrad_eval.results")],
    ids=["package", "results"],
)
def test_a_package_names_only_those_before_it(layers: Sequence[Sequence[str]], depth: int, within: str) -> None:
    height = {name: number for number, names in enumerate(layers) for name in names}
    folder = ROOT.joinpath(*within.split("."))
    assert {path.name for path in folder.iterdir() if (path / "__init__.py").exists()} == set(height)

    upward = {
        f"{path.relative_to(ROOT)} names {there}"
        for path, here, there in arrows(depth, within)
        if here in height and there in height and height[there] >= height[here]
    }

    assert not upward


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: {o for o in named(path, strings=False) if o and o != name} for name, path in MODULES.items()}

    assert not list(circles(graph))


def circles(graph: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Paths that come back to where they began: one for each that a depth-first walk meets."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> Iterator[list[str]]:
        if name in path:
            yield [*path[path.index(name) :], name]
        elif name not in done:
            for other in graph[name]:
                yield from walk(other, [*path, name])
            done.add(name)

    for name in graph:
        yield from walk(name, [])


def test_results_has_at_most_twelve_neighbours() -> None:
    inside = [p for p in (PACKAGE / "results").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()]

    assert len(inside) <= 12


def test_no_public_class_name_means_two_things() -> None:
    places = defaultdict(list)
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)

    assert not {name: found for name, found in places.items() if len(found) > 1}
