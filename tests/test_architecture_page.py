"""docs/architecture.md names packages, files and functions that exist, in the order that the imports keep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_layers import LAYERS, RESULTS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLES = [
    [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()]
    for table in re.findall(r"\| package \| what it holds \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
]
FILES = sorted(set(re.findall(r"`((?:mmrad_eval/)?[a-z_]+/[a-z_/]*(?:\.py)?)`", PAGE)) - {"results/replies/"})
FUNCTIONS = re.findall(r"`(?:\w+\.)?(_?\w+)` (?:in |\()`(\w+(?:/\w+)+\.py)`", PAGE)


def test_it_lists_every_package_once_in_the_order_of_the_layers() -> None:
    outer, inner = TABLES
    place = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    listed = [name for row in outer for name in row]

    assert sorted(listed) == sorted(place)
    assert [place[name] for name in listed] == sorted(place.values())
    assert [set(row) for row in inner] == [set(layer) for layer in RESULTS]


@pytest.mark.parametrize("path", FILES)
def test_a_path_that_it_names_exists(path: str) -> None:
    inside = ROOT / "mmrad_eval" / path.removeprefix("mmrad_eval/")
    folders = [inside, ROOT / path, *(ROOT / "mmrad_eval").glob(f"*/{path}")]

    assert any(folder.exists() for folder in folders), path


@pytest.mark.parametrize(("name", "path"), FUNCTIONS)
def test_a_function_that_it_names_is_in_the_file_beside_it(name: str, path: str) -> None:
    text = (ROOT / "mmrad_eval" / path).read_text(encoding="utf-8")

    assert re.search(rf"(?:def|class) {name}\b|^{name}\b", text, re.MULTILINE), f"{path} has no {name}"


def test_it_names_functions_and_files() -> None:
    assert len(FILES) > 10
    assert len(FUNCTIONS) > 6
