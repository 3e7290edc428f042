"""docs/readers.md from its first command to its last, with readers who answer in between."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from mmrad_eval.reader_studies.answers import read_key
from tests.reader_studies.conftest import NORMAL, Studied, prefers

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "readers.md").read_text(encoding="utf-8")


def run(kind: str, place: Path) -> str:
    """What the page's blocks of a kind print."""
    script = "\n".join(re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
    assert script
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=place, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_commands_lead_from_a_plan_to_metaeval(tmp_path: Path) -> None:
    first = run("bash", tmp_path)
    study = Studied(tmp_path / "study", read_key(tmp_path / "study"))
    study.answered(prefers(NORMAL))
    second = run("bash answers", tmp_path)

    assert "Recommended" in first or "No size detects it" in first
    assert "study/pages: give each reader one page" in first
    assert "Readers prefer baseline:normal to baseline:evidence" in second
    assert "orders that a metric gets right" in second
