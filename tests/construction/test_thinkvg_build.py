"""GEMeX-ThinkVG as it is published, invented: from a parquet of thoughts and a MIMIC-CXR folder to runs and trainers.

Columns and forms of cells are those of huggingface.co/datasets/BoKelvin/GEMeX-ThinkVG: questions of four types about an
image, thoughts of about a hundred words with ``(region [x1,y1,x2,y2])`` in them, answers with ``<ref>`` and ``<box>``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.construction.records import STAGES
from mmrad_eval.construction.stage_files import stage_path
from tests.construction.conftest import kept, truthful_auditor
from tests.construction.program_server import Asked, ProgramServer
from tests.datasets.conftest import Mimic, Taken

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
SIZE = (2544, 3056)
COMMON = "The right lung is clear. No pneumothorax. There is degenerative change of the thoracic spine."
TAKEN = tuple(
    Taken(f"1000{n:04}", f"5{n:07}", ("PA",), split=split, findings=f"The heart is {size} enlarged. {COMMON}")
    for n, (split, size) in enumerate(
        (("train", "mildly"), ("train", "moderately"), ("validate", "markedly"), ("test", "slightly"))
    )
)
HEART, BASE, RIGHT, SPINE = "[104,108,236,252]", "[196,196,290,288]", "[44,60,160,280]", "[150,20,186,320]"
FILLER = (
    "Okay, let's start by looking at the image as a whole.",
    "Wait, I should check the other regions before I answer.",
    "Now I compare this with the options that are given.",
    "Therefore the answer follows from what is seen above.",
)


def thought(*parts: str) -> str:
    """About a hundred words that get to the point late, in two paragraphs."""
    return f"{FILLER[0]} {FILLER[1]}\n\n{' '.join(parts)} {FILLER[2]} {FILLER[3]}"


def row(taken: Taken, kind: str, question: str, said: str, answer: str, *places: tuple[str, str]) -> dict[str, str]:
    """One question about an image."""
    path = f"/p{taken.subject[:2]}/p{taken.subject}/s{taken.study}/{taken.dicom(0)}.jpg"
    located = "".join(f"<location><ref>{name}</ref><box>{box}</box></location>" for name, box in places)
    response = f"<response><answer>{answer}</answer>{located}</response>"
    kinds = f"{kind}_questions"
    return {"image_path": path, "question": question, "question_type": kinds, "thinkVG": said, "response": response}


def rows(taken: Taken) -> Iterator[dict[str, str]]:
    """Eight questions about one image; two answers contradict each other."""
    heart, base = ("cardiac region", HEART), ("left lower lung zone", BASE)
    lungs = ("bilateral lung", "[44,40,290,284]")
    enlarged = taken.findings.partition(". ")[0] + "."
    yield row(taken, "open_ended", "What is seen of the heart?",
              thought(f"The (cardiac region {HEART}) is wide.", enlarged), enlarged, heart)  # fmt: skip
    yield row(taken, "open_ended", "What is seen at the left base?",
              thought(f"The left lower lung zone ({BASE}) has an effusion."), "There is a left pleural effusion.",
              base)  # fmt: skip
    yield row(taken, "closed_ended", "Is the right lung clear?",
              thought(f"The vessels of the right lung ({RIGHT}) reach the edge."), "The right lung is clear.",
              ("right lung", RIGHT))  # fmt: skip
    yield row(taken, "closed_ended", "Is there a pneumothorax?",
              thought(f"I see no line at the bilateral lung ({lungs[1]})."), "No.", lungs)  # fmt: skip
    for kind, said in (("single_choice", "B"), ("multi_choice", "A. a fracture of the left clavicle, C. scoliosis")):
        yield row(taken, kind, "Which is seen? A. a fracture of the left clavicle B. an enlarged heart C. scoliosis",
                  thought(f"The heart (cardiac region {HEART}) fits best."), said, heart)  # fmt: skip
    yield row(taken, "open_ended", "What of the spine?", thought(f"The spine ({SPINE}) has spurs."),
              "There is degenerative change of the thoracic spine.", ("spine", SPINE))  # fmt: skip
    yield row(taken, "open_ended", "Is the heart normal?", thought(f"The heart (cardiac region {HEART}) is large."),
              "The heart is of normal size.", heart)  # fmt: skip


SAID = (*(one.findings.partition(". ")[0] + "." for one in TAKEN), *(f"{part}." for part in COMMON[:-1].split(". ")))
WRONG = ("There is a left pleural effusion.", "The heart is of normal size.")


def writing(asked: Asked) -> dict[str, Any]:
    """States what answers say, right or wrong; with the report in view, removes what it does not say."""
    if asked.kind == "summarise":
        return {
            "statements": [
                {"region": region["region"], "text": one["text"], "rows": [one["row"]]}
                for region in asked.lists[0]
                for one in region["rows"]
                if one["text"] in {*SAID, *WRONG}
            ]
        }
    return {
        "verdicts": [
            kept(one, asked.report) if one["text"] in asked.report else {**kept(one, ""), "verdict": "remove"}
            for one in asked.lists[0]
        ]
    }


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    return subprocess.run([COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with parquet, MIMIC-CXR, and what two models behind HTTP built of them."""
    folder = tmp_path_factory.mktemp("thinkvg")
    mimic = Mimic(folder / "mimic", TAKEN)
    mimic.write(images="jpg")
    for path in (folder / "mimic/files").rglob("*.jpg"):
        Pillow.effect_noise((106, 127), 60).resize(SIZE).save(path, quality=60)
    pq.write_table(pa.Table.from_pylist([one for taken in TAKEN for one in rows(taken)]), folder / "train.parquet")
    with ProgramServer(writing, "writer") as writer, ProgramServer(truthful_auditor, "auditor") as auditor:
        ended = run(folder, "data", "build", "gemex-thinkvg:train.parquet", "--link", "mimic", "--out", "out",
                    "--writer", "openai:writer", "--writer-url", writer.url,
                    "--auditor", "openai:auditor", "--auditor-url", auditor.url, "--plant", "0.5")  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return folder


def lines(folder: Path, stage: Any) -> list[Any]:
    """The lines of a stage."""
    return [json.loads(line) for line in stage_path(folder / "out", stage).read_text().splitlines()]


def test_thoughts_become_traces_through_all_nine_stages(built: Path) -> None:
    assert all(len(lines(built, stage)) == len(TAKEN) for stage in STAGES)
    made = datasets.load(str(built / "out"))
    assert (made.data_use, made.name) == ("credentialed", "gemex-thinkvg-traces")
    assert {study.patient: study.split for study in made.studies} == {one.subject: one.split for one in TAKEN}
    for study, taken in zip(made.studies, TAKEN, strict=True):
        assert study.trace is not None
        said = [step.text for step in study.trace.steps]
        assert said == [SAID[TAKEN.index(taken)], SAID[-3], SAID[-1]]


def test_rows_are_thoughts_and_answers_and_no_option_of_a_question(built: Path) -> None:
    for line in lines(built, "collect"):
        texts = [one["text"] for region in line["study"]["regions"] for one in region["rows"]]
        assert {*WRONG, "The right lung is clear.", "The heart (cardiac region) fits best."} <= {*texts}
        assert not any(word in text for text in texts for word in ("fracture", "scoliosis", "No.", "B."))


def test_what_an_answer_says_against_the_report_is_removed(built: Path) -> None:
    for line in lines(built, "check"):
        assert {one["text"] for one in line["statements"] if one.get("why")} == {*WRONG}
        assert {one["audit"] for one in line["statements"] if not one.get("why")} == {"supported"}


def test_boxes_of_the_published_frame_come_out_as_they_are(built: Path) -> None:
    first = json.loads((built / "out/mmrad.jsonl").read_text().splitlines()[0])
    assert HEART.replace(",", ", ") in first["response"]
    assert len(first["images"]) == first["response"].count("<image>") + 1 == 4


def test_the_build_is_checked_run_and_exported_at_once(built: Path) -> None:
    checked = run(built, "data", "check", "out")
    assert (checked.returncode, "no errors" in checked.stdout) == (0, True), checked.stdout
    with ProgramServer(lambda _: "The heart is enlarged.", "m") as reporter:
        ended = run(built, "--data", "out", "--task", "mcot", "--split", "all", "--metrics", "rules@uncertain=positive",
                    "--model", "openai:m", "--base-url", reporter.url)  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    shown = [json.dumps(one.body).count('"type": "image_url"') for one in reporter.asked if "heart" in one.text]
    assert shown == [4] * len(TAKEN)  # the film, and a region image of each of three steps
    exported = run(built, "export", "--data", "out", "--format", "sft", "--out", "sft")
    assert exported.returncode == 0, exported.stderr
    patients = {one.subject for one in TAKEN if one.split == "train"}
    assert {*(built / "sft/trained_on.txt").read_text().splitlines()[1:]} == patients
    for trainer in ("llamafactory", "ms-swift", "trl", "anole", "zebra"):
        assert json.loads((built / "sft/card.json").read_text())["trainers"][trainer]["records"] == len(patients)
