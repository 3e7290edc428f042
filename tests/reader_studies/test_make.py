"""What a reader study writes: pages that tell nothing of systems or people, and a key that tells all."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PIL import Image as Pillow
from PIL import PngImagePlugin

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Image
from mmrad_eval.reader_studies.answers import read_key
from mmrad_eval.reader_studies.films import pixels
from mmrad_eval.results.run.folder import RunFolder
from tests.reader_studies.conftest import Studied

Make = Callable[..., Studied]
FORMS = ("preference", "errors", "likert", "text")


@pytest.mark.parametrize("form", FORMS)
def test_a_page_names_no_system_no_run_no_study_and_no_path(form: str, study: Make, runs: list[RunFolder]) -> None:
    made = study(form, cases=24)
    hidden = {"baseline:", "baseline_", "mcot", "original report", str(runs[0].path), "demo-", ".png", "/tmp", "arm"}
    hidden |= {run.run.id for run in runs} | {case.id for case in made.key.cases}
    hidden |= {case.patient for case in made.key.cases if case.patient}
    for number in range(2):
        whole = re.sub(r"(?:base64,|sha256-)[\w+/=]+", "", made.page_path(number).read_text())
        data = json.dumps(made.page(number))
        data = re.sub(r"base64,[\w+/=]+", "", data)
        template = re.sub(r'<script type="application/json".*?</script>', "", whole, flags=re.DOTALL)
        assert [word for word in hidden if word in data] == []
        assert [word for word in hidden - {"arm"} if word in template] == []
        assert [word for word in hidden if word in made.page_path(number).name] == []


def test_reports_of_a_pair_stand_on_either_side_whoever_wrote_them(study: Make) -> None:
    made = study(cases=20, readers=1, repeats=0)
    first = sum(reading.arms[0] < reading.arms[1] for reading in made.key.readers[0].readings)

    assert 24 <= first <= 36  # of 60


def test_films_on_a_page_hold_pixels_and_nothing_else(study: Make) -> None:
    for case in study(cases=3).page()["cases"]:
        for film in case["films"]:
            data = base64.b64decode(film["src"].partition("base64,")[2])
            with Pillow.open(io.BytesIO(data)) as opened:
                assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
                assert opened.size == (film["width"], film["height"])


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_what_a_file_says_of_a_patient_does_not_come_along(kind: str, tmp_path: Path) -> None:
    path, said = tmp_path / f"smith.{kind}", Pillow.new("L", (40, 30), 99)
    if kind == "png":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Author", "modelname")
        said.save(path, pnginfo=notes)
    else:
        exif = Pillow.Exif()
        exif[0x010E] = "patient Smith by modelname"
        said.save(path, exif=exif, comment=b"modelname")
    assert b"modelname" in path.read_bytes()

    data, size = pixels(Image(path=str(path)), 1000)

    assert size == (40, 30)
    assert b"modelname" not in data
    assert b"Exif" not in data


def test_copied_films_are_numbered_and_shared_by_all_pages(study: Make) -> None:
    made = study(cases=4, copy_images=True)
    names = {film["src"] for number in range(2) for case in made.page(number)["cases"] for film in case["films"]}

    assert all(re.fullmatch(r"images/\d{4}\.jpg", name) for name in names)
    assert {f"images/{path.name}" for path in (made.folder / "pages" / "images").iterdir()} == names


def test_the_original_report_is_a_hidden_arm_or_shown_as_the_reference(study: Make) -> None:
    hidden, shown = study("likert"), study("likert", truth="reference")

    assert [arm.original for arm in hidden.key.arms] == [False, False, True]
    assert all("reference" not in case for case in hidden.page()["cases"])
    assert [arm.original for arm in shown.key.arms] == [False, False]
    assert all(case["reference"] for case in shown.page()["cases"])
    assert "guesses" not in shown.page()


def test_a_sample_that_is_not_random_records_the_chance_of_each_case(study: Make) -> None:
    made = study(cases=20, sample="disagreement")

    assert made.key.weighted
    assert len({case.inclusion for case in made.key.cases}) > 1
    assert "more likely where the systems' findings differ" in made.key.rule
    assert not study(cases=8).key.weighted


def test_the_same_command_makes_the_same_study(study: Make) -> None:
    one, two, other = study(), study(), study(seed=2)

    assert one.key == two.key
    assert one.page_path().read_bytes() == two.page_path().read_bytes()
    assert other.key.study != one.key.study


def test_data_that_is_not_open_is_marked_and_said(study: Make, runs: list[RunFolder], tmp_path: Path) -> None:
    copies = []
    for run in runs:
        copy = tmp_path / run.run.id
        copy.mkdir()
        (copy / "answers.jsonl").write_bytes((run.path / "answers.jsonl").read_bytes())
        value = json.loads((run.path / "run.json").read_text())
        (copy / "run.json").write_text(json.dumps({**value, "data_use": "credentialed"}))
        copies.append(RunFolder(copy))

    made = study(of=copies, copy_images=True)

    for folder in (made.folder, made.folder / "pages"):
        assert json.loads((folder / "data_use.json").read_text()) == {"data_use": "credentialed"}
    assert "<strong>Credentialed data.</strong> This page holds reports and images" in made.page_path().read_text()


def test_the_key_is_refused_once_it_was_changed(study: Make) -> None:
    made = study()
    path = made.folder / "key.json"
    assert read_key(made.folder) == made.key
    path.write_bytes(path.read_bytes().replace(b'"seed": 1', b'"seed": 2'))

    with pytest.raises(DataError, match="was changed after"):
        read_key(made.folder)


def test_a_folder_that_holds_a_study_is_not_overwritten(study: Make, runs: list[RunFolder]) -> None:
    from mmrad_eval.reader_studies.make import StudyPlan, make

    made = study()
    with pytest.raises(UsageError, match="contains a reader study already"):
        make(runs, StudyPlan("likert", 3, 1), made.folder)


def test_a_run_twice_too_many_cases_and_too_many_pairs_are_refused(study: Make, runs: list[RunFolder]) -> None:
    with pytest.raises(UsageError, match="named twice"):
        study(of=[runs[0], runs[0]])
    with pytest.raises(UsageError, match="--cases 99: 24 is the most that can be shown"):
        study(cases=99)
    with pytest.raises(UsageError, match="--per-case 7: each case has 3 pairs"):
        study(per_case=7)
    with pytest.raises(UsageError, match="name at least two"):
        study(of=runs[:1], truth="reference")


def test_every_record_of_a_page_can_be_read_back(study: Make) -> None:
    from mmrad_eval.reader_studies.records import ReaderPage

    page = study().page()

    assert msgspec.convert(page, ReaderPage).reader == page["reader"]
