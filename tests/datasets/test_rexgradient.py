"""ReXGradient-160K's metadata, and its priors by date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError


def entry(patient: str, accession: str, date: str, **fields: Any) -> dict[str, Any]:
    base = f"../deid_png/{patient}/{accession}/studies/1/series/2/instances"
    return {
        "PatientID": patient,
        "AccessionNumber": accession,
        "StudyInstanceUid": f"1.2.{accession}",
        "PatientSex": "F",
        "PatientAge": "054Y",
        "StudyDate": date,
        "Indication": "Cough.",
        "Comparison": "None",
        "Findings": "Clear lungs.",
        "Impression": "Normal.",
        "ImagePath": [f"{base}/b.png", f"{base}/a.png"],
        "ImageViewPosition": ["LATERAL", "PA"],
        **fields,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "metadata").mkdir()
    test = {"pP1_aA1_s1": entry("P1", "A1", "20110413"), "pP1_aA2_s2": entry("P1", "A2", "20110501", Findings="")}
    train = {"pP2_aA3_s3": entry("P2", "A3", "")}
    (tmp_path / "metadata" / "test_metadata_view_position.json").write_text(json.dumps(test))
    (tmp_path / "metadata" / "train_metadata_view_position.json").write_text(json.dumps(train))
    (tmp_path / "metadata" / "train_metadata.csv").write_text("id\n")
    return tmp_path


def test_studies_have_splits_views_and_paths(folder: Path) -> None:
    data = datasets.load(str(folder))
    assert (data.format, data.data_use) == ("rexgradient", "credentialed")
    assert [(s.id, s.patient, s.split) for s in data.studies] == [
        ("pP1_aA1_s1", "P1", "test"),
        ("pP1_aA2_s2", "P1", "test"),
        ("pP2_aA3_s3", "P2", "train"),
    ]
    first = data.studies[0]
    assert [image.view for image in first.images] == ["PA", "LATERAL"]
    assert first.images[0].name == "deid_png/P1/A1/studies/1/series/2/instances/a.png"
    assert first.images[0].path == str(folder / first.images[0].name)
    assert first.reference is not None
    assert (first.reference.findings, first.reference.impression) == ("Clear lungs.", "Normal.")
    assert (first.context.indication, first.context.comparison, first.context.age) == ("Cough.", None, "054Y")


def test_the_prior_is_the_earlier_study_with_its_days(folder: Path) -> None:
    first, second, third = datasets.load(str(folder)).studies
    assert first.priors == third.priors == ()
    (prior,) = second.priors
    assert (prior.id, prior.interval_days, prior.report) == (first.id, 18.0, first.reference)


def test_one_file_alone_is_read_and_images_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    path = folder / "metadata" / "test_metadata_view_position.json"
    data = datasets.load(str(path), images=tmp_path / "png")
    assert data.studies[0].images[0].path == str(tmp_path / "png/P1/A1/studies/1/series/2/instances/a.png")


def test_views_that_do_not_match_are_noted_and_left_unknown(folder: Path) -> None:
    path = folder / "metadata" / "test_metadata_view_position.json"
    path.write_text(json.dumps({"k": entry("P", "A", "", ImageViewPosition=["PA"])}))
    data = datasets.load(str(path))
    assert [image.view for image in data.studies[0].images] == [None, None]
    assert any("names 1 views for 2 images" in note for note in data.notes)


def test_what_is_no_study_is_named(folder: Path) -> None:
    path = folder / "metadata" / "test_metadata_view_position.json"
    path.write_text(json.dumps({"k": {"ImageViewPosition": []}}))
    with pytest.raises(DataError, match="study k: this is not a study"):
        datasets.load(str(path))


def test_the_user_may_say_that_the_licence_allows_it(folder: Path) -> None:
    assert datasets.load(str(folder), data_use="open").data_use == "open"
