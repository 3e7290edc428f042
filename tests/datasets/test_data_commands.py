"""`mmrad-eval data describe|check`, as a user calls them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.core.values import Box, Image, ReaderBox, Report, Step, Study, Trace
from mmrad_eval.datasets.describe import Tally, describe, spread

if TYPE_CHECKING:
    from tests.datasets.conftest import Mimic


def mmrad_eval(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mmrad-eval")), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def kinds(result: subprocess.CompletedProcess[str]) -> dict[str, int]:
    found: dict[str, Any] = json.loads(result.stdout)
    return {count["kind"]: count["n"] for count in found["counts"]}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_describe_counts_what_the_demo_holds(cache: Path) -> None:  # noqa: ARG001 - films go there
    result = mmrad_eval("data", "describe", "demo", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["studies"], found["patients"], found["images"], found["traces"]) == (24, 16, 32, 24)
    assert found["views"] == {"PA": 16, "LATERAL": 8, "AP": 8}
    assert found["steps_per_trace"] == {"2": 18, "3": 6}
    assert found["frames"] == {"pad_square_336": 54, "original": 30}
    text = mmrad_eval("data", "describe", "demo").stdout
    assert "studies       24  (16 patients)" in text
    assert "the heart and the mediastinal region 24" in text


def test_check_finds_the_demo_sound(cache: Path) -> None:  # noqa: ARG001 - films go there
    result = mmrad_eval("data", "check", "demo")
    assert result.returncode == 0, result.stdout
    assert "32 images looked at" in result.stdout


def test_check_lists_all_that_is_wrong_and_fails(cache: Path) -> None:
    folder = cache / "data"
    folder.mkdir()
    demo = datasets.load("demo")
    good = Path(demo.studies[0].images[0].path).read_bytes()
    (folder / "good.png").write_bytes(good)
    (folder / "cut.png").write_bytes(good[: len(good) // 2])
    (folder / "text.png").write_text("not an image")
    path = folder / "t.csv"
    path.write_bytes(
        b"\xef\xbb\xbfid,patient,image,report,split\r\n"
        b"s1,p1,good.png,FINDINGS: a,train\r\n"
        b"s2,p1,cut.png,FINDINGS: b,test\r\n"
        b"s3,p2,text.png,,test\r\n"
        b"s4,p3,gone.png,c, \r\n"
        b"s4,p3,good.png,c,test\r\n"
    )
    result = mmrad_eval("data", "check", path, "--json", "--cases", folder / "cases.jsonl")
    assert result.returncode == 1
    assert kinds(result) == {
        "duplicate id": 1,
        "unreadable image": 2,
        "missing image": 1,
        "patient in two splits": 1,
        "byte order mark": 1,
        "empty report": 1,
        "blank split": 1,
    }
    cases = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    assert len(cases) == 8
    duplicate = next(case for case in cases if case["kind"] == "duplicate id")
    assert (duplicate["line"], duplicate["study"]) == (6, "s4")
    text = mmrad_eval("data", "check", path)
    assert text.returncode == 1
    assert f"{path}:6: study s4: this id was already used at {path}:5" in text.stdout
    assert "fix these errors" in text.stdout


def test_check_without_pixels_leaves_images_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,image,report\ns1,a.png,FINDINGS: x\ns2,b.png,FINDINGS: y\n")
    result = mmrad_eval("data", "check", path)
    assert result.returncode == 1
    assert "none of 2 images is there" in result.stdout
    assert mmrad_eval("data", "check", path, "--no-pixels").returncode == 0


def test_check_counts_placeholders_against_images_and_looks_at_boxes(tmp_path: Path) -> None:
    step = "First, I need to analyze the lung region. I will highlight the lung region of this X-ray. <image> "
    said = "The bounding box of this area is [57, 67, 400, 281] . Clear."
    report = "\n\n  Summarizing the previous analysis, I will generate the following report: Normal."
    fields = {"prompt": "Report. <image>", "response": step + said + report}
    path = tmp_path / "traces.jsonl"
    lines = [
        {**fields, "images": ["a/problem_image_1.jpg", "a/reasoning_image_1.jpg"]},
        {**fields, "images": ["b/problem_image_1.jpg"]},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    result = mmrad_eval("data", "check", path, "--no-pixels", "--json")
    assert result.returncode == 1
    found = kinds(result)
    assert found["placeholder count"] == 1
    assert found["box outside"] == 2


def test_check_says_what_can_not_be_read_at_all(tmp_path: Path) -> None:
    path = tmp_path / "board.json"
    path.write_text('{"s1": {"report": "FINDINGS')
    result = mmrad_eval("data", "check", path)
    assert result.returncode == 1
    assert "cut short" in result.stdout
    path.write_text("{}")
    assert "no studies" in mmrad_eval("data", "check", f"rexrank:{path}").stdout


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    result = mmrad_eval("data", "describe", tmp_path / "nothing.csv")
    assert result.returncode == 2
    assert "there is nothing at" in result.stderr


def test_describe_counts_marks_sections_and_reader_boxes() -> None:
    drawn = ReaderBox(Box((1, 2, 3, 4)), "nodule")
    trace = Trace((Step("the lung region", ("right lung",), "lungs", Box((1, 2, 3, 4), "norm_1"), None, "two words"),))
    studies = [
        Study("a", (Image("/x"),), "p", Report("FINDINGS: XXXX ___", "XXXX ___", None), trace, (drawn,)),
        Study("b", reference=Report("plain [REDACTED] text <PERSON>")),
        Study("c", reference=Report()),
    ]
    tally = Tally()
    for study in studies:
        tally.study(study)
    found = tally.description(datasets.load("demo"))
    assert (found.patients, found.without_patient) == (1, 2)
    assert (found.references, found.empty, found.findings, found.no_sections) == (2, 1, 1, 1)
    assert found.marks == {"___": 1, "XXXX": 1, "[REDACTED]": 1, "<PERSON>": 1}
    assert found.frames == {"norm_1": 1, "original": 1}
    assert found.reader_labels == {"nodule": 1}
    assert found.words_step.median == 2
    assert found.images_per_study == {0: 2, 1: 1}


def test_a_spread_has_the_nearest_ranks() -> None:
    from collections import Counter

    found = spread(Counter([1, 2, 3, 4, 100]))
    assert (found.n, found.least, found.lower, found.median, found.upper, found.most) == (5, 1, 2, 3, 4, 100)
    assert found.total == 110


def test_the_picture_is_drawn_in_each_format(cache: Path) -> None:
    for suffix, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        result = mmrad_eval("data", "describe", "demo", "--figure", cache / f"figure{suffix}")
        assert result.returncode == 0, result.stderr
        assert (cache / f"figure{suffix}").read_bytes().startswith(start)
    assert "findings      Cardiomegaly 7" in result.stdout
    wrong = mmrad_eval("data", "describe", "demo", "--figure", cache / "figure.gif")
    assert wrong.returncode == 2
    assert "name a file that ends in .png, .pdf, .svg" in wrong.stderr


def test_ids_without_comparisons_are_printed_for_a_run(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,report,split\ns1,Unchanged.,test\ns2,Clear.,test\ns3,Clear XXXX.,train\ns4,,test\n")
    assert mmrad_eval("data", "ids", path, "--comparisons", "without").stdout.split() == ["s2", "s3", "s4"]
    assert mmrad_eval("data", "ids", path, "--comparisons", "with").stdout.split() == ["s1"]
    assert mmrad_eval("data", "ids", path, "--marks", "without", "--split", "test").stdout.split() == ["s1", "s2", "s4"]


def test_check_finds_the_same_pixels_under_two_ids_and_a_lateral_called_frontal(cache: Path) -> None:
    demo = datasets.load("demo")
    pixels = Pillow.open(demo.studies[0].images[0].path)
    for name in ("a_frontal.png", "b.jpg", "c_lateral.tif"):
        pixels.save(cache / name)
    pixels.save(cache / "d.png", optimize=True)
    path = cache / "t.csv"
    path.write_text(
        "id,image,view,report\ns1,a_frontal.png,PA,x\ns2,d.png,PA,x\ns3,c_lateral.tif,AP,x\ns4,b.jpg,AP,x\n"
    )
    result = mmrad_eval("data", "check", path, "--json")
    assert result.returncode == 1
    assert kinds(result) == {"identical pixels": 2, "contradictory view": 1}


def test_check_goes_on_after_a_study_that_can_not_be_read(mimic: Mimic) -> None:
    mimic.write(reports="tree", images="jpg")
    next(mimic.root.rglob("s57375967.txt")).write_bytes(b" FINDINGS: \n d\xe9j\xe0")
    next(mimic.root.rglob("s50771383.txt")).unlink()
    rows = [
        (t.dicom(n), t.study, t.subject, "test" if t.study == "53189527" else t.split) for t in mimic.taken for n in [0]
    ]
    mimic.table("mimic-cxr-2.0.0-split.csv", ("dicom_id", "study_id", "subject_id", "split"), rows)
    result = mmrad_eval("data", "check", mimic.root, "--no-pixels", "--json")
    assert result.returncode == 1
    found = kinds(result)
    assert found["unreadable report"] == 1
    assert found["no report"] == 2
    assert found["patient in two splits"] == 1


def test_check_compares_the_two_words_for_a_view(mimic: Mimic) -> None:
    mimic.write()
    path = mimic.root / "mimic-cxr-2.0.0-metadata.csv.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"antero-posterior", b"lateral", 1)))
    result = mmrad_eval("data", "check", mimic.root, "--no-pixels")
    assert result.returncode == 0
    assert "is called AP, and its view code says lateral" in result.stdout


@pytest.mark.shared
def test_the_real_board_file_is_described(shared_data: Path) -> None:
    found = describe(datasets.load(str(shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json")))
    assert (found.studies, found.patients, found.findings, found.impression) == (296, None, 296, 296)
    assert found.marks == {"XXXX": 122}
    assert found.mark_totals["XXXX"] > 122
