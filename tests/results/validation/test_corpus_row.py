"""Published values of a whole corpus, explained by the convention that gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmrad_eval import score
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Example, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.results.validation.corpus_row import explain_whole, pairs_of_all, read_corpus_row
from mmrad_eval.results.validation.reproduce import ours
from mmrad_eval.results.validation.score_files import read_sheet

REFERENCES = [
    "the lungs are clear . there is no pleural effusion .",
    "the heart is enlarged . there is a small left effusion .",
    "no acute disease is seen in the chest .",
]
REPORTS = [
    "the lungs are clear . no effusion .",
    "the heart is mildly enlarged . there is a left effusion .",
    "there is no acute disease .",
]


def _examples(path: Path) -> list[Example]:
    studies = [Study(str(i), reference=Report(text=text, findings=text)) for i, text in enumerate(REFERENCES)]
    return pairs_of_all(path, studies, {str(i): Report(text=text, findings=text) for i, text in enumerate(REPORTS)})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"Bleu_4": VALUE, "ROUGE_L": 0.999}'),
        ("b.json", '[{"model": "ours", "Bleu_4": VALUE, "ROUGE_L": 0.999}]'),
        ("c.csv", "Bleu_4,ROUGE_L\nVALUE,0.999\n"),
        ("d.csv", "Model,Bleu_4,ROUGE_L\nours,VALUE,0.999\n"),
    ],
)
def test_a_published_row_is_explained_by_the_value_over_the_corpus(name: str, text: str, tmp_path: Path) -> None:
    value = score(REPORTS, REFERENCES, ["bleu@raw"], resamples=10)["BLEU-4 @ raw"]
    path = tmp_path / name
    path.write_text(text.replace("VALUE", f"{value:.4f}"))
    sheet = read_corpus_row(path)
    assert sheet is not None
    bleu, rouge = explain_whole(sheet, list(ours(_examples(path), suite(["bleu@raw", "rouge@raw"]), ("findings",))))
    assert bleu.verdict == "explained"
    assert bleu.best is not None
    assert bleu.best.ours.label == "BLEU-4 @ raw"
    assert rouge.verdict == "not explained"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id,BLEU\ns1,0.1\n"),
        ("a.csv", "BLEU\n0.1\n0.2\n"),
        ("a.json", '[{"id": "a", "bleu": 0.1}]'),
        ("a.json", '{"a": {"bleu": 0.1}}'),
    ],
)
def test_a_file_with_rows_of_reports_is_no_row_of_a_corpus(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert read_corpus_row(tmp_path / name) is None


def test_values_of_a_corpus_need_the_texts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name the texts with --predictions and --references"):
        pairs_of_all(tmp_path / "a.json", [], None)


def test_scores_of_reports_may_be_an_object_by_id(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text('{"s1": {"bleu_4": 0.5, "rouge_l": 1}, "s2": {"bleu_4": 0.25, "rouge_l": 0}}')
    sheet = read_sheet(tmp_path / "scores.json")
    assert (sheet.kind, sheet.names) == ("reports", ("s1", "s2"))
    assert {name: list(values) for name, values in sheet.numbers.items()} == {"bleu_4": [0.5, 0.25], "rouge_l": [1, 0]}
