"""`mmrad-eval export --format sft|dpo|grpo`: what it says, and what it refuses in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.values import Study
from mmrad_eval.datasets import load
from mmrad_eval.training.card import ExportCard
from tests.training.corpus import rows, write_corpus
from tests.training.scored import COLUMN, score_both

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def results(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(score_both(corpus, tmp_path_factory.mktemp("runs")))


def card_of(out: str) -> ExportCard:
    return msgspec.json.decode((Path(out) / "card.json").read_bytes(), type=ExportCard)


def reference_of(corpus: Path, identity: str) -> str:
    found: Study = next(study for study in load(str(corpus)).studies if study.id == identity)
    assert found.reference is not None
    return found.reference.text


def test_it_says_what_each_folder_holds_and_what_was_left_out(call: Call, corpus: Path) -> None:
    said = call("export", "--format", "sft", "--data", str(corpus), "--for", "zebra,trl", "--out", "e")

    assert said.code == 0
    assert "8 studies of 4 patients of traces, sft" in said.out
    assert "trl           8 records" in said.out
    assert "4 studies left out: they belong to another split" in said.out
    assert sorted(path.name for path in Path("e").iterdir()) == ["card.json", "trained_on.txt", "trl", "zebra"]


def test_pairs_prefer_by_the_column_that_was_named_and_the_card_says_so(call: Call, corpus: Path, results: str) -> None:
    said = call("export", "good", "bad", "--in", results, "--format", "dpo", "--by", COLUMN, "--out", "e")

    assert said.code == 0, said.err
    assert f"optimized for {COLUMN}" in said.out
    card = card_of("e")
    assert card.optimized_for is not None
    assert (card.optimized_for.column, card.optimized_for.better) == (COLUMN, "higher")
    assert card.optimized_for.signature.startswith("rouge|")
    pairs = rows(Path("e/llamafactory/pairs.jsonl"))
    assert pairs
    for row in pairs:
        assert row["chosen"]["value"].endswith(f"Report: {reference_of(corpus, row['id'])}")
        assert row["values"][0] > row["values"][1]
        assert row["decided_by"] == card.optimized_for.signature
        assert any(statement.startswith("rejected: present") for statement in row["differs"])
        assert "[150, 160, 190, 185]" not in row["chosen"]["value"]  # the box is in pixels of the exported film


def test_pairs_that_teach_length_or_words_are_left_out(call: Call, results: str) -> None:
    call("export", "good", "bad", "--in", results, "--format", "dpo", "--by", COLUMN, "--out", "e")
    words = ("export", "good", "bad", "--in", results, "--format", "dpo", "--by", COLUMN)
    said = call(*words, "--margin", "0.2", "--out", "f")

    assert card_of("e").left_out["one report is longer than the other by more than a quarter"] > 0
    assert said.code == 1
    assert "5 because their answers differ by less than --margin" in said.err
    assert not Path("f").exists()


def test_references_are_paired_with_copies_that_hold_one_planted_error(call: Call) -> None:
    said = call("export", "--format", "dpo", "--data", "demo?split=patient", "--out", "e")
    again = {study.id: study for study in load("demo?split=patient").studies}

    assert said.code == 0, said.err
    kinds = set()
    for row in rows(Path("e/ms-swift/pairs.jsonl")):
        good, bad = row["messages"][-1]["content"], row["rejected_response"]
        study = again[row["id"]]
        assert study.reference is not None
        assert study.split == "train"
        assert good.removeprefix("Report: ").split() == study.reference.text.split()
        assert good != bad
        assert good.count("\n") == bad.count("\n")  # nothing but the error tells them apart
        assert 0.8 <= len(bad.split()) / len(good.split()) <= 1.25
        assert row["differs"]
        assert not {"values", "runs", "decided_by"} & {*row}
        kinds.add(row["kind"])
    assert len(kinds) > 1
    assert kinds <= {"planted side", "planted negation", "planted severity", "planted invention"}
    assert card_of("e").optimized_for is None
    assert "the references of demo" in Path("e/trl/README.md").read_text()


def test_a_report_in_which_no_error_can_be_planted_is_counted(call: Call, corpus: Path) -> None:
    said = call("export", "--format", "dpo", "--data", str(corpus), "--for", "trl", "--out", "e")

    assert said.code == 0, said.err
    reason = "no error can be planted that changes an abnormal finding of their report"  # of those in German
    assert f"studies left out: {reason}" in said.out


def test_films_that_are_not_there_are_counted_once_a_study_and_named_with_the_remedy(call: Call) -> None:
    lines = [f"s{n},p{n},train,x/{n}.png,The heart is enlarged." for n in range(10)]
    Path("r.csv").write_text("\n".join(["id,patient,split,image,findings", *lines, "t,pt,test,x/t.png,Clear."]))
    said = call("export", "--format", "grpo", "--data", "r.csv", "--out", "e")

    assert said.code == 1
    assert "all 11 studies of r were left out, 10 because an image file does not exist (--images names" in said.err
    assert "1 because they belong to another split" in said.err


def test_good_answers_of_runs_are_taught_with_their_own_traces(call: Call, corpus: Path, results: str) -> None:
    words = ("export", "good", "bad", "--in", results, "--format", "sft", "--by", COLUMN, "--at-least", ".9")
    said = call(*words, "--for", "ms-swift", "--out", "e")

    assert said.code == 0, said.err
    for row in rows(Path("e/ms-swift/grounding.jsonl")):
        assert "as the report says." in row["messages"][-1]["content"]
        taught = row["messages"][-1]["content"].partition("Report: ")[2]
        assert taught.split() == reference_of(corpus, row["id"]).split()
    assert card_of("e").margin == 0.9
    assert len(card_of("e").runs) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--format", "sft", "--data", "CORPUS"), "writes a folder; name it with --out"),
        (("--format", "sft", "--out", "e"), "name runs, or a dataset with --data"),
        (
            ("--format", "sft", "--data", "CORPUS", "--split", "test", "--out", "e"),
            "must not be tested on what it was trained on",
        ),
        (("--format", "sft", "--data", "CORPUS", "--split", "dev", "--out", "e"), "has no split 'dev'"),
        (("--format", "sft", "--data", "demo", "--out", "e"), "?split=patient"),
        (("--format", "sft", "--data", "CORPUS?split=patient", "--out", "e"), "has a split 'train'"),
        (("--format", "sft", "--data", "CORPUS", "--for", "verl", "--out", "e"), "choose llamafactory, ms-swift"),
        (("--format", "grpo", "--data", "CORPUS", "--for", "anole", "--out", "e"), "does not take --format grpo"),
        (("--format", "sft", "--data", "CORPUS", "--boxes", "inches", "--out", "e"), "there is no frame of that name"),
        (("--format", "sft", "--data", "CORPUS", "--hold-out", "none.txt", "--out", "e"), "none.txt"),
        (("--format", "dpo", "--data", "CORPUS", "--by", COLUMN, "--out", "e"), "--data has no answers"),
        (("--format", "dpo", "good", "--in", "RESULTS", "--by", COLUMN, "--out", "e"), "name two or more"),
        (("--format", "dpo", "good", "bad", "--in", "RESULTS", "--out", "e"), "--by COLUMN"),
        (("--format", "dpo", "good", "bad", "--in", "RESULTS", "--by", "BLEU", "--out", "e"), "has no column 'BLEU'"),
        (("--format", "sft", "good", "--in", "RESULTS", "--by", COLUMN, "--out", "e"), "--at-least VALUE"),
        (("--format", "grpo", "good", "--in", "RESULTS", "--out", "e"), "name a dataset with --data"),
        (("--format", "rexrank", "good", "bad", "--in", "RESULTS"), "takes one run"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line_and_nothing_is_written(
    call: Call, corpus: Path, results: str, words: tuple[str, ...], told: str
) -> None:
    said = call("export", *(word.replace("CORPUS", str(corpus)).replace("RESULTS", results) for word in words))

    assert said.code in {1, 2}
    assert told in said.err
    assert len(said.err.strip().splitlines()) <= 3  # usage, and one line
    assert not Path("e").exists()


def test_a_question_of_ones_own_takes_the_place_of_the_built_in_one(call: Call, corpus: Path) -> None:
    Path("q.txt").write_text("What do you see?\n")
    call("export", "--format", "sft", "--data", str(corpus), "--for", "anole", "--prompt", "q.txt", "--out", "e")

    assert {row["prompt"] for row in rows(Path("e/anole/train.jsonl"))} == {"What do you see? <image>"}
    Path("q.txt").write_text("See <image>?")
    said = call("export", "--format", "sft", "--data", str(corpus), "--prompt", "q.txt", "--out", "f")
    assert "'<image>'" in said.err


def test_patients_are_divided_where_the_data_has_one_split_alone(call: Call) -> None:
    said = call("export", "--format", "sft", "--data", "demo?split=patient", "--for", "trl", "--out", "e")
    again = load("demo?split=patient")

    assert said.code == 0
    trained = set(Path("e/trained_on.txt").read_text().split()) & {study.patient for study in again.studies}
    assert trained == {study.patient for study in again.studies if study.split == "train"}
    assert again.name == "demo+split-patient"
