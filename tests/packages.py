"""Installed packages for tests: a folder with modules and the metadata that an installer would leave beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def installed(folder: Path, name: str, points: Mapping[str, Mapping[str, str]], **modules: str) -> Path:
    """A folder for PYTHONPATH that holds the package ``name``: ``points`` are names by entry-point group."""
    place = folder / f"{name}-place"
    info = place / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: Summary of {name}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in names.items())
        for group, names in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    for module, text in modules.items():
        (place / f"{module}.py").write_text(text)
    return place
