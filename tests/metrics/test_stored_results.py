"""Labels, graphs and scores that others computed: read, joined by id, aggregated without weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.errors import DataError, MissingError, UsageError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.labelf1 import LABELS
from mmrad_eval.metrics.stored.labels import read_labels
from mmrad_eval.metrics.stored.tables import read_scores

CHEXBERT = (  # the order of CheXbert's label.py
    "Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,"
    "Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices,No Finding"
)
CHEXPERT = (  # the order of chexpert-labeler
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Lesion,Lung Opacity,Edema,Consolidation,Pneumonia,"
    "Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)


def row(header: str, **given: str) -> str:
    return ",".join(given.get(name.replace(" ", "_"), "") for name in header.split(","))


def examples(candidates: Sequence[str], reference: str = "Clear lungs.") -> list[Example]:
    return [
        Example(
            Study(id=f"s{n}", reference=Report(findings=reference)), Answer(f"s{n}", "ok", report=Report(text=text))
        )
        for n, text in enumerate(candidates)
    ]


def totals(name: str, shown: Sequence[Example], **options: str) -> dict[str, float]:
    (metric,) = suite([name], options=options)
    context = metric.fit(Corpus([one.study for one in shown]))
    values: FloatArray = metric.reduce(metric.measure(shown, context).sum(axis=0))
    return {column.name: float(value) for column, value in zip(metric.columns, values, strict=True)}


def test_both_orders_of_columns_mean_the_same(tmp_path: Path) -> None:
    one, other = tmp_path / "chexbert.csv", tmp_path / "chexpert.csv"
    given = {"Edema": "1.0", "Lung_Lesion": "-1", "Lung_Opacity": "0.0"}
    one.write_text(f"study_id,{CHEXBERT}\nx,{row(CHEXBERT, **given)}\n")
    other.write_text(f"study_id,{CHEXPERT}\nx,{row(CHEXPERT, **given)}\n")
    found = read_labels(one).rows["x"]
    assert found == read_labels(other).rows["x"]
    by_name = dict(zip(LABELS, found, strict=True))
    assert (by_name["Edema"], by_name["Lung Lesion"], by_name["Lung Opacity"], by_name["Fracture"]) == (1, -1, 0, 2)


def test_label_f1_of_two_files(tmp_path: Path) -> None:
    candidate, reference = tmp_path / "mine.csv", tmp_path / "gold.csv"
    candidate.write_text(f"id,{CHEXBERT}\ns0,{row(CHEXBERT, Edema='1')}\ns1,{row(CHEXBERT, Fracture='1')}\n")
    reference.write_text(f"id,{CHEXPERT}\ns1,{row(CHEXPERT, Edema='1')}\ns0,{row(CHEXPERT, Edema='1')}\n")
    found = totals(f"labels:{candidate}:{reference}", examples(["Edema.", "Fracture."]))
    assert found["mine micro-F1-14"] == pytest.approx(2 / 4)  # 1 hit, 1 extra, 1 missed
    assert found["mine micro-F1-5"] == pytest.approx(2 / 3)


def test_labels_without_ids_are_joined_by_the_text_that_was_labelled(tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.csv"
    labelled.write_text(
        f'Reports,{CHEXPERT}\n"Edema  is\nseen.",{row(CHEXPERT, Edema="1")}\nClear lungs.,{row(CHEXPERT)}\n'
    )
    found = totals(f"labels:{labelled}:{labelled}", examples(["Edema is seen."]))
    assert found["labelled micro-P-14"] == 0.0
    with pytest.raises(MissingError, match=r"no labels for study s0 \(joined by text\)"):
        totals(f"labels:{labelled}:{labelled}", examples(["A text that nobody labelled."]))


def test_an_empty_candidate_is_blank_whatever_the_file_says(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(f"id,{CHEXBERT}\ns0,{row(CHEXBERT, Edema='1')}\n")
    assert totals(f"labels:{labels}:{labels}", examples([" "]))["labels micro-F1-14"] == 0.0
    assert totals(f"labels:{labels}:{labels}", examples(["Edema."]))["labels micro-F1-14"] == 1.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"id,{CHEXBERT}\nx,{row(CHEXBERT, Edema='2')}\n", "'2' is not 1, 0, -1 or blank"),
        (f"id,{CHEXBERT}\nx,{row(CHEXBERT)}\nx,{row(CHEXBERT)}\n", "id 'x' occurs twice"),
        ("id,Edema\nx,1\n", "no column Atelectasis"),
        (f"{CHEXBERT}\n{row(CHEXBERT)}\n", "neither a column of study ids nor the text"),
        ("", "contains no rows"),
    ],
)
def test_a_file_of_labels_that_can_not_be_read_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_labels(path)


@pytest.mark.shared
def test_real_labels_of_chexpert_labeler_are_read(shared_data: Path) -> None:
    labels = read_labels(shared_data / "labeler/iu_valid_chexpert_labels.csv")
    assert len(labels.rows) == 296
    table = np.array(list(labels.rows.values()))
    assert set(np.unique(table)) == {-1, 0, 1, 2}
    by_text = read_labels(shared_data / "labeler/chexpert_labeled_reports.csv")
    assert (by_text.by, len(by_text.rows)) == ("text", 4)


def annotation(*entities: str, label: str = "OBS-DP") -> dict[str, object]:
    return {
        "text": " ".join(entities),
        "entities": {
            str(n): {"tokens": word, "label": label, "start_ix": n, "end_ix": n, "relations": []}
            for n, word in enumerate(entities, start=1)
        },
    }


def test_stored_graphs_are_joined_by_id_or_by_report_file(tmp_path: Path) -> None:
    candidate, reference = tmp_path / "mine.json", tmp_path / "gold.json"
    candidate.write_text(
        json.dumps([{"report_id": "s1", **annotation("a")}, {"report_id": "s0", **annotation("a", "b")}])
    )
    reference.write_text(json.dumps({"p10/p1/s0.txt": annotation("a"), "p10/p1/s1.txt": annotation("a")}))
    found = totals(f"graphs:{candidate}:{reference}", examples(["a b", "a"]))
    assert found["RadGraph-simple"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["RadGraph coverage"] == 1.0


def test_coverage_counts_references_that_have_an_entity(tmp_path: Path) -> None:
    graphs = tmp_path / "graphs.json"
    graphs.write_text(json.dumps({"s0": annotation("a"), "s1": annotation()}))
    found = totals(f"graphs:{graphs}:{graphs}", examples(["a", "nothing"]))
    assert (found["RadGraph-partial"], found["RadGraph coverage"]) == (0.5, 0.5)


def test_graphs_of_two_models_never_meet(tmp_path: Path) -> None:
    one, other = tmp_path / "v1.json", tmp_path / "xl.json"
    one.write_text(json.dumps({"s0": annotation("a")}))
    other.write_text(json.dumps({"s0": annotation("a", label="Observation::definitely present")}))
    with pytest.raises(UsageError, match="their labels differ"):
        suite([f"graphs:{one}:{other}"])
    other.write_text(json.dumps({"s0": annotation("a"), "s1": annotation("a", label="Anatomy::uncertain")}))
    with pytest.raises(DataError, match="mixes RadGraph 1 and RadGraph-XL"):
        suite([f"graphs:{one}:{other}"])


def test_numbered_graphs_are_refused_because_their_order_is_not_known(tmp_path: Path) -> None:
    graphs = tmp_path / "graphs.json"
    graphs.write_text(json.dumps({"0": annotation("a"), "1": annotation("b")}))
    with pytest.raises(DataError, match="numbered, not named"):
        suite([f"graphs:{graphs}:{graphs}"])


def test_every_numeric_column_of_a_csv_is_a_mean(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("study_id,ratescore,comment,green\ns0,0.5,good,1\ns1,0.7,,0\n")
    assert read_scores(scores).columns == ("ratescore", "green")
    found = totals(f"scores:{scores}", examples(["a", "b"]))
    assert found == {"ratescore": pytest.approx(0.6), "green": 0.5}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "s.csv",
            "id,GREEN,note\na,.5,good\nb,,bad\nc,.7,1\n",
            r"'GREEN' contains numbers, except in 1 of 3 rows \(row 2: ''",
        ),
        ("s.jsonl", '{"id": "a", "GREEN": 0.5}\n{"GREEN": 0.5}\n', "row 2 has no 'id'"),
    ],
)
def test_a_column_of_scores_with_holes_is_not_left_out(tmp_path: Path, name: str, content: str, message: str) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_scores(file)


def test_a_path_that_is_not_there_says_so(tmp_path: Path) -> None:
    found = suite([f"scores:{tmp_path / 'none.csv'}"])
    assert "can't be read" in str(found.missing[0])
    with pytest.raises(UsageError, match="there is no file"):
        suite([f"graphs:{tmp_path / 'a.json'}:{tmp_path / 'b.json'}"])


def test_a_cell_may_hold_line_breaks_of_any_kind_and_lines_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes('id,note,x\r\n"a","two\nlines\u2028and more",1\r\n\r\nb,c\u2028d,2\r\n'.encode())
    assert read_scores(path).rows == {"a": [1.0], "b": [2.0]}


@pytest.mark.parametrize(("line", "cells"), [("s1,0.5", 2), ("s1,0.5,0.25,1", 4)])
def test_a_line_with_cells_too_few_or_too_many_is_named(tmp_path: Path, line: str, cells: int) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(f"id,x,y\ns0,0.5,0.25\n{line}\n")
    with pytest.raises(DataError, match=rf"scores\.csv, line 3: {cells} cells where the header has 3"):
        suite([f"scores:{path}"])


@pytest.mark.parametrize("dash", ["-", "\u2013", "<NA>", "None"])
def test_a_dash_is_a_blank_label(dash: str, tmp_path: Path) -> None:
    cells = f"x,{row(CHEXBERT, Edema='1')}".replace(",,", f",{dash},").replace(",,", f",{dash},")
    path = tmp_path / "labels.csv"
    path.write_text(f"id,{CHEXBERT}\n{cells}\n", encoding="utf-8")
    assert sorted(read_labels(path).rows["x"]) == [1, *[2] * 13]


def test_labels_that_were_cut_off_are_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"id,{CHEXBERT}\ns0,{row(CHEXBERT)}\ns1,1,0")
    with pytest.raises(DataError, match=r"labels\.csv, line 3: 3 cells where the header has 15"):
        read_labels(path)


@pytest.mark.parametrize("kind", ["scores", "labels"])
def test_two_files_that_would_fill_one_column_are_refused(tmp_path: Path, kind: str) -> None:
    paths = [tmp_path / "A/out.csv", tmp_path / "B/out.csv"]
    for edema, path in enumerate(paths):
        path.parent.mkdir()
        path.write_text(
            f"id,{CHEXBERT}\ns0,{row(CHEXBERT, Edema=str(edema)) if kind == 'labels' else '0,' * 13 + '1'}\n"
        )
    names = [f"{kind}:{path}:{paths[0]}" if kind == "labels" else f"{kind}:{path}" for path in paths]
    with pytest.raises(UsageError, match=r"A/out\.csv.* and .*B/out\.csv.* would both fill the column .*another name"):
        suite(names)
    assert len(suite([names[0]])) == 1
