"""Reports made elsewhere: joined by id, whatever the file looks like."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Reply, Report, Trace
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.datasets.raw_text.failures import error_message
from mmrad_eval.tasks.answers import read_answer

ONE, TWO = "FINDINGS: Clear. IMPRESSION: Normal.", "The heart is enlarged."
WANTED = {"s1": Report(ONE, "Clear.", "Normal."), "s2": Report(TWO)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", f"study_id,prediction\ns2,{TWO}\ns1,{ONE}\n"),
        ("p.tsv", f"id\tgenerated_report\ns2\t{TWO}\ns1\t{ONE}\n"),
        ("p.jsonl", json.dumps({"id": "s2", "output": TWO}) + "\n" + json.dumps({"id": "s1", "output": ONE})),
        ("p.json", json.dumps([{"case_id": "s2", "report": TWO}, {"case_id": "s1", "report": ONE}])),
        ("p.json", json.dumps({"s2": TWO, "s1": ONE})),
        ("p.json", json.dumps({"s2": [TWO], "s1": [ONE]})),
        ("p.json", json.dumps({"s2": {"model_prediction": TWO}, "s1": {"model_prediction": ONE}})),
        ("p.json", json.dumps({"predictions": [{"id": "s2", "report": TWO}, {"id": "s1", "report": ONE}]})),
    ],
)
def test_every_form_gives_the_same_reports_by_id(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_predictions(tmp_path / name).reports == WANTED


def test_parquet_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["s2", "s1"], "pred": [TWO, ONE]}), tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").reports == WANTED


def test_a_prediction_is_taken_where_its_reference_stands_beside_it(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,report,prediction\ns1,the reference,the prediction\n")
    read = read_predictions(tmp_path / "p.csv")
    assert read.reports == {"s1": Report("the prediction")}
    assert read.columns == {"id": "id", "report": "prediction"}


def test_a_reference_beside_a_prediction_never_fills_it(tmp_path: Path) -> None:
    studies = {
        "s1": {"findings": "Reference.", "impression": "Reference.", "model_prediction": "Findings:A.Impression:B."}
    }
    (tmp_path / "p.json").write_text(json.dumps(studies))
    assert read_predictions(tmp_path / "p.json").reports == {"s1": Report("Findings:A.Impression:B.", "A.", "B.")}
    studies["s1"]["model_prediction"] = "Only words."
    (tmp_path / "p.json").write_text(json.dumps(studies))
    assert read_predictions(tmp_path / "p.json").reports == {"s1": Report("Only words.")}


def test_sections_may_come_apart(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,findings,impression\ns1,Clear.,Normal.\n")
    assert read_predictions(tmp_path / "p.csv").reports["s1"] == Report(
        "Findings: Clear.\nImpression: Normal.", "Clear.", "Normal."
    )


def test_reasoning_is_kept_beside_its_report(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"id": "s1", "reasoning": "I look at the heart.", "report": "Normal."}')
    assert read_predictions(tmp_path / "p.jsonl").traces == {"s1": Trace((), "I look at the heart.")}


def test_an_id_with_two_reports_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,report\ns1,a\ns1,b\n")
    with pytest.raises(DataError, match=r"p.csv:3: study s1: this id occurs at line 2 with another report"):
        read_predictions(tmp_path / "p.csv")
    lenient = read_predictions(tmp_path / "p.csv", strict=False)
    assert lenient.reports == {"s1": Report("a")}
    assert [p.severity for p in lenient.problems] == ["error"]


def test_an_id_that_stands_twice_with_one_report_is_noted(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,report\ns1,a\ns1,a\n")
    read = read_predictions(tmp_path / "p.csv")
    assert read.reports == {"s1": Report("a")}
    assert any("kept once" in note for note in read.notes)


def test_positions_never_join(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps([ONE, TWO]))
    with pytest.raises(DataError, match="never by position"):
        read_predictions(tmp_path / "p.json")
    (tmp_path / "p.csv").write_text(f"report\n{TWO}\n")
    with pytest.raises(DataError, match="never joined by position"):
        read_predictions(tmp_path / "p.csv")


def test_an_empty_report_stays_and_is_noted(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"s1": "", "s2": None}))
    read = read_predictions(tmp_path / "p.json")
    assert read.reports == {"s1": Report(), "s2": Report()}
    assert any("empty report: 2 times" in note for note in read.notes)


@pytest.mark.parametrize("text", ["nan", "None", "N/A", "0.5", "-"])
def test_what_a_program_writes_for_nothing_is_an_empty_report_and_noted(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.csv").write_text(f"id,report\ns1,{text}\ns2,Clear.\n")
    read = read_predictions(tmp_path / "p.csv")
    assert read.reports["s1"] == Report()
    assert [(p.line, p.study) for p in read.problems] == [(2, "s1")]
    assert f"the report is {text!r}, read as an empty one" in read.notes[0]


def test_a_folder_and_a_header_alone_are_named_as_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder, not a file of reports"):
        read_predictions(tmp_path)
    (tmp_path / "p.csv").write_text("id,report\n")
    with pytest.raises(DataError, match=r"p\.csv: contains no reports"):
        read_predictions(tmp_path / "p.csv")


def test_columns_of_other_names_are_named_by_the_user(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("fall,text_b\ns1,a\n")
    with pytest.raises(DataError, match=r"its columns are fall, text_b\. Name it: --report-column id=COLUMN"):
        read_predictions(tmp_path / "p.csv")
    with pytest.raises(UsageError, match=r"--report-column id=fal: .*p\.csv has no such column"):
        read_predictions(tmp_path / "p.csv", {"id": "fal"})
    assert read_predictions(tmp_path / "p.csv", {"id": "fall", "report": "text_b"}).reports == {"s1": Report("a")}


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
    lambda text: "\r" not in text and not text.strip().startswith("'") and not error_message(text)
)
"""Without what a file says and a model does not: a mark of spreadsheets before a text, the error of a program."""


@given(st.dictionaries(st.uuids().map(str), texts, min_size=1, max_size=5))
def test_any_text_is_read_from_json_and_csv_as_a_reply_with_the_same_words(
    tmp_path_factory: pytest.TempPathFactory, reports: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "p.json").write_text(json.dumps(reports), encoding="utf-8")
    rows = "".join('{},"{}"\n'.format(key, text.replace('"', '""')) for key, text in reports.items())
    (folder / "p.csv").write_text("id,report\n" + rows, encoding="utf-8", newline="")
    for name in ("p.json", "p.csv"):
        read = read_predictions(folder / name).reports
        assert {key: report.text for key, report in read.items()} == {
            key: read_answer(Reply(text), "findings").report.text for key, text in reports.items()
        }


@pytest.mark.shared
def test_the_real_board_file_reads_as_predictions_too(shared_data: Path) -> None:
    read = read_predictions(shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json")
    assert len(read.reports) == 296
    assert all(report.findings and report.impression for report in read.reports.values())


@pytest.mark.parametrize(
    "names", [("medgemma_report", "Findings"), ("IMPRESSION", "chexagent_report"), ("v2_text", "report")]
)
def test_a_report_of_a_maker_beside_one_of_nobody_is_a_tie(tmp_path: Path, names: tuple[str, str]) -> None:
    rows = [{"id": study, **dict.fromkeys(names[:1], f"Clear {study}."), names[1]: "Small effusion."} for study in "ab"]
    (tmp_path / "p.json").write_text(json.dumps(rows))
    with pytest.raises(DataError, match="could each hold the model's reports") as told:
        read_predictions(tmp_path / "p.json")
    assert all(name in str(told.value) for name in names)


def test_sections_of_one_maker_are_no_tie(tmp_path: Path) -> None:
    rows = [{"id": "a", "medgemma_findings": "Clear lungs.", "medgemma_impression": "Normal chest."}]
    (tmp_path / "p.json").write_text(json.dumps(rows))
    assert read_predictions(tmp_path / "p.json").columns["findings"] == "medgemma_findings"
