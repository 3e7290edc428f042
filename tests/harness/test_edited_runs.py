"""A file of a run folder that was edited by hand, by one digit: nothing of it is ranked until it is scored again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics import suite
from mmrad_eval.results.leaderboard.board import leaderboard
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.scoring.run import score
from tests.harness.truth import STUDIES, folder_of, run

Edit = Callable[[dict[str, Any]], object]
COLUMN = "BLEU-4 @ raw"

SUMMARIES: dict[str, Edit] = {
    "a value": lambda it: it["columns"][COLUMN].update(value=0.9),
    "a value's last digit": lambda it: it["columns"][COLUMN].update(value=it["columns"][COLUMN]["value"] + 1e-12),
    "a bound": lambda it: it["columns"][COLUMN].update(high=0.99),
    "how many were defined": lambda it: it["columns"][COLUMN].update(defined=1),
    "a signature": lambda it: it["columns"][COLUMN].update(signature="bleu|v9"),
    "a direction": lambda it: it["columns"][COLUMN].update(better="lower"),
    "statuses": lambda it: it.update(statuses={"ok": it["n"] - 1, "empty": 1}),
    "n": lambda it: it.update(n=it["n"] + 1, scored=it["scored"] + 1),
    "the set of studies": lambda it: it.update(studies="0" * 64),
    "clusters": lambda it: it.update(clusters=it["clusters"] + 1),
    "the class of its data": lambda it: it.update(data_use="credentialed"),
    "a column that is taken out": lambda it: it["columns"].pop(COLUMN),
    "a note": lambda it: it.update(notes=["all is well"]),
}

RUNS: dict[str, Edit] = {
    "the task": lambda it: it["identity"].update(task="mcot"),
    "the model": lambda it: it["identity"]["model"].update(id="another"),
    "the temperature": lambda it: it["identity"]["decoding"].update(temperature=1.0),
    "the limit": lambda it: it["identity"]["selection"].update(limit=2),
    "the data": lambda it: it["identity"].update(dataset_digest="0" * 64),
    "the sample": lambda it: it["identity"].update(sample=3),
}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    run(folder, "The heart is large. The lungs are clear.")
    return folder


def copied(scored: Path, folder: Path) -> RunFolder:
    shutil.copytree(scored, folder / "out", symlinks=True)
    return folder_of(folder / "out")


def edit(path: Path, change: Edit) -> None:
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


@pytest.mark.parametrize("name", SUMMARIES)
def test_an_edited_summary_is_not_shown_until_it_is_made_anew(scored: Path, tmp_path: Path, name: str) -> None:
    folder = copied(scored, tmp_path)
    before = folder.summary()
    assert before is not None
    edit(folder.path / "summary.json", SUMMARIES[name])

    assert folder.summary() is None
    assert folder.scores() is None

    score(folder, STUDIES, suite(["bleu@raw"]))
    after = folder.summary()
    assert after is not None
    assert after.columns[COLUMN] == before.columns[COLUMN]


def test_a_summary_in_another_spelling_is_the_same(scored: Path, tmp_path: Path) -> None:
    folder = copied(scored, tmp_path)
    path = folder.path / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), sort_keys=True), encoding="utf-8")
    assert folder.summary() is not None


def test_a_summary_of_a_version_that_stated_no_digest_of_it_is_shown(scored: Path, tmp_path: Path) -> None:
    folder = copied(scored, tmp_path)
    edit(folder.path / "summary.json", lambda it: it.pop("rest"))
    assert folder.summary() is not None


@pytest.mark.parametrize("change", ["one number", "gone"])
def test_a_summary_beside_other_scores_than_it_names_is_not_shown(scored: Path, tmp_path: Path, change: str) -> None:
    folder = copied(scored, tmp_path)
    path = folder.path / "scores.parquet"
    if change == "gone":
        path.unlink()
    else:
        table = pq.read_table(path)
        at = next(i for i, field in enumerate(table.schema) if pa.types.is_floating(field.type))
        values = [(value or 0.0) + 1 for value in table.column(at).to_pylist()]
        pq.write_table(table.set_column(at, table.schema.field(at), pa.array(values)), path)

    assert folder.summary() is None
    assert folder.scores() is None


@pytest.mark.parametrize("name", RUNS)
def test_a_record_of_another_question_than_its_id_is_refused(scored: Path, tmp_path: Path, name: str) -> None:
    folder = copied(scored, tmp_path)
    edit(folder.path / "run.json", RUNS[name])
    with pytest.raises(DataError, match=re.escape("is not that of the identity in it; the file was changed")):
        _ = folder.run


def test_the_leaderboard_ranks_none_of_it(scored: Path, tmp_path: Path) -> None:
    folder = copied(scored, tmp_path)
    edit(folder.path / "summary.json", SUMMARIES["a value"])
    text = str(leaderboard(tmp_path / "out"))
    assert "0.9" not in text
