"""Finds the parts of a MIMIC-CXR folder: lists, reports, images, wherever the user unpacked them.

PhysioNet gives two projects (physionet.org/content/mimic-cxr and physionet.org/content/mimic-cxr-jpg, versions 2.0.0
to 2.1.0): reports (zip or tree), record lists and DICOM files in the one; JPEG files, splits, metadata and labels in
the other. Files lie at ``files/p10/p10000032/s50414267.txt`` and ``files/p10/p10000032/s50414267/<dicom id>.jpg`` (or
``.dcm``). Many users keep one flat folder instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

DEPTH = 5
"""Folders between the one that was named and what is looked for: ``physionet.org/files/mimic-cxr-jpg/2.1.0/files``."""
PROBED = 200
"""Names looked at to tell what a folder holds."""

GROUP = re.compile(r"p1\d")
SUBJECT = re.compile(r"p1\d{7}")
STUDY = re.compile(r"s5\d{7}")
REPORT = re.compile(r"s5\d{7}\.txt")
DICOM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")
IMAGES = (".jpg", ".jpeg", ".png", ".dcm", ".dicom")

LISTS = {
    "split": re.compile(r"mimic-cxr-[\d.]+-split\.csv(?:\.gz|\.zip)?"),
    "metadata": re.compile(r"mimic-cxr-[\d.]+-metadata\.csv(?:\.gz|\.zip)?"),
    "chexpert": re.compile(r"mimic-cxr-[\d.]+-chexpert\.csv(?:\.gz|\.zip)?"),
    "negbio": re.compile(r"mimic-cxr-[\d.]+-negbio\.csv(?:\.gz|\.zip)?"),
    "records": re.compile(r"cxr-record-list\.csv(?:\.gz|\.zip)?"),
    "studies": re.compile(r"cxr-study-list\.csv(?:\.gz|\.zip)?"),
    "sectioned": re.compile(r"mimic[_-]cxr[_-]sectioned\.csv(?:\.gz|\.zip)?"),
    "archive": re.compile(r"mimic-cxr-reports\.zip"),
}


@dataclass(frozen=True)
class Tree:
    """A folder of reports or images: three levels deep, or flat."""

    root: Path
    flat: bool
    suffix: str = ".txt"
    """What its files end in."""


@dataclass(frozen=True)
class Layout:
    """The parts that were found."""

    root: Path
    lists: Mapping[str, Path]
    """Name of ``LISTS`` -> the file."""
    reports: Tree | None = None
    images: Tree | None = None

    def said(self) -> str:
        """What was found, in words."""
        trees = [name for name in ("reports", "images") if getattr(self, name) is not None]
        return ", ".join([*self.lists, *trees]) or "nothing that MIMIC-CXR has"


def find(root: Path, images: Path | None = None) -> Layout:
    """Look for every part under ``root``, never into the tree of patients; ``images`` alone is looked at for images."""
    lists: dict[str, Path] = {}
    trees: dict[str, Tree] = {}
    for folder in _folders(root):
        for name, path in _lists(folder):
            lists.setdefault(name, path)
        for kind, tree in _trees(folder).items():
            trees.setdefault(kind, tree)
    if images is not None:
        elsewhere = (found["images"] for folder in _folders(images) if "images" in (found := _trees(folder)))
        trees["images"] = next(elsewhere, Tree(images, flat=False, suffix=".jpg"))
    return Layout(root, lists, trees.get("reports"), trees.get("images"))


def looks_like_mimic(path: Path) -> bool:
    """Whether a path is a folder that holds a list or tree of MIMIC-CXR."""
    if not path.is_dir():
        return False
    layout = find(path)
    return bool(layout.lists) or layout.reports is not None


def _folders(root: Path, depth: int = DEPTH) -> Iterator[Path]:
    """``root`` and the folders under it, nearest first, without those of patients."""
    level = [root]
    for _ in range(depth + 1):
        below: list[Path] = []
        for folder in level:
            yield folder
            if any(GROUP.fullmatch(child.name) or SUBJECT.fullmatch(child.name) for child in _children(folder)):
                continue
            below += [c for c in _children(folder) if c.is_dir() and not STUDY.fullmatch(c.name)]
        level = below


def _children(folder: Path) -> list[Path]:
    """The first names of a folder, sorted: enough to tell what it holds."""
    try:
        return sorted(islice(folder.iterdir(), PROBED))
    except OSError:
        return []


def _lists(folder: Path) -> Iterator[tuple[str, Path]]:
    """The lists in a folder, however many reports or images lie beside them."""
    try:
        names = sorted(name for name in os.listdir(folder) if name[:1] in "mc")  # noqa: PTH208 - half a million names
    except OSError:
        return
    for child in names:
        for name, pattern in LISTS.items():
            if pattern.fullmatch(child) and (folder / child).is_file():
                yield name, folder / child


def _trees(folder: Path) -> dict[str, Tree]:
    """What a folder of patients, or a flat folder, holds: reports, images, both or nothing."""
    children = _children(folder)
    if any(GROUP.fullmatch(child.name) and child.is_dir() for child in children):
        return _deep(folder, children)
    found: dict[str, Tree] = {}
    if any(REPORT.fullmatch(child.name) for child in children):
        found["reports"] = Tree(folder, flat=True)
    suffix = next((c.suffix for c in children if c.suffix in IMAGES and DICOM.fullmatch(c.stem)), None)
    if suffix:
        found["images"] = Tree(folder, flat=True, suffix=suffix)
    return found


def _deep(folder: Path, groups: list[Path]) -> dict[str, Tree]:
    """Look into the first patients until both kinds are found."""
    found: dict[str, Tree] = {}
    patients = (p for g in groups if GROUP.fullmatch(g.name) for p in _children(g)[:20])
    for _, patient in zip(range(60), patients, strict=False):
        for child in _children(patient):
            if REPORT.fullmatch(child.name):
                found.setdefault("reports", Tree(folder, flat=False))
            elif STUDY.fullmatch(child.name) and child.is_dir():
                suffix = next((c.suffix for c in _children(child) if c.suffix in IMAGES), None)
                if suffix:
                    found.setdefault("images", Tree(folder, flat=False, suffix=suffix))
        if len(found) == len(("reports", "images")):
            break
    return found
