"""`mmrad-eval beside`: reports beside their traces, on the terminal and as a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.results.view.side_by_side import SIGNS

Call = Callable[..., Any]


@pytest.fixture
def copied(call: Call, tmp_path: Path) -> Path:
    """A run that copies the evidence it was shown, and so supports all of its report."""
    said = call("--model", "baseline:evidence", "--task", "tcot", "--limit", "7", "--metrics", "copy@rules", "-q")
    assert said.code == 0, said.err
    (run,) = (tmp_path / "results" / "runs").glob("demo/tcot/*/*")
    return run


def test_a_terminal_shows_a_few_studies_with_marks_counts_and_a_legend(copied: Path, call: Call) -> None:
    said = call("beside", str(copied))
    assert said.code == 0, said.err
    assert [line for line in said.out.splitlines() if line.startswith("demo-")] == [f"demo-0{n}" for n in range(1, 6)]
    assert f"The cardiac silhouette is enlarged.{SIGNS['supported']}[1]" in said.out
    assert "Marks:" in said.out
    assert "0 contradicted" in said.out


def test_one_study_is_shown_by_its_id_and_an_unknown_one_names_the_nearest(copied: Path, call: Call) -> None:
    said = call("beside", copied.name, "--study", "demo-06")
    assert said.code == 0, said.err
    assert "demo-06" in said.out
    assert "demo-05" not in said.out
    wrong = call("beside", copied.name, "--study", "demo-6")
    assert wrong.code == 2
    assert "did you mean demo-06" in wrong.err


def test_a_page_has_all_studies_and_loads_nothing(copied: Path, call: Call, tmp_path: Path) -> None:
    said = call("beside", str(copied), "--out", str(tmp_path / "page.html"))
    assert said.code == 0, said.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('<figure class="beside">') == 7
    assert "src=" not in page
    assert "baseline:evidence, tcot, demo" in page


def test_a_run_without_any_trace_says_which_tasks_make_one(call: Call, tmp_path: Path) -> None:
    assert call("--model", "baseline:normal", "--task", "direct", "--limit", "2", "--metrics", "bleu", "-q").code == 0
    (run,) = (tmp_path / "results" / "runs").glob("demo/direct/*/*")
    said = call("beside", str(run))
    assert said.code == 2
    assert "its model wrote no trace, and its task showed none" in said.err


@pytest.mark.usefixtures("copied")
def test_without_a_run_the_newest_with_a_trace_is_shown(call: Call) -> None:
    assert (
        call("--model", "baseline:normal", "--task", "direct", "--limit", "2", "--metrics", "bleu@raw", "-q").code == 0
    )
    said = call("beside")
    assert said.code == 0, said.err
    assert "baseline:evidence, tcot, demo" in said.out
