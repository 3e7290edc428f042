"""Reads the Indiana University collection of Open-i: the folder of XML reports, its tgz, or the csv pair that Kaggle
hosts.

XML (openi.nlm.nih.gov/faq, NLMCXR_reports.tgz, ``ecgen-radiology/1.xml``): ``uId id="CXR1"``, ``AbstractText
Label="FINDINGS"`` (IMPRESSION, INDICATION, COMPARISON), ``MeSH/major``, and a ``parentImage id="CXR1_1_IM-0001-3001"``
an image, whose file is ``<id>.png``. CSV (kaggle.com/datasets/raddar/chest-xrays-indiana-university):
``indiana_reports.csv`` (uid, MeSH, Problems, image, indication, comparison, findings, impression) and
``indiana_projections.csv`` (uid, filename, projection). Both forms give the same ids: ``CXR`` and the uid. There is no
patient id and no split; ``XXXX`` stands for what was taken out. The collection is public; its pages say CC BY-NC-ND
4.0.
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.decode import BrokenTextError
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import ClinicalContext, Image, Label, Report, Study
from mmrad_eval.datasets import columns, sections, views
from mmrad_eval.datasets.recognise import header, holds, suffix
from mmrad_eval.datasets.rows import read_rows
from mmrad_eval.datasets.source import Record, Source, gather, recognised_by

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

REPORTS, PROJECTIONS = "indiana_reports.csv", "indiana_projections.csv"
LARGEST = 1 << 20
"""Bytes of one XML report; real ones have about 6,000."""


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return holds(path, "indiana_reports.csv", "ecgen-radiology/*.xml", "*/ecgen-radiology/*.xml", "*.xml")
    return suffix(path) in {".tgz", ".tar"} or header(path) >= {"uid", "MeSH"}


@recognised_by(_is_ours)
def read(source: Source) -> Dataset:
    """One study a report."""
    path = source.file()
    if path.is_dir() and not (path / REPORTS).is_file():
        records = _from_xml(source, _xml_files(path))
    elif path.is_dir() or path.name.lower().removesuffix(".gz").endswith(".csv"):
        records = _from_csv(source, path / REPORTS if path.is_dir() else path)
    else:
        records = _from_xml(source, _members(path))
    studies = gather(records, source.problems)
    return Dataset("openi", studies, source.data_use or "open", str(path), "openi")


def _xml_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    files = sorted(folder.rglob("*.xml"), key=lambda p: (len(p.stem), p.stem))
    if not files:
        raise DataError(f"{folder}: contains no XML report and no {REPORTS}")
    for file in files:
        yield str(file), decode.read_bytes(file, longest=LARGEST)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The reports inside NLMCXR_reports.tgz, without unpacking it."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".xml") and member.size < LARGEST:
                    file = archive.extractfile(member)
                    if file is not None:
                        yield f"{path}:{member.name}", file.read()
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: is not a tgz of reports, or is cut short: {error}") from error


def _from_xml(source: Source, files: Iterable[tuple[str, bytes]]) -> Iterator[Record]:
    for name, data in files:
        try:
            root = decode.xml(data, name)
        except BrokenTextError as error:
            source.problems.error("broken XML", error.why, file=name, line=error.line)
            continue
        yield Record(_study_of_xml(source, root, Path(name).stem), name)


def _study_of_xml(source: Source, root: Element, stem: str) -> Study:
    named = root.find(".//uId")
    uid = (named.get("id") if named is not None else "") or f"CXR{stem}"
    texts = {str(t.get("Label")).upper(): " ".join("".join(t.itertext()).split()) for t in root.iter("AbstractText")}
    images = tuple(_picture(source, p) for p in root.iter("parentImage") if p.get("id"))
    return Study(
        id=uid if uid.startswith("CXR") else f"CXR{uid}",
        images=_key_first(images),
        reference=_report(texts.get("FINDINGS"), texts.get("IMPRESSION")),
        labels=_mesh([m.text or "" for m in root.findall(".//MeSH/major")]),
        context=ClinicalContext(indication=texts.get("INDICATION") or None, comparison=texts.get("COMPARISON") or None),
    )


def _picture(source: Source, parent: Element) -> Image:
    caption = " ".join((parent.findtext("caption") or "").split())
    said = len(caption.split()) <= 3 and views.orientation(caption)  # longer captions describe the whole examination
    return _file(source, f"{parent.get('id')}.png", caption if said and said != "other" else None)


def _from_csv(source: Source, path: Path) -> Iterator[Record]:
    table = read_rows(path, source.problems)
    missing = [name for name in ("uid", "findings", "impression") if name not in table.columns]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; its columns are {', '.join(table.columns)}")
    images: dict[str, list[Image]] = {}
    projections = path.parent / PROJECTIONS
    if projections.is_file():
        for row in read_rows(projections, source.problems).rows:
            view = columns.text(row.cells.get("projection"))
            images.setdefault(str(row.cells["uid"]), []).append(_file(source, str(row.cells["filename"]), view))
    else:
        source.problems.warn("no projections", f"there is no {PROJECTIONS} beside it: no images", file=str(path))
    for row in table.rows:
        cells = {name: columns.text(value) for name, value in row.cells.items()}
        uid = cells["uid"] or ""
        study = Study(
            id=f"CXR{uid}",
            images=_key_first(tuple(images.get(uid, ()))),
            reference=_report(cells["findings"], cells["impression"]),
            labels=_mesh((cells.get("MeSH") or "").split(";")),
            context=ClinicalContext(indication=cells.get("indication"), comparison=cells.get("comparison")),
        )
        yield Record(study, str(path), row.line)


def _report(findings: str | None, impression: str | None) -> Report:
    findings, impression = findings or None, impression or None
    return Report(sections.join(findings, impression), findings, impression)


def _mesh(terms: Iterable[str]) -> tuple[Label, ...]:
    """``Cardiomegaly/mild`` as it stands, spaces at its ends taken off."""
    found = dict.fromkeys(re.sub(r"\s+", " ", term).strip() for term in terms)
    return tuple(Label(term, 1.0, "mesh") for term in found if term)


def _key_first(images: tuple[Image, ...]) -> tuple[Image, ...]:
    return tuple(sorted(images, key=lambda i: views.orientation(i.view) not in {"frontal", None}))


def _file(source: Source, name: str, view: str | None) -> Image:
    """An image under the folder of images, where it is named, else in the folder that Kaggle or the collection
    unpacks to.
    """
    root = source.file() if source.file().is_dir() else source.file().parent
    if source.images is None:
        for folder in ("images/images_normalized", "images_normalized", "NLMCXR_png", "images"):
            if (root / folder).is_dir():
                return Image(path=str((root / folder / name).absolute()), name=name, view=view)
    return source.image(name, view=view)
