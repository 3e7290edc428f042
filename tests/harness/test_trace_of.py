"""Traces of one run as the evidence of another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from mmrad_eval.model_registry.mock_server import MockServer


def mmrad(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mmrad_eval", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


async def test_what_one_model_wrote_is_shown_to_another(tmp_path: Path) -> None:
    import asyncio

    (tmp_path / "mine.py").write_text(
        "from mmrad_eval import Card, Reply\n"
        "class Writer:\n"
        "    card = Card(provider='mine', id='writer')\n"
        "    endpoints = ()\n"
        "    def generate(self, sent):\n"
        "        return Reply('Step 1: heart: It is large.\\nFINDINGS: The heart is large.')\n"
    )
    common = ("--limit", "3", "--metrics", "bleu@raw", "--quiet")
    first = mmrad("--model", "mine.py:Writer", "--task", "tcot-self", *common, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    (run,) = tmp_path.glob("results/runs/demo/tcot-self/*/*/run.json")

    async with MockServer(keep=True) as server:
        task = f"trace-of:{run.parent.name[:6]}"
        words = ("--model", "openai:rehearsal", "--no-look-check", "--base-url", server.url, "--task", task, *common)
        second = await asyncio.to_thread(mmrad, *words, cwd=tmp_path)

    assert second.returncode == 0, second.stderr
    assert len(server.bodies) == 3
    assert all("First, heart. It is large." in json.dumps(body) for body in server.bodies)
    (made,) = tmp_path.glob("results/runs/demo/trace-of/*/*/run.json")
    assert json.loads(made.read_text())["identity"]["extra"] == {"trace of": run.parent.name}

    nothing = mmrad("--model", "baseline:evidence", "--task", f"trace-of:{made.parent.name}", *common, cwd=tmp_path)
    assert nothing.returncode == 2
    assert "its model wrote no steps" in nothing.stderr
