"""What a paper's runs show, in three outcomes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.results.paper import PaperOptions, write_paper
from mmrad_eval.results.paper.visual_gain import ClaimOptions

if TYPE_CHECKING:
    from tests.results.paper.conftest import Stage


def page(stage: Stage, out: Path, **options: Any) -> str:
    write_paper(stage.results, out, options=PaperOptions(**{"resamples": 300, "figures": False} | options))
    return (out / "results.md").read_text()


def finding(text: str, arm: str) -> str:
    return next(
        line for line in text.splitlines() if re.search(rf"\*\*,? {re.escape(arm)}: |\), {re.escape(arm)}: ", line)
    )


def test_a_clear_gain_is_shown_with_its_numbers_and_the_lengths(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "tcot", 0.2)
    stage.run("t:a", "mcot", 0.95, seed=1)
    said = finding(page(stage, tmp_path), "multimodal CoT")
    assert said.startswith("- **Shown, better**, multimodal CoT: 0.")
    assert re.search(r"\+0\.\d{3} \[\+0\.\d{3}, \+0\.\d{3}\], adjusted p ", said)
    assert "(n = 48 studies of 24 patients)" in said
    assert re.search(r"\d+\.\d words per report against \d+\.\d \([+\N{MINUS SIGN}]\d+ %\)", said)
    assert "power" not in said


def test_a_loss_is_shown_as_worse(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "tcot", 0.95)
    stage.run("t:a", "direct", 0.2, seed=1)
    stage.run("t:a", "bcot", 0.95, seed=2)
    assert finding(page(stage, tmp_path), "image").startswith("- **Shown, worse**, image: ")


def test_what_is_not_shown_says_what_would_be(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "tcot", 0.5)
    stage.run("t:a", "mcot", 0.52, seed=4)
    said = finding(page(stage, tmp_path), "multimodal CoT")
    assert said.startswith("- **Not shown**, multimodal CoT: ")
    assert re.search(r"; 0\.\d{3} would be detected with 80 % power; ", said)


def test_equal_runs_are_smaller_than_the_margin(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "tcot", 1.0)
    stage.run("t:a", "mcot", 1.0)
    said = finding(page(stage, tmp_path), "multimodal CoT")
    assert said.startswith("- **Smaller than the margin of 0.05**, multimodal CoT: 1.000 against 1.000")


def test_models_are_compared_with_the_one_that_scores_best(stage: Stage, tmp_path: Path) -> None:
    for i, (name, skill) in enumerate({"a": 0.2, "b": 0.9, "c": 0.3}.items()):
        stage.run(f"t:{name}", "direct", skill, seed=i)
    text = page(stage, tmp_path)
    assert "**Shown, worse**, a against b: " in text
    assert "**Shown, worse**, c against b: " in text
    assert "b against" not in text


def test_what_was_not_declared_beforehand_is_exploratory(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "tcot", 0.5)
    stage.run("t:a", "mcot", 0.6, seed=1)
    assert "No primary outcome was declared beforehand (`--primary`): every finding is exploratory." in page(
        stage, tmp_path / "one"
    )
    declared = page(stage, tmp_path / "two", claims=ClaimOptions(declared=True, resamples=300))
    assert "Declared beforehand as primary: the visual gain. Every other finding is exploratory." in declared


def test_runs_that_share_no_metric_show_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "tcot", 0.5, metrics=("bleu@raw",))
    stage.run("t:a", "mcot", 0.5, metrics=("rouge@raw",))
    assert "No metric is shared by the runs, so nothing is compared." in page(stage, tmp_path)
