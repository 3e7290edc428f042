"""Judges by provider batches: a batch for each stage of a metric, what is lost asked again, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.harness.pairs_metric import PLUGIN
from tests.model_registry.batch_server import WORDS, BatchServer

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
STUDIES = 4
ASK = ("--metrics", "pairs.py:Pairs", "--judge", "openai:m", "--batch")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A stored run of four studies, whose candidates differ."""
    (tmp_path / "pairs.py").write_text(PLUGIN)
    ended = command(
        tmp_path,
        "run",
        "--model",
        "baseline:shuffle",
        "--task",
        "direct",
        "--limit",
        str(STUDIES),
        "--metrics",
        "bleu@raw",
    )
    assert ended.returncode == 0, ended.stderr
    [found] = tmp_path.glob("results/runs/*/*/*/*")
    return found


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *words], cwd=folder, env=os.environ, capture_output=True, text=True, check=False, timeout=300
    )


async def judged(run: Path, server: BatchServer, *more: str) -> subprocess.CompletedProcess[str]:
    words = ("score", str(run), *ASK, "--judge-url", server.url, *more)
    return await asyncio.to_thread(command, run.parents[5], *words)


def columns(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "summary.json").read_text())["columns"]
    return found


async def test_each_stage_of_a_metric_is_a_batch_and_the_next_command_sends_nothing(run: Path) -> None:
    async with BatchServer("openai") as server:
        ended = await judged(run, server)
        calls = len(server.calls)
        again = await judged(run, server)
    assert ended.returncode == 0, ended.stderr
    first, second = (len(batch["requests"]) for batch in server.made.values())
    assert second == STUDIES  # the question about a pair, which follows from the replies about its reports
    assert STUDIES < first <= 2 * STUDIES
    assert set(server.asked.values()) == {1}
    assert "pairs@test: 4 read, 0 degraded, 0 unread" in ended.stderr
    assert columns(run)["Pairs @ test"]["value"] == 3 * len(WORDS.split())
    assert again.returncode == 0, again.stderr
    assert len(server.calls) == calls
    assert columns(run)["Pairs read @ test"]["value"] == 1.0


async def test_what_a_batch_lost_leaves_the_metric_out_and_is_asked_alone(run: Path) -> None:
    async with BatchServer("openai", fates={0: "lost", 1: "expired"}) as server:
        ended = await judged(run, server)
        said = " ".join((ended.stdout + ended.stderr).split())
        assert "of its questions to openai:m have no answer" in said
        assert "Pairs @ test" not in columns(run)
        whole = await judged(run, server)
    assert whole.returncode == 0, whole.stderr
    assert columns(run)["Pairs @ test"]["value"] == 3 * len(WORDS.split())
    assert Counter(server.asked.values())[2] == 2  # the two that came to nothing
    assert max(server.asked.values()) == 2


async def test_a_dry_run_prices_batches_at_half(run: Path) -> None:
    words = ("score", str(run), "--metrics", "pairs.py:Pairs", "--judge", "gpt-5.4-mini", "--dry-run")
    whole, half = [await asyncio.to_thread(command, run.parents[5], *words, *more) for more in ((), ("--batch",))]
    assert whole.returncode == half.returncode == 0, half.stderr
    assert "in batches at half the price" not in whole.stdout
    assert "in batches at half the price" in half.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--judge", "vllm:m", "--batch"), "has no batch API that is supported here"),
        (("--judge", "report=openai:a", "--judge", "pair=openai:b", "--batch"), "--batch asks one judge"),
        (("--judge", "openai:m", "--batch", "--max-requests", "5"), "submits all requests before any reply"),
    ],
)
def test_what_batches_can_not_do_is_refused(run: Path, more: tuple[str, ...], said: str) -> None:
    where = ("--judge-url", "http://127.0.0.1:9/v1")
    ended = command(run.parents[5], "score", str(run), "--metrics", "pairs.py:Pairs", *more, *where)
    assert ended.returncode == 2
    assert said in " ".join(ended.stderr.split())


def test_an_attestation_must_speak_of_batches(tmp_path: Path) -> None:
    (tmp_path / "pairs.py").write_text(PLUGIN)
    (tmp_path / "mine.jsonl").write_text(json.dumps({"study_id": "s50000001", "findings": "Clear."}) + "\n")
    (tmp_path / "said.jsonl").write_text(json.dumps({"id": "s50000001", "report": "Clear."}) + "\n")
    attested = ("--attest-provider", "Far", "--attest-retention", "zero", "--attest-who", "A. Reader")
    words = ("score", "-p", "said.jsonl", "-r", "mine.jsonl", *ASK, "--judge-url", "http://192.0.2.7/v1")  # TEST-NET-1
    ended = command(tmp_path, *words, *attested)
    assert ended.returncode == 4
    assert "keeps requests and replies of batches for up to 30 days" in " ".join(ended.stderr.split())
