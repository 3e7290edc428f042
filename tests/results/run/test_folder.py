"""Run folders: where they are, how they are found, what a broken one says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Answer
from mmrad_eval.results.run.folder import RunFolder, find_runs, safe_name, select

if TYPE_CHECKING:
    from tests.results.conftest import Kit


@given(st.text())
def test_a_safe_name_is_one_folder_below_its_parent_whatever_the_name(name: str) -> None:
    safe = safe_name(name)
    assert Path("a", safe).parent == Path("a")
    assert safe not in {"", ".", ".."}
    assert not {"/", "\\", ":", "\0", "\n"} & set(safe)
    assert len(safe) <= 80


def test_a_model_name_stays_readable() -> None:
    assert safe_name("vllm:Qwen/Qwen2.5-VL-7B-Instruct") == "vllm_Qwen_Qwen2.5-VL-7B-Instruct"


def test_the_folder_of_a_run_says_dataset_task_model_and_id(kit: Kit) -> None:
    folder = kit.run([Answer("a")], model="vllm:Qwen/Q")
    assert folder.path == kit.results / "runs/made/mcot/vllm_Qwen_Q" / folder.run.id


@pytest.mark.parametrize("at", ["", "runs", "runs/made", "runs/made/mcot", "runs/made/mcot/test_model"])
def test_runs_are_found_from_any_folder_above_them(kit: Kit, at: str) -> None:
    folder = kit.run([Answer("a")])
    assert [found.path for found in find_runs(kit.results / at)] == [folder.path]


def test_a_run_is_selected_by_its_folder_or_a_unique_beginning_of_its_id(kit: Kit) -> None:
    one, two = kit.run([Answer("a")]), kit.run([Answer("a")], model="test:other")
    assert select(kit.results, str(one.path)).path == one.path
    assert select(kit.results, str(one.path.parent)).path == one.path
    common = next(i for i in range(12) if one.run.id[i] != two.run.id[i])
    assert select(kit.results, two.run.id[: common + 1]).path == two.path
    with pytest.raises(UsageError, match="beginning of 2 ids"):
        select(kit.results, "")
    with pytest.raises(UsageError, match=f"no run.*{one.run.id}"):
        select(kit.results, "zzz")


@pytest.mark.parametrize("said", ["Llama-4", "vllm:meta/Llama-4", "vllm_meta_Llama-4", "meta/Llama-4"])
def test_a_run_is_selected_by_any_name_that_its_model_is_shown_under(kit: Kit, said: str) -> None:
    kit.run([Answer("a")], model="test:other")
    one = kit.run([Answer("a")], model="vllm:meta/Llama-4")
    assert select(kit.results, said).path == one.path
    with pytest.raises(UsageError, match=r"did you mean .*Llama-4"):
        select(kit.results, said.replace("4", "44"))


def test_a_folder_without_runs_holds_none_and_a_missing_one_is_refused(tmp_path: Path) -> None:
    assert find_runs(tmp_path) == []
    with pytest.raises(UsageError, match="--out"):
        find_runs(tmp_path / "nowhere")


def test_a_broken_record_is_named_with_the_way_out(kit: Kit) -> None:
    folder = kit.run([Answer("a")])
    (folder.path / "run.json").write_text('{"id": 3}')
    with pytest.raises(DataError, match=r"run\.json.*id"):
        _ = folder.run
    (folder.path / "run.json").unlink()
    with pytest.raises(DataError, match="not a run folder"):
        _ = folder.run


def test_a_broken_answer_is_named_by_its_line(kit: Kit) -> None:
    folder = kit.run([Answer("a"), Answer("b")])
    with (folder.path / "answers.jsonl").open("ab") as file:
        file.write(b'{"study":3}\n')
    with pytest.raises(DataError, match="line 3"):
        list(folder.answers())


@pytest.mark.parametrize("name", ["run.json", "summary.json", "answers.jsonl"])
def test_a_byte_that_is_no_text_is_named_with_its_file(kit: Kit, name: str) -> None:
    folder = kit.run([Answer("a")])
    folder.write(name, b'{"study":"\xff"}\n')
    with pytest.raises(DataError, match=name):
        _ = {"run.json": lambda: folder.run, "summary.json": folder.summary}.get(name, folder.answer_lines)()


def test_the_digest_of_an_answer_does_not_hang_on_the_last_line_end(kit: Kit) -> None:
    folder = kit.run([Answer("a"), Answer("b", "ok")])
    before = {name: line.digest for name, line in folder.answer_lines().items()}
    folder.write("answers.jsonl", (folder.path / "answers.jsonl").read_bytes().rstrip(b"\n"))
    assert {name: line.digest for name, line in folder.answer_lines().items()} == before


def test_writing_leaves_no_other_file_behind(kit: Kit) -> None:
    folder = kit.run([Answer("a")])
    folder.write("summary.json", b"{}")
    assert sorted(p.name for p in folder.path.iterdir()) == ["answers.jsonl", "run.json", "summary.json"]


def test_finished_answers_replace_the_unfinished_ones(kit: Kit) -> None:
    folder = kit.run([Answer("a")])
    (folder.path / "answers.jsonl.part").write_bytes(b'{"study":"z"}\n')
    folder.write_answers([Answer("b")])
    assert [answer.study for answer in RunFolder(folder.path).answers()] == ["b"]
    assert not (folder.path / "answers.jsonl.part").exists()


def test_a_run_is_selected_by_a_name_that_no_other_run_has(kit: Kit) -> None:
    studies = kit.studies(2)
    answers = [kit.answer(study, "clear") for study in studies]
    one = kit.run(answers, model="test:alpha", task="imported")
    kit.run(answers, model="test:beta", task="imported")
    kit.run(answers, model="test:beta", task="direct")

    assert select(kit.results, "test:alpha").path == one.path
    assert select(kit.results, one.path.parent.name).path == one.path
    with pytest.raises(UsageError, match="the name of 2 runs"):
        select(kit.results, "test:beta")
