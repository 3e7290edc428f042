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

from tests.processes import command_of, descendants, gone

pytestmark = pytest.mark.vllm

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))


@pytest.fixture
def environment(vllm_command: Path) -> dict[str, str]:
    """What makes a vLLM of a CPU start, offline."""
    return os.environ | {
        "MMRAD_VLLM": str(vllm_command),
        "HF_HUB_OFFLINE": "1",
        "VLLM_TARGET_DEVICE": "cpu",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "TORCH_COMPILE_DISABLE": "1",
    }


def command(model: Path, out: Path, *more: str) -> list[str]:
    return [
        COMMAND, "run", "--model", f"vllm:{model}", "--serve", "--dtype", "float32", "--serve-context", "4096",
        "--serve-images", "6", "--serve-args", "--enforce-eager --max-num-seqs 8", "--metrics", "bleu@r2gen-iu",
        "--out", str(out), *more,
    ]  # fmt: skip


def replies(out: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in out.glob("replies/*/vllm*/*.jsonl"))


def wait_for_replies(out: Path, n: int, process: subprocess.Popen[str]) -> None:
    while replies(out) < n:
        assert process.poll() is None
        time.sleep(0.05)


def test_two_tasks_share_one_server_and_its_log_lies_with_the_first(
    environment: dict[str, str], tiny_model: Path, tmp_path: Path
) -> None:
    words = command(tiny_model, tmp_path, "--task", "tcot,mcot", "--limit", "6", "--max-tokens", "16")
    ended = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=600)

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("  starting /") == 1
    assert "the server is ready after" in ended.stderr
    assert "Application startup complete" in next(tmp_path.glob("runs/*/*/*/*/vllm.log")).read_text()
    for task in ("tcot", "mcot"):
        [path] = tmp_path.glob(f"runs/*/{task}/*/*/answers.jsonl")
        assert len(path.read_text().splitlines()) == 6
    port = int(ended.stderr.partition("--port ")[2].split()[0])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_server_whose_engine_dies_is_started_again_and_one_whose_run_is_killed_ends(
    environment: dict[str, str], tiny_model: Path, tmp_path: Path
) -> None:
    words = command(tiny_model, tmp_path, "--task", "direct", "--max-tokens", "200", "--concurrency", "2")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as process:
        wait_for_replies(tmp_path, 4, process)
        engine = next(pid for pid in descendants(process.pid) if "EngineCore" in command_of(pid))
        os.kill(engine, signal.SIGKILL)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert said.count("and is being restarted") == 1
    [path] = tmp_path.glob("runs/*/direct/*/*/run.json")
    assert set(json.loads(path.read_text())["counts"]["statuses"]) <= {"ok", "truncated", "empty"}

    out = tmp_path / "killed"
    words = command(tiny_model, out, "--task", "direct", "--max-tokens", "200", "--concurrency", "1")
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, text=True, env=environment) as process:
        wait_for_replies(out, 1, process)
        running = descendants(process.pid)
        assert len(running) >= 3  # its keeper, the server, its engine
        process.kill()
    assert gone(running)
