"""The look check on real servers: a tiny random model behind vLLM, and llama.cpp with a model that takes no images."""

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


def run(out: Path, model: str, url: str, *more: str, key: str = "") -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "mmrad_eval", "--model", model, "--base-url", url, "--task", "direct", "--limit", "1"),
        *("--max-tokens", "8", "--max-edge", "112", "--metrics", "bleu@raw", "--out", str(out), *more),
    ]
    environment = os.environ | ({"VLLM_TEST_KEY": key} if key else {})
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=600)


def look_of(out: Path) -> Any:
    (path,) = out.rglob("run.json")
    return json.loads(path.read_text()).get("look")


def test_vllm_counts_each_image_and_a_random_model_reads_no_digit(vllm_server: Server, tmp_path: Path) -> None:
    assert vllm_server.secret is not None
    key = vllm_server.secret.reveal()
    ended = run(tmp_path, f"vllm:{vllm_server.card.id}", vllm_server.url, "--api-key-env", "VLLM_TEST_KEY", key=key)
    assert ended.returncode == 0, ended.stderr
    look = look_of(tmp_path)
    assert look["verdict"] == "not confirmed"
    none, one, two = look["prompt_tokens"]
    assert none < one < two
    assert "has not confirmed" in " ".join(ended.stdout.split())


def test_llama_cpp_without_eyes_gives_no_verdict(llama_url: str, tmp_path: Path) -> None:
    ended = run(tmp_path, "openai:smollm2", llama_url)
    assert ended.returncode != 0
    assert look_of(tmp_path)["verdict"] == "no verdict"
    assert "image input is not supported" in look_of(tmp_path)["why"]
