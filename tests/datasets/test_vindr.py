"""VinDr-CXR: boxes by radiologist, labels as shares of votes, no reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Box, Label, ReaderBox

DRAWN = (
    "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n"
    "aaa,R9,Nodule/Mass,100.5,200,300,400\n"
    "aaa,R10,Nodule/Mass,110,210,310,410\n"
    "aaa,R8,No finding,,,,\n"
    "bbb,R8,No finding,,,,\n"
)
LABELS = "image_id,rad_id,Nodule/Mass,Pneumonia,No finding\naaa,R9,1,0,0\naaa,R10,1,1,0\naaa,R8,0,0,1\nbbb,R8,0,0,1.0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    (annotations / "annotations_train.csv").write_text(DRAWN)
    (annotations / "image_labels_train.csv").write_text(LABELS)
    (annotations / "annotations_test.csv").write_text(
        "image_id,class_name,x_min,y_min,x_max,y_max\nccc,Nodule/Mass,1,2,3,4\n"
    )
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "aaa.dicom").write_bytes(b"")
    return tmp_path


def test_boxes_and_votes_of_each_radiologist_are_kept(folder: Path) -> None:
    data = datasets.load(str(folder))
    assert (data.format, data.data_use) == ("vindr", "credentialed")
    first, second, third = data.studies
    assert first.boxes == (
        ReaderBox(Box((100.5, 200, 300, 400)), "Nodule/Mass", reader="R9"),
        ReaderBox(Box((110, 210, 310, 410)), "Nodule/Mass", reader="R10"),
    )
    assert first.labels == (
        Label("Nodule/Mass", 2 / 3, "vindr"),
        Label("Pneumonia", 1 / 3, "vindr"),
        Label("No finding", 1 / 3, "vindr"),
    )
    assert second.labels == (Label("No finding", 1.0, "vindr"),)
    assert [(s.id, s.split, s.reference) for s in (first, third)] == [("aaa", "train", None), ("ccc", "test", None)]
    assert third.boxes[0].reader == "consensus"
    assert first.images[0].path == str(folder / "train" / "aaa.dicom")


def test_the_table_of_the_challenge_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\naaa,Cardiomegaly,3,R1,1,2,3,4\n")
    (study,) = datasets.load(str(path)).studies
    assert study.boxes[0].label == "Cardiomegaly"


def test_numbers_that_make_no_box_are_named(folder: Path) -> None:
    path = folder / "annotations" / "annotations_train.csv"
    path.write_text(DRAWN + "bbb,R8,Nodule/Mass,1,2,,4\n")
    with pytest.raises(DataError, match=r"annotations_train.csv:6: study bbb: 1, 2, , 4 is not a box"):
        datasets.load(str(folder))


def test_missing_columns_are_named(folder: Path) -> None:
    (folder / "annotations" / "annotations_train.csv").write_text("image_id,class,x_min,y_min,x_max,y_max\n")
    with pytest.raises(DataError, match="has no column class_name; its columns are image_id, class"):
        datasets.load(str(folder))
    (folder / "annotations" / "annotations_train.csv").write_text(DRAWN)
    with pytest.raises(UsageError, match="credentialed"):
        datasets.load(str(folder), data_use="open")
