"""What a run folder shows belongs together: asked by several processes, with its replies lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from mmrad_eval.metrics import suite
from mmrad_eval.results.run.record import RunIdentity
from mmrad_eval.results.scoring.run import score
from tests.harness.truth import STUDIES, N, assert_true, folder_of, run, together, words_of


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("fresh", [False, True])
def test_processes_that_hear_other_words_end_in_one_truth_that_stays(
    processes: int, fresh: bool, tmp_path: Path
) -> None:
    said = ("The heart is large.", "The lung is clear.", "An effusion of the left side.")  # of other lengths, too
    for turn in range(4):
        results = tmp_path / str(turn)
        codes = together(processes, lambda number: run(results, said[number], fresh=fresh))  # noqa: B023 (called here)
        assert codes == [0] * processes
        folder = folder_of(results)
        assert assert_true(folder, tmp_path / f"copy-{turn}")
        shown = (folder.path / "answers.jsonl").read_bytes()
        run(results, "Never said.")
        assert (folder.path / "answers.jsonl").read_bytes() == shown


def test_where_replies_are_gone_and_nobody_answers_the_answers_stay_and_it_is_said(tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    folder = folder_of(tmp_path)
    before = {name: (folder.path / name).read_bytes() for name in ("answers.jsonl", "scores.parquet")}
    shutil.rmtree(tmp_path / "replies")

    outcome = run(tmp_path, "")

    assert {name: (folder.path / name).read_bytes() for name in before} == before
    assert (outcome.run.kept, outcome.run.complete) == (N, True)
    assert assert_true(folder, tmp_path / "copy")


@pytest.mark.parametrize("fresh", [False, True])
def test_a_run_that_nobody_answers_any_more_is_not_emptied(fresh: bool, tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    before = words_of(folder_of(tmp_path))
    run(tmp_path, "", fresh=fresh)
    assert words_of(folder_of(tmp_path)) == before
    assert folder_of(tmp_path).run.complete


@pytest.mark.parametrize("line", [{}, {"status": "open"}, {"status": "failed"}])
def test_a_study_without_an_answer_is_asked_again_and_the_others_stay(line: dict[str, str], tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    folder = folder_of(tmp_path)
    lines = (folder.path / "answers.jsonl").read_text().splitlines()
    (folder.path / "answers.jsonl").write_text("\n".join([json.dumps({"study": "0", **line}), *lines[1:]]) + "\n")
    shutil.rmtree(tmp_path / "replies")
    outcome = run(tmp_path, "")
    assert [answer.status for answer in folder.answers()] == ["failed", "ok", "ok", "ok"]
    assert (outcome.run.kept, outcome.run.complete) == (N - 1, False)


@pytest.mark.parametrize("damaged", [b"\0", b'{"study":"1","status":"ok","report":5}', b"\xff{", b"[" * 100_000])
def test_a_damaged_line_of_the_answers_costs_one_answer(damaged: bytes, tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    folder = folder_of(tmp_path)
    lines = (folder.path / "answers.jsonl").read_bytes().splitlines()
    lines[1] = damaged
    (folder.path / "answers.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    shutil.rmtree(tmp_path / "replies")
    outcome = run(tmp_path, "")
    assert [answer.status for answer in folder.answers()] == ["ok", "failed", "ok", "ok"]
    assert (outcome.run.kept, outcome.run.complete) == (N - 1, False)


def test_a_summary_of_other_answers_is_not_shown_until_it_is_made_anew(tmp_path: Path) -> None:
    run(tmp_path, "The heart is large.")
    folder = folder_of(tmp_path)
    answers = folder.path / "answers.jsonl"
    answers.write_bytes(answers.read_bytes().replace(b"large", b"small"))
    assert folder.summary() is None
    assert folder.scores() is None
    score(folder, STUDIES, suite(["bleu@raw"]))
    assert assert_true(folder, tmp_path / "copy")


def test_scores_are_not_shown_under_the_name_of_another_run(tmp_path: Path) -> None:
    run(tmp_path / "mine", "heart")
    folder = folder_of(tmp_path / "mine")
    record = json.loads((folder.path / "run.json").read_bytes())
    record["identity"]["model"]["id"] = "another"
    record["id"] = msgspec.convert(record["identity"], RunIdentity).id()
    (folder.path / "run.json").write_text(json.dumps(record), encoding="utf-8")

    assert not assert_true(folder, tmp_path / "copy")
    assert folder.summary() is None
    assert folder.scores() is None
