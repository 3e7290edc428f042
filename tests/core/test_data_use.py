"""The class of data: the strictest of its inputs, and what rows of a file state."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmrad_eval.core.data_use import mark, marked, of_rows, stated, strictest
from mmrad_eval.core.values import DataUse


@pytest.mark.parametrize(
    ("inputs", "made"),
    [
        (["open", "open"], "open"),
        (["open", "unknown"], "unknown"),
        (["credentialed", "unknown", "open"], "credentialed"),
        ([], "unknown"),
    ],
)
def test_what_is_made_of_several_inputs_has_the_class_of_the_strictest(inputs: list[DataUse], made: DataUse) -> None:
    assert strictest(inputs) == made


@pytest.mark.parametrize(
    ("record", "use"),
    [
        ({}, None),
        ({"data_use": ""}, None),
        ({"data_use": "open"}, "open"),
        ({"licence_class": " Credentialed "}, "credentialed"),
        ({"data_use": "open", "licence_class": "credentialed"}, "credentialed"),
        ({"data_use": "restricted"}, "credentialed"),
    ],
)
def test_a_row_states_its_class_in_either_field_and_a_foreign_word_restricts(
    record: dict[str, str], use: DataUse | None
) -> None:
    assert stated(record) == use


def test_one_row_without_a_statement_keeps_a_file_from_being_open() -> None:
    assert of_rows([{"data_use": "open"}] * 3, "unknown") == "open"
    assert of_rows([{"data_use": "open"}, {}], "unknown") == "unknown"
    assert of_rows([{}, {"data_use": "credentialed"}], "open") == "credentialed"
    assert of_rows([], "unknown") == "unknown"


def test_a_folder_that_is_marked_stays_so_and_open_data_leaves_no_mark(tmp_path: Path) -> None:
    mark(tmp_path / "a", "open")
    assert not (tmp_path / "a").exists()
    mark(tmp_path / "a", "credentialed")
    mark(tmp_path / "a", "open")
    mark(tmp_path / "a", "unknown")
    assert marked(tmp_path / "a") == "credentialed"


def test_a_folder_states_its_class_by_its_run_too_and_a_broken_mark_restricts(tmp_path: Path) -> None:
    assert marked(tmp_path) == "open"
    (tmp_path / "run.json").write_text('{"data_use": "unknown"}')
    assert marked(tmp_path) == "unknown"
    (tmp_path / "data_use.json").write_text("{")
    assert marked(tmp_path) == "credentialed"
