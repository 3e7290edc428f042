"""`mmrad-eval run experiment.toml`, as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))

EXPERIMENT = """
models = ["baseline:evidence"]
tasks = ["tcot", "mcot"]
metrics = ["bleu@r2gen-iu"]

[shared]
limit = 6

[[model]]
model = "openai:rehearsal"
base_url = "{url}"
concurrency = 2

[[model]]
model = "openai:gone"
base_url = "http://127.0.0.1:9"
patience = 0.2

[primary]
column = "BLEU-4 @ r2gen-iu"
between = ["tcot", "mcot"]
"""


def server(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server", "--own-words", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def quick() -> Iterator[str]:
    yield from server()


@pytest.fixture
def slow() -> Iterator[str]:
    yield from server("--delay", "2")


def written(tmp_path: Path, url: str) -> list[str]:
    (tmp_path / "experiment.toml").write_text(EXPERIMENT.format(url=url))
    return [COMMAND, "run", "experiment.toml"]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_it_runs_what_it_can_and_ends_with_table_and_comparison(tmp_path: Path, quick: str) -> None:
    ended = run(written(tmp_path, quick), tmp_path)

    assert ended.returncode == 3, ended.stderr
    assert "3 commands on 3 servers" in ended.stdout
    assert "mmrad-eval run --limit=6 --data=demo --model=baseline:evidence --task=tcot,mcot" in ended.stdout
    for name in ("baseline:evidence", "openai:rehearsal", "openai:gone"):
        assert name in ended.stdout
    assert "declared in advance: BLEU-4 @ r2gen-iu, mcot against tcot (openai:rehearsal, demo)" in ended.stdout
    assert " more columns: mmrad-eval compare " in ended.stdout.replace("\n", " ")
    assert "not complete: openai:gone on demo" in ended.stderr
    assert len(list(tmp_path.glob("results/runs/*/*/*/*/run.json"))) == 6


def test_running_it_again_asks_nothing_again(tmp_path: Path, quick: str) -> None:
    command = written(tmp_path, quick)
    run(command, tmp_path)
    again = run(command, tmp_path)

    assert "6/6 answered · 6 ok" in again.stderr
    assert " 0 sent, 6 cached" in again.stderr


def test_a_dry_run_asks_nothing(tmp_path: Path, quick: str) -> None:
    ended = run([*written(tmp_path, quick), "--dry-run"], tmp_path)

    assert ended.returncode == 0
    assert "requests" in ended.stderr
    assert not (tmp_path / "results").exists()


def test_an_option_beside_the_file_is_refused(tmp_path: Path, quick: str) -> None:
    ended = run([*written(tmp_path, quick), "--limit", "3"], tmp_path)

    assert ended.returncode == 2
    assert "--limit can't be given with an experiment file" in ended.stderr


def test_ctrl_c_lets_what_is_under_way_come_to_its_end(tmp_path: Path, slow: str) -> None:
    command = written(tmp_path, slow)
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        journals = tmp_path / "results/replies/demo"
        end = time.monotonic() + 60
        while not list(journals.glob("openai_rehearsal/*.jsonl")) and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 3, errors
    kept = [line for path in journals.glob("openai_rehearsal/*.jsonl") for line in path.read_text().splitlines()]
    assert 0 < len(kept) < 12
