"""What a run writes down about where it was started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_the_commit_is_written_down_and_the_repository_is_left_as_it_was(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *who, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    git("init", "-q")
    (tmp_path / "file").write_text("a")
    git("add", "file")
    git("commit", "-q", "-m", "first")
    os.utime(tmp_path / "file", (1, 1))  # git would write this into its index, and lock it for that
    before = (tmp_path / ".git" / "index").read_bytes()

    words = ("--model", "baseline:normal", "--task", "direct", "--limit", "1", "--metrics", "bleu@raw", "--quiet")
    subprocess.run([sys.executable, "-m", "mmrad_eval", *words], cwd=tmp_path, capture_output=True, check=True)

    (run,) = tmp_path.glob("results/runs/*/*/*/*/run.json")
    assert json.loads(run.read_text())["git"] == git("rev-parse", "HEAD")
    assert (tmp_path / ".git" / "index").read_bytes() == before
