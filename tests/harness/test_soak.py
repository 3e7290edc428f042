"""A short soak; the long one is benchmarks/soak."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/soak/soak.py"


def test_misbehaving_servers_and_a_killed_run_cost_no_study_no_status_and_no_key() -> None:
    command = [sys.executable, str(SCRIPT), "--studies", "240", "--interruptions", "1", "--concurrency", "32"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert ended.returncode == 0, ended.stdout + ended.stderr
