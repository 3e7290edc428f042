"""Exports of traces: who is in them, what each trainer's rows hold, what a budget takes, what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.data_use import marked
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Box, Step, Study
from mmrad_eval.datasets import load
from mmrad_eval.traces import files, geometry, mmrad, rendering, zebra
from mmrad_eval.traces.record import trace_of
from mmrad_eval.training import budget
from mmrad_eval.training.card import ExportCard
from tests.training.corpus import export_corpus, rows, words_in_order, write_corpus

TRAINERS = ("llamafactory", "ms-swift", "trl", "anole", "zebra")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def studies(corpus: Path) -> Mapping[str, Study]:
    return {study.id: study for study in load(str(corpus)).studies}


@pytest.fixture(scope="module")
def out(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exports") / "all"
    export_corpus(corpus, out)
    return out


def boxes_of(study: Study, frame: str) -> list[Box]:
    """The boxes of a study's trace in another frame of its film."""
    assert study.trace is not None
    size = rendering.size_of(study.images[0].path)
    return [geometry.convert(step.box, frame, size) for step in study.trace.steps if step.box is not None]


def film_size(path: Path) -> tuple[int, int]:
    return rendering.size_of(str(path))


def near(found: list[Box], wanted: list[Box], size: tuple[int, int]) -> bool:
    """Whether boxes are the same within a pixel of a film of this size, given in frames of that film."""
    there = [geometry.convert(box, "original", size).xyxy for box in found]
    return len(there) == len(wanted) and all(
        abs(a - b) <= 1 for one, other in zip(there, wanted, strict=True) for a, b in zip(one, other.xyxy, strict=True)
    )


def steps_of(study: Study) -> tuple[Step, ...]:
    assert study.trace is not None
    return study.trace.steps


def report_of(study: Study) -> str:
    assert study.reference is not None
    return study.reference.text


@pytest.mark.parametrize("name", TRAINERS)
def test_no_patient_of_another_split_is_in_any_folder(out: Path, studies: Mapping[str, Study], name: str) -> None:
    held = [study for study in studies.values() if study.split != "train"]
    text = "".join(path.read_text() for path in (out / name).glob("*.jsonl"))
    trained = [study.id for study in studies.values() if study.split == "train"]

    assert held
    assert not [study.id for study in held if f'"{study.id}"' in text]
    assert name == "anole" or all(f'"{identity}"' in text for identity in trained)  # its rows have no ids
    assert all(len(rows(path)) == len(trained) for path in (out / name).glob("*.jsonl"))
    assert not set((out / "trained_on.txt").read_text().split()) & {study.patient for study in held}


def test_tool_turns_alternate_and_have_a_picture_for_each_mark(out: Path, studies: Mapping[str, Study]) -> None:
    for row in rows(out / "llamafactory/train.jsonl"):
        turns = row["conversations"]
        study = studies[row["id"]]
        said = "\n".join(turn["value"] for turn in turns)

        assert [turn["from"] for turn in turns[::2]] == ["human"] + ["observation"] * (len(turns) // 2 - 1)
        assert [turn["from"] for turn in turns[1::2]] == ["function_call"] * (len(turns) // 2 - 1) + ["gpt"]
        assert said.count("<image>") == len(row["images"]) == 1 + len(steps_of(study))
        assert words_in_order(said, [*(step.text for step in steps_of(study)), report_of(study)])
        assert json.loads(row["tools"])[0]["name"] == "image_zoom_in_tool"


def calls_in(text: str) -> Iterator[Row]:
    for found in re.finditer(r'\{"name": "image_zoom_in_tool", "arguments": (\{[^{}]*\})\}', text):
        yield json.loads(found[1])


def test_boxes_of_calls_are_pixels_of_the_exported_film(out: Path, studies: Mapping[str, Study]) -> None:
    for row in rows(out / "llamafactory/train.jsonl"):
        film = film_size(out / "llamafactory" / row["images"][0])
        called = list(calls_in("\n".join(turn["value"] for turn in row["conversations"])))
        frame = f"resized:{film[0]}x{film[1]}"

        assert film[0] % 28 == film[1] % 28 == 0
        assert film[0] * film[1] <= 768 * 768
        assert near([Box(tuple(c["bbox_2d"])) for c in called], boxes_of(studies[row["id"]], frame), film)
        assert [c["label"] for c in called] == [step.region for step in steps_of(studies[row["id"]])]


def test_boxes_go_out_in_the_frame_that_was_asked_for(
    corpus: Path, studies: Mapping[str, Study], tmp_path: Path
) -> None:
    export_corpus(corpus, tmp_path / "y", names="trl", numbers="norm_1000_yx")

    for row in rows(tmp_path / "y/trl/train.jsonl"):
        called = list(calls_in("\n".join(part.get("text", "") for m in row["messages"] for part in m["content"])))
        found = [Box(tuple(c["box_2d"]), "norm_1000_yx") for c in called]
        film = film_size(tmp_path / "y/trl" / row["images"][0])
        assert near(found, boxes_of(studies[row["id"]], f"resized:{film[0]}x{film[1]}"), film)


def test_grounding_rows_have_a_mark_for_each_picture_region_and_box(out: Path, studies: Mapping[str, Study]) -> None:
    for row in rows(out / "ms-swift/grounding.jsonl"):
        study = studies[row["id"]]
        film = film_size(out / "ms-swift" / row["images"][0])
        said = "\n".join(message["content"] for message in row["messages"])

        assert said.count("<image>") == len(row["images"])
        assert said.count("<bbox>") == len(row["objects"]["bbox"]) == len(row["objects"]["image_id"])
        assert said.count("<ref-object>") == len(row["objects"]["ref"])
        assert near(
            [Box(tuple(b)) for b in row["objects"]["bbox"]], boxes_of(study, f"resized:{film[0]}x{film[1]}"), film
        )
        assert words_in_order(said, [*(step.text for step in steps_of(study)), report_of(study)])


def test_parts_of_trl_hold_as_many_pictures_as_the_row(out: Path) -> None:
    for row in rows(out / "trl/train.jsonl"):
        parts = [part for message in row["messages"] for part in message["content"]]

        assert sum(part["type"] == "image" for part in parts) == len(row["images"])
        assert {message["role"] for message in row["messages"]} == {"system", "user", "assistant"}
        assert not any("<image>" in part.get("text", "") for part in parts)


def test_anoles_rows_are_records_of_the_authors_with_true_boxes(out: Path, studies: Mapping[str, Study]) -> None:
    trained = [study for study in studies.values() if study.split == "train"]
    for row, study in zip(rows(out / "anole/train.jsonl"), trained, strict=True):
        read = mmrad.parse(row)
        told = trace_of(read).steps
        film = film_size(out / "anole" / row["images"][0])

        assert not read.invalid
        assert film == (512, 512)
        assert [step.text for step in told] == [step.text for step in steps_of(study)]
        assert read.report.text == report_of(study)
        assert near([s.box for s in told if s.box], boxes_of(study, "pad_square_512"), film)
        assert {film_size(out / "anole" / path) for path in row["images"]} == {(512, 512)}


def test_zebras_rows_show_the_film_and_name_each_picture_once(out: Path, studies: Mapping[str, Study]) -> None:
    for row in rows(out / "zebra/train.jsonl"):
        read = zebra.parse(row, row["id"])
        study = studies[row["id"]]

        assert not read.invalid
        assert read.prompt.count("<image>") == 1
        assert [image.id for image in read.images] == sorted(read.image_order, key=lambda n: (n[0], int(n[-1])))
        assert words_in_order(row[zebra.TRACE], [step.text for step in steps_of(study)])
        assert row[zebra.ANSWER] == report_of(study)
        found = [json.loads(m) for m in re.findall(r"The box is (\[[\d, ]+\])\.", row[zebra.TRACE])]
        film = film_size(out / "zebra" / row["problem_image_1"])
        assert near([Box(tuple(b), "norm_1000") for b in found], boxes_of(study, f"resized:{film[0]}x{film[1]}"), film)


def test_a_budget_takes_pictures_of_normal_looks_from_the_last_one_and_no_word(
    corpus: Path, studies: Mapping[str, Study], out: Path, tmp_path: Path
) -> None:
    card = export_corpus(corpus, tmp_path / "small", names="llamafactory", budget=1800)
    counts = card.trainers["llamafactory"]
    whole = {row["id"]: row for row in rows(out / "llamafactory/train.jsonl")}
    lost = 0
    for row in rows(tmp_path / "small/llamafactory/train.jsonl"):
        said = "\n".join(turn["value"] for turn in row["conversations"])
        steps = steps_of(studies[row["id"]])
        shown = {c["label"] for c in calls_in(said)}
        gone = [i for i, step in enumerate(steps) if step.region not in shown]
        normal = [i for i, step in enumerate(steps) if not abnormal(step)]
        wanted = sorted([*reversed(normal), *reversed([i for i in range(len(steps)) if i not in normal])][: len(gone)])

        assert gone == wanted
        assert said.count("<image>") == len(row["images"]) == 1 + len(steps) - len(gone)
        assert words_in_order(said, [*(step.text for step in steps), report_of(studies[row["id"]])])
        lost += len(whole[row["id"]]["images"]) - len(row["images"])
    assert lost == counts.pictures_left_out > 0
    assert counts.longest <= 1800
    assert f"{lost} more images of looks were left out" in (tmp_path / "small/llamafactory/README.md").read_text()


def abnormal(step: Step) -> bool:
    return any(word in step.text for word in ("nodule", "Blunted", "fracture"))


def test_a_record_whose_words_alone_exceed_the_budget_is_left_out_and_counted(corpus: Path, tmp_path: Path) -> None:
    card = export_corpus(corpus, tmp_path / "tiny", names="llamafactory", budget=1000)
    counts = card.trainers["llamafactory"]

    assert counts.records + sum(counts.left_out.values()) == 8
    assert list(counts.left_out) == ["their text and film alone exceed 1,000 tokens (--budget)"]


def test_anoles_budget_never_exceeds_what_its_loader_keeps(corpus: Path, tmp_path: Path) -> None:
    card = export_corpus(corpus, tmp_path / "large", names="anole", budget=50_000)

    assert card.trainers["anole"].budget == 5119
    assert all(len(row["images"]) <= 4 for row in rows(tmp_path / "large/anole/train.jsonl"))


def test_a_hold_out_list_takes_patients_and_studies(corpus: Path, tmp_path: Path) -> None:
    held = tmp_path / "held.txt"
    held.write_text("P0  # of the board\ns5\nnobody\n")
    card = export_corpus(corpus, tmp_path / "e", names="zebra", hold_out=[held])

    assert [row["id"] for row in rows(tmp_path / "e/zebra/train.jsonl")] == ["s2", "s3", "s6", "s7"]
    assert card.left_out["their patients are on a hold-out list"] == 4  # and the other study of the patient of s5
    assert card.held_out == {str(held): 2}


def test_a_patient_with_a_study_in_another_split_is_left_out(corpus: Path, tmp_path: Path) -> None:
    records = list(files.read_jsonl(corpus))
    moved = [
        msgspec.structs.replace(r, study=msgspec.structs.replace(r.study, split="test")) if r.id == "s3" else r
        for r in records
    ]
    files.write_jsonl(moved, corpus.with_name("moved.jsonl"))
    card = export_corpus(corpus.with_name("moved.jsonl"), tmp_path / "e", names="zebra")

    assert "s2" not in [row["id"] for row in rows(tmp_path / "e/zebra/train.jsonl")]
    assert card.left_out["their patients also have a study in another split"] == 1


@pytest.mark.parametrize(
    "mark", ["<image>", "<bbox>", "<|im_end|>", "THOUGHT 2:", "</think>", "<tool_call>", "<video>"]
)
def test_words_that_a_trainer_would_take_for_a_mark_are_refused_and_counted(
    corpus: Path, tmp_path: Path, mark: str
) -> None:
    decoder = msgspec.json.Decoder()
    lines = [decoder.decode(line) for line in corpus.read_bytes().splitlines()]
    lines[0]["report"]["text"] += f" {mark} seen."
    bad = corpus.with_name("marks.jsonl")
    bad.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    card = export_corpus(bad, tmp_path / "e", names="trl")

    assert card.left_out["their text contains a trainer's own marker, such as <image>"] == 1
    assert card.trainers["trl"].records == 7


def test_credentialed_data_is_marked_in_folders_cards_and_rows(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c", count=4, data_use="credentialed")
    out = tmp_path / "e"
    export_corpus(corpus, out)

    assert {marked(out), *(marked(out / name) for name in TRAINERS)} == {"credentialed"}
    assert msgspec.json.decode((out / "card.json").read_bytes(), type=ExportCard).data_use == "credentialed"
    assert {row["data_use"] for path in out.glob("*/*.jsonl") for row in rows(path)} == {"credentialed"}
    assert "credentialed" in (out / "trained_on.txt").read_text()


def test_equal_commands_make_equal_folders(corpus: Path, out: Path, tmp_path: Path) -> None:
    export_corpus(corpus, tmp_path / "again")
    mine, theirs = (
        {p.relative_to(r): p.read_bytes() for p in r.rglob("*") if p.is_file()} for r in (out, tmp_path / "again")
    )

    assert mine == theirs
    assert len(mine) > 100


def test_nothing_is_left_behind_where_an_export_fails(corpus: Path, tmp_path: Path) -> None:
    (corpus.with_name("cut.jsonl")).write_bytes(b"\n".join(corpus.read_bytes().splitlines()[:2]))
    with pytest.raises(DataError, match="there is nothing to export: all 2 studies of cut were left out"):
        export_corpus(corpus.with_name("cut.jsonl"), tmp_path / "e", budget=300)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_never_written_into(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        export_corpus(corpus, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_prompts_for_rewards_have_the_reference_and_its_facts_and_no_trace(
    corpus: Path, studies: Mapping[str, Study], tmp_path: Path
) -> None:
    export_corpus(corpus, tmp_path / "g", form="grpo")

    for row in rows(tmp_path / "g/trl/prompts.jsonl"):
        study = studies[row["study"]]
        text = json.dumps(row, ensure_ascii=False)
        assert row["reference"] == report_of(study)
        assert len(row["images"]) == 1
        assert not [step.text for step in steps_of(study) if step.text in text]
    facts = {row["study"]: row["facts"] for row in rows(tmp_path / "g/ms-swift/prompts.jsonl")}
    assert "present left pleural effusion" in facts["s0"]


def test_words_are_counted_from_above() -> None:
    text = "Bibasilar atelectasis, 8 mm nodule; [108, 104, 252, 277]\nHerz normal gro\u00df. \u5fc3\u810f\u6b63\u5e38"

    assert budget.word_tokens("effusion") == 3
    assert budget.word_tokens("[108, 104]") == 9
    assert budget.word_tokens("\u5fc3\u810f") == 4
    assert budget.word_tokens(text) >= len(text) / 2
