"""Tables of boxes, MS-CXR and REFLACX: what they hold, and what is wrong with files of theirs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Box

ROW = {"id": "a", "region": "heart", "x1": 10, "y1": 20, "x2": 90, "y2": 99, "frame": "original", "text": "Large."}


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def sheet(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_rows_of_one_id_are_one_study_with_a_step_for_each_region(tmp_path: Path) -> None:
    more = {"image": "films/a.png", "patient": "p1", "findings": "The heart is large.", "split": "Train"}
    rows = [ROW | more, ROW | more | {"region": "left lung", "text": "Clear."}, ROW | {"id": "b", "findings": ""}]
    data = datasets.load(str(sheet(tmp_path / "mine.csv", [{**dict.fromkeys(rows[0], ""), **row} for row in rows])))
    assert (data.format, data.data_use) == ("boxes", "unknown")
    first, _ = data.studies
    assert first.trace is not None
    assert [(step.region, step.text, step.category) for step in first.trace.steps] == [
        ("heart", "Large.", "heart_mediastinum"),
        ("left lung", "Clear.", "lungs"),
    ]
    assert first.trace.steps[0].box == Box((10, 20, 90, 99), "original")
    assert first.trace.steps[0].image is not None
    assert first.images[0].path == str(tmp_path / "films/a.png")
    assert (first.patient, first.split) == ("p1", "train")


def test_labels_are_boxes_of_readers(tmp_path: Path) -> None:
    row = {"id": "a", "label": "Nodule", "x1": 0.1, "y1": 0.1, "x2": 0.2, "y2": 0.2, "frame": "norm_1", "reader": "R2"}
    (study,) = datasets.load(str(lines(tmp_path / "mine.jsonl", [row]))).studies
    assert study.trace is None
    assert [(box.label, box.reader, box.box.frame) for box in study.boxes] == [("Nodule", "R2", "norm_1")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frame": None}, "it has no frame"),
        ({"frame": "pixels"}, "no frame is called 'pixels'"),
        ({"x2": "wide"}, "is not a box of four numbers"),
        ({"x2": "nan"}, "is not a box of four numbers"),
        ({"y1": "-inf"}, "is not a box of four numbers"),
        ({"region": None}, "neither a region nor a label"),
    ],
)
def test_a_frame_is_never_guessed_and_the_fitting_ones_are_named(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = lines(tmp_path / "mine.jsonl", [ROW, ROW | change])
    with pytest.raises(DataError, match=said) as found:
        datasets.load(f"boxes:{path}")
    assert "2" in str(found.value)  # the line
    if "frame" in change:
        assert "pad_square_224, pad_square_336" in str(found.value)
        if change["frame"] is None:
            assert datasets.load(f"boxes:{path}", options={"frame": "original"}).studies


def test_rows_of_a_study_may_not_say_different_things_of_it(tmp_path: Path) -> None:
    path = lines(tmp_path / "mine.jsonl", [ROW | {"patient": "p1"}, ROW | {"patient": "p2"}])
    with pytest.raises(DataError, match="the rows of one study differ in 'patient'"):
        datasets.load(str(path))


MS = {
    "dicom_id": "d1",
    "category_name": "Pneumonia",
    "label_text": "left basal  opacity",
    "path": "files/p10/p10000001/s50000001/d1.jpg",
    "x": 100,
    "y": 200,
    "w": 50,
    "h": 80,
    "image_width": 2500,
    "image_height": 3000,
    "split": "train",
}


def test_ms_cxr_is_read_from_its_csv_and_from_its_json_alike(tmp_path: Path) -> None:
    sheet(tmp_path / "a/MS_CXR_Local_Alignment_v1.1.0.csv", [MS, MS | {"x": 900, "label_text": "right opacity"}])
    coco = {
        "images": [{"id": 5, "path": MS["path"], "width": 2500, "height": 3000}],
        "categories": [{"id": 1, "name": "Pneumonia"}],
        "annotations": [
            {"image_id": 5, "category_id": 1, "bbox": [100, 200, 50, 80], "label_text": "left basal opacity"},
            {"image_id": 5, "category_id": 1, "bbox": [900, 200, 50, 80], "label_text": "right opacity"},
        ],
    }
    (tmp_path / "b").mkdir()
    (tmp_path / "b/MS_CXR_Local_Alignment_v1.1.0.json").write_text(json.dumps(coco))
    found = [datasets.load(str(tmp_path / name)) for name in ("a", "b")]
    (first,), (second,) = (data.studies for data in found)
    assert {(data.format, data.data_use) for data in found} == {("ms-cxr", "credentialed")}
    assert first.boxes == second.boxes
    assert [(box.label, box.sentence, box.box.xyxy) for box in first.boxes] == [
        ("Pneumonia", "left basal opacity", (100.0, 200.0, 150.0, 280.0)),
        ("Pneumonia", "right opacity", (900.0, 200.0, 950.0, 280.0)),
    ]
    assert (first.id, first.patient, first.images[0].size, first.split) == ("d1", "10000001", (2500, 3000), "train")
    assert first.images[0].path.endswith("a/p10/p10000001/s50000001/d1.jpg")


def reflacx(folder: Path) -> Path:
    main = folder / "main_data"
    meta = {
        "split": "train",
        "eye_tracking_data_discarded": "False",
        "image": "files/p10/p10000001/s50000001/d1.dcm",
        "dicom_id": "d1",
        "subject_id": "10000001",
        "image_size_x": 1000,
        "image_size_y": 1200,
    }
    sheet(main / "metadata_phase_1.csv", [{"id": "P1R2"} | meta, {"id": "P1R1"} | meta])
    for reading, words in (("P1R1", "heart is large . left effusion ."), ("P1R2", "big heart .")):
        said, rows = words.split(), []
        for number, word in enumerate(said):
            rows.append({"word": word, "timestamp_start_word": number, "timestamp_end_word": number + 0.5})
        sheet(main / reading / "timestamps_transcription.csv", rows)
        (main / reading / "transcription.txt").write_text(words)
        looks = [(0.1, 500, 700), (1.0, 560, 760), (4.0, 800, 900), (4.2, 850, 5000)]
        names = ("timestamp_start_fixation", "x_position", "y_position")
        sheet(main / reading / "fixations.csv", [dict(zip(names, look, strict=True)) for look in looks])
    corners = {"xmin": 700, "ymin": 800, "xmax": 900, "ymax": 1000}
    ellipse = corners | {"certainty": 4, "Pleural effusion": "True", "Fracture": "False"}
    sheet(main / "P1R1/anomaly_location_ellipses.csv", [ellipse])
    return folder


def test_reflacx_keeps_every_reading_and_the_order_of_looks(tmp_path: Path) -> None:
    data = datasets.load(str(reflacx(tmp_path)))
    (study,) = data.studies
    assert (data.format, data.data_use, study.id, study.patient) == ("reflacx", "credentialed", "d1", "10000001")
    assert study.images[0].path.endswith("p10/p10000001/s50000001/d1.jpg")
    assert [(box.reader, box.label, box.sentence) for box in study.boxes] == [
        ("P1R1", "", "Heart is large."),
        ("P1R1", "", "Left effusion."),
        ("P1R1", "pleural effusion", ""),
        ("P1R2", "", "Big heart."),
    ]
    assert study.trace is not None
    assert [step.text for step in study.trace.steps] == ["Heart is large.", "Left effusion."]
    heart, effusion = study.trace.steps
    assert heart.box == Box((470.0, 670.0, 590.0, 790.0))  # the hull of two places, and what an eye sees around them
    assert effusion.box == Box((770.0, 870.0, 830.0, 930.0))  # the look beside the film is none
    assert study.reference is not None
    assert study.reference.text == "Heart is large. Left effusion."
    (second,) = datasets.load(f"reflacx:{tmp_path}?reading=2").studies
    assert second.trace is not None
    assert [step.text for step in second.trace.steps] == ["Big heart."]
    with pytest.raises(UsageError, match="takes the number of a reading"):
        datasets.load(f"reflacx:{tmp_path}?reading=first")


def test_a_reading_without_gaze_or_times_still_has_its_words(tmp_path: Path) -> None:
    reflacx(tmp_path)
    for path in tmp_path.glob("main_data/P1R1/*.csv"):
        path.unlink()
    (study,) = datasets.load(str(tmp_path)).studies
    assert study.trace is not None
    assert [(step.text, step.box) for step in study.trace.steps] == [
        ("heart is large.", None),
        ("left effusion.", None),
    ]
