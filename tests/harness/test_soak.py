"""A short soak; the long one is benchmarks/soak."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/soak/soak.py"


def test_a_misbehaving_server_and_ctrl_c_cost_no_study_and_no_status() -> None:
    command = [sys.executable, str(SCRIPT), "--studies", "300", "--interrupts", "1", "--concurrency", "32"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
