"""Looks studies of other data up in MIMIC-CXR by DICOM id: patient, official split, prior, views, report.

What the data says itself is kept; what it lacks is filled in. A study that no list names is a warning and stays as it
is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace as remade
from typing import Any

import msgspec

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import ClinicalContext, Image, Step, Study
from mmrad_eval.datasets import digests
from mmrad_eval.datasets.held import held
from mmrad_eval.datasets.lazy import LazyStudies
from mmrad_eval.datasets.readers.mimic import MimicStudies, open_studies
from mmrad_eval.datasets.source import Source

DICOM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")
STUDY = re.compile(r"(?:^|/)s?(5\d{7})(?:/|$)")
IN_MIMIC = re.compile(r"(?:^|/)p1\d{7}/s5\d{7}/")


def linked(dataset: Dataset, source: Source) -> Dataset:
    """The dataset with each study looked up in ``source.link``."""
    assert source.link is not None
    folder = remade(source, path=source.link, link=None, columns={}, options={})
    studies = LinkedStudies(dataset.studies, Link(source, open_studies(folder, source.link)))
    note = f"linked to {source.link}: what the data lacks of patient, split, prior, report and context comes from there"
    kept: Sequence[Study] = studies if isinstance(dataset.studies, LazyStudies) else held(studies)
    return remade(dataset, studies=kept, data_use="credentialed", notes=(*dataset.notes, note))


class Link:
    """The lists of MIMIC-CXR by DICOM id and by study."""

    def __init__(self, source: Source, studies: MimicStudies) -> None:
        self.studies = studies
        self._source = source
        listing = studies.listing
        dicoms = listing.columns["dicom_id"].to_pylist()
        ends = listing.starts.tolist()
        self._by_study = {study: place for place, study in enumerate(listing.studies)}
        self._by_dicom = {
            dicoms[row]: (place, row)
            for place in range(len(listing))
            for row in listing.rows[ends[place] : ends[place + 1]].tolist()
        }

    def apply(self, study: Study) -> Study:
        """The study with what MIMIC-CXR knows of it."""
        found = self._find(study)
        if found is None:
            what = f"no list of {self._source.link} names this study by DICOM or study id"
            self._source.problems.warn("not in MIMIC-CXR", what, study=study.id)
            return study
        place, row = found
        listing = self.studies.listing
        report, context = self.studies.words(place)
        images, moved = self._images(study, place, row)
        return msgspec.structs.replace(
            study,
            images=images,
            patient=study.patient or listing.subjects[place] or None,
            reference=study.reference or report,
            trace=study.trace and msgspec.structs.replace(study.trace, steps=_moved(study.trace.steps, moved)),
            labels=study.labels or self.studies.labels.of(listing.studies[place]),
            priors=study.priors or self.studies.priors(place),
            context=_filled(study.context, context),
            split=study.split or listing.splits[place],
        )

    def _find(self, study: Study) -> tuple[int, int | None] | None:
        names = (study.id, *(image.name for image in study.images))
        for name in names:
            match = DICOM.search(name)
            if match and match[0] in self._by_dicom:
                return self._by_dicom[match[0]]
        for name in names:
            match = STUDY.search(name)
            if match and match[1] in self._by_study:
                return self._by_study[match[1]], None
        return None

    def _images(self, study: Study, place: int, row: int | None) -> tuple[tuple[Image, ...], dict[str, Image]]:
        """Views and sizes, and the files of MIMIC-CXR for images that are named as its own; old path -> new image."""
        if not study.images:
            shots = [self.studies.picture(place, self.studies.listing.shot(row))] if row is not None else []
            return tuple(shots) or self.studies.pictures(place), {}
        known = {DICOM.search(image.name): image for image in self.studies.pictures(place)}
        by_dicom = {match[0]: image for match, image in known.items() if match}
        images: list[Image] = []
        for image in study.images:
            match = DICOM.search(image.name)
            there = by_dicom.get(match[0]) if match else None
            if there is None:
                images.append(image)
            elif IN_MIMIC.search(image.name) and self._source.images is None:
                images.append(
                    msgspec.structs.replace(image, path=there.path, view=image.view or there.view, size=there.size)
                )
            else:
                images.append(msgspec.structs.replace(image, view=image.view or there.view))
        return tuple(images), {old.path: new for old, new in zip(study.images, images, strict=True)}


class LinkedStudies(LazyStudies):
    """Studies that are looked up when they are asked for."""

    def __init__(self, studies: Sequence[Study], link: Link) -> None:
        self._studies = studies
        self._link = link

    def __len__(self) -> int:
        return len(self._studies)

    def read(self, place: int) -> Study:
        """The study, looked up."""
        return self._link.apply(self._studies[place])

    def rows(self, place: int) -> list[dict[str, Any]]:
        """Those of the data itself."""
        return self._studies.rows(place) if isinstance(self._studies, LazyStudies) else []

    def outline(self, place: int) -> Study:
        """The study, looked up: its patient and split come from the lists."""
        inner = self._studies
        outline = inner.outline(place) if isinstance(inner, LazyStudies) else inner[place]
        found = self._link.apply(outline)
        return Study(id=found.id, patient=found.patient, split=found.split)

    def digest(self) -> str:
        """Of the studies and of the lists."""
        inner = digests.digest(Dataset("", self._studies, "credentialed", ""))
        return hashlib.sha256(f"linked|{inner}|{self._link.studies.digest()}".encode()).hexdigest()


def _moved(steps: tuple[Step, ...], moved: dict[str, Image]) -> tuple[Step, ...]:
    """Steps whose region images are cut from a file that was found elsewhere."""
    return tuple(
        msgspec.structs.replace(
            step,
            image=msgspec.structs.replace(
                step.image, path=moved[step.image.path].path, size=moved[step.image.path].size
            ),
        )
        if step.image is not None and step.image.path in moved
        else step
        for step in steps
    )


def _filled(own: ClinicalContext, other: ClinicalContext) -> ClinicalContext:
    return ClinicalContext(
        **{name: getattr(own, name) or getattr(other, name) for name in ClinicalContext.__struct_fields__}
    )
