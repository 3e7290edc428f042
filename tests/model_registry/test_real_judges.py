"""Real servers as judges: a tiny model behind vLLM, a small one behind llama.cpp; they can hardly keep to a form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.model_registry.serving import Server

pytestmark = pytest.mark.vllm

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
WHEELS = Path(__file__).resolve().parents[2] / ".envs/judges/wheels"
LIMIT = ("--metric-option", "radmatch.max_tokens=64")


@pytest.fixture(autouse=True)
def wheels() -> None:
    """The published prompts."""
    if not WHEELS.exists():
        pytest.skip("no .envs/judges: run scripts/env-judges")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A stored run of 24 studies."""
    words = [COMMAND, "--model", "baseline:shuffle", "--task", "direct", "--metrics", "bleu@raw", "--quiet"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    (path,) = tmp_path.glob("results/runs/demo/direct/baseline_shuffle/*")
    return path


def judged(run: Path, metrics: str, *judge: str, key: str = "") -> tuple[str, dict[str, Any]]:
    """What the command said, and the columns of judged metrics."""
    ended = subprocess.run(
        [COMMAND, "score", str(run), "--metrics", metrics, *judge, *LIMIT],
        cwd=run.parents[5],
        env=os.environ | {"MMRAD_JUDGES": str(WHEELS), "JUDGE_KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0, ended.stderr
    columns = json.loads((run / "summary.json").read_text())["columns"]
    return ended.stderr, {
        name: one for name, one in columns.items() if one["metric"].startswith(("crimson", "radmatch"))
    }


def check(said: str, columns: dict[str, Any]) -> None:
    """All that is not read is counted, and no number stands where nothing was."""
    assert "24" in said
    shares = {name: one for name, one in columns.items() if "read" in name}
    assert shares
    for share in shares.values():
        assert share["n"] == 24
        if share["value"] == 0:
            same = [one for label, one in columns.items() if one["metric"] == share["metric"] and "read" not in label]
            assert all(one["value"] is None for one in same)


def test_a_real_vllm_judges_every_study(vllm_server: Server, run: Path) -> None:
    key = vllm_server.secret.reveal()
    where = ("--judge", f"vllm:{vllm_server.card.id}", "--judge-url", vllm_server.url, "--judge-key-env", "JUDGE_KEY")
    check(*judged(run, "crimson,radmatch", *where, key=key))


def test_a_real_llama_judges_every_study(llama_url: str, run: Path) -> None:
    check(*judged(run, "radmatch", "--judge", "openai:smollm2", "--judge-url", llama_url))
