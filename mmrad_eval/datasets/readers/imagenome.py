"""Reads the scene graphs of Chest ImaGenome: one frontal image each, its regions with boxes, phrases and findings.

Folder (physionet.org/content/chest-imagenome/1.0.0): ``silver_dataset/scene_graph.zip`` or the unpacked ``<dicom
id>_SceneGraph.json``, and ``silver_dataset/splits/{train,valid,test}.csv`` (dicom_id, subject_id, study_id, ...). A
graph: image_id, viewpoint, patient_id, study_id, gender, age_decile, reason_for_exam; objects with object_id,
bbox_name, x1..y2 (224-pixel padded square) and original_x1..original_y2 (pixels); attributes with object_id,
bbox_name, phrases, and attributes such as ``anatomicalfinding|no|pleural effusion``.

Each region with phrases is a step of the reference trace: its box in original pixels where the graph has them, else in
the padded square, a crop of the image, the phrases. Findings become labels. The report comes with ``--link`` to
MIMIC-CXR, whose credentials are needed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, ClinicalContext, Image, Label, Step, Study, Trace
from mmrad_eval.datasets import arrow, columns
from mmrad_eval.datasets.lazy import LazyStudies
from mmrad_eval.datasets.readers.mimic.archive import Archive
from mmrad_eval.datasets.recognise import holds
from mmrad_eval.datasets.source import Source, at_least, recognised_by
from mmrad_eval.traces import regions

SUFFIX = "_SceneGraph.json"
MEMBER = re.compile(rb"([0-9a-f]{8}(?:-[0-9a-f]{8}){4})_SceneGraph\.json")
FRAME = "pad_square_224"
CORNERS = ("x1", "y1", "x2", "y2")
SPLITS = {"train": "train", "valid": "validate", "validate": "validate", "test": "test"}
"""Names of the split files -> MIMIC-CXR's words."""
FOUND = {"yes": 1.0, "no": 0.0}


def _is_ours(path: Path) -> bool:
    return holds(path, "silver_dataset", "*_SceneGraph.json")


@at_least("credentialed")
@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study an image."""
    path = source.file()
    graphs = _graphs(path)
    studies = SceneGraphs(source, graphs, _splits(source, path))
    if not len(studies):
        raise DataError(f"{path}: contains no scene graph (scene_graph.zip, or files that end in {SUFFIX})")
    return Dataset("chest-imagenome", studies, "credentialed", str(path), "chest-imagenome")


def _graphs(path: Path) -> Archive | dict[str, Path]:
    """The zip, else the files by DICOM id."""
    if path.is_file():
        return Archive(path, MEMBER)
    for base in (path / "silver_dataset", path):
        if (base / "scene_graph.zip").is_file():
            return Archive(base / "scene_graph.zip", MEMBER)
        for folder in (base / "scene_graph" / "scene_graph", base / "scene_graph", base):
            found = (
                {p.name.removesuffix(SUFFIX): p for p in sorted(folder.glob(f"*{SUFFIX}"))} if folder.is_dir() else {}
            )
            if found:
                return found
    return {}


def _splits(source: Source, path: Path) -> dict[str, str]:
    """DICOM id -> split, where the lists are there."""
    found: dict[str, str] = {}
    for base in (path / "silver_dataset" / "splits", path / "splits"):
        for name, split in SPLITS.items():
            file = base / f"{name}.csv"
            if file.is_file():
                listed = arrow.read_columns(file, ("dicom_id",), (), source.problems)["dicom_id"].to_pylist()
                found.update(dict.fromkeys(listed, split))
    return found


class SceneGraphs(LazyStudies):
    """The images in the order of their files."""

    def __init__(self, source: Source, graphs: Archive | dict[str, Path], splits: Mapping[str, str]) -> None:
        self._source = source
        self._graphs = graphs
        self._ids = graphs.ids() if isinstance(graphs, Archive) else list(graphs)
        self._splits = splits

    def __len__(self) -> int:
        return len(self._ids)

    def outline(self, place: int) -> Study:
        """Id and split; the patient stands in the graph."""
        return Study(id=self._ids[place], split=self._splits.get(self._ids[place]))

    def digest(self) -> str:
        """Names, and checksums where a zip has them."""
        words = self._graphs.digest() if isinstance(self._graphs, Archive) else b"files"
        names = "\n".join(f"{i} {self._splits.get(i)}" for i in self._ids).encode()
        return hashlib.sha256(b"chest-imagenome 1|" + words + names).hexdigest()

    def read(self, place: int) -> Study:
        """The graph of an image as a study."""
        dicom = self._ids[place]
        try:
            return _study(self._source, dicom, self._graph(dicom), self._splits.get(dicom))
        except DataError as error:
            if self._source.strict:
                raise
            self._source.problems.error("broken scene graph", str(error), study=dicom)
            return self.outline(place)

    def _graph(self, dicom: str) -> dict[str, Any]:
        place = f"{self._graphs.path}:{dicom}" if isinstance(self._graphs, Archive) else str(self._graphs[dicom])
        data = self._graphs.read(dicom) if isinstance(self._graphs, Archive) else decode.read_bytes(Path(place))
        graph = decode.json_value(data or b"", place)
        if not isinstance(graph, dict) or not isinstance(graph.get("objects"), list):
            raise DataError(f"{place}: this is not a scene graph: it has no list of objects")
        return graph


def _study(source: Source, dicom: str, graph: dict[str, Any], split: str | None) -> Study:
    patient, study = columns.text(graph.get("patient_id")), columns.text(graph.get("study_id"))
    name = f"p{patient[:2]}/p{patient}/s{study}/{dicom}" if patient and study else dicom
    base = source.images or source.file()
    image = Image(path=str((base / f"{name}.jpg").absolute()), name=name, view=columns.text(graph.get("viewpoint")))
    boxes = {str(o.get("object_id")): box for o in graph["objects"] if isinstance(o, dict) and (box := _box(o))}
    attributes = [a for a in columns.listing(graph.get("attributes")) if isinstance(a, dict)]
    return Study(
        id=dicom,
        images=(image,),
        patient=patient,
        trace=Trace(tuple(_step(a, boxes.get(str(a.get("object_id"))), image) for a in attributes if _words(a))),
        labels=_labels(attributes),
        context=ClinicalContext(
            indication=columns.text(graph.get("reason_for_exam")),
            age=columns.text(graph.get("age_decile")),
            sex=columns.text(graph.get("gender")),
        ),
        split=split,
    )


def _box(thing: dict[str, Any]) -> Box | None:
    for prefix, frame in (("original_", "original"), ("", FRAME)):
        try:
            left, top, right, bottom = (float(thing[prefix + corner]) for corner in CORNERS)
        except (KeyError, TypeError, ValueError):
            continue
        return Box((left, top, right, bottom), frame)
    return None


def _step(attribute: dict[str, Any], box: Box | None, image: Image) -> Step:
    name = str(attribute.get("bbox_name") or attribute.get("name") or "")
    known = regions.resolve(name)
    cut = (
        Image(path=image.path, name=image.name, view=image.view, role="region", box=box, render="crop") if box else None
    )
    return Step(name, (known.name,) if known else (), regions.category_of(name), box, cut, _words(attribute))


def _words(attribute: dict[str, Any]) -> str:
    """The phrases about a region, each once, without the line ends of the report."""
    phrases = (" ".join(phrase.split()) for phrase in columns.texts(attribute.get("phrases")))
    return " ".join(dict.fromkeys(phrases))


def _labels(attributes: Iterable[dict[str, Any]]) -> tuple[Label, ...]:
    """Findings that some region has (1) or that all regions lack (0)."""
    found: dict[str, float] = {}
    for attribute in attributes:
        for group in columns.listing(attribute.get("attributes")):
            for text in columns.texts(group):
                kind, _, rest = text.partition("|")
                said, _, name = rest.partition("|")
                if kind in {"anatomicalfinding", "disease", "nlp"} and said in FOUND and name:
                    found[name] = max(found.get(name, 0.0), FOUND[said])
    return tuple(Label(name, value, "chest-imagenome") for name, value in found.items())
