"""RadFact with boxes from files to table: studies in PadChest-GR's form, a model that marks boxes, a scripted judge."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.metrics.judged.radfact_prompts import yaml_module
from tests.harness.loopback_judge import Body, loopback_judge
from tests.metrics.radfact_checkout import write_checkout, write_wheel

yaml = yaml_module()
COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))

# (reference: sentence, boxes of one reader, boxes of the other), and what the model writes
CASES: dict[str, tuple[list[tuple[str, list[list[float]], list[list[float]]]], str]] = {
    # the same box on both sides
    "same": (
        [("Right pleural effusion.", [[0.1, 0.6, 0.4, 0.9]], []), ("No pneumothorax.", [], [])],
        "<ref>Right pleural effusion</ref><box>[[100, 600, 400, 900]]</box>. No pneumothorax.",
    ),
    # 33 of 53 columns of the model's box lie in the readers', and cover 33 of 89 of theirs
    "half": (
        [("Left upper opacity.", [[0.5, 0.1, 0.9, 0.5]], [])],
        "<ref>Left upper opacity</ref><box>[[750, 100, 990, 500]]</box>.",
    ),
    # the boxes of two readers are one phrase's; a finding of the model's own has one, too
    "two readers": (
        [("Right upper nodule.", [[0.2, 0.2, 0.4, 0.4]], [[0.2, 0.4, 0.4, 0.6]])],
        "<ref>Right upper nodule</ref><box>[[200, 200, 400, 600]]</box>. <ref>Edema</ref><box>[[0, 0, 9, 9]]</box>.",
    ),
    # nobody drew a box: not asked about
    "no box": ([("Clear lungs.", [], [])], "Clear lungs."),
    # the model marks none
    "no mark": ([("Left effusion.", [[0.6, 0.6, 0.9, 0.9]], [])], "Left effusion."),
    # the judge writes nothing that can be read
    "unread": (
        [("Scoliosis.", [[0.4, 0.0, 0.6, 1.0]], [])],
        "<ref>Scoliosis</ref><box>[[400, 0, 600, 1000]]</box>.",
    ),
}
LOGICAL = {"precision": 3.5 / 5, "recall": 4 / 5, "F1": 2 * 0.7 * 0.8 / 1.5, "counted": 1.0, "read": 11 / 13}
"""Of the five studies with a box: 1, 1, 1/2, 1 and 0 of the model's phrases, 1, 1, 1, 1 and 0 of the readers'."""
BOXES = {
    "upstream": {
        "spatial precision": 2.5 / 4,  # 1, 1, 1/2, -, 0
        "spatial recall": 2 / 5,  # 1, 0, 1, 0, 0
        "grounding precision": 3 / 3,  # 1, 1, 1, -, -
        "grounding recall": 2 / 4,  # 1, 0, 1, 0, -
    },
    "strict": {
        "spatial precision": 2.5 / 5,  # a report without a mark is 0
        "spatial recall": 2 / 5,
        "grounding precision": 3 / 4,  # a phrase without a readable verdict is not in place
        "grounding recall": 2 / 5,
    },
}
MODEL = '''
from pathlib import Path

from mmrad_eval import Card, Image, model

REPORTS = {reports!r}


@model(card=Card(provider="function", id="grounded", dialect="internvl", box_frame="norm_1000"), endpoints=())
def grounded(sent):
    """The report of the study whose film it is shown."""
    shown = [part for message in sent.request.messages for part in message.parts if isinstance(part, Image)]
    return REPORTS[Path(shown[0].path).stem]
'''


def written(folder: Path) -> None:
    """The data in the published form of its files, films, and the model."""
    films = [study.images[0].path for study in datasets.load("demo").studies]  # each another picture
    (folder / "data").mkdir()
    records, rows = [], ["StudyID,ImageID,label,split,PatientID,PatientSex_DICOM,PatientAge"]
    for film, (study, (sentences, _)) in zip(films, CASES.items(), strict=False):
        shutil.copy(film, folder / "data" / f"{study}.png")
        findings: list[dict[str, Any]] = []
        for sentence, boxes, extra in sentences:
            finding = {"sentence_en": sentence, "sentence_es": "", "abnormal": bool(boxes), "labels": ["x"]}
            findings.append({**finding, "boxes": boxes, "extra_boxes": extra, "locations": [], "progression": None})
        records.append({"StudyID": study, "ImageID": f"{study}.png", "findings": findings})
        rows.append(f"{study},{study}.png,x,test,P-{study},F,70")
    (folder / "data/grounded_reports_20240819.json").write_text(json.dumps(records))
    (folder / "data/master_table.csv").write_text("\n".join(rows) + "\n")
    (folder / "grounded.py").write_text(MODEL.format(reports={study: said for study, (_, said) in CASES.items()}))


def reply(body: Body) -> str:
    """A phrase is entailed where the other report has it in the same words."""
    asked = yaml.safe_load(body["messages"][-1]["content"])
    phrase = asked["hypothesis"]
    if phrase == "Scoliosis.":
        return "I would have to see the film."
    evidence = [one for one in asked["reference"] if one == phrase]
    status = "entailment" if evidence else "not_entailment"
    return str(yaml.dump({"phrase": phrase, "evidence": evidence, "status": status}))


@pytest.fixture
def scored(tmp_path: Path) -> tuple[dict[str, Any], list[str], str]:
    """Columns of the run, questions that the judge got, and what the command said."""
    written(tmp_path)

    def command(*words: str) -> str:
        ended = subprocess.run(
            [COMMAND, *words], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False, timeout=300
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    command("run", "--model", "grounded.py:grounded", "--task", "direct", "--data", "data", "--metrics", "bleu@raw")
    [run] = tmp_path.glob("results/runs/*/direct/*/*")
    with loopback_judge(reply) as (url, bodies):
        said = command(
            *("score", str(run), "--metrics", "radfact-grounded", "--judge", "openai:judge", "--judge-url", url),
            *("--metric-option", f"radfact.checkout={write_checkout(tmp_path / 'RadFact')}"),
            *("--metric-option", f"radfact.langchain={write_wheel(tmp_path / 'core.whl')}"),
        )
    columns = json.loads((run / "summary.json").read_text())["columns"]
    return columns, [body["messages"][-1]["content"] for body in bodies], said


def test_boxes_of_files_and_of_a_model_give_the_numbers_by_hand(scored: tuple[Any, list[str], str]) -> None:
    columns, asked, said = scored
    assert len(asked) == 8  # of 13 questions those in both directions between equal texts are one
    assert not any("Clear lungs" in question for question in asked)
    for profile, by_hand in BOXES.items():
        wanted = {**LOGICAL, **by_hand}
        for kind in ("spatial", "grounding"):
            precision, recall = (by_hand[f"{kind} {end}"] for end in ("precision", "recall"))
            wanted[f"{kind} F1"] = 2 * precision * recall / (precision + recall)
        found = {
            one["name"].removeprefix("RadFact "): one["value"]
            for one in columns.values()
            if one["metric"] == f"radfact-grounded@{profile}"
        }
        assert found == pytest.approx(wanted), profile
        assert f"radfact-grounded@{profile}: 4 read, 1 degraded, 0 unread" in said
