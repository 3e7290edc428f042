"""Rows of reports that see nothing, and columns that a model was optimized for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval.results.leaderboard.board import leaderboard
from mmrad_eval.results.leaderboard.optimized import OPTIMIZED

REFERENCES = {
    "a": "Large left pneumothorax.",
    "b": "The lungs are clear. No effusion.",
    "c": "Right lower lobe pneumonia.",
}
HEADLINE = "Findings @ rules"


def call(folder: Path, *words: str) -> str:
    command = "from mmrad_eval.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of reports, scored once."""
    folder = tmp_path_factory.mktemp("policies")
    rows = "".join(json.dumps({"id": k, "findings": v}) + "\n" for k, v in REFERENCES.items())
    (folder / "refs.jsonl").write_text(rows)
    vague = dict.fromkeys(REFERENCES, "Possible pneumonia.")
    files = []
    for name, texts in {"good": REFERENCES, "vague": vague, "trained": REFERENCES}.items():
        lines = (json.dumps({"id": k, "report": v}) + "\n" for k, v in texts.items())
        (folder / f"{name}.jsonl").write_text("".join(lines))
        files += ["-p", f"{name}.jsonl"]
    call(folder, "score", *files, "-r", "refs.jsonl", "--metrics", "findings@rules,bleu@raw")
    return folder


@pytest.fixture
def scored(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def test_policies_stand_below_the_models_and_take_no_rank(scored: Path) -> None:
    (table,) = leaderboard(scored / "results")
    names = [row.cells["model"].value for row in table.rows]
    assert names[-2:] == ["normal template", "everything hedged"]
    template, hedged = table.rows[-2:]
    assert not template.ranked
    assert not hedged.ranked
    value = template.cells[HEADLINE].value
    assert isinstance(value, float)
    assert value < 0
    assert hedged.cells["Findings false per normal study @ rules"].value > 20  # type: ignore[operator]  # a number
    columns = {column.key: column for column in table.columns}
    assert columns["Findings of the normal template @ rules"].media == "data"
    assert columns[HEADLINE].headline
    data = call(scored, "leaderboard", "--format", "csv")
    assert "everything hedged," not in data
    assert "Findings of everything hedged @ rules" in data


def test_details_lead_no_table_in_a_terminal(scored: Path) -> None:
    call(scored, "score", "-p", "good.jsonl", "-r", "refs.jsonl", "--metrics", "findings")
    (table,) = leaderboard(scored / "results")
    shown = {column.key for column in table.columns if column.kind == "score" and column.headline}
    assert HEADLINE in shown
    assert not {key for key in shown if key.startswith("Hedges") or key.endswith("support @ rules")}
    assert not {key for key in shown if "aneurysm" in key}


def test_a_metric_that_a_model_was_optimized_for_is_marked_and_not_compared(scored: Path) -> None:
    for path in (scored / "results").rglob("run.json"):
        record = json.loads(path.read_text())
        if record["card"]["name"] == "trained":
            record["card"]["optimized_for"] = ["findings@rules"]
            path.write_text(json.dumps(record))
    (table,) = leaderboard(scored / "results")
    rows = {str(row.cells["model"].value): row for row in table.rows}
    assert rows["trained"].cells[HEADLINE].mark == OPTIMIZED
    assert rows["trained"].cells[HEADLINE].rank == ""
    assert rows["trained"].cells["BLEU-4 @ raw"].mark == ""
    assert rows["good"].cells[HEADLINE].rank == "best"
    assert any(OPTIMIZED in note and "findings@rules" in note for note in table.notes)
    ranked = [str(row.cells["model"].value) for row in table.rows if row.ranked]
    assert ranked.index("good") < ranked.index("trained")


def test_the_alignment_behind_a_number_is_printed(scored: Path) -> None:
    said = call(
        scored, "score", "-p", "vague.jsonl", "-r", "refs.jsonl", "--metrics", "findings@rules", "--explain", "c"
    )
    assert "right lower pneumonia (actionable) ~ perhaps pneumonia: earns " in said
    assert "score " in said
    assert "(credit - cost) / (at stake + cost)" in said
