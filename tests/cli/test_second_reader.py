"""A second radiologist's report is a row of its own, beside every metric and never ranked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mmrad_eval import datasets
from tests.cli.conftest import Said

ROWS = (
    ("a", "There is a left pleural effusion.", "There is a small left pleural effusion."),
    ("b", "The lungs are clear.", "Clear lungs. No effusion."),
    ("c", "The heart is enlarged.", ""),
    ("d", "The heart is normal in size.", "Normal heart."),
)


def table(place: Path, *, second: bool = True) -> str:
    head = "id,patient,findings" + (",second_findings" if second else "")
    lines = [f'{i},p{i},"{one}"' + (f',"{other}"' if second else "") for i, one, other in ROWS]
    (place / "cases.csv").write_text("\n".join([head, *lines]) + "\n")
    return "cases.csv"


def test_its_row_has_every_metric_over_the_studies_that_have_one(call: Callable[..., Said], tmp_path: Path) -> None:
    data = table(tmp_path)
    words = ("--task", "direct", "--data", data, "--data-use", "open", "--metrics", "bleu@raw,rules", "--quiet")
    ran = call("--model", "baseline:second-reader", "--model", "baseline:normal", *words)
    assert ran.code == 0, ran.err

    shown = call("leaderboard")
    row = next(line for line in shown.out.splitlines() if line.startswith("baseline:second-reader"))
    assert " 3 " in row
    assert "a second radiologist against the first: human performance, not ranked" in " ".join(shown.out.split())
    assert call("compare", "baseline_second-reader", "baseline_normal", "-M", "bleu@raw").code == 0


def test_data_without_one_is_refused_with_what_it_needs(call: Callable[..., Said], tmp_path: Path) -> None:
    data = table(tmp_path, second=False)
    said = call("--model", "baseline:second-reader", "--task", "direct", "--data", data, "--data-use", "open")
    assert said.code == 2
    assert "0 of 4 studies of" in said.err
    assert "have the report of a second reader (a table's second_findings)" in said.err


def test_a_column_that_is_empty_leaves_the_digest_of_the_data_as_it_was(tmp_path: Path) -> None:
    def digest(head: str, cell: str) -> str:
        path = tmp_path / "cases.csv"
        path.write_text(f"id,findings{head}\n1,Clear lungs.{cell}\n")
        return datasets.digest(datasets.load(str(path), data_use="open"))

    assert digest("", "") == digest(",second_report", ",") != digest(",second_report", ",Clear.")
