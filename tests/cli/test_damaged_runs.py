"""A leaderboard over runs that are damaged says so once, and in one line where there is one run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mmrad_eval

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
    assert said.err.splitlines()[-1].startswith("mmrad-eval: none of the 2 runs under results can be read; the first: ")


def test_a_damaged_run_beside_a_sound_one_hides_nothing(call: Call) -> None:
    (made(call, "normal") / "run.json").write_text("{")
    made(call, "shuffle")
    said = call("leaderboard")
    assert said.code == 0
    assert said.err.count("left out") == 1
    assert "baseline:shuffle" in said.out


@pytest.mark.parametrize(
    ("damage", "seen"),
    [
        (lambda path: path.write_text(""), "summary.json: the file is empty; `mmrad-eval score "),
        (lambda path: path.write_bytes(path.read_bytes()[:40]), "summary.json: Input data was truncated; `mmrad-eval "),
        (lambda path: path.write_text("[]"), "summary.json: Expected `object`, got `array`; `mmrad-eval score "),
        (lambda path: (path.unlink(), path.mkdir()), "summary.json can't be read: Is a directory; `mmrad-eval score "),
    ],
    ids=["empty", "truncated", "another file", "folder"],
)
def test_a_damaged_summary_leaves_out_its_run_only(call: Call, damage: Callable[[Path], Any], seen: str) -> None:
    damaged = made(call, "normal")
    for name in ("shuffle", "evidence"):
        made(call, name)
    damage(damaged / "summary.json")
    for command in (("leaderboard",), ("ranks",), ("view",)):
        said = call(*command)
        assert (said.code, said.err.count("left out")) == (0, 1), said.err
        assert seen in said.err
        assert "baseline:normal" not in said.out
    said = call("paper", "--no-figures", "--resamples", "100")
    assert said.code == 0, said.err
    assert seen in said.out
    said = call("compare", "shuffle", "baseline:evidence")
    assert said.code == 0, said.err
    tables = mmrad_eval.leaderboard("results")
    assert any(seen in note for note in tables[0].notes)
    assert {row.cells["model"].value for row in tables[0].rows} >= {"baseline:shuffle", "baseline:evidence"}
    assert "baseline:normal" not in {row.cells["model"].value for row in tables[0].rows}


def test_a_run_that_ends_shows_the_others_though_one_is_damaged(call: Call) -> None:
    (made(call, "normal") / "summary.json").write_text("")
    said = call("--model", "baseline:evidence", "--task", "direct", "--limit", "2", "--metrics", "bleu@raw")
    assert said.code == 0, said.err
    assert "the file is empty" in " ".join(said.out.split())


def test_scoring_again_rebuilds_a_damaged_summary(call: Call) -> None:
    folder = made(call, "normal")
    (folder / "summary.json").write_text("")
    assert call("score", str(folder), "--metrics", "bleu@raw").code == 0
    assert call("leaderboard").err == ""


def test_a_run_is_found_by_name_though_another_is_damaged(call: Call) -> None:
    for name in ("normal", "shuffle", "evidence"):
        folder = made(call, name)
    (made(call, "normal") / "run.json").write_text("{")
    assert call("compare", "baseline:shuffle", folder.name).code == 0


def test_scoring_again_sweeps_what_killed_writers_left(call: Call) -> None:
    folder = made(call, "normal")
    stale = folder / ".scores.parquet.99999999.abcdef01"
    stale.write_text("")
    os.utime(stale, (0, 0))
    assert call("score", str(folder), "--metrics", "rouge@raw").code == 0
    assert not stale.exists()
