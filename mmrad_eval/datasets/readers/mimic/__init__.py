"""Reads a folder of MIMIC-CXR: reports (zip, tree, flat or sectioned), lists, images as JPEG, PNG or DICOM.

``mimic`` has one study per examination, ``mimic-images`` one an image, which is how many papers count. Ids are MIMIC's
own numbers. Splits are the official ones (train, validate, test). ``Study.images`` start with a PA view, else AP, else
what there is. The prior is the patient's latest prior study, with its interval; ``--option priors=all`` gives all of
them. Views come from ViewPosition, else from the view code's meaning. The data is credentialed
(physionet.org/content/mimic-cxr), whatever the folder is called.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import ClinicalContext, Image, PriorStudy, Report, Study
from mmrad_eval.datasets import views
from mmrad_eval.datasets.lazy import LazyStudies
from mmrad_eval.datasets.readers.mimic import index as lists
from mmrad_eval.datasets.readers.mimic.archive import Archive
from mmrad_eval.datasets.readers.mimic.index import MimicIndex, Shot
from mmrad_eval.datasets.readers.mimic.labels import MimicLabels
from mmrad_eval.datasets.readers.mimic.layout import Layout, find, looks_like_mimic
from mmrad_eval.datasets.readers.mimic.reports import Nowhere, Reports, open_reports
from mmrad_eval.datasets.source import Source, at_least, recognised_by

VERSION = 1
"""Raised whenever equal files would give other studies; part of the digest."""
REMEMBERED = 256
"""Reports kept: the next study of a patient shows this one as its prior."""
ORDER = ("PA", "AP")
"""Views that are the key image first."""


@at_least("credentialed")
@recognised_by(looks_like_mimic)
def read(source: Source) -> Dataset:
    """One study an examination."""
    return _dataset(source, "mimic")


@at_least("credentialed")
def read_images(source: Source) -> Dataset:
    """One study an image; its id is the DICOM id."""
    return _dataset(source, "mimic-images")


def _dataset(source: Source, name: str) -> Dataset:
    root = source.file()
    if not root.is_dir():
        raise UsageError(f"{root} is a file; {name}:PATH takes the folder of MIMIC-CXR")
    studies = open_studies(source, root)
    wanted = ImageStudies(studies) if name == "mimic-images" else studies
    notes = [f"found: {studies.layout.said()}; reports from {studies.reports.said()}"]
    if isinstance(studies.reports, Nowhere):
        notes.append("no reports were found: nothing can be scored; put mimic-cxr-reports.zip into the folder")
    if "split" not in studies.layout.lists:
        notes.append("no split list was found: all studies are without a split")
    return Dataset(name, wanted, "credentialed", str(root), name, tuple(notes))


def open_studies(source: Source, root: Path) -> MimicStudies:
    """The studies of a folder; nothing but lists is read yet."""
    layout = find(root, source.images)
    archive = Archive(layout.lists["archive"]) if "archive" in layout.lists else None
    reports = open_reports(layout, archive, source.problems)
    return MimicStudies(source, layout, lists.build(layout, archive, source.problems), reports)


class MimicStudies(LazyStudies):
    """The studies of MIMIC-CXR in the order of its lists."""

    def __init__(self, source: Source, layout: Layout, index: MimicIndex, reports: Reports) -> None:
        self.layout = layout
        self.listing = index
        self.reports = reports
        self.labels = MimicLabels(layout, source.problems)
        self._source = source
        self._recent: dict[int, tuple[Report | None, ClinicalContext]] = {}
        self._all_priors = source.option("priors", ("latest", "all")) == "all"
        base = layout.images
        self._images = str((base.root if base else source.images or layout.root / "files").absolute())
        self._flat, self._suffix = (base.flat, base.suffix) if base else (False, ".jpg")

    def __len__(self) -> int:
        return len(self.listing)

    def read(self, place: int) -> Study:
        """Images, report, context and prior."""
        report, context = self.words(place)
        return Study(
            id=self.listing.studies[place],
            images=self.pictures(place),
            patient=self.listing.subjects[place] or None,
            reference=report,
            labels=self.labels.of(self.listing.studies[place]),
            priors=self.priors(place),
            context=context,
            split=self.listing.splits[place],
        )

    def outline(self, place: int) -> Study:
        """Id, patient and split."""
        listing = self.listing
        return Study(id=listing.studies[place], patient=listing.subjects[place] or None, split=listing.splits[place])

    def digest(self) -> str:
        """Lists, names, and the checksums of the reports where a zip has them."""
        parts = (f"mimic {VERSION} {self._all_priors}".encode(), self.listing.digest(), self.labels.digest())
        return hashlib.sha256(b"|".join((*parts, self.reports.digest()))).hexdigest()

    def words(self, place: int) -> tuple[Report | None, ClinicalContext]:
        """Report and context; None and nothing where there is no report."""
        found = self._recent.get(place)
        if found is None:
            if len(self._recent) >= REMEMBERED:
                self._recent.clear()
            found = self._recent[place] = self._read(place)
        return found

    def prepare(self) -> None:
        """Unpack the lists."""
        self.listing.unpack()

    def _read(self, place: int) -> tuple[Report | None, ClinicalContext]:
        study, subject = self.listing.studies[place], self.listing.subjects[place]
        try:
            found = self.reports.read(study, subject or None)
        except DataError as error:
            if self._source.strict:
                raise
            self._source.problems.error("unreadable report", str(error), study=study)
            found = None
        return found or (None, ClinicalContext())

    def pictures(self, place: int) -> tuple[Image, ...]:
        """The images, key image first."""
        return tuple(self.picture(place, shot) for shot in sorted(self.listing.shots(place), key=_rank))

    def picture(self, place: int, shot: Shot) -> Image:
        """One image; its name has no suffix, so that JPEG and DICOM copies are the same data."""
        study, subject = self.listing.studies[place], self.listing.subjects[place]
        name = f"p{subject[:2]}/p{subject}/s{study}/{shot.dicom}"
        path = os.path.join(self._images, (shot.dicom if self._flat else name) + self._suffix)  # noqa: PTH118 - hot
        return Image(path=path, name=name, view=shot.view or None, size=shot.size)

    def priors(self, place: int) -> tuple[PriorStudy, ...]:
        """The latest prior study of the patient, or all, latest first."""
        earlier = self.listing.earlier(place)
        return tuple(self._prior(p, place) for p in (earlier if self._all_priors else earlier[:1]))

    def _prior(self, earlier: int, place: int) -> PriorStudy:
        images = tuple(
            Image(path=i.path, name=i.name, view=i.view, role="prior", size=i.size) for i in self.pictures(earlier)
        )
        days = self.listing.days(earlier, place)
        return PriorStudy(self.listing.studies[earlier], images, self.words(earlier)[0], days)


class ImageStudies(LazyStudies):
    """The same, one study per image."""

    def __init__(self, studies: MimicStudies) -> None:
        self._studies = studies
        listing = studies.listing
        self._rows = listing.rows
        self._places = np.repeat(np.arange(len(listing)), np.diff(listing.starts))

    def __len__(self) -> int:
        return len(self._rows)

    def prepare(self) -> None:
        """Unpack the lists."""
        self._studies.prepare()

    def read(self, place: int) -> Study:
        """The study of an image, with that image alone."""
        at, shot = int(self._places[place]), self._studies.listing.shot(int(self._rows[place]))
        report, context = self._studies.words(at)
        return Study(
            id=shot.dicom,
            images=(self._studies.picture(at, shot),),
            patient=self._studies.listing.subjects[at] or None,
            reference=report,
            labels=self._studies.labels.of(self._studies.listing.studies[at]),
            priors=self._studies.priors(at),
            context=context,
            split=shot.split,
        )

    def outline(self, place: int) -> Study:
        """Id, patient and split."""
        listing, at = self._studies.listing, int(self._places[place])
        shot = listing.shot(int(self._rows[place]))
        return Study(id=shot.dicom, patient=listing.subjects[at] or None, split=shot.split)

    def digest(self) -> str:
        """That of the studies, under another name."""
        return hashlib.sha256(b"images|" + self._studies.digest().encode()).hexdigest()


def _rank(shot: Shot) -> tuple[int, int]:
    """PA, AP, other frontal views, then the rest; the order of the lists within each."""
    named = ORDER.index(shot.view) if shot.view in ORDER else len(ORDER)
    return named, {"frontal": 0, None: 1, "other": 2, "lateral": 3}[views.orientation(shot.view)]
