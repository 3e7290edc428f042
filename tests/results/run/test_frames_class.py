"""Frames of runs state the class of the data in each row, so that a table written from them has it too."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmrad_eval
from mmrad_eval import datasets
from mmrad_eval.core.values import DataUse
from mmrad_eval.datasets.predictions import read_predictions
from tests.harness.truth import run


@pytest.mark.parametrize("use", ["open", "unknown", "credentialed"])
def test_a_table_that_pandas_writes_of_a_run_has_its_class(use: DataUse, tmp_path: Path) -> None:
    run(tmp_path / "results", "The heart is large.", data_use=use)
    loaded = mmrad_eval.load(tmp_path / "results")
    for frame in (loaded.runs, loaded.studies, loaded.scores):
        assert set(frame["data_use"]) == {use}
    loaded.studies.to_csv(tmp_path / "mine.csv", index=False)

    named = {"id": "study", "report": "report"}
    assert read_predictions(tmp_path / "mine.csv", named).data_use == use
    assert datasets.load(f"table:{tmp_path / 'mine.csv'}", columns=named).data_use == use
