"""``--serve`` with a real vLLM: shared by the tasks of a command, started again where it dies, gone with the run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.model_registry.conftest import FLAGS, ON_A_CPU
from tests.processes import command_of, descendants, gone

pytestmark = pytest.mark.vllm

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))


@pytest.fixture
def environment(vllm_command: Path) -> dict[str, str]:
    """What makes a vLLM of a CPU start, offline."""
    return os.environ | ON_A_CPU | {"MMRAD_VLLM": str(vllm_command)}


def command(model: Path, out: Path, *more: str) -> list[str]:
    return [
        COMMAND, "run", "--model", f"vllm:{model}", "--serve", "--dtype", "float32", "--serve-context", "4096",
        "--serve-images", "6", "--serve-args", " ".join((*FLAGS, "--max-num-seqs", "8")), "--metrics", "bleu@r2gen-iu",
        "--out", str(out), *more,
    ]  # fmt: skip


def replies(out: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in out.glob("replies/*/vllm*/*.jsonl"))


def wait_for_replies(out: Path, n: int, process: subprocess.Popen[str]) -> None:
    while replies(out) < n:
        assert process.poll() is None
        time.sleep(0.05)


def test_two_tasks_share_one_server_which_is_started_again_where_its_engine_dies(
    environment: dict[str, str], tiny_model: Path, tmp_path: Path
) -> None:
    more = ("--task", "tcot,mcot", "--limit", "8", "--max-tokens", "200", "--concurrency", "2")
    words = command(tiny_model, tmp_path, *more)
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as process:
        wait_for_replies(tmp_path, 4, process)
        engine = next(pid for pid in descendants(process.pid) if "EngineCore" in command_of(pid))
        os.kill(engine, signal.SIGKILL)
        _, said = process.communicate(timeout=600)

    assert process.returncode == 0, said
    assert said.count("and is being restarted") == 1
    assert said.count("  starting /") == 2
    assert "the server is ready after" in said
    assert "Application startup complete" in next(tmp_path.glob("runs/*/*/*/*/vllm.log")).read_text()
    for task in ("tcot", "mcot"):
        [path] = tmp_path.glob(f"runs/*/{task}/*/*/answers.jsonl")
        assert len(path.read_text().splitlines()) == 8
        counts = json.loads(path.with_name("run.json").read_text())["counts"]
        assert set(counts["statuses"]) <= {"ok", "truncated", "empty"}
    port = int(said.partition("--port ")[2].split()[0])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_server_whose_run_is_killed_ends(environment: dict[str, str], tiny_model: Path, tmp_path: Path) -> None:
    words = command(tiny_model, tmp_path, "--task", "direct", "--max-tokens", "200", "--concurrency", "1")
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, text=True, env=environment) as process:
        wait_for_replies(tmp_path, 1, process)
        running = descendants(process.pid)
        assert len(running) >= 3  # its keeper, the server, its engine
        process.kill()
    assert gone(running)
