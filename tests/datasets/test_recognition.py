"""Each format is recognized by its own reader, through the member that a plugin's reader has too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import UsageError

FILES = {
    "rows.jsonl": ('{"schema": "mmrad.trace/1", "id": "a"}\n{}', "mmrad.trace"),
    "rows.ndjson": ('\n {"prompt": "a", "response": "b", "images": []}\n', "mmrad"),
    "other.jsonl": ('{"id": "a", "report": "Clear."}', "table"),
    "by_split.json": ('{"val": [{"id": "a"}]}', "r2gen"),
    "by_id.json": ('{"s1": ["Clear."]}', "r2gen"),
    "listed.json": ('[{"report": "Clear.", "image_path": [], "split": "test"}]', "r2gen"),
    "grounded.json": ('[{"StudyID": "a", "findings": [{"sentence_en": "Clear."}]}]', "padchest-gr"),
    "list.json": ('[{"id": "a", "report": "Clear."}]', "table"),
    "rex.json": ('{"p1": {"StudyInstanceUid": "1.2"}}', "rexgradient"),
    "board.json": ('\ufeff{"s1": {"report": "Clear."}}', "rexrank"),
    "plus.csv": ("x,section_findings,path_to_image\n", "chexpert-plus"),
    "think.csv": ('"image_path";"thinkVG"\n', "gemex-thinkvg"),
    "iu.tsv": ("uid\tMeSH\n", "openi"),
    "boxes.csv": ("image_id,class_name,x_min\n", "vindr"),
    "any.CSV": ("id,report\n", "table"),
    "iu.tgz": ("", "openi"),
    "iu.tar.gz": ("", "openi"),
}
FOLDERS = {
    "annotation.json": "r2gen",
    "annotations/annotations_test.csv": "vindr",
    "grounded_reports_2024.json": "padchest-gr",
    "df_chexpert_plus_240401.csv": "chexpert-plus",
    "metadata/valid_metadata.json": "rexgradient",
    "silver_dataset/scene_graph/a.json": "chest-imagenome",
    "NLMCXR/ecgen-radiology/1.xml": "openi",
    "mimic-cxr-2.0.0-split.csv.gz": "mimic",
}


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_recognised_by_its_name_and_first_bytes(name: str, tmp_path: Path) -> None:
    text, reader = FILES[name]
    write(tmp_path / name, text)

    assert datasets.recognised(tmp_path / name) == reader
    assert datasets.fitting(reader).recognises(tmp_path / name)


@pytest.mark.parametrize("inside", FOLDERS)
def test_a_folder_is_recognised_by_what_lies_in_it(inside: str, tmp_path: Path) -> None:
    write(tmp_path / inside)

    assert datasets.recognised(tmp_path) == FOLDERS[inside]
    assert datasets.fitting(FOLDERS[inside]).recognises(tmp_path)


@pytest.mark.parametrize(
    ("columns", "reader"),
    [(("segments", "image_order"), "mmrad.trace"), (("thinkVG",), "gemex-thinkvg"), (("uid", "MeSH"), "table")],
)
def test_parquet_is_recognised_by_its_columns(columns: tuple[str, ...], reader: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({name: ["a"] for name in columns}), tmp_path / "a.parquet")

    assert datasets.recognised(tmp_path / "a.parquet") == reader


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_text("%PDF-1.7")])
def test_what_nobody_recognises_is_said_with_what_was_seen(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "a.pdf")

    with pytest.raises(UsageError, match=r"a\.pdf holds .*name the format: --data FORMAT:"):
        datasets.recognised(tmp_path / "a.pdf")
