"""Judges of what is stored: runs scored again, files of reports, texts in memory, and what it would all cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mmrad_eval
from mmrad_eval.core.errors import GateError
from tests.harness.pairs_metric import PLUGIN

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    (tmp_path / "pairs.py").write_text(PLUGIN)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *words], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False, timeout=120
        )

    return run


def column(folder: Path, label: str) -> dict[str, Any]:
    [path] = folder.glob("results/runs/*/*/*/*/summary.json")
    found: dict[str, Any] = json.loads(path.read_text())["columns"][label]
    return found


def run_of(folder: Path) -> str:
    [path] = folder.glob("results/runs/*/*/*/*")
    return str(path)


def test_a_stored_run_is_judged_and_its_other_columns_stay(command: Command, judge: str, tmp_path: Path) -> None:
    made = ("--model", "baseline:normal", "--task", "direct", "--limit", "4", "--metrics", "bleu@raw")
    assert command("run", *made).returncode == 0
    asked = ("score", run_of(tmp_path), "--metrics", "pairs.py:Pairs", "--judge", "openai:one", "--judge-url", judge)

    priced = command(*asked, "--dry-run")
    assert priced.returncode == 0, priced.stderr
    assert "pairs@test asks openai:one: at most 12 requests, about " in priced.stdout
    assert not list(tmp_path.glob("results/replies/demo/openai*/*.jsonl"))

    ended = command(*asked)
    assert ended.returncode == 0, ended.stderr
    assert "judged: 9 sent, 3 cached, 0 failed" in ended.stderr  # the candidates are all one text, which is asked once
    assert "pairs@test: 4 read, 0 degraded, 0 unread" in ended.stderr
    assert "Pairs read" in ended.stdout  # beside the number, in the table of headlines
    assert column(tmp_path, "Pairs @ test")["value"] > 3
    assert "|judge:openai:one/" in column(tmp_path, "Pairs @ test")["signature"]
    assert column(tmp_path, "BLEU-1 @ raw")["n"] == 4

    again = command(*asked, "--judge-samples", "2")
    assert "judged: 9 sent, 15 cached, 0 failed" in again.stderr
    assert "repeats:2" in column(tmp_path, "Pairs spread @ test")["signature"]


def test_parts_have_judges_of_their_own_on_the_command_line(command: Command, judge: str, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"id": "demo-01", "report": "The heart is large."}\n')
    both = ("--judge", "report=openai:one", "--judge", "pair=openai:two", "--judge-url", judge)
    made = ("score", "-p", "mine.jsonl", "-r", "demo", "--limit", "1", "--metrics", "pairs.py:Pairs")
    ended = command(*made, *both)
    assert ended.returncode == 0, ended.stderr
    assert "asking openai:one, openai:two to judge" in ended.stderr
    signature = column(tmp_path, "Pairs @ test")["signature"]
    assert "|judge:report=openai:one/" in signature
    assert ";pair=openai:two/" in signature

    lacking = command(*made, *both[:2])
    assert lacking.returncode == 2
    assert "no judge is named for the part 'pair' of pairs@test; add --judge pair=MODEL" in lacking.stderr


@pytest.mark.parametrize("remote", ["report", "pair"])
def test_one_remote_judge_of_two_is_refused_before_anything_is_asked(
    command: Command, judge: str, tmp_path: Path, remote: str
) -> None:
    local = {"report": "pair", "pair": "report"}[remote]
    records = tmp_path / "studies.jsonl"
    records.write_text(json.dumps({"study_id": "s50000001", "patient_id": "p10000001", "findings": "Clear."}) + "\n")
    made = ("run", "--model", "baseline:normal", "--task", "direct", "--data", str(records), "--metrics", "bleu@raw")
    assert command(*made).returncode == 0
    both = (
        *("--judge", f"{local}=openai:near", "--judge-url", f"{local}={judge}"),
        *("--judge", f"{remote}=openai:far", "--judge-url", f"{remote}=http://192.0.2.7/v1"),  # TEST-NET-1
    )
    for dry in ((), ("--dry-run",)):
        ended = command("score", run_of(tmp_path), "--metrics", "pairs.py:Pairs", *both, *dry)
        assert ended.returncode == 4
        assert "openai:far is at 192.0.2.7" in ended.stderr
    assert not list(tmp_path.glob("results/replies/**/*.jsonl"))


def test_a_judge_that_is_killed_leaves_what_it_said_and_the_next_one_is_asked_the_rest(
    command: Command, tmp_path: Path
) -> None:
    made = ("--model", "baseline:shuffle", "--task", "direct", "--limit", "12", "--metrics", "bleu@raw", "--no-table")
    assert command("run", *made).returncode == 0
    words = ("score", run_of(tmp_path), "--metrics", "pairs.py:Pairs", "--concurrency", "2", "--patience", "1")
    serve = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server", "--delay", "0.1"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        url = first.stdout.readline().strip()
        with subprocess.Popen(
            [COMMAND, *words, "--judge", "openai:one", "--judge-url", url],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as asking:
            while len(_stored(tmp_path)) < 6:
                assert asking.poll() is None
                time.sleep(0.02)
            first.kill()
            out, _ = asking.communicate(timeout=60)
    assert "of its questions to openai:one have no answer" in " ".join(out.split())
    before = _stored(tmp_path)
    assert 6 <= len(before) < 30
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout is not None
        ended = command(*words, "--judge", "openai:one", "--judge-url", second.stdout.readline().strip())
        second.terminate()
    assert ended.returncode == 0, ended.stderr
    after = _stored(tmp_path)
    assert len(after) == len(set(after))
    assert f"judged: {len(after) - len(before)} sent" in ended.stderr
    assert column(tmp_path, "Pairs read @ test")["value"] == 1.0


def _stored(folder: Path) -> list[str]:
    """Keys of the replies that are stored."""
    lines = [line for p in folder.glob("results/replies/demo/openai*/*.jsonl") for line in p.read_text().splitlines()]
    return [json.dumps(json.loads(line[line.index("{") :])["request"]) for line in lines if line.endswith("}")]


def test_texts_in_memory_are_judged_within_the_gate(
    judge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.py").write_text(PLUGIN)
    texts = ["The heart is normal.", "There is a small left pleural effusion."], ["Normal heart.", "Left effusion."]
    found = mmrad_eval.score(*texts, "pairs.py:Pairs", judge="openai:one", judge_url=judge)
    assert found["Pairs @ test"] > 3
    assert "judge:openai:one/" in found.columns["Pairs @ test"].signature
    alone = mmrad_eval.score(*texts, "pairs.py:Pairs")
    assert "pairs@test" in alone.missing
    with pytest.raises(GateError, match=r"openai:far is at 192\.0\.2\.7"):
        mmrad_eval.score(*texts, "pairs.py:Pairs", judge="openai:far", judge_url="http://192.0.2.7/v1")


def test_a_metric_whose_prompts_are_missing_is_named_with_what_brings_them(
    command: Command, judge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMRAD_JUDGES", str(tmp_path / "nothing"))
    made = ("run", "--model", "baseline:normal", "--task", "direct", "--limit", "2", "--metrics", "crimson,bleu@raw")
    ended = command(*made, "--judge", "openai:one", "--judge-url", judge)
    assert ended.returncode == 0, ended.stderr
    again = command("score", run_of(tmp_path), "--metrics", "crimson", "--judge", "openai:one", "--judge-url", judge)
    assert again.returncode == 0, again.stderr
    for said in (ended.stdout + ended.stderr, again.stdout):
        assert "mmrad-eval judges fetch crimson" in " ".join(said.split())


def test_a_dry_run_of_a_run_prices_its_judges(command: Command, judge: str) -> None:
    made = ("run", "--model", "baseline:normal", "--task", "direct", "--limit", "4", "--metrics", "pairs.py:Pairs")
    priced = command(*made, "--judge", "openai:gpt-5.2", "--judge-url", judge, "--dry-run")
    assert priced.returncode == 0, priced.stderr
    assert "pairs@test asks " in priced.stdout
    assert "at most 12 requests" in priced.stdout
