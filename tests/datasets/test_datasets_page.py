"""The commands and the code of docs/datasets.md run as they are printed, and it names every reader."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval import datasets
from mmrad_eval.datasets import Source
from mmrad_eval.datasets.prepare import STEPS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", range(len(re.findall(r"```bash\n", PAGE))))
def test_the_commands_run(tmp_path: Path, number: int) -> None:
    block = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)[number]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_reader_of_ones_own_reads(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    space: dict[str, object] = {}
    exec(compile(block, "docs/datasets.md", "exec"), space)
    (tmp_path / "lines.txt").write_text("Clear lungs.\nNormal heart.\n")
    read = space["read"]
    assert callable(read)
    data = read(Source(path=tmp_path / "lines.txt"))
    assert [study.reference.findings for study in data.studies] == ["Clear lungs.", "Normal heart."]


def test_every_reader_and_every_step_is_on_the_page() -> None:
    for entry in datasets.registry():
        assert f"`{entry.name}`" in PAGE or f"### {entry.name}" in PAGE or f"{entry.name}:" in PAGE, entry.name
    for name in STEPS:
        assert f"?{name}=" in PAGE
