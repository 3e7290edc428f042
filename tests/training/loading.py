"""Runs a trainer's loader in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def loaded(environment: str, script: str, *words: str) -> Any:
    """What a script of `loaders/` printed; skips where its environment is not there."""
    python = ROOT / ".envs" / environment / "bin/python"
    if not python.exists():
        pytest.skip(f"no .envs/{environment}: run scripts/env-trainers")
    done = subprocess.run(
        [python, ROOT / "tests/training/loaders" / script, *words],
        capture_output=True, text=True, timeout=300, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = [line for line in done.stdout.splitlines() if line.startswith("RECORDS ")]
    return json.loads(told[-1].removeprefix("RECORDS ")) if told else None


def tiny_model(folder: Path) -> str:
    """A tiny Qwen2.5-VL, made in one of the environments."""
    loaded("trl", "write_tiny.py", str(folder))
    return str(folder)
