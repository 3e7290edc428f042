"""Chest ImaGenome as it is published, invented: from scene graphs and reports through all nine stages to a dataset.

Names of files and fields are those of physionet.org/content/chest-imagenome/1.0.0; lists of an attribute go phrase by
phrase. The gold tables lie beside the graphs and are no scene graphs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.cli.data import data
from mmrad_eval.construction.collect import present
from mmrad_eval.construction.records import STAGES
from mmrad_eval.construction.stage_files import stage_path
from mmrad_eval.traces.regions import resolve

SIZE = (640, 800)
PLACES = {
    "cardiac silhouette": (88, 96, 148, 160),
    "left lung": (120, 40, 188, 176),
    "right lung": (38, 40, 106, 176),
    "left costophrenic angle": (168, 158, 186, 178),
    "trachea": (100, 20, 120, 80),
}
"""Region -> corners in the padded square of 224 pixels."""
HEART = ("cardiac silhouette", "The heart is enlarged.", ["anatomicalfinding|yes|enlarged cardiac silhouette"])
FLUID = (
    "left costophrenic angle",
    "There is a small\n left pleural effusion.",
    ["anatomicalfinding|yes|pleural effusion"],
)
CLEAR = ("right lung", "The right lung is clear.", ["anatomicalfinding|no|lung opacity", "nlp|yes|normal"])
AIR = ("left lung", "No pneumothorax.", ["anatomicalfinding|no|pneumothorax"])
WRONG = ("right lung", "There is a large right pneumothorax.", ["anatomicalfinding|yes|pneumothorax"])
REPORT = "The heart is enlarged. There is a small left pleural effusion. The right lung is clear. No pneumothorax."
CUES = ("comparison_cues", "temporal_cues", "severity_cues", "texture_cues")


def graph(dicom: str, patient: int, study: int, said: tuple[Any, ...]) -> dict[str, Any]:
    """One scene graph."""
    scale = max(SIZE) / 224
    bars = (max(SIZE) - SIZE[0]) / 2
    objects = []
    for name, (left, top, right, bottom) in PLACES.items():
        own = {"x1": left, "y1": top, "x2": right, "y2": bottom, "width": right - left, "height": bottom - top}
        film = {"x1": left * scale - bars, "y1": top * scale, "x2": right * scale - bars, "y2": bottom * scale}
        there = {f"original_{corner}": round(edge) for corner, edge in film.items()}
        named = {"object_id": f"{dicom}_{name}", "bbox_name": name, "name": name.capitalize(), "synsets": ["C0000000"]}
        objects.append({**named, **own, **there})
    attributes = [
        {
            name: True,
            "object_id": f"{dicom}_{name}",
            "bbox_name": name,
            "name": name.capitalize(),
            "synsets": ["C0000000"],
            "phrases": [phrase],
            "phrase_IDs": [f"{study}|{number}"],
            "sections": ["finalreport"],
            "attributes": [found],
            "attributes_ids": [["C0000000"] * len(found)],
            **{cues: [[]] for cues in CUES},
        }
        for number, (name, phrase, found) in enumerate(said)
    ]
    return {
        "image_id": dicom,
        "viewpoint": "PA",
        "patient_id": patient,
        "study_id": study,
        "gender": "F",
        "age_decile": "50-60",
        "reason_for_exam": "___F with dyspnea",
        "StudyOrder": 1,
        "StudyDateTime": "2150-01-01 10:00:00 UTC",
        "objects": objects,
        "attributes": attributes,
        "relationships": [],
    }


def name(number: int) -> str:
    """The DICOM id of an image."""
    return "-".join([f"{number:08x}"] * 5)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published folder with four images of four patients, reports under DICOM ids, films; and what is built."""
    folder = tmp_path_factory.mktemp("imagenome")
    silver, gold = folder / "chest/silver_dataset", folder / "chest/gold_dataset"
    for made in (silver / "scene_graph", silver / "splits", gold):
        made.mkdir(parents=True)
    everything = ((HEART, FLUID, CLEAR, AIR),) * 3 + ((WRONG, HEART, FLUID),)
    texts = ["id,findings"]
    lists: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for number, said in enumerate(everything):
        dicom, patient, study = name(number), 10000000 + number, 50000000 + number
        (silver / f"scene_graph/{dicom}_SceneGraph.json").write_text(json.dumps(graph(dicom, patient, study, said)))
        film = folder / f"films/p10/p{patient}/s{study}/{dicom}.jpg"
        film.parent.mkdir(parents=True)
        Pillow.effect_noise((80, 100), 60).resize(SIZE).save(film)
        texts.append(f'{dicom},"{REPORT}"')
        lists[("train", "train", "valid", "test")[number]].append(f"{number},{patient},{study},{dicom}")
    for split, rows in lists.items():
        (silver / f"splits/{split}.csv").write_text("\n".join([",subject_id,study_id,dicom_id", *rows]) + "\n")
    (gold / "gold_attributes_relations_500pts_500studies1st.txt").write_text(
        "patient_id\tstudy_id\n10000000\t50000000\n"
    )
    (gold / "gold_bbox_coordinate_annotations_1000images.csv").write_text("image_id,bbox_name\n")
    (folder / "reports.csv").write_text("\n".join(texts) + "\n")
    words = ["build", f"chest-imagenome:{folder / 'chest'}", "--images", str(folder / "films")]
    words += ["--link", str(folder / "reports.csv"), "--writer", "program:writer", "--auditor", "program:auditor"]
    ended = CliRunner().invoke(data, [*words, "--out", str(folder / "out")], standalone_mode=False)
    assert ended.exception is None, (ended.exception, ended.output)
    return folder


def lines(folder: Path, stage: Any) -> list[Any]:
    """The lines of a stage."""
    return [json.loads(line) for line in stage_path(folder / "out", stage).read_text().splitlines()]


def test_scene_graphs_become_a_dataset_through_all_nine_stages(built: Path) -> None:
    assert all(lines(built, stage) for stage in STAGES)
    made = datasets.load(str(built / "out"))
    assert made.data_use == "credentialed"
    assert {study.id: study.split for study in made.studies} == {
        name(0): "train",
        name(1): "train",
        name(2): "validate",
        name(3): "test",
    }
    trace = made.studies[0].trace
    assert trace is not None
    said = " ".join(step.text for step in trace.steps)
    assert said.count("There is a small left pleural effusion.") == 1
    assert all(step.box is not None and step.image is not None for step in trace.steps)


def test_boxes_in_pixels_of_the_film_end_in_the_padded_square(built: Path) -> None:
    (heart,) = (step for step in lines(built, "aggregate")[0]["steps"] if step["category"] == "heart_mediastinum")
    made = datasets.load(str(built / "out")).studies[0].trace
    assert made is not None
    (shown,) = (step for step in made.steps if step.category == "heart_mediastinum")
    left, top, right, bottom = (edge * 800 / 224 for edge in PLACES["cardiac silhouette"])
    assert heart["box"]["xyxy"] == pytest.approx([left - 80, top, right - 80, bottom], abs=1)  # of the film itself
    assert shown.box is not None
    expected = [edge * 336 / 224 for edge in PLACES["cardiac silhouette"]]
    assert shown.box.xyxy == pytest.approx(expected, abs=1)


def test_a_phrase_that_the_report_does_not_hold_is_removed_from_its_record(built: Path) -> None:
    wrong = lines(built, "check")[3]
    removed = {one["text"] for one in wrong["statements"] if one.get("why")}
    assert removed == {"There is a large right pneumothorax."}


OBSERVATIONS = {
    "enlarged cardiac silhouette": "Cardiomegaly",
    "pleural effusion": "Pleural Effusion",
    "pneumothorax": "Pneumothorax",
    "lung opacity": "Lung Opacity",
}
"""Attribute of a scene graph -> observation of the rule labeler."""


def test_what_is_kept_says_of_each_region_what_its_attributes_say(built: Path) -> None:
    compared = 0
    for line in lines(built, "assemble"):
        path = built / f"chest/silver_dataset/scene_graph/{line['id']}_SceneGraph.json"
        kept = [one for one in line["statements"] if not one.get("why")]
        for attribute in json.loads(path.read_text())["attributes"]:
            said = " ".join(one["text"] for one in kept if one["region"] == resolved(attribute["bbox_name"]))
            if not said:
                assert attribute["phrases"] == [WRONG[1]]
                continue
            for found in attribute["attributes"][0]:
                _, polarity, what = found.split("|")
                if what in OBSERVATIONS:
                    assert (OBSERVATIONS[what] in present(said)) == (polarity == "yes"), (said, found)
                    compared += 1
    assert compared == 14


def resolved(region: str) -> str:
    """The vocabulary's name of a region."""
    known = resolve(region)
    assert known is not None
    return known.name


def test_attributes_are_held_against_statements(built: Path) -> None:
    study = lines(built, "collect")[0]["study"]
    assert set(study["denied"]) == {"lung opacity", "pneumothorax"}
    assert not any("labels" in line.get("counts", {}) for line in lines(built, "check"))
    graphs = built / "chest/silver_dataset/scene_graph"
    first = graphs / f"{name(0)}_SceneGraph.json"
    first.write_text(first.read_text().replace("|yes|enlarged cardiac", "|no|enlarged cardiac"))
    words = ["build", f"chest-imagenome:{built / 'chest'}", "--images", str(built / "films"), "--stages", "1-5"]
    words += ["--link", str(built / "reports.csv"), "--writer", "program:writer", "--auditor", "program:auditor"]
    ended = CliRunner().invoke(data, [*words, "--out", str(built / "denied")], standalone_mode=False)
    assert ended.exception is None, (ended.exception, ended.output)
    (changed, *others) = (json.loads(line) for line in stage_path(built / "denied", "check").read_text().splitlines())
    assert [one["what"] for one in changed["findings"] if one["check"] == "labels"] == ["they deny cardiomegaly"]
    assert "why" not in changed  # it goes on
    assert not any("labels" in line.get("counts", {}) for line in others)


def test_the_card_says_that_phrases_are_sentences_of_the_report(built: Path) -> None:
    record = json.loads((built / "out/build.json").read_text())
    assert "leak is close to 1" in " ".join(record["warnings"])
    assert record["leak"]["covered_abnormal"] == 1.0
