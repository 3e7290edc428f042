"""Exports as LLaMA-Factory, ms-swift and TRL read them: the same pictures, words, boxes, and loss where it should be.

Each loader runs once, in its own environment (`scripts/env-trainers`), over all exports, and tells what it made of
them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.values import Box, Study
from mmrad_eval.datasets import load
from mmrad_eval.traces import geometry, rendering
from tests.training.corpus import export_corpus, rows, words_in_order, write_corpus
from tests.training.loading import loaded, tiny_model
from tests.training.scored import export_pairs, score_both

pytestmark = pytest.mark.trainers

LENGTH = 8192
MARKS = re.compile(r"<\|(?:vision|object_ref|box)_(?:start|end)\|>")
CALL = re.compile(r'\{"name": "image_zoom_in_tool", "arguments": (\{[^{}]*\})\}')
NUMBERS = re.compile(r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>")
Record = dict[str, Any]


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Study]:
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"), count=24, seed=11)
    return {study.id: study for study in load(str(corpus)).studies}


@pytest.fixture(scope="module")
def out(studies: Mapping[str, Study], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with an export of each form, and one that lost pictures to its budget."""
    corpus = Path(next(iter(studies.values())).images[0].path).with_name("traces.jsonl")
    out = tmp_path_factory.mktemp("exports")
    export_corpus(corpus, out / "sft", names="llamafactory,ms-swift,trl")
    export_corpus(corpus, out / "small", names="llamafactory,ms-swift,trl", budget=2000)
    export_corpus(corpus, out / "grpo", form="grpo")
    export_pairs(score_both(corpus, tmp_path_factory.mktemp("runs")), out / "dpo")
    return out


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def llamafactory(out: Path, model: str) -> dict[str, list[Record]]:
    jobs = {"sft": "sft", "small": "sft", "dpo": "rm"}
    found = loaded(
        "llamafactory", "read_llamafactory.py", model, str(LENGTH),
        *(f"{stage}:{out / name / 'llamafactory'}" for name, stage in jobs.items()),
    )  # fmt: skip
    return {name: found[str(out / name / "llamafactory")] for name in jobs}


@pytest.fixture(scope="module")
def ms_swift(out: Path, model: str) -> dict[str, list[Record]]:
    jobs = ("train:sft/ms-swift/grounding.jsonl", "train:sft/ms-swift/tools.jsonl", "train:small/ms-swift/tools.jsonl",
            "train:sft/ms-swift/grounding.jsonl@norm1000", "rlhf:dpo/ms-swift/pairs.jsonl",
            "train:grpo/ms-swift/prompts.jsonl")  # fmt: skip
    found: dict[str, list[Record]] = loaded("ms-swift", "read_ms_swift.py", model, str(out), str(LENGTH), *jobs)
    return found


@pytest.fixture(scope="module")
def trl(out: Path, model: str) -> dict[str, list[Record]]:
    jobs = {"sft": "sft", "small": "sft", "dpo": "dpo", "grpo": "grpo"}
    words = (f"{form}:{out / name / 'trl'}" for name, form in jobs.items())
    found = loaded("trl", "read_trl.py", model, str(LENGTH), *words)
    return {name: found[str(out / name / "trl")] for name in jobs}


def tokens_of(folder: Path, paths: list[str]) -> int:
    """Tokens of pictures by Qwen2.5-VL's rule: one for each 28 x 28 pixels."""
    sizes = [rendering.size_of(str(folder / path)) for path in paths]
    return sum((width // 28) * (height // 28) for width, height in sizes)


def said(study: Study) -> list[str]:
    assert study.trace is not None
    assert study.reference is not None
    return [*(step.text for step in study.trace.steps), study.reference.text]


def boxes_of(study: Study, film: Path) -> list[tuple[float, ...]]:
    """The boxes of a study's trace in pixels of its exported film."""
    assert study.trace is not None
    size, drawn = rendering.size_of(study.images[0].path), rendering.size_of(str(film))
    frame = f"resized:{drawn[0]}x{drawn[1]}"
    return [geometry.convert(step.box, frame, size).xyxy for step in study.trace.steps if step.box is not None]


def near(found: Sequence[tuple[float, ...]], wanted: Sequence[tuple[float, ...]]) -> bool:
    return len(found) == len(wanted) and all(
        abs(a - b) <= 1 for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True)
    )


def called(text: str) -> list[tuple[float, ...]]:
    return [tuple(json.loads(arguments)["bbox_2d"]) for arguments in CALL.findall(text)]


@pytest.mark.parametrize("name", ["sft", "small"])
def test_llamafactory_reads_turns_whole_and_learns_calls_and_report_alone(
    out: Path, studies: Mapping[str, Study], llamafactory: dict[str, list[Record]], name: str
) -> None:
    folder = out / name / "llamafactory"
    written = rows(folder / "train.jsonl")
    assert len(llamafactory[name]) == len(written)
    for row, record in zip(written, llamafactory[name], strict=True):
        study = studies[row["id"]]

        assert record["images"] == [str((folder / path).resolve()) for path in row["images"]]
        assert record["image_tokens"] == tokens_of(folder, row["images"])
        assert record["image_tokens_learned"] == 0
        assert words_in_order(record["text"], [*row["system"].split("\n"), "Compile a standard report", *said(study)])
        assert words_in_order(record["learned"], said(study))
        assert "Compile" not in record["learned"]
        assert "tool_response" not in record["learned"]
        assert called(record["learned"]) == called("\n".join(turn["value"] for turn in row["conversations"]))
    if name == "sft":
        for row, record in zip(written, llamafactory[name], strict=True):
            assert near(called(record["learned"]), boxes_of(studies[row["id"]], folder / row["images"][0]))


def test_llamafactory_adds_no_word_to_the_system_message(llamafactory: dict[str, list[Record]]) -> None:
    for record in llamafactory["dpo"]:
        assert record["chosen_text"].startswith(
            "<|im_start|>system\nYou are a radiologist.<|im_end|>\n<|im_start|>user\n"
        )


def test_llamafactory_reads_both_sides_of_pairs(out: Path, llamafactory: dict[str, list[Record]]) -> None:
    written = rows(out / "dpo/llamafactory/pairs.jsonl")
    for row, record in zip(written, llamafactory["dpo"], strict=True):
        for side in ("chosen", "rejected"):
            assert record[f"{side}_learned"].removesuffix("<|im_end|>\n").strip() == row[side]["value"]
            assert record[f"{side}_image_tokens"] == tokens_of(out / "dpo/llamafactory", row["images"])
            assert record[f"{side}_image_tokens_learned"] == 0


def test_ms_swift_reads_grounding_rows_and_writes_boxes_in_pixels_of_the_film(
    out: Path, studies: Mapping[str, Study], ms_swift: dict[str, list[Record]]
) -> None:
    folder = out / "sft/ms-swift"
    written = rows(folder / "grounding.jsonl")
    for row, record in zip(written, ms_swift["sft/ms-swift/grounding.jsonl"], strict=True):
        study = studies[row["id"]]
        found = [tuple(map(float, numbers)) for numbers in NUMBERS.findall(record["learned"])]

        assert record["id"] == row["id"]
        assert record["image_tokens"] == tokens_of(folder, row["images"])
        assert record["image_tokens_learned"] == 0
        assert "<image>" not in record["text"]
        assert near(found, boxes_of(study, folder / row["images"][0]))
        assert words_in_order(MARKS.sub("", record["learned"]), said(study))
        assert words_in_order(
            record["learned"], [f"<|object_ref_start|>{ref}<|object_ref_end|>" for ref in row["objects"]["ref"]]
        )


def test_ms_swift_converts_the_same_boxes_to_thousandths(
    out: Path, studies: Mapping[str, Study], ms_swift: dict[str, list[Record]]
) -> None:
    folder = out / "sft/ms-swift"
    written = rows(folder / "grounding.jsonl")
    for row, record in zip(written, ms_swift["sft/ms-swift/grounding.jsonl@norm1000"], strict=True):
        film = rendering.size_of(str(folder / row["images"][0]))
        numbers = [tuple(map(float, four)) for four in NUMBERS.findall(record["learned"])]
        found = [geometry.convert(Box((a, b, c, d), "norm_1000"), "original", film).xyxy for a, b, c, d in numbers]
        assert near(found, boxes_of(studies[row["id"]], folder / row["images"][0]))


@pytest.mark.parametrize("name", ["sft", "small"])
def test_ms_swift_reads_turns_of_a_tool_and_masks_what_the_tool_shows(
    out: Path, studies: Mapping[str, Study], ms_swift: dict[str, list[Record]], name: str
) -> None:
    folder = out / name / "ms-swift"
    written = rows(folder / "tools.jsonl")
    for row, record in zip(written, ms_swift[f"{name}/ms-swift/tools.jsonl"], strict=True):
        told = "\n".join(message["content"] for message in row["messages"])

        assert record["image_tokens"] == tokens_of(folder, row["images"])
        assert record["image_tokens_learned"] == 0
        assert words_in_order(record["learned"], said(studies[row["id"]]))
        assert called(record["learned"]) == called(told)
        assert "tool_response" not in record["learned"]


def test_ms_swift_reads_pairs_and_prompts(out: Path, ms_swift: dict[str, list[Record]]) -> None:
    for row, record in zip(rows(out / "dpo/ms-swift/pairs.jsonl"), ms_swift["dpo/ms-swift/pairs.jsonl"], strict=True):
        assert record["chosen_learned"].removesuffix("<|im_end|>\n").strip() == row["messages"][-1]["content"]
        assert record["rejected_learned"].removesuffix("<|im_end|>\n").strip() == row["rejected_response"]
        assert record["chosen_image_tokens"] == record["rejected_image_tokens"] > 0
    for record in ms_swift["grpo/ms-swift/prompts.jsonl"]:
        assert {"solution", "facts", "study"} <= set(record["columns"])
        assert record["images"] == 1


@pytest.mark.parametrize("name", ["sft", "small"])
def test_trl_reads_parts_in_order_and_learns_what_the_assistant_says(
    out: Path, studies: Mapping[str, Study], trl: dict[str, list[Record]], name: str
) -> None:
    folder = out / name / "trl"
    for row, record in zip(rows(folder / "train.jsonl"), trl[name], strict=True):
        study = studies[row["id"]]

        assert record["grids"] == record["images"] == len(row["images"])
        assert record["image_tokens"] == tokens_of(folder, row["images"])
        assert record["image_tokens_learned"] == 0
        assert words_in_order(record["learned"], said(study))
        assert "Compile" not in record["learned"]
        assert "tool_response" not in record["learned"]
        assert record["text"].count("<|vision_start|>") == len(row["images"])
    if name == "sft":
        for row, record in zip(rows(folder / "train.jsonl"), trl[name], strict=True):
            assert near(called(record["learned"]), boxes_of(studies[row["id"]], folder / row["images"][0]))


def test_trl_reads_pairs_and_prompts_with_their_columns(out: Path, trl: dict[str, list[Record]]) -> None:
    for row, record in zip(rows(out / "dpo/trl/pairs.jsonl"), trl["dpo"], strict=True):
        assert row["chosen"][0]["content"][0]["text"] in record["text"]
        assert row["rejected"][0]["content"][0]["text"] in record["rejected_text"]
        assert record["image_tokens"] == record["rejected_image_tokens"] == tokens_of(out / "dpo/trl", row["images"])
    for record in trl["grpo"]:
        assert {"reference", "facts", "study"} <= set(record["columns"])
        assert record["text"].count("<|vision_start|>") == 1
