"""Reports made elsewhere: joined by id, whatever their order, and never dropped silently."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

REFERENCES = {
    f"s{i}": text
    for i, text in enumerate(
        [
            "The heart is normal in size. The lungs are clear.",
            "There is a small left pleural effusion.",
            "No focal consolidation, effusion or pneumothorax.",
            "Mild cardiomegaly. No acute disease.",
        ]
    )
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "refs.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "patient", "findings"])
        writer.writerows((name, f"p{i // 2}", text) for i, (name, text) in enumerate(REFERENCES.items()))
    return path


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in ``folder``."""
    command = "from mmrad_eval.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", command, *words], cwd=folder, capture_output=True, text=True, check=False
    )


def reports(folder: Path, name: str, texts: dict[str, str]) -> str:
    (folder / name).write_text("".join(json.dumps({"id": k, "report": v}) + "\n" for k, v in texts.items()))
    return name


def score(folder: Path, predictions: str, *more: str) -> subprocess.CompletedProcess[str]:
    return call(folder, "score", "-p", predictions, "-r", "refs.csv", "--metrics", "bleu@raw", "--format", "csv", *more)


def only_row(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    return row


def test_perfect_reports_score_one_in_any_order(data: Path) -> None:
    done = score(data.parent, reports(data.parent, "mine.jsonl", dict(reversed(REFERENCES.items()))))
    assert done.returncode == 0, done.stderr
    row = only_row(done)
    assert (row["model"], row["task"], row["n"], row["failed"]) == ("mine", "imported", "4", "0")
    assert float(row["BLEU-4 @ raw"]) == pytest.approx(1, abs=1e-9)
    assert row["clusters"] == "2"


def test_a_missing_report_stays_open_and_the_run_is_incomplete(data: Path) -> None:
    done = score(data.parent, reports(data.parent, "mine.jsonl", {k: v for k, v in REFERENCES.items() if k != "s2"}))
    assert done.returncode == 3
    row = only_row(done)
    assert (row["n"], row["scored"], row["pending"], row["complete"]) == ("4", "3", "1", "no")
    assert "1 study without a report, pending: s2" in done.stderr


def test_an_empty_report_is_scored_as_empty(data: Path) -> None:
    done = score(data.parent, reports(data.parent, "mine.jsonl", REFERENCES | {"s2": ""}))
    assert done.returncode == 0, done.stderr
    row = only_row(done)
    assert (row["n"], row["scored"], row["empty"]) == ("4", "4", "1")
    assert float(row["BLEU-1 @ raw"]) < 1
    assert "1 study with an empty report, scored as empty: s2" in done.stderr


def test_reports_of_unknown_studies_are_named_and_change_nothing(data: Path) -> None:
    done = score(data.parent, reports(data.parent, "mine.jsonl", REFERENCES | {"s99": "Clear."}))
    assert done.returncode == 0
    assert "1 study with a report, but not among the references: s99" in done.stderr
    assert float(only_row(done)["BLEU-4 @ raw"]) == pytest.approx(1, abs=1e-9)


def test_one_id_with_two_reports_is_refused_and_named(data: Path) -> None:
    name = reports(data.parent, "mine.jsonl", REFERENCES)
    with (data.parent / name).open("a") as file:
        file.write(json.dumps({"id": "s1", "report": "Something else."}) + "\n")
    done = score(data.parent, name)
    assert done.returncode == 1
    assert "s1" in done.stderr
    assert not (data.parent / "results").exists()


def test_files_without_a_common_id_are_refused_with_ids_of_both(data: Path) -> None:
    done = score(data.parent, reports(data.parent, "mine.jsonl", {"1": "Clear.", "2": "Clear."}))
    assert done.returncode == 1
    assert "ids of the reports look like 1, 2" in done.stderr
    assert "s0, s1, s2" in done.stderr


def test_a_target_that_no_reference_has_is_refused_with_those_that_some_have(data: Path) -> None:
    (data.parent / "whole.csv").write_text("id,report\ns0,The lungs are clear.\ns1,Normal.\n")
    reports(data.parent, "mine.jsonl", REFERENCES)
    words = ("score", "-p", "mine.jsonl", "-r", "whole.csv", "--metrics", "bleu@raw")
    done = call(data.parent, *words)
    assert done.returncode == 2
    assert "0 of 2 studies of whole.csv can be scored: no reference findings; 2 with --target report" in done.stderr
    assert call(data.parent, *words, "--target", "report").returncode == 0


def test_references_that_are_all_empty_score_nothing_and_say_so(data: Path) -> None:
    (data.parent / "blank.csv").write_text("id,report\ns0,\ns1,\n")
    done = call(data.parent, "score", "-p", reports(data.parent, "mine.jsonl", REFERENCES), "-r", "blank.csv")
    assert done.returncode == 1
    assert "no study of blank.csv has a reference report" in done.stderr


def test_the_references_given_for_reports_are_doubted(data: Path) -> None:
    done = score(data.parent, "refs.csv")
    assert float(only_row(done)["BLEU-4 @ raw"]) == pytest.approx(1, abs=1e-9)
    assert "each of the 4 reports is its own reference, word for word" in done.stderr


def test_names_and_other_reports_are_runs_of_their_own_and_the_same_ones_are_not(data: Path) -> None:
    folder = data.parent
    score(folder, reports(folder, "a.jsonl", REFERENCES), "--name", "system A")
    score(folder, "a.jsonl", "--name", "system A")
    score(folder, reports(folder, "b.jsonl", REFERENCES | {"s0": "Clear."}), "--name", "system B")
    board = call(folder, "leaderboard", "--format", "csv")
    assert [row["model"] for row in csv.DictReader(io.StringIO(board.stdout))] == ["system A", "system B"]


def test_a_run_is_scored_again_with_more_metrics(data: Path) -> None:
    folder = data.parent
    run = only_row(score(folder, reports(folder, "mine.jsonl", REFERENCES)))["run"]
    done = call(folder, "score", run[:6], "--metrics", "rouge@radeval", "--format", "csv")
    assert done.returncode == 0, done.stderr
    row = only_row(done)
    assert float(row["BLEU-4 @ raw"]) == pytest.approx(1, abs=1e-9)
    assert float(row["ROUGE-L @ radeval"]) == pytest.approx(1)


def test_a_run_whose_answers_are_gone_is_not_scored(data: Path) -> None:
    score(data.parent, reports(data.parent, "mine.jsonl", REFERENCES))
    (answers,) = data.parent.glob("results/runs/*/*/*/*/answers.jsonl")
    answers.unlink()
    done = call(data.parent, "score", str(answers.parent), "--metrics", "rouge@raw")
    assert done.returncode == 1
    assert "contains no answers" in done.stderr


def test_a_complete_run_whose_answers_were_cut_is_not_scored_as_if_the_rest_had_never_been(data: Path) -> None:
    score(data.parent, reports(data.parent, "mine.jsonl", REFERENCES))
    (answers,) = data.parent.glob("results/runs/*/*/*/*/answers.jsonl")
    lines = answers.read_bytes().splitlines(keepends=True)
    answers.write_bytes(b"".join(lines[:-1]))
    done = call(data.parent, "score", str(answers.parent), "--metrics", "rouge@raw")
    assert done.returncode == 1
    assert f"has {len(lines) - 1} of {len(lines)} answers" in done.stderr


def test_a_run_is_not_scored_against_other_references(data: Path) -> None:
    folder = data.parent
    run = only_row(score(folder, reports(folder, "mine.jsonl", REFERENCES)))["run"]
    data.write_text(data.read_text().replace("clear", "dense"))
    done = call(folder, "score", run, "--metrics", "bleu@raw")
    assert done.returncode == 1
    assert "--references" in done.stderr


@pytest.mark.parametrize("words", [("score",), ("score", "-p", "x"), ("score", "abc", "-p", "x", "-r", "y")])
def test_half_a_question_is_a_usage_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = call(tmp_path, *words)
    assert done.returncode == 2
    assert "--predictions" in done.stderr
