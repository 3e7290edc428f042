"""Each provider's own client makes and reads the same batch: this server speaks its form, and so do we."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from tests.harness.test_batches import KINDS, ask
from tests.model_registry.batch_server import BatchServer

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_provider_s_own_client_makes_and_reads_the_same_batch(kind: str, tmp_path: Path) -> None:
    python = ROOT / ".envs/sdks/bin/python"
    if not python.exists():
        pytest.skip("no .envs/sdks: run scripts/env-sdks")
    async with BatchServer(kind) as server:
        run = await asyncio.to_thread(ask, server, tmp_path, decoding={"temperature": 0.0})
        asked = {"kind": kind, "url": server.url, "model": "m", "requests": server.made["b0"]["requests"]}
        oracle = await asyncio.create_subprocess_exec(
            python, Path(__file__).with_name("batch_oracle.py"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        said, _ = await oracle.communicate(json.dumps(asked).encode())
        theirs = json.loads(said)
        ours, other = server.made["b0"]["requests"], server.made["b1"]["requests"]

    for body in other.values():
        body.pop("model", None)
    assert {key: {**body, "model": None} for key, body in ours.items()} == {
        key: {**body, "model": None} for key, body in other.items()
    }
    assert theirs["listed"]
    assert theirs["id"].endswith("b1")
    assert server.cancelled == ["b1"]
    words = {answer.keys[0]: answer.report.text for answer in run.answers() if answer.report}
    theirs["words"].pop("0" * 64)
    assert theirs["words"] == words
