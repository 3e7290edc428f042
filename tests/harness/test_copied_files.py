"""A file that is taken out of its run folder, or out of the folder of replies, still states the class of its data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import DataUse
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.metrics import suite
from mmrad_eval.results.scoring.run import score
from tests.harness.truth import STUDIES, folder_of, run

FILES = {
    "answers": "runs/**/answers.jsonl",
    "scores": "runs/**/scores.parquet",
    "replies": "replies/*/*_writer/*.jsonl",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[DataUse], Path]:
    """A results folder with a finished run over data of a class."""
    made: dict[DataUse, Path] = {}

    def of(use: DataUse) -> Path:
        if use not in made:
            made[use] = tmp_path_factory.mktemp(use)
            run(made[use], "The heart is large.", data_use=use)
        return made[use]

    return of


def taken(results: Path, what: str, folder: Path) -> Path:
    """A copy of one file of a results folder, alone, under a name that tells nothing."""
    [path] = results.glob(FILES[what])
    return Path(shutil.copyfile(path, folder / f"x{path.suffix}"))


def rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("use", ["credentialed", "unknown"])
def test_every_row_states_the_class(
    use: DataUse, what: str, results: Callable[[DataUse], Path], tmp_path: Path
) -> None:
    found = rows(taken(results(use), what, tmp_path))
    assert found
    assert {row["data_use"] for row in found} == {use}


@pytest.mark.parametrize("what", FILES)
def test_files_of_open_data_state_nothing(what: str, results: Callable[[DataUse], Path], tmp_path: Path) -> None:
    assert not any("data_use" in row for row in rows(taken(results("open"), what, tmp_path)))


def as_csv(path: Path) -> Path:
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_json(path, lines=True)
    frame.to_csv(path.with_suffix(".csv"), index=False)
    return path.with_suffix(".csv")


def as_list(path: Path) -> Path:
    path.with_suffix(".json").write_text(json.dumps(rows(path)))
    return path.with_suffix(".json")


def half(path: Path) -> Path:
    lines = path.read_bytes().splitlines(keepends=True)
    (path.parent / "half.jsonl").write_bytes(b"".join(lines[2:]))
    return path.parent / "half.jsonl"


def among_others(path: Path) -> Path:
    lines = "".join(json.dumps({"study": f"o{n}", "report": {"text": "Clear."}}) + "\n" for n in range(500))
    (path.parent / "mixed.jsonl").write_text(lines + path.read_text())
    return path.parent / "mixed.jsonl"


def linked(path: Path) -> Path:
    (path.parent / "link.jsonl").symlink_to(path)
    return path.parent / "link.jsonl"


@pytest.mark.parametrize("way", [as_csv, as_list, half, among_others, linked], ids=lambda way: way.__name__)
def test_answers_are_credentialed_wherever_they_go(
    way: Callable[[Path], Path], results: Callable[[DataUse], Path], tmp_path: Path
) -> None:
    path = way(taken(results("credentialed"), "answers", tmp_path))
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(f"table:{path}", columns={"id": "study", "report": "report"}, data_use="open")


def test_answers_given_as_reports_and_scores_given_as_a_metric_have_the_class(
    results: Callable[[DataUse], Path], tmp_path: Path
) -> None:
    path = taken(results("credentialed"), "answers", tmp_path)
    assert read_predictions(path, {"id": "study", "report": "report"}).data_use == "credentialed"
    scores = as_csv(taken(results("credentialed"), "scores", tmp_path))
    assert suite([f"scores:{scores}"]).data_use == "credentialed"


def test_reports_that_state_nothing_have_the_class_that_their_marks_suggest(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,report,file\na,Clear.,files/p10/p10000032/s50414267.txt\n")
    assert read_predictions(path).data_use == "credentialed"
    path.write_text("id,report,file\na,Clear.,files/10/a.txt\n")
    assert read_predictions(path).data_use == "open"


def test_a_run_of_an_earlier_version_states_it_when_it_is_run_again(
    results: Callable[[DataUse], Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(results("credentialed"), tmp_path / "old"))
    folder = folder_of(copy)
    path = folder.path / "answers.jsonl"
    path.write_text(path.read_text().replace(',"data_use":"credentialed"', ""))
    for name in ("summary.json", "scores.parquet"):
        (folder.path / name).unlink()
    score(folder, STUDIES, suite(["bleu@raw"]))
    run(copy, "Other words.", data_use="credentialed")

    assert {row["data_use"] for row in rows(path)} == {"credentialed"}
    assert {answer.report.text[:24] for answer in folder.answers()} == {"FINDINGS: The heart is l"}
    assert folder.summary() is not None
