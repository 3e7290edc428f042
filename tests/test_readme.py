"""The README's and the documentation's examples run as they are printed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mmrad_eval.model_registry.mock_server import MockServer

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
STAND_IN = re.compile(r"mock_server --port 8000 --model (\S+)")


def examples(page: Path) -> str:
    """The page's bash blocks, one after the other."""
    return "\n".join(re.findall(r"^```bash\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", [p for p in PAGES if examples(p)], ids=lambda p: p.name)
async def test_every_example_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    for name, text in re.findall(r"^```python file=(\S+)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(text)
    async with MockServer(model="Qwen/Qwen2.5-VL-7B-Instruct") as server:
        script = examples(page).replace("http://127.0.0.1:8000/v1", server.url)
        env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        process = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", script, cwd=tmp_path, env=env, stdout=-1, stderr=-2
        )
        out, _ = await asyncio.wait_for(process.communicate(), 300)

    assert process.returncode == 0, out.decode()


def test_a_stand_in_serves_the_model_that_its_page_asks_for() -> None:
    found = {(page.name, model) for page in PAGES for model in STAND_IN.findall(page.read_text())}
    assert {"getting-started.md", "open-model.md"} <= {name for name, _ in found}
    for name, model in found:
        assert f"--model vllm:{model} --base-url http://127.0.0.1:8000/v1" in next(
            examples(page) for page in PAGES if page.name == name
        )

    command = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server", "--port", "0", "--model", "org/other"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/models") as served:
            assert [entry["id"] for entry in json.load(served)["data"]] == ["org/other"]
    finally:
        server.terminate()
        server.communicate()


def test_the_readme_starts_with_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    commands = [line.split()[0] for line in lines if line.startswith("    ")][:2]

    assert commands == ["scripts/demo", "scripts/test"]


def test_every_page_that_is_named_is_there() -> None:
    for page in PAGES:
        for name in re.findall(r"`((?:docs|benchmarks)/[\w./-]+\.md)`", page.read_text()):
            assert (ROOT / name).is_file(), f"{page.name} names {name}"
