"""The data of a paper's runs: loaded once, however many tables and figures ask for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.paper import PaperOptions, write_paper
from mmrad_eval.results.paper.runs import paper_runs
from mmrad_eval.results.run.folder import find_runs
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.scoring import reports_file
from mmrad_eval.tasks.arms import MAIN, RIVALS
from tests.cli.conftest import Said, call

__all__ = ["call"]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The datasets that are loaded from here on."""
    seen: list[str] = []
    load = reports_file._load

    def counted(run: Run, references: str | Path | None) -> Dataset:
        seen.append(run.identity.dataset)
        return load(run, references)

    monkeypatch.setattr(reports_file, "_load", counted)
    return seen


def test_figures_and_the_visual_claim_of_every_model_load_the_data_once(
    call: Callable[..., Said], loads: list[str], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(
        "from mmrad_eval import Card, Reply\n"
        "class One:\n    card, endpoints = Card(provider='mine', id='one'), ()\n"
        "    def generate(self, sent): return Reply(text='FINDINGS: Clear lungs. IMPRESSION: Normal.')\n"
        "class Two(One):\n    card = Card(provider='mine', id='two')\n"
    )
    models = [word for name in ("One", "Two") for word in ("--model", f"{tmp_path}/own.py:{name}")]
    tasks = ",".join((MAIN, *RIVALS))
    made = call(*models, "--task", tasks, "--limit", "6", "--no-look-check", "--metrics", "bleu@rexrank", "--quiet")
    assert made.code == 0, made.err
    loads.clear()

    write_paper(Path("results"), tmp_path / "paper", options=PaperOptions(resamples=50))

    assert loads == ["demo"]


def test_each_run_gets_its_own_studies_of_data_that_is_loaded(call: Callable[..., Said], loads: list[str]) -> None:
    for limit in ("3", "5"):
        made = call("--model", "baseline:normal", "--task", "direct", "--limit", limit, "--metrics", "bleu@rexrank")
        assert made.code == 0, made.err
    folders = find_runs(Path("results"))
    paper = paper_runs(read_scored_runs(folders))
    loads.clear()

    assert sorted(len(paper.selection(folder)) for folder in folders) == [3, 5]
    assert loads == ["demo"]
