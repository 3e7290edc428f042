"""Keys and pixels of a run that fails in many ways: in no file, no log, no error, no progress line."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmrad_eval.model_registry.mock_server import MockServer

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
KEY = "sk-planted-0123456789abcdef"
FAULTS = {
    "case 1": "echo400",
    "case 2": "echo500",
    "case 3": "echo413",
    "case 4": "echo422",
    "case 5": "echo404",
    "case 6": "malformed",
    "case 7": "disconnect",
}


def data(folder: Path) -> list[bytes]:
    """Eight studies with a film each; returns the files' bytes."""
    (folder / "films").mkdir()
    rows, files = [], []
    for number in range(8):
        path = folder / "films" / f"{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
        files.append(path.read_bytes())
        row = {"study_id": f"s{number}", "image": f"films/{number}.png", "indication": f"case {number}"}
        rows.append(json.dumps(row | {"findings": "The lungs are clear."}))
    (folder / "studies.jsonl").write_text("\n".join(rows) + "\n")
    return files


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("how", ["environment", "file"])
async def test_neither_key_nor_pixels_are_written_anywhere(tmp_path: Path, how: str) -> None:
    films = data(tmp_path)
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    given = ["--api-key-env", "PLANTED_KEY"] if how == "environment" else ["--api-key-file", str(key_file)]
    out = tmp_path / "out"
    async with MockServer(faults=FAULTS, keep=True) as server:
        command = [
            COMMAND, "--model", "openai:rehearsal", "--base-url", server.url, *given, "--task", "direct", "--data",
            str(tmp_path / "studies.jsonl"), "--images", str(tmp_path), "--data-use", "open", "--context", "all",
            "--metrics", "bleu@r2gen-iu", "--out", str(out), "--concurrency", "1", "--no-look-check",
        ]  # fmt: skip
        run = await asyncio.create_subprocess_exec(
            *command,
            env=os.environ | {"PLANTED_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        said = b"".join(await asyncio.wait_for(run.communicate(), 240))
        sent = server.headers[0]["Authorization"]

    assert run.returncode == 3, said.decode()
    assert sent == f"Bearer {KEY}"  # the key was used, and the server repeated it
    written = everything(out) | {"what was said": said}
    assert len(written) > 4
    assert any(b"[key]" in content and b"[data]" in content for content in written.values())
    for place, content in written.items():
        assert KEY.encode() not in content, place
        for film in films:
            encoded = base64.b64encode(film)
            assert film[-400:] not in content, place
            assert not any(encoded[at : at + 60] in content for at in range(0, len(encoded) - 60, 60)), place
