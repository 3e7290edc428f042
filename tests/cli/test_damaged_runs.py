"""A leaderboard over runs that are damaged says so once, and in one line where there is one run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]


def made(call: Call, name: str) -> Path:
    call("--model", f"baseline:{name}", "--task", "direct", "--limit", "2", "--metrics", "bleu@raw", "--quiet")
    return next(Path().glob(f"results/runs/*/*/baseline_{name}/*"))


def test_one_damaged_run_is_one_line(call: Call) -> None:
    (made(call, "normal") / "run.json").write_text("{")
    said = call("leaderboard")
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "run.json" in said.err
    assert "no runs" not in said.err


def test_several_damaged_runs_are_a_line_each_and_one_that_sums_up(call: Call) -> None:
    for name in ("normal", "shuffle"):
        (made(call, name) / "run.json").write_text("{")
    said = call("leaderboard")
    assert said.code == 1
    assert said.err.count("left out") == 2
    assert (
        said.err.splitlines()[-1] == "mmrad-eval: none of the 2 runs under results can be read, for the reasons above"
    )


def test_a_damaged_run_beside_a_sound_one_hides_nothing(call: Call) -> None:
    (made(call, "normal") / "run.json").write_text("{")
    made(call, "shuffle")
    said = call("leaderboard")
    assert said.code == 0
    assert said.err.count("left out") == 1
    assert "baseline:shuffle" in said.out


def test_scoring_again_sweeps_what_killed_writers_left(call: Call) -> None:
    folder = made(call, "normal")
    stale = folder / ".scores.parquet.99999999.abcdef01"
    stale.write_text("")
    os.utime(stale, (0, 0))
    assert call("score", str(folder), "--metrics", "rouge@raw").code == 0
    assert not stale.exists()
