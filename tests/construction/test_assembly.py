"""From statements to the dataset: categories, hulls, pictures, splits, leak, planted errors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.construction import crop, leak
from mmrad_eval.construction.aggregate import joined
from mmrad_eval.construction.build import Built, Named
from mmrad_eval.construction.options import BuildOptions
from mmrad_eval.construction.records import BuiltStep, CollectedStudy, StageLine
from mmrad_eval.construction.splits import settled
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Box, Report
from mmrad_eval.datasets.splits import drawn, read_held_out
from mmrad_eval.traces import files, matching, mmrad
from tests.construction.conftest import REPORT, STEPS, study, truthful_auditor, truthful_writer
from tests.construction.program_server import Asked, ProgramServer

Serve = Callable[..., ProgramServer]
Build = Callable[..., Built]
Lines = Callable[..., dict[str, StageLine]]
NOBODY = {"writer_model": Named("none"), "auditor_model": Named("none")}


@pytest.fixture
def pair(serve: Serve) -> tuple[str, str]:
    """A truthful writer and auditor."""
    return serve(truthful_writer).url, serve(truthful_auditor).url


def test_steps_are_categories_with_the_hull_of_their_regions(
    source: Dataset, pair: tuple[str, str], build: Build, lines: Lines
) -> None:
    build(source, *pair)
    heart, lungs = lines("aggregate")["s000"].steps
    assert (heart.category, heart.phrase) == ("heart_mediastinum", "the heart and the mediastinal region")
    assert lungs.text == "There is a small left pleural effusion. The right lung is clear."
    assert lungs.box == Box((45, 60, 290, 270), "pad_square_336")
    assert lungs.regions == ("left lung", "right lung")
    assert lungs.statements == (2, 3)


@pytest.mark.parametrize(
    ("profile", "categories"), [("full", ["heart_mediastinum", "bones"]), ("paper", ["heart_mediastinum"])]
)
def test_the_papers_profile_leaves_out_what_the_paper_does_not_show(
    profile: str, categories: list[str], build: Build, lines: Lines, tmp_path: Path
) -> None:
    steps = [*STEPS[:1], ("spine", (150, 40, 190, 330), "The spine is scoliotic.")]
    data = Dataset("mine", (study(0, tmp_path / "films", steps=steps),), "open", format="boxes")
    build(data, options={"report": "none", "profile": profile}, **NOBODY)
    line = lines("aggregate")["s000"]
    assert [step.category for step in line.steps] == categories
    assert line.counts == ({"statements left out by the profile": 1} if profile == "paper" else {})


@pytest.mark.parametrize(("order", "first"), [("vocabulary", "heart_mediastinum"), ("source", "lungs")])
def test_the_sources_order_can_be_kept(order: str, first: str, build: Build, lines: Lines, tmp_path: Path) -> None:
    steps = [("left lung", (180, 60, 290, 270), "Clear left lung."), *STEPS[:1]]
    data = Dataset("mine", (study(0, tmp_path / "films", steps=steps),), "open", format="boxes")
    build(data, options={"report": "none", "order": order}, **NOBODY)
    assert lines("aggregate")["s000"].steps[0].category == first


@pytest.mark.parametrize(
    ("sentences", "text"),
    [
        (["The heart is enlarged.", "Cardiomegaly."], "The heart is enlarged."),
        (["There is a left effusion.", "There is an effusion."], "There is a left effusion."),
        (["There is an effusion.", "There is a left effusion."], "There is an effusion. There is a left effusion."),
        (["The film is rotated.", "The film is rotated.", "No effusion."], "The film is rotated. No effusion."),
    ],
)
def test_a_sentence_that_says_nothing_new_is_left_out(sentences: list[str], text: str) -> None:
    assert joined(sentences) == text


@pytest.mark.parametrize("pixels", ["source", "336"])
@pytest.mark.parametrize("render", ["crop", "masked", "highlighted"])
def test_pictures_show_the_boxes_that_records_state(render: str, pixels: str, build: Build, tmp_path: Path) -> None:
    data = Dataset("mine", (study(0, tmp_path / "films"),), "open", format="boxes")
    built = build(data, options={"report": "none", "render": render, "pixels": pixels}, **NOBODY)
    assert built.record is not None
    out = tmp_path / "out"
    (record,) = files.read_jsonl(out / "traces.jsonl")
    film, *regions = record.images
    whole = Pillow.open(out / (film.path or ""))
    assert whole.size == ((336, 336) if pixels == "336" else (360, 440))
    assert len(regions) == 2
    for image in regions:
        data_of = (out / (image.path or "")).read_bytes()
        assert hashlib.sha256(data_of).hexdigest() == image.sha256
        assert image.box is not None
        picture = Pillow.open(out / (image.path or ""))
        assert picture.size == image.size
        if pixels == "336" and render == "crop":
            assert picture.size == (image.box[2] - image.box[0], image.box[3] - image.box[1])
        overlap, match = matching.fidelity(picture, whole, Box(image.box, "pad_square_336"))
        assert match.found
        assert overlap > 0.9
    assert {image.render for image in regions} == {"masked_full_frame" if render == "masked" else render}


def test_a_film_of_grain_alone_stops_no_build(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop, "LOOKED_AT", 1.0)
    one = study(0, tmp_path / "films")
    grain = np.random.default_rng(1).integers(0, 256, (336, 336), np.uint8)
    Pillow.fromarray(grain).save(one.images[0].path)
    built = build(Dataset("mine", (one,), "open"), options={"report": "none", "render": "crop"}, **NOBODY)
    assert built.record is not None
    assert built.record.records == 1


def test_a_crop_looks_like_its_own_place_alone(tmp_path: Path) -> None:
    whole = Pillow.open(study(0, tmp_path / "films").images[0].path)
    mine, other = Box((40, 60, 140, 200), "original"), Box((200, 240, 300, 380), "original")
    picture = whole.crop((40, 60, 140, 200)).resize((336, 470))
    assert crop.alike(picture, whole, mine)
    assert not crop.alike(picture, whole, other)


def test_a_film_can_be_linked_to_and_one_that_cannot_be_read_rejects_its_record(
    source: Dataset, build: Build, lines: Lines, tmp_path: Path
) -> None:
    Path(source.studies[1].images[0].path).write_bytes(b"no picture")
    build(source, options={"report": "none", "render": "crop", "films": "link"}, **NOBODY)
    first = tmp_path / "out" / lines("crop")["s000"].images[0].file
    assert first.is_symlink()
    assert (lines("crop")["s001"].status, lines("crop")["s001"].why) == ("rejected", "no pixels")


def test_the_authors_record_is_read_back_by_its_own_reader_with_the_same_words(
    source: Dataset, pair: tuple[str, str], build: Build, tmp_path: Path
) -> None:
    build(source, *pair, options={"render": "crop"})
    for line in (tmp_path / "out/mmrad.jsonl").read_text().splitlines():
        fields = json.loads(line)
        record = mmrad.parse(fields, fields["id"])
        assert mmrad.write(record) == fields
        assert record.report.findings == REPORT
        assert not record.invalid
    built = datasets.load(str(tmp_path / "out"))
    assert (built.name, built.format) == ("mine-traces", "mmrad.trace")
    assert [len(one.trace.steps) for one in built.studies if one.trace] == [2] * 4


def test_words_that_look_like_a_mark_of_a_picture_stay_words(build: Build, tmp_path: Path) -> None:
    report = "The heart is enlarged, see <image>."
    data = Dataset("mine", (study(0, tmp_path / "films", report, STEPS[:1]),), "open", format="boxes")
    build(data, options={"report": "none", "render": "crop"}, **NOBODY)
    (record,) = files.read_jsonl(tmp_path / "out/traces.jsonl")
    assert not record.invalid
    assert (record.prompt + record.response).count("<image>") == len(record.image_order) == 2


def test_splits_follow_the_patient_official_lists_and_held_out_patients(tmp_path: Path) -> None:
    free = settled([("a", "p1", "train"), ("b", "p2", "train")], 1, frozenset())
    assert free.of("p1", "a") == drawn("p1", 1)  # one split is no division
    known = [("a", "p1", "train"), ("b", "p2", "TEST"), ("c", "p3", "valid"), ("d", "p1", "test"), ("e", None, None)]
    official = settled(known, 1, frozenset({"p3"}))
    assert [official.of(p, i) for i, p, _ in known[:4]] == ["test", "test", "test", "test"]
    assert official.moved == 1
    assert official.of(None, "e") == drawn("study:e", 1)
    counts = [drawn(f"patient {n}", 1) for n in range(4000)]
    assert 0.77 < counts.count("train") / 4000 < 0.83
    assert 0.08 < counts.count("test") / 4000 < 0.12
    (tmp_path / "held.csv").write_text('p7,x\n"p8",y\n\n')
    assert read_held_out([tmp_path / "held.csv"]) == {"p7", "p8"}


def test_a_held_out_patient_is_in_test_and_the_card_says_how_many_were_found(
    source: Dataset, build: Build, tmp_path: Path
) -> None:
    (tmp_path / "held.txt").write_text("p1\np99\n")
    built = build(source, options={"report": "none"}, hold_out=(tmp_path / "held.txt",), **NOBODY)
    assert built.record is not None
    assert built.record.held_out == (2, 1)
    records = map(json.loads, (tmp_path / "out/mmrad.jsonl").read_text().splitlines())
    splits = {record["id"]: record["split"] for record in records}
    assert splits["s002"] == splits["s003"] == "test"


def test_leak_is_what_a_copy_would_have_and_less_for_less() -> None:
    def measured(text: str) -> leak.Leak:
        line = StageLine(id="a", stage="assemble", version=1, key="k", steps=(BuiltStep("lungs", "the lungs", text),))
        return leak.measure([(line, CollectedStudy(report=Report(REPORT)))])

    copy = measured(REPORT)
    assert (copy.covered, copy.covered_abnormal, copy.ceiling, copy.in_long_runs) == (1.0, 1.0, 1.0, 1.0)
    assert copy.rouge == pytest.approx(1.0)
    assert copy.longest_run == len(REPORT.split())
    less = measured("The heart is enlarged, unchanged.")
    assert less.covered_abnormal == 0.5
    assert less.in_long_runs == 0.0
    assert less.comparing == 1.0
    assert (less.rouge or 1) < 0.5
    assert leak.runs("a b c", "x y") == (0, 0, 3)
    assert leak.runs("a b c d", "b c x a b c") == (3, 0, 4)


def agreeing(asked: Asked) -> dict[str, object]:
    """Supports everything, with the first words of the report."""
    quote = asked.report[:12]
    verdict = {"verdict": "supported", "error": None, "quote": quote}
    return {"verdicts": [verdict | {"n": one["n"]} for one in asked.lists[0]]}


def test_planted_errors_expose_an_auditor_that_agrees_and_touch_no_record(
    serve: Serve, build: Build, tmp_path: Path
) -> None:
    studies = tuple(
        study(n, tmp_path / "films", f"{REPORT} {n} wires.", [*STEPS[:2], (*STEPS[2][:2], f"{STEPS[2][2]} {n} wires.")])
        for n in range(12)
    )
    data = Dataset("mine", studies, "open", format="boxes")
    writer = serve(truthful_writer)
    for out, answer, least, most in (("good", truthful_auditor, 1.0, 1.0), ("bad", agreeing, 0.0, 0.0)):
        built = build(data, writer.url, serve(answer).url, out=out, options={"plant": 0.6})
        assert built.record is not None
        assert built.record.records == 12
        every = built.record.planted[-1]
        assert every.n >= 6
        assert least <= every.noticed / every.n <= most
        assert built.record.false_alarms[0] == 0
        assert built.record.false_alarms[1] > 0
    assert "planted" not in (tmp_path / "good/traces.jsonl").read_text()
    plain = build(data, writer.url, serve(truthful_auditor).url, out="plain")
    assert plain.record is not None
    assert (tmp_path / "plain/stages/5-check.jsonl").read_bytes() == (
        tmp_path / "good/stages/5-check.jsonl"
    ).read_bytes()


def test_options_are_part_of_the_keys_of_the_stages_that_they_decide(
    source: Dataset, pair: tuple[str, str], build: Build, lines: Lines
) -> None:
    build(source, *pair)
    before = {stage: lines(stage)["s000"].key for stage in ("check", "aggregate", "crop")}
    build(source, *pair, options={"profile": "paper"})
    after = {stage: lines(stage)["s000"].key for stage in before}
    assert before["check"] == after["check"]
    assert before["aggregate"] != after["aggregate"]
    assert before["crop"] != after["crop"]
    assert BuildOptions(profile="paper") != BuildOptions()
