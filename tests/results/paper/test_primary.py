"""Outcomes that were declared beforehand stand first, with a p that is adjusted for each other alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.paper import PaperOptions, write_paper
from mmrad_eval.results.paper.style import style_of
from tests.results.paper.conftest import Stage

Declare = Callable[..., str]


@pytest.fixture
def declared(stage: Stage, tmp_path: Path) -> Declare:
    """What results.md says where these outcomes were declared."""
    for task, skill, seed in (("tcot", 0.3, 0), ("mcot", 0.95, 1), ("direct", 0.3, 2)):
        stage.run("t:a", task, skill, seed=seed)

    def made(*primary: str) -> str:
        options = PaperOptions(figures=False, resamples=200, primary=primary)
        write_paper(stage.results, tmp_path / "paper", options=options)
        return (tmp_path / "paper" / "results.md").read_text()

    return made


def test_one_declared_outcome_is_adjusted_for_nothing_and_stands_first(declared: Declare) -> None:
    page = declared("mcot:BLEU-4")

    first = next(line for line in page.splitlines() if line.startswith("## "))
    assert first == "## Declared as primary"
    assert "Declared beforehand as primary: multimodal CoT against text CoT in BLEU-4 @ " in page
    assert "Every other finding is exploratory." in page
    (sentence,) = section(page)
    assert re.search(r"\*\*(Shown, better|Shown, worse|Not shown)\*\*, .*, p (<|\d)", sentence)
    assert "Holm" not in sentence


def test_several_are_adjusted_for_each_other(declared: Declare) -> None:
    told = section(declared("mcot:BLEU-4", "direct:BLEU-4"))
    assert len(told) == 2
    assert all("Holm over 2 declared tests" in sentence or "Not tested" in sentence for sentence in told)


def section(page: str) -> list[str]:
    return [x for x in page.split("## Declared as primary\n\n")[1].split("\n\n## ", maxsplit=1)[0].splitlines() if x]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("mcot", "write visual, or TASK:COLUMN"),
        ("mcto:BLEU-4", "no model has run this task"),
        ("mcot:RadGraph F1", "the tables have BLEU-4 @ "),
    ],
)
def test_what_can_t_be_tested_is_refused(declared: Declare, said: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"--primary {said}: {why}")):
        declared(said)


def test_sizes_of_type_are_those_of_the_class() -> None:
    (page,) = style_of("miccai").pages(intervals=False)
    assert dict(page.sizes)["footnotesize"] == 9  # llncs.cls sets footnotes in 9 points
