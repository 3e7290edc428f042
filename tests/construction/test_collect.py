"""What is collected of each kind of source, and what a record can't do without."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.construction.collect import collect, fault, merged
from mmrad_eval.construction.sources import joined, load, rows_of
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Label, ReaderBox, Report, Step, Study, Trace

DICOM = "0a0a0a0a-11111111-22222222-33333333-44444444"


def thinkvg(kind: str, thought: str, answer: str, region: str, box: str) -> dict[str, str]:
    said = f"<response><answer>{answer}</answer><location><ref>{region}</ref><box>{box}</box></location></response>"
    path = f"/p10/p10000001/s50000001/{DICOM}.jpg"
    return {"image_path": path, "question": "Which?", "question_type": kind, "thinkVG": thought, "response": said}


def test_thoughts_and_answers_of_thinkvg_are_rows_and_options_never_are(tmp_path: Path) -> None:
    rows = [
        thinkvg("open_ended_questions", "The (cardiac region [100,110,220,250]) looks wide.", "The heart is enlarged.",
                "cardiac region", "[101, 110, 220, 250]"),
        thinkvg("single_choice_questions", "I see fluid at the (left lower lung zone [180,180,280,270]).", "B",
                "left lower lung zone", "[180, 180, 280, 270]"),
        thinkvg("multi_choice_questions", "Nothing at the (spine [150,40,190,330]).", "A. a fracture of the spine",
                "spine", "[150, 40, 190, 330]"),
    ]  # fmt: skip
    path = tmp_path / "thoughts.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    data = datasets.load(str(path))
    found = collect(data.studies[0], data.format, rows_of(data.studies, 0))
    texts = {region.name: [row.text for row in region.rows] for region in found.regions}
    assert texts["cardiac silhouette"][-1] == "The heart is enlarged."
    assert any("fluid" in text for text in texts["left lower lung zone"])
    assert not any("fracture" in text or text == "B." for said in texts.values() for text in said)
    assert [row.id for region in found.regions for row in region.rows] == [
        f"r{n}" for n in range(1, 1 + sum(map(len, texts.values())))
    ]
    heart = next(region for region in found.regions if region.name == "cardiac silhouette")
    assert len(heart.boxes) == 1  # two that agree are one
    assert (found.patient, heart.category) == ("10000001", "heart_mediastinum")


def test_boxes_that_agree_are_their_median_and_others_all_stay_with_a_note() -> None:
    near = [Box((100, 100, 200, 200)), Box((101, 100, 201, 200)), Box((99, 101, 200, 201))]
    boxes, note = merged(near)
    assert (boxes, note) == ((Box((100, 100, 200, 200)),), "")
    boxes, note = merged([Box((100, 100, 200, 200)), Box((300, 100, 400, 200))])
    assert (len(boxes), note) == (2, "box disagreement")
    boxes, note = merged([Box((0, 0, 1, 1), "norm_1"), Box((0, 0, 10, 10))])
    assert (len(boxes), note) == (2, "box disagreement")


def test_a_finding_that_readers_boxed_is_a_region_of_its_concepts_category() -> None:
    boxes = (
        ReaderBox(Box((0.1, 0.6, 0.4, 0.9), "norm_1"), "pleural effusion", "Right pleural effusion.", "1"),
        ReaderBox(Box((0.1, 0.5, 0.4, 0.9), "norm_1"), "pleural effusion", "Right pleural effusion.", "2"),
        ReaderBox(Box((0.3, 0.4, 0.7, 0.8), "norm_1"), "cardiomegaly", "Aumento de la silueta cardiaca.", "1"),
    )
    text = "Right pleural effusion. No pneumothorax."
    found = collect(Study("a", boxes=boxes, reference=Report(text, text)), "padchest-gr")
    regions = {region.name: region for region in found.regions}
    assert regions["pleural effusion"].category == "pleura_diaphragm"
    assert len(regions["pleural effusion"].rows) == 1
    assert len(regions["pleural effusion"].boxes) == 2
    assert regions["cardiomegaly"].category == "heart_mediastinum"  # by its label: the sentence is Spanish
    denial = next(region for region in found.regions if not region.boxes)
    assert [row.text for row in denial.rows] == ["No pneumothorax."]


def test_the_report_is_no_row_where_the_source_only_quotes_from_it() -> None:
    boxes = (ReaderBox(Box((1, 1, 50, 50)), "Pneumonia", "opacity at the left base"),)
    report = Report("There is an opacity at the left base. The heart is large.")
    found = collect(Study("a", boxes=boxes, reference=report), "ms-cxr")
    assert [row.text for region in found.regions for row in region.rows] == ["opacity at the left base."]


def test_labels_of_boxes_are_the_words_where_there_are_no_others() -> None:
    study = Study("a", boxes=(ReaderBox(Box((1, 1, 50, 50)), "Cardiomegaly", reader="R1"),), labels=(Label("x", 1.0),))
    found = collect(study, "vindr")
    assert [(r.name, r.category, r.rows[0].text, r.rows[0].origin) for r in found.regions] == [
        ("Cardiomegaly", "heart_mediastinum", "Cardiomegaly.", "R1")
    ]


@pytest.mark.parametrize(
    ("study", "why"),
    [
        (Study("a", trace=Trace((Step("heart", box=Box((1, 1, 9, 9)), text="Large."),))), "no report"),
        (Study("a", reference=Report("Large."), trace=Trace((Step("heart", text="Large."),))), "no box"),
        (Study("a", reference=Report("Large.")), "no box"),
    ],
)
def test_a_record_without_report_or_boxes_is_rejected_with_that_reason(study: Study, why: str) -> None:
    assert fault(collect(study), report=True) == why


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROW = {"id": "a", "region": "heart", "x1": 10, "y1": 20, "x2": 90, "y2": 99, "frame": "original", "text": "Large."}


def test_reports_of_other_data_are_joined_by_id(tmp_path: Path) -> None:
    boxes = table(tmp_path / "boxes.jsonl", [ROW, ROW | {"id": "b"}])
    reports = tmp_path / "reports.csv"
    reports.write_text("id,findings,patient,split\na,The heart is large.,p1,test\n")
    found = load(str(boxes), link=str(reports), data_use="open")
    first, second = found.studies
    assert first.reference is not None
    assert (first.reference.findings, first.patient, first.split) == ("The heart is large.", "p1", "test")
    assert second.reference is None
    assert "reports of 1 of 2 studies" in found.notes[-1]
    other = datasets.load(str(table(tmp_path / "x.jsonl", [ROW | {"id": "z"}])), data_use="open")
    with pytest.raises(DataError, match="both must use the same ids"):
        joined(found, other)
