"""Whole runs against a real vLLM: two hundred studies of three interleaved images, and a server that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.model_registry.serving import Server
from tests.processes import children

pytestmark = pytest.mark.vllm

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
STUDIES = 200
WORDS = ["The heart is normal.", "The lungs are clear.", "There is a small effusion.", "No pneumothorax is seen."]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred records in the authors' format, each with a radiograph and two region images that no other has."""
    folder = tmp_path_factory.mktemp("data")
    chance = np.random.default_rng(3)
    lines = []
    for number in range(STUDIES):
        names = [f"{number}/problem_image_1.png", f"{number}/reasoning_image_1.png", f"{number}/reasoning_image_2.png"]
        (folder / str(number)).mkdir()
        for name, size in zip(names, ((224, 224), (112, 112), (112, 112)), strict=True):
            Pillow.fromarray(chance.integers(0, 255, size, dtype=np.uint8)).save(folder / name)
        first, second = (WORDS[(number + shift) % 4] for shift in (0, 1))
        response = (
            "First, I need to analyze the heart and the mediastinal region. <image> The bounding box of this area is "
            f"[10, 10, 200, 200] . {first}\n\n Second, I need to analyze the lung region. <image> The bounding box of "
            f"this area is [20, 20, 300, 300] . {second}\n\n  Summarizing the previous analysis, I will generate the "
            f"following report: FINDINGS: {first} {second}"
        )
        record = {"prompt": "Compile a report. <image>", "response": response, "images": names}
        lines.append(json.dumps(record))
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def command(server: Server, data: Path, out: Path, *more: str, task: str = "mcot") -> list[str]:
    return [
        COMMAND, "run", "--model", f"vllm:{server.card.id}", "--base-url", server.url, "--api-key-env", "VLLM_TEST_KEY",
        "--task", task, "--data", str(data / "records.jsonl"), "--images", str(data), "--max-tokens", "24",
        "--no-look-check", "--metrics", "bleu@r2gen-iu", "--out", str(out), *more,
    ]  # fmt: skip


def environment(server: Server) -> dict[str, str]:
    return os.environ | {"VLLM_TEST_KEY": server.secret.reveal()}


def run(server: Server, data: Path, out: Path, *more: str, task: str = "mcot") -> subprocess.CompletedProcess[str]:
    words = command(server, data, out, *more, task=task)
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment(server), timeout=900)


def answers(out: Path, task: str = "mcot") -> list[dict[str, Any]]:
    [path] = out.glob(f"runs/*/{task}/*/*/answers.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_hundred_studies_of_three_images_all_answered_and_their_order_matters(
    vllm_server: Server, data: Path, tmp_path: Path
) -> None:
    ended = run(vllm_server, data, tmp_path / "a", "--concurrency", "16")
    assert ended.returncode == 0, ended.stderr
    shuffled = run(vllm_server, data, tmp_path / "b", "--concurrency", "16", task="mcot-shuffled")
    assert shuffled.returncode == 0, shuffled.stderr

    given = answers(tmp_path / "a")
    assert len(given) == STUDIES
    assert set(Counter(answer.get("status", "pending") for answer in given)) <= {"ok", "truncated", "empty"}
    [path] = (tmp_path / "a").glob("runs/*/mcot/*/*/run.json")
    [served] = json.loads(path.read_text())["served"]
    assert served["root"] == vllm_server.card.id
    assert served["context"] == 4096
    texts = [answer.get("report", {}).get("text") for answer in given]
    swapped = [answer.get("report", {}).get("text") for answer in answers(tmp_path / "b", "mcot-shuffled")]
    assert sum(one != other for one, other in zip(texts, swapped, strict=True)) > STUDIES // 2
    assert vllm_server.secret.reveal() not in ended.stderr + ended.stdout
    assert not any(vllm_server.secret.reveal() in text for text in written(tmp_path))


def written(folder: Path) -> list[str]:
    return [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]


def test_the_prefix_cache_changes_no_answer(vllm_server: Server, data: Path, tmp_path: Path) -> None:
    ended = run(vllm_server, data, tmp_path, "--limit", "6", "--check-cache", "4", "--concurrency", "1")
    assert ended.returncode == 0, ended.stderr
    assert "4 answers were the same with the prefix cache and 4 without it" in ended.stderr
    [path] = tmp_path.glob("runs/*/mcot/*/*/run.json")
    recorded = json.loads(path.read_text())
    assert recorded["cache_checks"][0]["without_cache"] == 4
    assert recorded["server_caches"][0]["sent"] == 6


def test_a_server_that_is_killed_and_comes_back_costs_nothing(vllm_server: Server, data: Path, tmp_path: Path) -> None:
    """Undisturbed and disturbed runs end with the same answers, and what was answered is not asked again."""
    limit = ("--limit", "120", "--concurrency", "8")
    undisturbed = run(vllm_server, data, tmp_path / "a", *limit)
    assert undisturbed.returncode == 0, undisturbed.stderr
    words = command(vllm_server, data, tmp_path / "b", *limit, "--patience", "300")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment(vllm_server)) as process:
        while sum(map(len, (p.read_text().splitlines() for p in tmp_path.glob("b/replies/*/vllm*/*.jsonl")))) < 20:
            assert process.poll() is None
            time.sleep(0.02)
        kill(vllm_server)
        vllm_server.start()
        _, errors = process.communicate(timeout=600)

    assert process.returncode == 0, errors
    assert answers(tmp_path / "a") == answers(tmp_path / "b")
    keys = [
        json.loads(line)["key"]
        for p in tmp_path.glob("b/replies/*/vllm*/*.jsonl")
        for line in p.read_text().splitlines()
    ]
    assert len(keys) == len(set(keys)) == 120


def test_a_server_that_stays_away_ends_the_run_and_what_was_answered_is_kept(
    vllm_server: Server, data: Path, tmp_path: Path
) -> None:
    words = command(vllm_server, data, tmp_path, "--limit", "120", "--concurrency", "8", "--patience", "1")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment(vllm_server)) as process:
        while sum(map(len, (p.read_text().splitlines() for p in tmp_path.glob("replies/*/vllm*/*.jsonl")))) < 20:
            assert process.poll() is None
            time.sleep(0.02)
        kill(vllm_server)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "no connection to" in errors
    before = sum(len(p.read_text().splitlines()) for p in tmp_path.glob("replies/*/vllm*/*.jsonl"))
    vllm_server.start()
    resumed = run(vllm_server, data, tmp_path, "--limit", "120", "--concurrency", "8")

    assert resumed.returncode == 0, resumed.stderr
    after = sum(len(p.read_text().splitlines()) for p in tmp_path.glob("replies/*/vllm*/*.jsonl"))
    assert (before > 0, after) == (True, 120)


def kill(server: Server) -> None:
    """SIGKILL to the server's processes, as the kernel does it when memory runs out."""
    assert server._process is not None
    keeper = server._process.pid
    for child in children(keeper):
        os.killpg(child, signal.SIGKILL)
    server._process.wait(30)
