"""A build by real models: a small one behind llama.cpp writes, a tiny one behind vLLM audits, in one command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval.model_registry.serving import Server

pytestmark = pytest.mark.vllm

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))


def test_two_real_models_serve_builds_and_what_they_can_t_do_is_rejected_with_reasons(
    llama_url: str, vllm_server: Server, tmp_path: Path
) -> None:
    auditor = ["--auditor", f"vllm:{vllm_server.card.id}", "--auditor-url", vllm_server.url]
    words = [COMMAND, "data", "build", "demo", "--limit", "2", "--max-tokens", "120", "--stages", "1-5"]
    words += [*auditor, "--auditor-key-env", "VLLM_TEST_KEY"]
    writers = {"written": ["--writer", "openai:smollm2", "--writer-url", llama_url], "rows": ["--writer", "none"]}
    asked: set[str] = set()
    for out, writer in writers.items():  # the rows' own sentences reach the auditor, whatever a writer makes of them
        ended = subprocess.run(
            [*words, *writer, "--out", out],
            cwd=tmp_path,
            env=os.environ | {"VLLM_TEST_KEY": vllm_server.secret.reveal()},
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        assert "Traceback" not in ended.stderr
        assert ended.returncode == 0, ended.stderr
        paths = tmp_path.glob(f"{out}/stages/*.jsonl")
        lines = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
        assert not [line for line in lines if line.get("status") == "failed"]
        assert all(line["why"] for line in lines if line.get("status") == "rejected")
        asked.update(model for line in lines if line.get("asked") for model in line["model"])
    assert asked >= {"openai:smollm2", f"vllm:{vllm_server.card.id}"}
