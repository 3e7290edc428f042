"""Pictures that a model draws while it reasons stand, in order and with their boxes, in the trace that it wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval.core.values import Answer, Card, Image, OutputImage, Reply, ReplyPart, Study, Text
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.traces.rendering import load
from tests.tasks.programs import Heard, Program, Said, picture_part, text_part

CARD = Card(provider="t", id="m", dialect="bbox_2d", box_frame="norm_1000")
STUDY = Study("s", (Image("/nowhere.png", size=(400, 300)),))


def read(*parts: ReplyPart, card: Card = CARD) -> Answer:
    return read_answer(Reply(parts=parts), "findings", card=card, study=STUDY)


def first(name: str) -> OutputImage:
    return OutputImage(f"/folder/images/{name}.png")


def test_words_before_a_picture_announce_it_and_words_after_it_are_its_observation() -> None:
    answer = read(
        Text('I look at the heart {"bbox_2d": [100, 100, 500, 500], "label": "heart"}.'),
        first("a"),
        Text("The heart is large. Next, let me zoom in on the left lung "),
        Text('{"bbox_2d": [500, 100, 900, 900], "label": "left lung"}.'),
        first("b"),
        Text("It is clear. FINDINGS: Cardiomegaly. IMPRESSION: Large heart."),
    )

    assert answer.trace is not None
    assert [(s.region, s.box and s.box.xyxy, s.text) for s in answer.trace.steps] == [
        ("heart", (100.0, 100.0, 500.0, 500.0), "The heart is large."),
        ("left lung", (500.0, 100.0, 900.0, 900.0), "It is clear."),
    ]
    images = [step.image for step in answer.trace.steps]
    assert [(i.path, i.name, i.source, i.render, i.role) for i in images if i] == [
        ("/folder/images/a.png", "images/a.png", "model", "file", "region"),
        ("/folder/images/b.png", "images/b.png", "model", "file", "region"),
    ]
    assert (answer.report.findings, answer.report.impression) == ("Cardiomegaly.", "Large heart.")


@pytest.mark.parametrize(
    ("parts", "report", "texts"),
    [
        ((Text("I draw the heart."), first("a"), Text("The heart is enlarged.")), "The heart is enlarged.", [""]),
        ((Text("<think>The lung."), first("a"), Text("Dark.</think>Right opacity.")), "Right opacity.", ["Dark."]),
        (
            (Text("<think>The lung."), first("a"), Text("Dark.</think><answer>Opacity.</answer>")),
            "Opacity.",
            ["Dark."],
        ),
        ((Text("FINDINGS: Clear lungs."), first("a")), "Clear lungs.", [""]),
        ((first("a"), first("b"), Text("The heart is enlarged.")), "The heart is enlarged.", ["", ""]),
        ((Text("<think>The lung."), first("a"), Text("Dark, and so on")), "", [""]),
        ((Text("The lung."), first("a")), "The lung.", [""]),
        ((first("a"),), "", [""]),
    ],
)
def test_the_report_is_told_from_what_is_said_of_pictures(
    parts: tuple[ReplyPart, ...], report: str, texts: list[str]
) -> None:
    answer = read(*parts)

    assert (answer.report.findings or answer.report.text) == report
    assert answer.trace is not None
    assert [step.text for step in answer.trace.steps] == texts
    assert all(step.image for step in answer.trace.steps)


def test_a_model_of_the_authors_records_states_the_box_after_the_picture() -> None:
    answer = read(
        Text("First, I need to analyze the heart. "),
        first("a"),
        Text(" The bounding box of this area is [100, 110, 200, 210]. The heart is large. Second, I need to analyze "),
        Text("the left lung."),
        first("b"),
        Text("The bounding box of this area is [10, 20, 120, 300]. Clear. Summarizing the previous analysis, I will "),
        Text("generate the following report: Findings: Large heart. Impression: Large."),
    )

    assert answer.trace is not None
    assert [(s.region, s.box and s.box.xyxy, s.image and s.image.path, s.text) for s in answer.trace.steps] == [
        ("the heart", (100.0, 110.0, 200.0, 210.0), "/folder/images/a.png", "The heart is large."),
        ("the left lung", (10.0, 20.0, 120.0, 300.0), "/folder/images/b.png", "Clear."),
    ]
    assert answer.report.findings == "Large heart."


def test_a_box_of_another_dialect_is_no_box_of_a_drawn_picture() -> None:
    answer = read(Text("The heart <box>[[1, 2, 300, 400]]</box>."), first("a"), Text("FINDINGS: Clear."))

    assert answer.trace is not None
    assert answer.trace.steps[0].box is None
    assert answer.events["box of another dialect"] == 1


def mmrad(*words: str, cwd: Path) -> str:
    command = [sys.executable, "-m", "mmrad_eval", *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def emits(heard: Heard) -> Said:
    """A model that paints what it says it looks at: the upper left quarter of the film."""
    film = heard.pictures[0]
    quarter = film[: film.shape[0] // 2, : film.shape[1] // 2]
    said = 'I look at the right lung {"bbox_2d": [0, 0, 500, 500], "label": "right lung"}.'
    return {"content": [text_part(said), picture_part(quarter), text_part("It is clear. FINDINGS: Clear lungs.")]}


def test_pages_metrics_and_other_tasks_see_what_was_drawn(tmp_path: Path) -> None:
    (tmp_path / "painter.toml").write_text(
        'provider = "openai"\nid = "painter"\nbox_frame = "norm_1000"\ndialect = "bbox_2d"\n'
    )
    common = ("--limit", "2", "--views", "key", "--quiet", "--no-look-check")
    with Program(emits) as program:
        asked = ("--model", "painter.toml", "--base-url", program.url, *common)
        mmrad(*asked, "--task", "direct", "--metrics", "grounding@crops", cwd=tmp_path)
        (run,) = tmp_path.glob("results/runs/demo/direct/*/*/run.json")
        requests = len(program.heard)
        mmrad(*asked, "--task", f"trace-of:{run.parent.name}", "--metrics", "bleu@raw", cwd=tmp_path)
        shown = program.heard[requests:]

    def file(step: dict[str, dict[str, str]]) -> Path:
        return run.parent / step["image"]["path"].replace("drawn:", "drawn/")

    answers = [json.loads(line) for line in (run.parent / "answers.jsonl").read_text().splitlines()]
    for answer in answers:
        (step,) = answer["trace"]["steps"]
        assert step["text"] == "It is clear."
        assert file(step).is_file()
        assert step["image"]["box"] == {"xyxy": [0.0, 0.0, 500.0, 500.0], "frame": "norm_1000"}
        drawn = load(Image(str(file(step))))
        assert drawn.how == "file"
    summary = json.loads((run.parent / "summary.json").read_text())
    assert "CropFidelity" in json.dumps(summary)
    painted = {file(step) for answer in answers for step in answer["trace"]["steps"]}
    assert len(shown) == 2
    assert all(len(heard.pictures) == 2 for heard in shown)
    assert all(np.ptp(heard.pictures[1]) > 0 for heard in shown)
    mmrad("view", run.parent.name, "--embed-images", "--out", "page.html", cwd=tmp_path)
    page = (tmp_path / "page.html").read_text()
    assert all(f"images/{path.name}" in page for path in painted)
    assert "It is clear." in mmrad("beside", run.parent.name, cwd=tmp_path)
