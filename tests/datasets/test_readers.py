"""Readers of files: what each makes of a study, and how each names what is wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError, UnknownNameError, UsageError
from mmrad_eval.core.values import Report
from mmrad_eval.datasets.describe import describe

REXRANK = {
    "CXR1": {
        "key_image_path": "CXR1/1.png",
        "image_path": ["CXR1/0.png", "CXR1/1.png"],
        "report": "Findings: Clear lungs. Impression: Normal.",
        "section_findings": "Clear lungs.",
        "section_impression": "Normal.",
        "frontal_lateral": ["Lateral", "Frontal"],
        "context": "Indication: Cough. Comparison: None.",
        "split": "val",
    },
    "CXR2": {"image_path": ["CXR2/0.png"], "section_findings": "", "section_impression": "Normal.", "split": "val"},
}
R2GEN = {
    "train": [{"id": "a", "image_path": ["a/0.png", "a/1.png"], "report": "the lungs are clear ."}],
    "val": [],
    "test": [{"id": "b", "image_path": ["b/0.png"], "report": "the heart is enlarged ."}],
}
MMRAD = {
    "prompt": "Compile a standard report for this chest X-ray, including significant findings. <image>",
    "response": (
        "First, I need to analyze the lung region. I will highlight the lung region of this X-ray. <image> The bounding"
        " box of this area is [57, 67, 281, 281] . The lungs are clear.\n\n  Summarizing the previous analysis, I will"
        " generate the following report: Impression: Normal. Findings: Clear lungs."
    ),
    "images": ["IVLImage/7/problem_image_1.jpg", "IVLImage/7/reasoning_image_1.jpg"],
}


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_rexrank_puts_the_key_image_first_with_its_view(tmp_path: Path) -> None:
    data = datasets.load(str(write_json(tmp_path / "board.json", REXRANK)))
    first = data.studies[0]
    assert data.format == "rexrank"
    assert [(i.name, i.view) for i in first.images] == [("CXR1/1.png", "Frontal"), ("CXR1/0.png", "Lateral")]
    assert first.images[0].path == str(tmp_path / "CXR1/1.png")
    assert first.reference == Report("Findings: Clear lungs. Impression: Normal.", "Clear lungs.", "Normal.")
    assert (first.context.indication, first.context.comparison) == ("Cough.", "None.")
    assert first.split == "val"
    assert data.studies[1].reference == Report("Impression: Normal.", None, "Normal.")


def test_rexrank_takes_the_patient_from_a_mimic_name_and_stays_credentialed(tmp_path: Path) -> None:
    study = {"image_path": ["p10/p10000001/s50000001/x.jpg"], "report": "Findings: a."}
    path = write_json(tmp_path / "renamed.json", {"s1": study})
    data = datasets.load(str(path))
    assert data.studies[0].patient == "10000001"
    assert data.data_use == "credentialed"
    with pytest.raises(UsageError, match="credentialed"):
        datasets.load(str(path), data_use="open")


def test_rexrank_reads_not_a_number_as_a_section_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "mimic.json"
    path.write_text(
        '{"50000001": {"image_path": ["/p10/p10000001/s50000001/a.jpg"], "section_findings": "Clear.",'
        ' "section_impression": NaN, "subject_id": 10000001, "report": "Findings: Clear. Impression: None."}}'
    )
    (study,) = datasets.load(str(path), images=tmp_path / "files").studies
    assert study.patient == "10000001"
    assert study.reference == Report("Findings: Clear. Impression: None.", "Clear.", None)
    assert study.images[0].path == str(tmp_path / "files/p10/p10000001/s50000001/a.jpg")


def test_the_user_decides_only_what_is_unknown(tmp_path: Path) -> None:
    path = str(write_json(tmp_path / "board.json", REXRANK))
    assert datasets.load(path).data_use == "unknown"
    assert datasets.load(path, data_use="open").data_use == "open"


def test_r2gen_reads_splits_and_takes_the_report_for_findings(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_json(tmp_path / "annotation.json", R2GEN)
    data = datasets.load(str(tmp_path))
    assert data.format == "r2gen"
    assert [(study.id, study.split) for study in data.studies] == [("a", "train"), ("b", "test")]
    assert data.studies[0].reference == Report("the lungs are clear .", findings="the lungs are clear .")
    assert data.studies[0].images[1].path == str(tmp_path / "images" / "a" / "1.png")
    assert data.studies[0].patient is None


def test_r2gen_with_subjects_is_mimic(tmp_path: Path) -> None:
    record = {"id": "d", "study_id": 50000001, "subject_id": 10000001, "image_path": ["x.jpg"], "report": "clear ."}
    data = datasets.load(str(write_json(tmp_path / "annotation.json", {"train": [], "test": [record]})))
    assert data.studies[0].patient == "10000001"
    assert data.data_use == "credentialed"


def test_mmrad_has_trace_report_and_region_image(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(MMRAD))
    data = datasets.load(str(path), images=tmp_path / "pixels")
    (study,) = data.studies
    assert (data.format, data.data_use) == ("mmrad", "credentialed")
    assert study.id == "7"
    assert study.reference is not None
    assert (study.reference.findings, study.reference.impression) == ("Clear lungs.", "Normal.")
    assert [image.path for image in study.images] == [str(tmp_path / "pixels/IVLImage/7/problem_image_1.jpg")]
    assert study.trace is not None
    (step,) = study.trace.steps
    assert step.box is not None
    assert step.image is not None
    assert list(step.box.xyxy) == [57, 67, 281, 281]
    assert step.image.path == str(tmp_path / "pixels/IVLImage/7/reasoning_image_1.jpg")
    assert step.text == "The lungs are clear."


def test_mmrad_names_a_record_with_too_few_images(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(MMRAD) + "\n" + json.dumps(MMRAD | {"images": ["IVLImage/8/problem_image_1.jpg"]}))
    with pytest.raises(DataError, match=r"traces.jsonl:2: study 8: 2 <image> placeholders and 1 image"):
        datasets.load(str(path))


def test_traces_of_mmrad_can_not_be_called_open(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(MMRAD))
    assert datasets.load(str(path)).data_use == "credentialed"
    with pytest.raises(UsageError, match="can't change that"):
        datasets.load(str(path), data_use="open")


TABLE = "study_id,subject_id,Image Path,ViewPosition,findings,impression,split\n"
ROW = 's1,p1,"a.png;b.png",PA,"Clear, lungs.",Normal.,test\n'


@pytest.mark.parametrize(("name", "value"), [("board.json", REXRANK), ("annotation.json", R2GEN), ("c.jsonl", MMRAD)])
def test_a_patient_column_that_no_record_has_is_an_error(tmp_path: Path, name: str, value: Any) -> None:
    path = write_json(tmp_path / name, value)
    with pytest.raises(DataError, match="--patient-column person: this record has "):
        datasets.load(str(path), patient_column="person")


def test_a_table_with_obvious_columns_needs_no_help(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLE + ROW)
    (study,) = datasets.load(str(path)).studies
    assert (study.id, study.patient, study.split) == ("s1", "p1", "test")
    assert [(i.name, i.view) for i in study.images] == [("a.png", "PA"), ("b.png", "PA")]
    assert study.reference == Report("Findings: Clear, lungs.\nImpression: Normal.", "Clear, lungs.", "Normal.")


def test_other_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("nummer;befundtext;person\n1;FINDINGS: a;X\n")
    with pytest.raises(DataError, match="no column is recognized as ids; its columns are nummer, befundtext, person"):
        datasets.load(str(path))
    data = datasets.load(str(path), columns={"id": "nummer", "report": "befundtext"}, patient_column="person")
    assert (data.studies[0].id, data.studies[0].patient) == ("1", "X")
    assert data.studies[0].reference == Report("FINDINGS: a", findings="a")
    with pytest.raises(UsageError, match="has no such column"):
        datasets.load(str(path), columns={"id": "nummmer"})


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet", "csv.gz"])
def test_the_same_table_in_every_form_is_the_same_dataset(tmp_path: Path, kind: str) -> None:
    rows = [{"id": f"s{n}", "patient": "p", "report": f"FINDINGS: é {n}.\nIMPRESSION: x."} for n in range(3)]
    path = tmp_path / f"t.{kind}"
    csv = "id,patient,report\n" + "".join(f'{r["id"]},{r["patient"]},"{r["report"]}"\n' for r in rows)
    if kind == "csv":
        path.write_text(csv, encoding="utf-8")
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(csv.encode()))
    elif kind == "tsv":
        path.write_text(csv.replace(",", "\t"), encoding="utf-8")
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    elif kind == "json":
        write_json(path, rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    data = datasets.load(f"table:{path}")
    assert [(s.id, s.patient, s.reference) for s in data.studies] == [
        (r["id"], "p", Report(r["report"], r["report"][10:14], "x.")) for r in rows
    ]


def test_whole_numbers_stay_ids_when_a_column_has_gaps(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": [1.0, 2.0], "report": ["a", "b"]}), path)
    assert [study.id for study in datasets.load(str(path)).studies] == ["1", "2"]


def test_a_byte_order_mark_and_cr_lf_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeffid,report\r\ns1,"FINDINGS:\r\na\r\nIMPRESSION: b"\r\n'.encode())
    data = datasets.load(str(path))
    assert data.studies[0].id == "s1"
    assert data.studies[0].reference == Report("FINDINGS:\na\nIMPRESSION: b", "a", "b")
    assert any("byte order mark" in note for note in data.notes)


def test_latin_1_is_named_with_its_line_and_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,report\ns1,fine\ns2,d\xe9j\xe0 vu\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"t.csv:3: byte 0xe9 is not UTF-8 .*iconv"):
        datasets.load(str(path))


def test_utf_16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,report\ns1,fine\n".encode("utf-16"))
    with pytest.raises(DataError, match="UTF-16"):
        datasets.load(f"table:{path}")


def test_a_truncated_json_is_named_with_the_line_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "board.json"
    path.write_text(json.dumps(REXRANK, indent=1)[:300])
    with pytest.raises(DataError, match=r"board.json:\d+: the file ends in the middle of JSON: it is cut short"):
        datasets.load(str(path))


def test_a_broken_line_of_jsonl_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": "a", "report": "x"}\n{"id": "b", "rep\n')
    with pytest.raises(DataError, match=r"t.jsonl:2: this line ends in the middle of JSON"):
        datasets.load(str(path))


def test_a_truncated_csv_is_named_with_the_line_of_the_open_quote(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,report\ns1,"one\ntwo"\ns2,"never closed\nand so on\n')
    with pytest.raises(DataError, match=r"t.csv:4: the file ends inside a quoted cell"):
        datasets.load(str(path))


def test_a_truncated_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"id,report\n" + b"s1,x\n" * 1000)[:-9])
    with pytest.raises(DataError, match="cut short or damaged"):
        datasets.load(f"table:{path}")


def test_a_row_with_too_many_cells_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,report\ns1,clear, normal\n")
    with pytest.raises(DataError, match=r"t.csv:2: 3 cells where the header names 2"):
        datasets.load(str(path))


def test_the_line_that_excel_writes_for_itself_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sep=;\r\nid;report\r\ns1;clear, normal\r\ns2;a;b\r\n")
    with pytest.raises(DataError, match=r"t.csv:4: 3 cells where the header names 2"):
        datasets.load(str(path))
    path.write_text("sep=|\nid|report\ns1|clear, normal\n")
    [study] = datasets.load(str(path)).studies
    assert study.reference is not None
    assert (study.id, study.reference.text) == ("s1", "clear, normal")


def test_duplicate_ids_are_named_with_both_places(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,report\ns1,a\ns2,b\ns1,c\n")
    with pytest.raises(DataError, match=r"t.csv:4: study s1: this id was already used at .*t.csv:2"):
        datasets.load(str(path))


def test_rows_of_one_study_that_differ_in_the_image_alone_are_one_study(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,image,report\ns1,a.png,clear\ns2,c.png,c\ns1,b.png,clear\ns2,c.png,c\ns3,d.png,d\n")
    data = datasets.load(str(path))
    assert [(s.id, [Path(image.path).name for image in s.images]) for s in data.studies] == [
        ("s1", ["a.png", "b.png"]),
        ("s2", ["c.png"]),
        ("s3", ["d.png"]),
    ]
    assert any("2 rows of this study are identical and were joined" in note for note in data.notes)


def test_a_key_that_stands_twice_in_a_json_is_a_duplicate(tmp_path: Path) -> None:
    path = tmp_path / "board.json"
    path.write_text('{"s1": {"report": "FINDINGS: a"}, "s1": {"report": "FINDINGS: b"}}')
    with pytest.raises(DataError, match="'s1' occurs twice"):
        datasets.load(str(path))


def test_an_empty_report_is_kept_empty_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,report\ns1,a\ns2,\n")
    data = datasets.load(str(path))
    assert data.studies[1].reference == Report()
    assert any("t.csv:3: study s2: the report is empty" in note for note in data.notes)


def test_blank_extra_splits_are_noted(tmp_path: Path) -> None:
    data = datasets.load(str(write_json(tmp_path / "annotation.json", R2GEN | {" ": []})))
    assert any("a split without a name contains 0 records" in note for note in data.notes)
    path = tmp_path / "t.csv"
    path.write_text("id,report,split\ns1,a,test\ns2,b, \n")
    data = datasets.load(str(path))
    assert [study.split for study in data.studies] == ["test", "blank"]
    assert any("t.csv:3: study s2: the split is blank" in note for note in data.notes)


def test_many_errors_are_quoted_in_part_and_point_to_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,report\n" + "".join(f"s1,a{n}\n" for n in range(9)))
    with pytest.raises(DataError, match=r"and 3 more; `mmrad-eval data check .*` lists all"):
        datasets.load(str(path))


def test_an_unknown_name_says_what_is_near(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean demo"):
        datasets.load("demmo")
    with pytest.raises(UsageError, match="there is nothing at"):
        datasets.load(str(tmp_path / "nothing.json"))
    with pytest.raises(UsageError, match=r"there is nothing at nothing\.json"):
        datasets.load("nothing.json")
    with pytest.raises(UnknownNameError, match="'rexrnk'; did you mean rexrank"):
        datasets.load(f"rexrnk:{write_json(tmp_path / 'board.json', REXRANK)}")
    (tmp_path / "strange.bin").write_bytes(b"\x00\x01")
    with pytest.raises(UsageError, match="name the format"):
        datasets.load(str(tmp_path / "strange.bin"))


def test_a_registered_name_wins_over_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").write_text("in the way")
    assert datasets.locate("demo") == ("demo", None)
    with pytest.raises(UsageError, match="name the format"):
        datasets.locate("./demo")


def test_the_digest_knows_words_and_names_and_no_folder(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first = datasets.load(str(write_json(tmp_path / "one" / "b.json", REXRANK)))
    second = datasets.load(str(write_json(tmp_path / "two" / "b.json", REXRANK)), images=tmp_path)
    assert datasets.digest(first) == datasets.digest(second)
    for change in ({"section_findings": "Clear lung."}, {"image_path": ["CXR1/2.png", "CXR1/1.png"]}):
        changed = {**REXRANK, "CXR1": {**REXRANK["CXR1"], **change}}
        other = datasets.load(str(write_json(tmp_path / "b.json", changed)))
        assert datasets.digest(other) != datasets.digest(first)
    other = datasets.load(str(write_json(tmp_path / "b.json", dict(reversed(REXRANK.items())))))
    assert datasets.digest(other) != datasets.digest(first)


@pytest.mark.shared
def test_the_real_board_file_loads_at_the_first_try(shared_data: Path) -> None:
    data = datasets.load(str(shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json"))
    assert len(data.studies) == 296
    assert all(study.reference and study.reference.findings and len(study.images) == 2 for study in data.studies)


def test_a_split_whose_name_is_blank_can_be_selected(tmp_path: Path) -> None:
    path = tmp_path / "annotation.json"
    record = {"report": "lungs clear .", "image_path": ["a/0.png"]}
    path.write_text(json.dumps({"train": [{"id": "a", **record}], "    ": [{"id": "b", **record}]}))
    data = datasets.load(str(path))
    assert [(study.id, study.split) for study in data.studies] == [("a", "train"), ("b", "blank")]
    assert "--split blank selects them" in " ".join(data.notes)


def test_views_that_differ_in_case_are_counted_as_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,report,image,view\n1,a,x.png,pa\n2,b,y.png,PA\n3,c,z.png,ap\n4,d,w.png,pa\n")
    assert describe(datasets.load(str(path))).views == {"pa": 3, "ap": 1}
