"""The demo: invented studies, drawn films, traces in the authors' form."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval import datasets
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import DataError
from mmrad_eval.datasets.sections import read_report
from mmrad_eval.traces import geometry, mmrad, record, rendering

FILMS = {  # sha256 of drawn films; equal on every machine, because only exactly rounded operations draw them
    "demo-01-pa.png": "8562db7d04582a24091b0eed272c81879a03e858452eb0de7ced20e6d5c24169",
    "demo-07-ap.png": "f3d41f52215259652c9c22641b6892d3a0edc85fc02aae9c5c4d5c695d595ce6",
    "demo-02-lateral.png": "dd0d45a2f9b53bd2f328879705f78c68ed5f5b461d5e556739fd0efce58db9d2",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return datasets.load("demo")


def test_has_24_studies_of_16_patients_some_with_a_lateral_view_some_with_a_prior(demo: Dataset) -> None:
    assert len(demo.studies) == 24
    assert len({study.patient for study in demo.studies}) == 16
    assert sum(len(study.images) == 2 for study in demo.studies) == 8
    assert sum(bool(study.priors) for study in demo.studies) == 8
    assert demo.data_use == "open"


def test_every_study_has_a_report_with_both_sections_that_headings_find_again(demo: Dataset) -> None:
    for study in demo.studies:
        assert study.reference is not None
        assert study.reference.findings
        assert study.reference.impression
        assert read_report(study.reference.text) == study.reference


def test_priors_are_earlier_studies_of_the_same_patient(demo: Dataset) -> None:
    by_id = {study.id: study for study in demo.studies}
    for study in demo.studies:
        for prior in study.priors:
            earlier = by_id[prior.id]
            assert earlier.patient == study.patient
            assert prior.report == earlier.reference
            assert [image.path for image in prior.images] == [image.path for image in earlier.images]
            assert {image.role for image in prior.images} == {"prior"}


def test_films_are_the_same_bytes_on_every_machine(demo: Dataset) -> None:
    films = {image.name: image.path for study in demo.studies for image in study.images}
    digests = {name: hashlib.sha256(Path(films[name]).read_bytes()).hexdigest() for name in FILMS}
    assert digests == FILMS


def test_films_have_the_size_that_their_studies_state_and_are_sent_untouched(demo: Dataset) -> None:
    for study in demo.studies:
        for image in study.images:
            rendered = rendering.load(image)
            assert rendered.size == image.size
            assert rendered.how == "file"


def test_boxes_lie_inside_the_picture_and_cut_region_images(demo: Dataset) -> None:
    for study in demo.studies:
        assert study.trace is not None
        assert len(study.trace.steps) in {2, 3}
        for step in study.trace.steps:
            assert step.box is not None
            assert step.image is not None
            assert geometry.problems(step.box, study.images[0].size) == []
            assert step.image.role == "region"
            assert step.image.box == step.box
            assert step.image.path == study.images[0].path
            assert rendering.load(step.image).media_type == "image/png"


def test_finding_boxes_hold_what_was_drawn_and_little_else(demo: Dataset) -> None:
    from mmrad_eval.datasets.demo import _records, film, findings
    from mmrad_eval.datasets.demo.anatomy import anatomy
    from mmrad_eval.datasets.demo.boxes import LABELS, finding_boxes
    from mmrad_eval.metrics.facts.extract import extract

    drawn = 0
    for told in _records():
        thorax = anatomy(told["patient"], told["view"], told["draw"])
        before = film.frontal(thorax).pixels().astype(float)
        for word in told["draw"]:
            boxes = [box for _, box in finding_boxes(thorax, [word])]
            if not boxes or word == "cardiomegaly":  # which moves the anatomy, and is no mark upon it
                continue
            picture = film.frontal(thorax)
            findings.draw(picture, thorax, [word])
            changed = np.abs(picture.pixels() - before)
            inside = np.zeros(changed.shape, bool)
            for left, top, right, bottom in boxes:
                inside[int(top) : int(bottom), int(left) : int(right)] = True
            assert changed[inside].sum() > 0.95 * changed.sum(), (told["id"], word)
            assert (changed[inside] > 1).mean() > 0.15, (told["id"], word)
            drawn += 1
    assert drawn > 20
    assert all(extract(label) for label in LABELS.values())
    assert sum(bool(study.boxes) for study in demo.studies) >= 15


def test_traces_survive_the_authors_record_format(demo: Dataset) -> None:
    for study in demo.studies:
        assert study.trace is not None
        assert study.reference is not None
        names = [f"IVLImage/{study.id}/{n}.jpg" for n in ["problem_image_1", "reasoning_image_1", "reasoning_image_2"]]
        names += [f"IVLImage/{study.id}/reasoning_image_3.jpg"]
        fields = mmrad.compose(study.trace, study.reference.text, names[: 1 + len(study.trace.steps)])
        read = mmrad.parse(fields)
        assert read.id == study.id
        assert read.report.text == study.reference.text
        assert [(s.region, s.regions, s.category, s.box, s.text) for s in record.trace_of(read).steps] == [
            (s.region, s.regions, s.category, s.box, s.text) for s in study.trace.steps
        ]


def test_an_enlarged_heart_is_wider_on_the_film_than_a_normal_one(demo: Dataset) -> None:
    def width(study_id: str) -> float:
        study = next(s for s in demo.studies if s.id == study_id)
        assert study.trace is not None
        box = study.trace.steps[0].box
        assert box is not None
        return box.xyxy[2] - box.xyxy[0]

    assert width("demo-02") > 1.15 * width("demo-01")


def test_listing_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "demo" in [entry.name for entry in datasets.registry()]
    assert list(tmp_path.iterdir()) == []


def test_a_second_load_draws_nothing_and_gives_the_same_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = datasets.load("demo")
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert datasets.load("demo") == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")} == times
    assert len(times) == 32


def test_a_cache_folder_that_cannot_be_written_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match="set XDG_CACHE_HOME"):
        datasets.load("demo")
