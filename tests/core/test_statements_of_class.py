"""The class of data is found however it is stated, and wherever a file that states none lies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmrad_eval import datasets
from mmrad_eval.core.data_use import MARKER, mark, marked, of_place, stated
from mmrad_eval.core.errors import UsageError
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.metrics import suite
from mmrad_eval.traces.convert import convert, read

ROW = {"id": "a", "report": "FINDINGS: The lungs are clear."}


@pytest.mark.parametrize(
    "record",
    [
        {"Data Use": "credentialed"},
        {"DATA_USE": "Credentialed"},
        {"data-use": "credentialed"},
        {"dataUse": "open", "data_use": "credentialed"},
        {"study.licence_class": "credentialed"},
        {"study_licence_class": "credentialed"},
        {"license_class": "credentialed"},
        {"Licence Class": "credentialed"},
        {"\ufeffdata_use": "credentialed"},
        {"study": {"licence_class": "credentialed"}},
        {"meta": {"source": {"data_use": "credentialed"}}},
        {"data_use": "open", "study": {"data_use": "credentialed"}},
        {"DataUse": "credentialed"},
        {"study.dataUse": "credentialed"},
        {"data_use_x": "open", "data_use_y": "credentialed"},
        {"data_use_left": "Credentialed"},
        {"messages": [{"role": "user"}, {"data_use": "credentialed"}]},
        {"info": '{"findings": "Clear.", "data_use": "credentialed"}'},
        {"data_use": "do not share"},
        {"data_use": 1},
    ],
    ids=str,
)
def test_a_statement_is_found_in_any_spelling(record: dict[str, Any]) -> None:
    assert stated(record) == "credentialed"


@pytest.mark.parametrize(
    "record",
    [
        {"metadata_use": "x"},
        {"use": "credentialed"},
        {"data": {"use": "x"}},
        {"data_use": None},
        {"a": [{}]},
        {"data_use_case": "x"},
    ],
)
def test_another_field_states_nothing(record: dict[str, Any]) -> None:
    assert stated(record) is None


def csv(path: Path) -> Path:
    path.write_text(f"{','.join(ROW)}\n{','.join(ROW.values())}\n")
    return path


def jsonl(path: Path) -> Path:
    path.write_text(json.dumps(ROW) + "\n")
    return path


def listed(path: Path) -> Path:
    path.write_text(json.dumps([ROW]))
    return path


def texts(path: Path) -> Path:
    path.write_text(json.dumps({"a": ROW["report"]}))
    return path


def parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist([ROW]), path)
    return path


def trace(path: Path) -> Path:
    record = {
        "schema": "mmrad.trace/1",
        "id": "a",
        "study": {"dataset": "own", "study": "a", "licence_class": "open"},
        "prompt": "Report.",
        "response": ROW["report"],
        "report": {"text": ROW["report"]},
    }
    path.write_text(json.dumps(record) + "\n")
    return path


WRITERS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "csv": ("x.csv", csv),
    "jsonl": ("x.jsonl", jsonl),
    "a list": ("x.json", listed),
    "texts by id": ("y.json", texts),
    "parquet": ("x.parquet", parquet),
    "traces": ("t.jsonl", trace),
}


def itself(path: Path, _: Path) -> Path:
    return path


def linked(path: Path, elsewhere: Path) -> Path:
    elsewhere.mkdir()
    link = elsewhere / f"link{path.suffix}"
    link.symlink_to(path)
    return link


def in_a_linked_folder(path: Path, elsewhere: Path) -> Path:
    elsewhere.symlink_to(path.parent, target_is_directory=True)
    return elsewhere / path.name


def renamed(path: Path, _: Path) -> Path:
    return path.rename(path.with_stem("innocent"))


def hidden(path: Path, _: Path) -> Path:
    return path.rename(path.with_name(f".{path.name}"))


def roundabout(path: Path, _: Path) -> Path:
    (path.parent / "a").mkdir()
    return path.parent / "a" / ".." / path.name


WAYS = (itself, linked, in_a_linked_folder, renamed, hidden, roundabout)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_of_reports_has_the_class_of_its_folder(
    kind: str, way: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    name, write = WRITERS[kind]
    kept = tmp_path / "kept" / "below" / "deep"
    kept.mkdir(parents=True)
    mark(tmp_path / "kept", "credentialed")
    path = way(write(kept / name), tmp_path / "elsewhere")
    assert of_place(path) == "credentialed"
    assert read_predictions(path).data_use == "credentialed"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "traces"])
def test_such_a_file_can_not_be_called_open_as_data_either(kind: str, tmp_path: Path) -> None:
    name, write = WRITERS[kind]
    mark(tmp_path / "kept", "credentialed")
    path = linked(write(tmp_path / "kept" / name), tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(str(path), data_use="open")


def test_traces_that_are_converted_out_of_such_a_folder_state_its_class(tmp_path: Path) -> None:
    mark(tmp_path / "kept", "credentialed")
    path = trace(tmp_path / "kept" / "t.jsonl")
    made = convert(path, f"zebra:{tmp_path / 'made.jsonl'}")
    assert made.data_use == "credentialed"
    assert {record.study.licence_class for record in read(tmp_path / "made.jsonl", "zebra")} == {"credentialed"}


def test_scores_in_such_a_folder_have_its_class_through_a_link(tmp_path: Path) -> None:
    mark(tmp_path / "kept", "credentialed")
    (tmp_path / "kept" / "s.csv").write_text("id,green\na,0.5\n")
    path = linked(tmp_path / "kept" / "s.csv", tmp_path / "elsewhere")
    assert suite([f"scores:{path}"]).data_use == "credentialed"


def test_a_mark_holds_below_its_folder_and_not_beside_or_above_it(tmp_path: Path) -> None:
    mark(tmp_path / "a" / "b", "credentialed")
    assert (tmp_path / "a" / "b" / MARKER).is_file()
    assert marked(tmp_path / "a" / "b" / "c" / "d") == "credentialed"
    assert marked(tmp_path / "a") == "open"
    assert marked(tmp_path / "a" / "bb") == "open"
