"""Each kind of source from its own files to a built dataset, with program models and without pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.construction.build import Built, Named
from mmrad_eval.construction.records import StageLine
from mmrad_eval.construction.sources import load
from mmrad_eval.construction.stage_files import StageFile, stage_path
from mmrad_eval.core.values import DataUse
from tests.datasets.test_box_sources import MS, reflacx, sheet
from tests.datasets.test_padchest_gr import RECORD, write

Build = Callable[..., Built]
Lines = Callable[..., dict[str, StageLine]]
NOBODY = {"writer_model": Named("none"), "auditor_model": Named("none")}


def test_padchest_gr_keeps_its_languages_apart_and_has_steps_without_boxes(
    build: Build, lines: Lines, tmp_path: Path
) -> None:
    folder = tmp_path / "padchest"
    folder.mkdir()
    Pillow.new("L", (400, 500), 90).save(write(folder, [RECORD]) / "11_a.png")
    english = build(load(f"padchest-gr:{folder}"), out="en")
    assert english.record is not None
    assert english.record.name == "padchest-gr-traces"
    assert english.record.data_use == "credentialed"
    steps = lines("aggregate", "en")["11"].steps
    assert [(step.category, step.box is not None) for step in steps] == [("pleura_diaphragm", True)]
    assert steps[0].text == "Right pleural effusion. No pneumothorax."
    spanish = build(load(f"padchest-gr-es:{folder}"), out="es")
    assert spanish.record is not None
    assert spanish.record.name == "padchest-gr-es-traces"
    assert spanish.record.leak is not None
    assert spanish.record.leak.rouge is not None
    assert (spanish.record.leak.covered, spanish.record.leak.copied_f1) == (None, None)  # rules read English
    rules = {one.rules for one in lines("check", "es")["11"].statements}
    assert rules <= {"other language", "silent", "supported", "normal remark"}


def test_vindr_is_built_of_its_labels_without_reports(build: Build, lines: Lines, tmp_path: Path) -> None:
    rows = [
        {
            "image_id": "v1",
            "rad_id": reader,
            "class_name": name,
            "x_min": 400 + n,
            "y_min": 500,
            "x_max": 900,
            "y_max": 990,
        }
        for n, (reader, name) in enumerate([("R1", "Cardiomegaly"), ("R2", "Cardiomegaly"), ("R1", "Pleural effusion")])
    ]
    sheet(tmp_path / "vindr/annotations/annotations_train.csv", rows)
    source = load(f"vindr:{tmp_path / 'vindr'}")
    build(source, out="blind", options={"report": "none"}, **NOBODY)
    assert lines("crop", "blind")["v1"].why == "no pixels"  # boxes in pixels of a film that is not there
    (tmp_path / "vindr/train").mkdir()
    Pillow.new("L", (1000, 1100), 90).save(tmp_path / "vindr/train/v1.png")
    built = build(load(f"vindr:{tmp_path / 'vindr'}"), options={"report": "none"}, **NOBODY)
    assert built.record is not None
    assert built.record.records == 1
    assert [step.text for step in lines("aggregate")["v1"].steps] == ["Cardiomegaly.", "Pleural effusion."]
    regions = lines("collect")["v1"].study
    assert regions is not None
    assert [(region.name, len(region.boxes)) for region in regions.regions] == [
        ("Cardiomegaly", 1),
        ("Pleural effusion", 1),
    ]


def test_phrases_of_ms_cxr_need_reports_from_elsewhere(build: Build, lines: Lines, tmp_path: Path) -> None:
    sheet(tmp_path / "ms/MS_CXR_Local_Alignment_v1.1.0.csv", [MS])
    build(load(str(tmp_path / "ms")), out="alone")
    assert lines("collect", "alone")["d1"].why == "no report"
    (tmp_path / "reports.csv").write_text("id,findings\nd1,There is a left basal opacity. The heart is normal.\n")
    built = build(load(str(tmp_path / "ms"), link=str(tmp_path / "reports.csv")))
    assert built.record is not None
    assert built.record.data_use == "credentialed"
    (line,) = lines("check").values()
    assert line.statements[0].text == "left basal opacity."
    assert line.statements[0].rules == "supported"


@pytest.mark.parametrize(("order", "first"), [("source", "heart_mediastinum"), ("vocabulary", "heart_mediastinum")])
def test_reflacx_is_built_of_all_of_its_readings(
    order: str, first: str, build: Build, lines: Lines, tmp_path: Path
) -> None:
    built = build(load(str(reflacx(tmp_path / "reflacx"))), options={"order": order})
    assert built.record is not None
    study = lines("collect")["d1"].study
    assert study is not None
    origins = {row.origin for region in study.regions for row in region.rows}
    assert origins == {"P1R1", "P1R2"}
    assert lines("aggregate")["d1"].steps[0].category == first
    assert "leak is close to 1" in " ".join(built.record.warnings)


def test_a_built_dataset_keeps_the_class_of_its_source(build: Build, tmp_path: Path) -> None:
    build(load(str(reflacx(tmp_path / "reflacx"))))
    built = datasets.load(str(tmp_path / "out"))
    assert built.data_use == "credentialed"
    assert (tmp_path / "out/data_use.json").is_file()
    copied = tmp_path / "elsewhere.jsonl"
    copied.write_bytes((tmp_path / "out/mmrad.jsonl").read_bytes())
    assert datasets.load(str(copied)).data_use == "credentialed"


def test_a_file_of_a_stage_states_the_class_in_each_line(tmp_path: Path) -> None:
    stated: dict[DataUse, set[str | None]] = {"credentialed": {"credentialed"}, "open": {None}}
    for use, said in stated.items():
        with StageFile(tmp_path / use, "collect", use) as file:
            file.put(StageLine(id="a", stage="collect", version=1, key="k"))
            file.put(StageLine(id="b", stage="collect", version=1, key="k"))
        lines = stage_path(tmp_path / use, "collect").read_text().splitlines()
        assert {json.loads(line).get("data_use") for line in lines} == said
