"""Finds everything that is wrong with data on disk, each with file, line or study, and says whether a run would be
sound.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from mmrad_eval import datasets
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.decode import is_file, read_bytes
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image, Study
from mmrad_eval.datasets import views
from mmrad_eval.datasets.problems import Problem, Problems
from mmrad_eval.datasets.source import Source
from mmrad_eval.traces import decoding, geometry
from mmrad_eval.traces.dicom import MISSES

Size = tuple[int, int]

WITHOUT_REPORTS = frozenset({"vindr", "chest-imagenome", "gemex-thinkvg", "ms-cxr", "boxes"})
"""Formats that never have one."""
NAMED = re.compile(r"[^A-Za-z]+")


@dataclass(frozen=True)
class Checked:
    """What was found."""

    dataset: Dataset | None
    """None where nothing could be read."""
    problems: tuple[Problem, ...]
    images: int = 0
    """Distinct image files that were looked at."""

    @property
    def sound(self) -> bool:
        """Whether a run on this data would be sound: there are studies, and no errors."""
        return self.dataset is not None and not any(p.severity == "error" for p in self.problems)

    def kinds(self) -> dict[tuple[str, str], list[Problem]]:
        """(severity, kind) -> its problems; errors first, then the order in which they were met."""
        found: dict[tuple[str, str], list[Problem]] = {}
        for problem in sorted(self.problems, key=lambda p: p.severity != "error"):
            found.setdefault((problem.severity, problem.kind), []).append(problem)
        return found


def check(name: str, source: Source, *, pixels: bool = True) -> Checked:
    """Read the data as the reader ``name`` does, and look at every study; ``pixels=False`` leaves image files alone."""
    problems = source.problems
    try:
        dataset = datasets.read(name, replace(source, strict=False))
    except DataError as error:
        problems.error("unreadable", str(error))
        return Checked(None, tuple(problems))
    if not len(dataset.studies):
        problems.error("no studies", "it contains no studies", file=dataset.source)
    pictures = ImageCheck(problems, dataset.source)
    patients: dict[str, tuple[str, str]] = {}
    for study in dataset.studies:
        _views(study, problems)
        if study.reference is None and dataset.format not in WITHOUT_REPORTS:
            problems.warn(
                "no report",
                "there is no report; models can be run on the study, but it cannot be scored",
                study=study.id,
            )
        sizes = {image.path: pictures.look(image, study.id) for image in _images(study)} if pixels else {}
        _boxes(study, sizes, problems)
        _splits(study, patients, problems)
    pictures.summarise()
    return Checked(dataset, tuple(problems), len(pictures.sizes))


class ImageCheck:
    """Looks at image files, each once."""

    def __init__(self, problems: Problems, source: str) -> None:
        self.sizes: dict[str, Size | None] = {}
        self._problems = problems
        self._source = source
        self._missing: list[Problem] = []
        self._seen: dict[bytes, tuple[str, str]] = {}
        """Digest of the pixels -> the study and image that had them first."""

    def look(self, image: Image, study: str) -> Size | None:
        """Its size; a missing or unreadable file is a problem, and its size None."""
        if image.path not in self.sizes:
            self.sizes[image.path] = self._open(image, study)
        return self.sizes[image.path]

    def summarise(self) -> None:
        """Add the missing files; where not one file is there, as one problem with the way out."""
        if self._missing and len(self._missing) == len(self.sizes):
            first = self._missing[0]
            what = (
                f"none of {len(self.sizes)} images is there (the first: {first.file}); name their folder:"
                " --images DIR (what needs no pixels works without)"
            )
            self._problems.error("missing image", what, file=self._source)
            return
        for p in self._missing:
            self._problems.error(p.kind, p.what, file=p.file, study=p.study)

    def _open(self, image: Image, study: str) -> Size | None:
        if not is_file(Path(image.path)):
            self._missing.append(Problem("missing image", f"there is no image {image.name}", image.path, None, study))
            return None
        try:
            pixels, steps = decoding.decode(read_bytes(Path(image.path)), image.path)
        except DataError as error:
            what = str(error).removeprefix(f"{image.path}: ")
            self._problems.error("unreadable image", what, file=image.path, study=study)
            return None
        for step in steps:
            if step.startswith(MISSES):
                self._problems.warn("display window outside the pixel values", step, file=image.path, study=study)
        if image.role == "current":
            self._compare(image, study, hashlib.sha256(repr(pixels.size).encode() + pixels.tobytes()).digest())
        return pixels.size

    def _compare(self, image: Image, study: str, digest: bytes) -> None:
        """The same pixels under two ids: two splits may share a picture, and a pair of studies counts twice."""
        other, name = self._seen.setdefault(digest, (study, image.name))
        if other != study:
            what = f"{image.name} has exactly the same pixels as {name} of study {other}"
            self._problems.error("identical pixels", what, file=image.path, study=study)


def _images(study: Study) -> Iterator[Image]:
    yield from study.images
    for prior in study.priors:
        yield from prior.images
    for step in study.trace.steps if study.trace else ():
        if step.image is not None:
            yield step.image


def _boxes(study: Study, sizes: dict[str, Size | None], problems: Problems) -> None:
    """Boxes of steps and readers lie on the key image."""
    key = study.images[0] if study.images else None
    size = (sizes.get(key.path) or key.size) if key else None
    boxes: list[tuple[str, Box]] = [
        (f"step {number} ({step.region or 'no region'})", step.box)
        for number, step in enumerate(study.trace.steps if study.trace else (), start=1)
        if step.box is not None
    ]
    boxes += [(f"box {n} of a reader ({drawn.label})", drawn.box) for n, drawn in enumerate(study.boxes, start=1)]
    for place, box in boxes:
        for fault in geometry.problems(box, size):
            problems.error(f"box {fault.partition(':')[0]}", f"{place}: {fault}", study=study.id)


def _views(study: Study, problems: Problems) -> None:
    """A view that the name of its file contradicts; two words of one list are compared where the list is read."""
    for image in study.images:
        said, named = views.orientation(image.view), views.orientation(NAMED.sub(" ", PurePath(image.name).stem))
        if {said, named} == {"frontal", "lateral"}:
            what = f"{image.name} is called {image.view}, and its name says {named}"
            problems.error("contradictory view", what, study=study.id)


def _splits(study: Study, patients: dict[str, tuple[str, str]], problems: Problems) -> None:
    if study.patient is None or study.split is None:
        return
    split, other = patients.setdefault(study.patient, (study.split, study.id))
    if split != study.split:
        what = f"patient {study.patient} is in {study.split} here and in {split} with study {other}"
        problems.error("patient in two splits", what, study=study.id)
