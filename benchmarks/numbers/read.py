"""Every number that a results folder and printed tables hold, by a name that both sides of a comparison share."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet

RENAMED = {"identity": "deciding", "pending": "open"}
"""Names of fields, keys and columns that changed: the newer name -> the older one. A name that is not here and differs
is told as missing on one side."""
SPECIFICATION = ("columns", "schema", "version", "created", "footnotes", "notes")
"""Keys of printed tables and pages that hold no results."""

Leaf = float | str | tuple[float, ...]
"""A number, a word, or the values of one column of scores.parquet, study by study."""
Leaves = dict[str, Leaf]


def read(folder: Path) -> dict[str, Leaves]:
    """What was found in each file or run below ``folder``."""
    found: dict[str, Leaves] = {}
    for summary in sorted(folder.rglob("summary.json")):
        run = summary.parent
        name = "/".join(run.relative_to(folder).parts[:-1])
        while name in found:
            name += "+"
        found[name] = run_leaves(run)
    for file in sorted((*folder.rglob("*.json"), *folder.rglob("*.csv"))):
        if file.parent.joinpath("summary.json").exists() or "material" in file.parts or "replies" in file.parts:
            continue
        leaves = json_leaves(file) if file.suffix == ".json" else csv_leaves(file)
        found[str(file.relative_to(folder))] = leaves
    return found


def run_leaves(run: Path) -> Leaves:
    """Id, summary, each answer's status and text, each study's statistics and values."""
    leaves: Leaves = {"run id": run.name}
    leaves |= flat(json.loads((run / "summary.json").read_text()), "summary")
    for line in (run / "answers.jsonl").read_text().splitlines():
        answer = json.loads(line)
        study = answer["study"]
        leaves[f"answer {study} status"] = old(str(answer.get("status")))
        text = json.dumps(answer.get("report"), sort_keys=True)
        leaves[f"answer {study} report"] = hashlib.sha256(text.encode()).hexdigest()[:12]
    if (run / "scores.parquet").exists():
        table = pyarrow.parquet.read_table(run / "scores.parquet").to_pydict()
        for column, values in table.items():
            if not any(isinstance(value, str) for value in values):
                leaves[f"studies: {old(column)}"] = tuple(math.nan if v is None else v for v in values)
    return leaves


def json_leaves(file: Path) -> Leaves:
    """Numbers of a table that a command printed, or of any other JSON."""
    content = json.loads(file.read_text())
    if isinstance(content, list) and content and isinstance(content[0], dict) and "rows" in content[0]:
        leaves: Leaves = {}
        for table in content:
            for row, cells in named([row["cells"] for row in table["rows"]]):
                leaves |= flat(cells, f"{table['name']} | {row}")
        return leaves
    return flat(content, "")


def named(rows: list[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row of cells under its first three words, signatures without their versions, counted where they repeat."""
    seen: Counter[str] = Counter()
    for cells in rows:
        words = [cell["value"] for cell in cells.values() if isinstance(cell.get("value"), str) and cell["value"]]
        name = ", ".join(old(word.partition("|")[0]) for word in words[:3])
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} #{seen[name]}"), cells


def csv_leaves(file: Path) -> Leaves:
    """Numbers of a csv, by the first cells of a row that are words, and the header."""
    with file.open(newline="") as opened:
        header, *content = list(csv.reader(opened)) or [[]]
    leaves: Leaves = {}
    cells = [{key: {"value": value} for key, value in zip(header, row, strict=False)} for row in content]
    for cell in (cell for row in cells for cell in row.values()):
        cell["value"] = number(cell["value"])
    for row, found in named(cells):
        leaves |= flat(found, row)
    return leaves


def number(text: Any) -> Any:
    """A float where the text is one."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def flat(value: Any, name: str) -> Leaves:
    """Numbers below a JSON value by the path to them."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return {}
    if isinstance(value, int | float):
        return {name: float(value)}
    parts = value.items() if isinstance(value, dict) else numbered(value)
    leaves: Leaves = {}
    for key, part in parts:
        if key not in SPECIFICATION or name == "summary":
            leaves |= flat(part, f"{name} / {old(str(key))}" if name else old(str(key)))
    return leaves


def numbered(values: list[Any]) -> Iterator[tuple[str, Any]]:
    """Each item of a list under what it calls itself, or its place."""
    for place, value in enumerate(values):
        keys = ("key", "name", "label", "arm", "column")
        own = next((value[k] for k in keys if isinstance(value.get(k), str)), "") if isinstance(value, dict) else ""
        yield (f"{place} {own}" if own else str(place)), value


def old(name: str) -> str:
    """The older name of a field, key or column."""
    return RENAMED.get(name, name)


def size(leaf: Leaf | None) -> int:
    """How many values a leaf holds."""
    return len(leaf) if isinstance(leaf, tuple) else 1


def same(one: Leaf | None, other: Leaf | None) -> bool:
    """Whether two leaves are one; two undefined numbers are."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return one == other or (len(one) == len(other) and all(map(same, one, other)))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return one == other
