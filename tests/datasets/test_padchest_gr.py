"""PadChest-GR: two languages, two readers, progression, priors."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Label, ReaderBox

FINDINGS: list[dict[str, Any]] = [
    {
        "sentence_en": "Right pleural effusion.",
        "sentence_es": "Derrame pleural derecho.",
        "abnormal": True,
        "boxes": [[0.1, 0.6, 0.4, 0.9]],
        "extra_boxes": [[0.1, 0.5, 0.4, 0.9]],
        "labels": ["pleural effusion"],
        "locations": ["right"],
        "progression": "worsened",
    },
    {"sentence_en": "No pneumothorax.", "sentence_es": "Sin neumotórax.", "abnormal": False},
]
RECORD = {
    "StudyID": "11",
    "ImageID": "11_a.png",
    "PreviousStudyID": "10",
    "PreviousImageID": "10_a.png",
    "findings": FINDINGS,
}
TABLE = "StudyID,ImageID,label,split,PatientID,PatientSex_DICOM,PatientAge\n11,11_a.png,pleural effusion,test,P1,F,70\n"


def write(folder: Path, records: Any, table: str | None = TABLE) -> Path:
    (folder / "grounded_reports_20240819.json").write_text(json.dumps(records), encoding="utf-8")
    if table is not None:
        with zipfile.ZipFile(folder / "master_table.csv.zip", "w") as archive:
            archive.writestr("master_table.csv", table)
    return folder


def test_sentences_boxes_labels_and_the_prior_are_read(tmp_path: Path) -> None:
    (tmp_path / "Padchest_GR_files" / "PadChest_GR").mkdir(parents=True)
    data = datasets.load(str(write(tmp_path, [RECORD])))
    assert (data.format, data.data_use) == ("padchest-gr", "credentialed")
    (study,) = data.studies
    assert (study.id, study.patient, study.split) == ("11", "P1", "test")
    assert study.reference is not None
    assert study.reference.findings == "Right pleural effusion. No pneumothorax."
    assert study.reference.impression is None
    said = ("pleural effusion", "Right pleural effusion.")
    assert study.boxes == (
        ReaderBox(Box((0.1, 0.6, 0.4, 0.9), "norm_1"), *said, "1", "worsened"),
        ReaderBox(Box((0.1, 0.5, 0.4, 0.9), "norm_1"), *said, "2", "worsened"),
    )
    assert study.labels == (Label("pleural effusion", 1.0, "padchest-gr"),)
    assert (study.context.age, study.context.sex) == ("70", "F")
    assert study.images[0].path == str(tmp_path / "Padchest_GR_files" / "PadChest_GR" / "11_a.png")
    (prior,) = study.priors
    assert (prior.id, prior.report, prior.images[0].role) == ("10", None, "prior")


def test_spanish_is_a_dataset_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, [RECORD])
    english, spanish = datasets.load(str(tmp_path)), datasets.load(f"padchest-gr-es:{tmp_path}")
    assert spanish.studies[0].reference is not None
    assert spanish.studies[0].reference.findings == "Derrame pleural derecho. Sin neumotórax."
    assert spanish.name != english.name
    assert datasets.digest(spanish) != datasets.digest(english)


def test_without_the_table_there_are_no_patients_and_a_note(tmp_path: Path) -> None:
    data = datasets.load(str(write(tmp_path, [RECORD], table=None)))
    assert data.studies[0].patient is None
    assert any("no master_table.csv" in note for note in data.notes)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {**RECORD, "findings": [{**FINDINGS[0], "boxes": [[1, 2, 3]]}]},
            "study 11: boxes holds .1, 2, 3., which is no",
        ),
        ({"ImageID": "x.png", "findings": [{"sentence_en": "a"}]}, "record 1 has no StudyID"),
    ],
)
def test_faults_are_named(tmp_path: Path, record: dict[str, Any], message: str) -> None:
    write(tmp_path, [record])
    with pytest.raises(DataError, match=message):
        datasets.load(f"padchest-gr:{tmp_path}")


def test_a_study_that_the_table_lacks_is_noted(tmp_path: Path) -> None:
    data = datasets.load(str(write(tmp_path, [RECORD, {**RECORD, "StudyID": "12"}])))
    assert [study.split for study in data.studies] == ["test", None]
    assert any("study 12: the master table does not name this study" in note for note in data.notes)
