"""What a user types, and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Call = Callable[..., Any]


def test_help_names_every_command_and_the_first_step(call: Call) -> None:
    from mmrad_eval.cli.main import COMMANDS

    said = call("--help")

    assert said.code == 0
    assert all(f"\n  {name} " in said.out for name in COMMANDS)
    assert "mmrad-eval --model baseline:evidence --task mcot" in said.out
    assert call().out == said.out


@pytest.mark.parametrize("kind", ["tasks", "models", "metrics", "datasets"])
def test_listings_name_what_can_be_chosen(call: Call, kind: str) -> None:
    listed = call(kind)
    entries = json.loads(call(kind, "--json").out)

    assert listed.code == 0
    assert len(entries) >= 4
    for entry in entries:
        assert entry["name"] in listed.out
        assert entry["summary"]
        shown = call(kind, "show", entry["name"])
        assert shown.code == 0, shown.err
        assert entry["name"] in shown.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["leaderbord"], 2, "did you mean leaderboard?"),
        (["--model", "baseline:evidence", "--task", "mct"], 2, "did you mean mcot"),
        (["--model", "baseline:evidnce", "--task", "mcot"], 2, "baseline:evidence"),
        (["--model", "baseline:evidence", "--task", "mcot", "--metrics", "blue"], 2, "bleu"),
        (["--model", "baseline:evidence", "--task", "mcot", "--data", "dmo"], 2, "did you mean demo"),
        (["--modle", "baseline:evidence"], 2, "--model"),
        (["--model", "baseline:evidence"], 2, "--task is missing"),
        (["--model", "baseline:evidence", "--task", "mcot", "--views", "side"], 2, "choose key, frontal, all"),
        (
            ["--model", "baseline:evidence", "--task", "mcot", "--split", "val"],
            2,
            "has test; name one of these, or all",
        ),
        (["--model", "baseline:evidence", "--task", "mcot", "--limit", "0"], 2, "at least 1"),
        (["--model", "baseline:evidence", "--task", "mcot", "--ids", "nowhere.txt"], 2, "nowhere.txt"),
        (["--model", "baseline:evidence", "--task", "mcot", "--column", "x"], 2, "--column findings=report_text"),
        (["--model", "mine.py:Model", "--task", "mcot"], 1, "mine.py"),
        (["--model", "baseline:evidence", "--task", "mcot", "--samples", "0"], 2, "'--samples': 0 is not in the range"),
        (["--model", "vllm:m", "--task", "mcot", "--concurrency", "0"], 2, "'--concurrency': 0 is not in the range"),
        (["--model", "vllm:m", "--task", "mcot", "--timeout", "0"], 2, "'--timeout': 0.0 is not in the range"),
        (["--model", "vllm:m", "--task", "mcot", "--prompt", "empty.txt"], 1, "no [[user]] block"),
        (
            ["--model", "baseline:evidence", "--task", "mcot", "tcot"],
            2,
            "tcot is neither an option nor an experiment file",
        ),
        (["grid.toml", "--model", "vllm:m"], 2, "--model can't be given with an experiment file"),
        (["--model", "mine.py", "--task", "mcot"], 1, "mine.py: no such file; a plugin in a file is named"),
        (["--model", "empty.py", "--task", "mcot"], 2, "empty.py:NAME"),
        (["--model", "baseline:evidence", "--task", "mcot", "--ids", "."], 2, "--ids .: can't be read: it is a folder"),
        (
            ["--model", "baseline:evidence", "--task", "mcot", "--prompt", "no.txt"],
            2,
            "no.txt: can't be read: No such file",
        ),
        (["--model", "baseline:evidence", "--task", "mcot", "--max-tokens", "0"], 2, "at least one token"),
        (
            ["--model", "baseline:evidence", "--task", "mcot", "--temperature", "-1"],
            2,
            "-1: write a number of at least 0",
        ),
        (["--model", "baseline:evidence", "--task", "mcot", "--top-p", "2"], 2, "--top-p 2: write a number above 0"),
        (
            ["--model", "baseline:evidence", "--task", "mcot", "--out", "/dev/null"],
            2,
            "--out /dev/null is not a folder",
        ),
        (["leaderboard", "nowhere"], 1, "there is no folder nowhere"),
    ],
)
def test_what_can_not_be_is_said_with_the_way_out(
    call: Call, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    for name in ("empty.txt", "empty.py"):
        (tmp_path / name).touch()

    said = call(*words)

    assert said.code == code, said.err
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_file_of_ids_with_one_unknown_says_what_ids_look_like(call: Call, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("demo-01\ndemo-99\n")

    said = call("--model", "baseline:evidence", "--task", "mcot", "--ids", "ids.txt")

    assert said.code == 2
    assert "1 of 2 ids are not in demo, such as 'demo-99'; ids there look like demo-01" in said.err


def test_a_file_of_ids_without_any_says_so(call: Call, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("\n")

    said = call("--model", "baseline:evidence", "--task", "mcot", "--ids", "ids.txt")

    assert said.code == 2
    assert "--ids ids.txt: the file names no study" in said.err


def test_a_task_that_shows_traces_is_refused_where_there_are_none(call: Call, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("study_id,findings\na,The lungs are clear.\nb,There is an effusion.\n")

    said = call("--model", "baseline:evidence", "--task", "mcot", "--data", "./data.csv")

    assert said.code == 2
    assert "0 of 2 studies" in said.err
    assert "`tcot-self` lets the model make its own" in said.err


def test_a_dry_run_counts_and_asks_nothing(call: Call, tmp_path: Path) -> None:
    words = ("--model", "vllm:some/model", "--base-url", "http://127.0.0.1:9/v1", "--task", "mcot,tcot-self")

    said = call(*words, "--dry-run")

    assert said.code == 0, said.err
    assert "24 studies, 16 patients" in said.out
    assert "24 requests, about 8" in said.out  # 32 own images and 54 region images
    assert "24 requests, about 3" in said.out  # tcot-self takes one turn
    assert not (tmp_path / "results").exists()


def test_a_dry_run_of_a_conversation_counts_all_turns_it_may_take(call: Call) -> None:
    words = ("--model", "gpt-5.5", "--limit", "8", "--dry-run")  # no key is set, and none is needed

    loop = call(*words, "--task", "mcot-loop", "--set", "looks=3")
    one = call(*words, "--task", "direct")

    assert loop.code == one.code == 0, loop.err
    assert "8 to 40 requests" in loop.out
    assert "at most 40,960 completion tokens" in loop.out
    most = [float(re.findall(r"at most ([0-9.]+) with the answers", said.out)[0]) for said in (loop, one)]
    assert most[0] > 5 * most[1]


def test_a_dry_run_of_a_task_that_states_no_turns_claims_no_most(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import mmrad_eval\n"
        '@mmrad_eval.task("mine")\n'
        "async def mine(study, context):\n"
        "    reply = await context.ask([mmrad_eval.Message('user', (mmrad_eval.Text('Report.'),))])\n"
        "    return mmrad_eval.Answer(reply.text, 'ok')\n"
    )

    said = call("--model", "gpt-5.5", "--task", "./mine.py:mine", "--limit", "4", "--dry-run")

    assert said.code == 0, said.err
    assert "4 requests or more" in said.out
    assert "at most" not in said.out


def test_a_dry_run_passes_the_data_gate(call: Call, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "data.csv").write_text("study_id,image,findings\na,a.png,Clear lungs.\n")
    words = ("--model", "openai:gpt", "--base-url", "http://192.0.2.1/v1", "--task", "direct", "--data", "./data.csv")

    assert call(*words, "--dry-run").code == 4
    assert "may not leave this machine" in call(*words, "--dry-run").err
    assert call(*words, "--dry-run", "--data-use", "open").code == 0


def test_credentialed_data_does_not_leave(call: Call, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "data.csv").write_text("study_id,image,findings\na,a.png,Clear lungs.\n")
    words = ("--model", "openai:gpt", "--base-url", "http://192.0.2.1/v1", "--task", "direct", "--data", "./data.csv")

    said = call(*words)

    assert said.code == 4
    assert "may not leave this machine" in said.err
    assert not list(tmp_path.glob("results/**/*.jsonl"))


def test_the_same_command_again_gives_the_same_files(call: Call, tmp_path: Path) -> None:
    words = ("--model", "baseline:shuffle", "--task", "tcot", "--metrics", "bleu@raw,rouge@raw")

    call(*words)
    (answers,) = tmp_path.glob("results/runs/demo/tcot/*/*/answers.jsonl")
    before = answers.read_bytes(), answers.with_name("summary.json").read_bytes()
    call(*words, "--quiet")

    assert (answers.read_bytes(), answers.with_name("summary.json").read_bytes()) == before


def test_samples_are_runs_of_their_own(call: Call, tmp_path: Path) -> None:
    said = call(
        "--model", "baseline:normal", "--task", "direct", "--samples", "2", "--metrics", "bleu@raw", "--limit", "5"
    )

    assert said.code == 0
    assert len(list(tmp_path.glob("results/runs/demo/direct/*/*/run.json"))) == 2


def test_a_table_goes_into_a_file_whose_ending_says_the_format(call: Call, tmp_path: Path) -> None:
    call("--model", "baseline:normal", "--task", "direct", "--limit", "2", "--metrics", "bleu@raw", "--quiet")

    assert call("leaderboard", "--out", "table.csv").code == 0
    assert (tmp_path / "table.csv").read_text().startswith("model,task,")
    said = call("leaderboard", "--out", "table.xls")
    assert said.code == 2
    assert "--out table.xls: end it in .txt, .md, .csv, .tex" in said.err
    assert not (tmp_path / "table.xls").exists()


def test_metrics_show_tells_the_options_and_the_languages_of_a_metric(call: Call) -> None:
    said = call("metrics", "show", "bleu@r2gen-iu").out
    assert "candidate=clean|as-is (default: clean), cut=default|none (default: default)" in said
    assert "reads: any language" in said
    assert "reads: English" in call("metrics", "show", "rules@uncertain=positive").out


def test_a_task_s_prompt_file_is_printed_as_it_is(call: Call, tmp_path: Path) -> None:
    shown = call("tasks", "show", "mcot", "--prompt")
    (tmp_path / "mine.txt").write_text(shown.out)

    assert shown.out.startswith("#")
    assert call("--model", "vllm:m", "--base-url", "http://127.0.0.1:9/v1", "--task", "mcot", "--prompt", "mine.txt",
                "--limit", "1", "--dry-run").code == 0  # fmt: skip


def test_a_task_without_a_prompt_file_has_none_to_print(call: Call) -> None:
    said = call("tasks", "show", "imported", "--prompt")

    assert (said.code, said.out) == (2, "")
    assert "task imported has no prompt file" in said.err
