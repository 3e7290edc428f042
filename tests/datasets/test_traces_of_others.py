"""Chest ImaGenome and GEMeX-ThinkVG as traces, and the link to MIMIC-CXR."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Box, Label

if TYPE_CHECKING:
    from tests.datasets.conftest import Mimic


def graph(dicom: str, subject: str, study: str, **fields: Any) -> dict[str, Any]:
    return {
        "image_id": dicom,
        "viewpoint": "PA",
        "patient_id": int(subject),
        "study_id": int(study),
        "gender": "F",
        "age_decile": "50-60",
        "reason_for_exam": "___F with cough",
        "objects": [
            {"object_id": f"{dicom}_right lung", "bbox_name": "right lung", "x1": 30, "y1": 20, "x2": 100, "y2": 150}
            | {"original_x1": 340, "original_y1": 227, "original_x2": 1135, "original_y2": 1703},
            {"object_id": f"{dicom}_trachea", "bbox_name": "trachea", "x1": 100, "y1": 10, "x2": 120, "y2": 90},
        ],
        "attributes": [
            {
                "object_id": f"{dicom}_right lung",
                "bbox_name": "right lung",
                "phrases": ["The lungs\n are clear.", "The lungs\n are clear.", "No effusion."],
                "attributes": [["anatomicalfinding|no|pleural effusion"], ["anatomicalfinding|yes|atelectasis"]],
            },
            {
                "object_id": f"{dicom}_trachea",
                "bbox_name": "trachea",
                "phrases": ["Midline trachea."],
                "attributes": [],
            },
        ],
        **fields,
    }


@pytest.fixture
def scenes(mimic: Mimic, tmp_path: Path) -> Path:
    folder = tmp_path / "imagenome" / "silver_dataset"
    (folder / "scene_graph").mkdir(parents=True)
    (folder / "splits").mkdir()
    for t in mimic.taken[:2]:
        dicom = t.dicom(len(t.views) - 1)
        (folder / "scene_graph" / f"{dicom}_SceneGraph.json").write_text(json.dumps(graph(dicom, t.subject, t.study)))
    (folder / "splits" / "test.csv").write_text(f",subject_id,dicom_id\n0,1,{mimic.taken[0].dicom(1)}\n")
    return tmp_path / "imagenome"


def test_a_scene_graph_is_a_trace_of_its_regions(scenes: Path, mimic: Mimic) -> None:
    data = datasets.load(str(scenes))
    assert (data.format, data.data_use) == ("chest-imagenome", "credentialed")
    first = data.studies[0]
    assert (first.id, first.patient, first.split) == (mimic.taken[0].dicom(1), "10000032", "test")
    assert first.trace is not None
    lung, trachea = first.trace.steps
    assert (lung.region, lung.regions, lung.category) == ("right lung", ("right lung",), "lungs")
    assert lung.box == Box((340, 227, 1135, 1703), "original")
    assert trachea.box == Box((100, 10, 120, 90), "pad_square_224")
    assert lung.text == "The lungs are clear. No effusion."
    assert lung.image is not None
    assert (lung.image.render, lung.image.box) == ("crop", lung.box)
    assert first.labels == (
        Label("pleural effusion", 0.0, "chest-imagenome"),
        Label("atelectasis", 1.0, "chest-imagenome"),
    )
    assert (first.context.indication, first.context.age, first.context.sex) == ("___F with cough", "50-60", "F")


def test_the_zip_of_scene_graphs_is_the_same(scenes: Path) -> None:
    plain = datasets.load(str(scenes)).studies[:]
    folder = scenes / "silver_dataset"
    with zipfile.ZipFile(folder / "scene_graph.zip", "w") as archive:
        for file in sorted((folder / "scene_graph").iterdir()):
            archive.write(file, f"scene_graph/{file.name}")
            file.unlink()
    assert datasets.load(str(scenes)).studies[:] == plain


def test_a_broken_graph_is_named(scenes: Path) -> None:
    file = sorted((scenes / "silver_dataset" / "scene_graph").iterdir())[1]
    file.write_text(file.read_text()[:100])
    data = datasets.load(str(scenes))
    assert data.studies[0].trace
    with pytest.raises(DataError, match=r"_SceneGraph.json: ends in the middle of JSON"):
        data.studies[1]


def test_a_link_finds_report_prior_split_and_file(scenes: Path, mimic: Mimic) -> None:
    mimic.write(images="jpg")
    data = datasets.load(str(scenes), link=mimic.root)
    second = data.studies[1]
    assert second.reference is not None
    assert second.reference.findings == "Small left effusion."
    assert second.split == "train"
    assert [prior.id for prior in second.priors] == ["50414267"]
    assert Path(second.images[0].path).is_file()
    assert second.trace is not None
    assert second.trace.steps[0].image is not None
    assert second.trace.steps[0].image.path == second.images[0].path
    assert second.images[0].size == (2544, 3056)
    assert datasets.digest(data) != datasets.digest(datasets.load(str(scenes)))


THOUGHTS = (
    "Step one. There is an opacity in the left lower lung zone ([180,150,270,260]). The heart is normal.",
    """The opacity in the left lower lung zone ([180,150,270,260]) suggests pneumonia. Its edge [1,2,3,4] is sharp.
    See right lung [57,67,150,281].""",
)
LOCATION = "<response><answer>x</answer><location><ref>{}</ref><box>{}</box></location></response>"
RESPONSES = (
    LOCATION.format("left lower lung zone", "[180, 150, 270, 260]"),
    LOCATION.format("cardiac silhouette", "[108, 104, 252, 277]"),
)


@pytest.fixture
def thoughts(mimic: Mimic, tmp_path: Path) -> Path:
    t = mimic.taken[1]
    path = f"/p{t.subject[:2]}/p{t.subject}/s{t.study}/{t.dicom(0)}.jpg"
    rows = [
        {"image_path": path, "question": "?", "question_type": "open_ended_questions", "thinkVG": a, "response": b}
        for a, b in zip(THOUGHTS, RESPONSES, strict=True)
    ]
    rows.append({**rows[0], "image_path": "/p10/p10009999/s59999999/00000000-00000000-00000000-00000000-00000000.jpg"})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    return tmp_path / "train.parquet"


def test_thoughts_about_an_image_become_one_trace(thoughts: Path, mimic: Mimic) -> None:
    data = datasets.load(str(thoughts))
    assert (data.format, data.data_use, len(data.studies)) == ("gemex-thinkvg", "credentialed", 2)
    first = data.studies[0]
    assert (first.id, first.patient) == (mimic.taken[1].dicom(0), "10000032")
    assert first.trace is not None
    zone, edge, lung, heart = first.trace.steps
    assert zone.region == "left lower lung zone"
    assert zone.box == Box((180, 150, 270, 260), "pad_square_336")
    assert zone.text == (
        "There is an opacity in the left lower lung zone. The opacity in the left lower lung zone suggests pneumonia."
    )
    assert (edge.region, edge.category, edge.text) == ("Its edge", "other", "Its edge is sharp.")
    assert (lung.region, lung.category) == ("right lung", "lungs")
    assert (heart.regions, heart.text) == (("cardiac silhouette",), "")
    assert zone.image is not None
    assert zone.image.render == "crop"


def test_thoughts_are_linked_and_what_no_list_names_is_a_warning(thoughts: Path, mimic: Mimic) -> None:
    mimic.write(images="jpg")
    data = datasets.load(str(thoughts), link=mimic.root)
    first, second = data.studies
    assert first.reference is not None
    assert first.priors[0].id == "50414267"
    assert Path(first.images[0].path).is_file()
    assert second.reference is None
    source = datasets.Source(path=thoughts, link=mimic.root)
    assert list(datasets.read("gemex-thinkvg", source).studies)
    assert "not in MIMIC-CXR" in {problem.kind for problem in source.problems}


def test_mmrad_records_that_name_a_dicom_are_linked(mimic: Mimic, tmp_path: Path) -> None:
    dicom = mimic.taken[1].dicom(0)
    record = {
        "prompt": "Report. <image>",
        "response": "Summarizing the previous analysis, I will generate the following report: Own words.",
        "images": [f"IVLImage/{dicom}/problem_image_1.jpg"],
    }
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(record))
    (study,) = datasets.load(str(path), link=mimic.write()).studies
    assert (study.patient, study.split) == ("10000032", "train")
    assert study.reference is not None
    assert study.reference.text == "Own words."
    assert study.images[0].path == str(tmp_path / "IVLImage" / dicom / "problem_image_1.jpg")
    assert study.images[0].view == "AP"
    assert study.priors[0].id == "50414267"


def test_linking_makes_data_credentialed(mimic: Mimic, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"id,report\n{mimic.taken[0].study},mine\n")
    assert datasets.load(str(path), link=mimic.write()).data_use == "credentialed"
    with pytest.raises(UsageError, match="credentialed"):
        datasets.load(str(path), link=mimic.root, data_use="open")


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_neutral_traces_are_a_dataset_with_the_same_steps(thoughts: Path, tmp_path: Path, kind: str) -> None:
    from mmrad_eval.traces.convert import convert

    path = tmp_path / f"traces.{kind}"
    convert(f"thinkvg:{thoughts}", path)
    data = datasets.load(str(path))
    assert (data.format, data.data_use) == ("mmrad.trace", "credentialed")
    original = datasets.load(str(thoughts)).studies[0]
    first = data.studies[0]
    assert (first.id, first.patient, first.reference) == (original.id, original.patient, None)
    assert first.trace is not None
    assert original.trace is not None
    assert [(s.region, s.box, s.text) for s in first.trace.steps] == [
        (s.region, s.box, s.text) for s in original.trace.steps
    ]


def test_a_file_without_thoughts_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image_path": ["a"], "thought": ["b"]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="has no column thinkVG; its columns are image_path, thought"):
        datasets.load(f"gemex-thinkvg:{tmp_path / 'x.parquet'}")
