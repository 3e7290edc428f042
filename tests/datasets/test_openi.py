"""The Indiana University collection: XML, tgz and csv give the same studies."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Label, Report

XML = """<?xml version="1.0" encoding="utf-8"?>
<eCitation>
 <uId id="CXR{uid}"/>
 <MedlineCitation><Article><Abstract>
  <AbstractText Label="COMPARISON">None.</AbstractText>
  <AbstractText Label="INDICATION">Positive TB test</AbstractText>
  <AbstractText Label="FINDINGS">{findings}</AbstractText>
  <AbstractText Label="IMPRESSION">Normal chest x-XXXX.</AbstractText>
 </Abstract></Article></MedlineCitation>
 <MeSH><major>Cardiomegaly/mild   </major><major>normal</major><automatic>heart</automatic></MeSH>
 <parentImage id="CXR{uid}_1_IM-0001-4001"><caption>Lateral</caption></parentImage>
 <parentImage id="CXR{uid}_1_IM-0001-3001"><caption>PA</caption></parentImage>
</eCitation>
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reports = tmp_path / "NLMCXR_reports" / "ecgen-radiology"
    reports.mkdir(parents=True)
    (reports / "10.xml").write_text(XML.format(uid=10, findings=""))
    (reports / "2.xml").write_text(XML.format(uid=2, findings="The XXXX are\n clear &amp; well expanded."))
    return tmp_path


def test_xml_reports_are_read_with_mesh_and_images_frontal_first(folder: Path) -> None:
    data = datasets.load(str(folder))
    assert (data.format, data.data_use) == ("openi", "open")
    first, second = data.studies
    assert first.id == "CXR2"
    assert first.reference == Report(
        "Findings: The XXXX are clear & well expanded.\nImpression: Normal chest x-XXXX.",
        "The XXXX are clear & well expanded.",
        "Normal chest x-XXXX.",
    )
    assert [(image.name, image.view) for image in first.images] == [
        ("CXR2_1_IM-0001-3001.png", "PA"),
        ("CXR2_1_IM-0001-4001.png", "Lateral"),
    ]
    assert first.labels == (Label("Cardiomegaly/mild", 1.0, "mesh"), Label("normal", 1.0, "mesh"))
    assert (first.context.indication, first.context.comparison) == ("Positive TB test", "None.")
    assert second.reference is not None
    assert (second.reference.findings, second.reference.impression) == (None, "Normal chest x-XXXX.")
    assert first.patient is None


def test_the_tgz_needs_no_unpacking(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "NLMCXR_reports.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(folder.rglob("*.xml"), key=lambda p: len(p.stem)):
            archive.add(file, f"ecgen-radiology/{file.name}")
    assert datasets.digest(datasets.load(str(path))) == datasets.digest(datasets.load(str(folder / "NLMCXR_reports")))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cut short"):
        datasets.load(str(path))


def test_the_csv_pair_gives_the_same_reports_and_ids(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "kaggle"
    base.mkdir()
    (base / "indiana_reports.csv").write_text(
        "uid,MeSH,Problems,image,indication,comparison,findings,impression\n"
        "2,Cardiomegaly/mild;normal,x,PA,Positive TB test,None.,"
        '"The XXXX are clear & well expanded.",Normal chest x-XXXX.\n'
    )
    (base / "indiana_projections.csv").write_text(
        "uid,filename,projection\n2,2_IM-0652-2001.dcm.png,Lateral\n2,2_IM-0652-1001.dcm.png,Frontal\n"
    )
    (base / "images" / "images_normalized").mkdir(parents=True)
    (study,) = datasets.load(str(base)).studies
    xml = datasets.load(str(folder)).studies[0]
    assert (study.id, study.reference, study.labels, study.context) == (xml.id, xml.reference, xml.labels, xml.context)
    assert [image.view for image in study.images] == ["Frontal", "Lateral"]
    assert study.images[0].path == str(base / "images" / "images_normalized" / "2_IM-0652-1001.dcm.png")


def test_a_broken_xml_is_named_with_its_line_and_others_are_read_by_a_check(folder: Path) -> None:
    path = next(folder.rglob("10.xml"))
    path.write_text(path.read_text()[:200])
    with pytest.raises(DataError, match=r"10.xml:\d+: this is not XML"):
        datasets.load(str(folder))
    source = datasets.Source(path=folder)
    assert len(datasets.read("openi", source).studies) == 1
    assert [problem.kind for problem in source.problems] == ["broken XML"]


def test_entities_are_refused_unread(folder: Path) -> None:
    path = next(folder.rglob("10.xml"))
    path.write_text('<!DOCTYPE x [<!ENTITY a "b">]><eCitation>&a;</eCitation>')
    with pytest.raises(DataError, match="declares a document type"):
        datasets.load(str(folder))


def test_a_folder_without_reports_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="contains no XML report"):
        datasets.load(f"openi:{tmp_path}")
