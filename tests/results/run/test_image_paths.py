"""Answers name images by the data's own names: the folder that they lie in stands once, in run.json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.values import Answer, Image, Step, Trace
from mmrad_eval.results.run.folder import Prefix, RunFolder, find_runs

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))


@pytest.mark.parametrize("folder", ["/data/films/", '/odd "quoted" \\ folder/', "/größe/"])
def test_a_path_under_the_folder_is_shortened_and_found_again(folder: str) -> None:
    prefix, encode = Prefix(folder), msgspec.json.encode
    answer = Answer("a", why=f'"path":"{folder}x.png', shown=Trace((Step(image=Image(f"{folder}p/x.png")),)))
    short = prefix.short(encode(answer))

    assert b'"path":"images:p/x.png"' in short
    assert msgspec.json.decode(short, type=Answer).why == answer.why
    assert msgspec.json.decode(prefix.whole(short), type=Answer) == answer


def test_other_paths_and_runs_without_images_stay_as_they_are() -> None:
    line = msgspec.json.encode(Answer("a", shown=Trace((Step(image=Image("/elsewhere/x.png")),))))
    assert Prefix("/data/").short(line) == Prefix("/data/").whole(line) == Prefix("").short(line) == line


def scored(folder: Path, out: Path) -> RunFolder:
    words = [
        COMMAND,
        "--model",
        "baseline:evidence",
        "--task",
        "mcot",
        "--data",
        "mmrad:records.jsonl",
        "--images",
        ".",
    ]
    words += ["--metrics", "bleu@r2gen-iu", "--out", str(out), "--quiet"]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    [run] = find_runs(out)
    return run


def test_equal_runs_on_two_machines_are_equal_files_and_a_moved_one_keeps_its_scores(tmp_path: Path) -> None:
    response = (
        "First, I need to analyze the lung region. <image> The bounding box of this area is [10, 10, 90, 90] . Clear."
        "\n\n  Summarizing the previous analysis, I will generate the following report: FINDINGS: Clear."
    )
    record = {"prompt": "Report. <image>", "response": response, "images": ["1/a.png", "1/b.png"]}
    runs = []
    for name in ("one", "another"):
        place = tmp_path / name
        (place / "1").mkdir(parents=True)
        for image in record["images"]:
            Pillow.new("L", (64, 64), 90).save(place / image)
        (place / "records.jsonl").write_text(json.dumps(record) + "\n")
        runs.append(scored(place, tmp_path / "out" / name))
    first, second = runs
    text = first.answers_path.read_text()

    assert text == second.answers_path.read_text()
    assert str(tmp_path) not in text
    for run, name in zip(runs, ("one", "another"), strict=True):
        [answer] = run.answers()
        assert answer.shown is not None
        assert answer.shown.steps[0].image is not None
        assert answer.shown.steps[0].image.path == str(tmp_path / name / "1/b.png")
    scores = [run.scores() for run in runs]
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0].rows.answers == scores[1].rows.answers
