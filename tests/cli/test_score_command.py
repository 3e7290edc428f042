"""What `score` and `run` tell metrics, and the command that they name for the columns they leave out."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mmrad_eval
from mmrad_eval.metrics.labelf1 import LABELS

Call = Callable[..., Any]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Reports, references, and labels of both: the candidate's edema is uncertain."""
    (tmp_path / "refs.csv").write_text("id,findings\ns0,Edema is seen.\n")
    (tmp_path / "mine.csv").write_text("id,report\ns0,Edema may be seen.\n")
    for name, edema in (("gold", "1"), ("labels", "-1")):
        cells = [edema if label == "Edema" else "" for label in LABELS]
        (tmp_path / f"{name}.csv").write_text(f"id,{','.join(LABELS)}\ns0,{','.join(cells)}\n")
    return tmp_path


def score(call: Call, *words: str, metrics: str = "labels:labels.csv:gold.csv") -> Any:
    return call("score", "-p", "mine.csv", "-r", "refs.csv", "--metrics", metrics, *words)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), "uncertain=positive"),
        (("--policy", "uncertain=negative"), "uncertain=negative"),
        (("--metric-option", "uncertain=negative"), "uncertain=negative"),
        (("--policy", "uncertain=negative", "--metric-option", "uncertain=negative"), "uncertain=negative"),
    ],
)
@pytest.mark.usefixtures("files")
def test_a_policy_is_put_in_labels_of_a_file(call: Call, words: tuple[str, ...], shown: str) -> None:
    said = score(call, "--format", "csv", *words)
    assert said.code == 0, said.err
    assert f"labels micro-F1-14 @ {shown}" in said.out


@pytest.mark.usefixtures("files")
def test_a_policy_is_put_in_labels_of_a_file_and_of_a_labeller_alike(call: Call) -> None:
    both = "labels:labels.csv:gold.csv,rules@uncertain=positive"
    said = score(call, "--policy", "uncertain=negative", "--format", "csv", metrics=both)
    assert said.code == 0, said.err
    assert "labels micro-F1-14 @ uncertain=negative" in said.out
    assert "uncertain=positive" not in said.out


@pytest.mark.usefixtures("files")
def test_a_policy_that_two_options_say_differently_is_refused(call: Call) -> None:
    said = score(call, "--policy", "uncertain=negative", "--metric-option", "uncertain=ignore")
    assert said.code == 2
    assert "--policy uncertain=negative and --metric-option uncertain=ignore differ" in said.err


@pytest.mark.usefixtures("files")
def test_a_policy_asks_nothing_of_metrics_without_labels(call: Call) -> None:
    assert score(call, "--policy", "uncertain=negative", metrics="bleu@raw").code == 0


def shows_every_column(call: Call, out: str) -> bool:
    """Run the command that a table names for the columns it leaves out."""
    (found,) = re.findall(r"more columns?: mmrad-eval (.*), or --format", out)
    said = call(*shlex.split(found))
    return bool(said.code == 0 and "labels macro-P-14" in said.out.replace("\n", " "))


@pytest.mark.parametrize("words", [(), ("--out", "my results")])
@pytest.mark.usefixtures("files")
def test_score_names_a_command_that_shows_every_column(call: Call, words: tuple[str, ...]) -> None:
    assert shows_every_column(call, score(call, *words).out)


@pytest.mark.usefixtures("files")
def test_scoring_a_run_again_names_a_command_that_shows_every_column(call: Call) -> None:
    score(call)
    (run,) = (path.parent for path in Path("results").rglob("run.json"))
    assert shows_every_column(call, call("score", str(run), "-M", "labels:labels.csv:gold.csv", "-r", "refs.csv").out)


@pytest.mark.usefixtures("files")
def test_run_names_a_command_that_shows_every_column(call: Call) -> None:
    said = call("--model", "baseline:evidence", "--task", "mcot", "--limit", "2", "--metrics", "bleu", "--out", "made")
    assert re.search(r"more columns?: mmrad-eval leaderboard made --all-columns, or --format", said.out)
    assert call("leaderboard", "made").out.count("columns: --all-columns") == 1


def test_a_file_of_reports_is_one_run_whichever_command_reads_it(call: Call, files: Path) -> None:
    said = ("--metrics", "bleu@raw", "--data-use", "open", "-q")
    score(call, metrics="bleu@raw")
    call("--model", "file:mine.csv", "--task", "imported", "--data", "refs.csv", *said)
    (files / "mine.tsv").write_text("id\treport\ns0\tEdema may be seen.\n")
    call("--model", "file:mine.tsv", "--task", "imported", "--data", "refs.csv", *said)

    (run,) = files.rglob("run.json")
    assert run.parent.parent.name == "mine"


def test_other_reports_of_the_same_name_are_another_run(call: Call, files: Path) -> None:
    score(call, metrics="bleu@raw")
    (files / "mine.csv").write_text("id,report\ns0,No edema.\n")
    score(call, metrics="bleu@raw")

    assert len(list(files.rglob("run.json"))) == 2


def test_several_files_of_reports_are_several_runs_in_one_table(call: Call, files: Path) -> None:
    (files / "other.csv").write_text("id,report\ns0,No edema.\n")

    said = call("score", "-p", "mine.csv", "-p", "other.csv", "-r", "refs.csv", "--metrics", "bleu@raw")

    assert said.code == 0, said.err
    assert {path.parent.parent.name for path in files.rglob("run.json")} == {"mine", "other"}
    assert re.search(r"^mine ", said.out, re.MULTILINE)
    assert re.search(r"^other ", said.out, re.MULTILINE)


def test_all_runs_of_a_folder_are_scored_again_each_once(call: Call, files: Path) -> None:
    (files / "other.csv").write_text("id,report\ns0,No edema.\n")
    call("score", "-p", "mine.csv", "-p", "other.csv", "-r", "refs.csv", "--metrics", "bleu@raw")

    said = call("score", "results", "results/runs/refs/imported/mine", "--metrics", "rouge@raw")

    assert said.code == 0, said.err
    assert "ROUGE-L" in said.out
    assert len(re.findall(r"^mine ", said.out, re.MULTILINE)) == len(re.findall(r"^other ", said.out, re.MULTILINE))
    for summary in files.rglob("summary.json"):
        assert "rouge@raw" in summary.read_text()


def test_one_name_for_several_files_is_refused(call: Call) -> None:
    said = call("score", "-p", "mine.csv", "-p", "other.csv", "-r", "refs.csv", "--name", "both")

    assert said.code == 2
    assert "--name is for one file" in said.err


def test_a_file_that_holds_its_own_references_says_how_to_name_them(tmp_path: Path, call: Call) -> None:
    (tmp_path / "board.json").write_text(
        '{"s0": {"key_image_path": "a.png", "image_path": ["a.png"], "report": "Findings: Edema is seen.",'
        ' "model_prediction": "No edema."}}'
    )
    (tmp_path / "mine.csv").write_text("id,report\ns0,Edema may be seen.\n")
    said = call("score", "-p", "board.json")
    assert said.code == 2
    assert "board.json holds its own references: add --references rexrank:board.json" in said.err
    assert "holds its own references" not in call("score", "-p", "mine.csv").err


def test_scores_stay_when_the_same_data_is_called_open_in_one_run_only(call: Call) -> None:
    Path("data.csv").write_text("id,patient,findings,image\na,p,The heart is enlarged.,x.png\nb,q,No effusion.,x.png\n")
    command = ("--model", "baseline:normal", "--task", "direct", "--data", "table:data.csv", "--quiet")
    for said, metrics in (("open", "bleu@raw"), (None, "rouge@raw"), ("credentialed", "rules")):
        use = ("--data-use", said) if said else ()
        assert call(*command, *use, "--metrics", metrics).code == 0
    (folder,) = Path().glob("results/runs/*/*/*/*")
    summary = json.loads((folder / "summary.json").read_text())
    assert {"BLEU-4 @ raw", "ROUGE-L @ raw"} < set(summary["columns"])
    assert not summary["notes"]
    assert mmrad_eval.load(folder).scores["data_use"].unique().tolist() == ["credentialed"]
