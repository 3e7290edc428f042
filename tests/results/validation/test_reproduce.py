"""Published scores are matched to the convention that made them, or to none."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.composites.radcliq import V1
from mmrad_eval.results.tables import render
from mmrad_eval.results.validation.reproduce import ALL, MOST, MOVED, NOT, Explained, explain, ours, pairs, table_of
from mmrad_eval.results.validation.score_files import ScoreFile, read_sheet

SIZES = ["normal", "enlarged", "mildly enlarged", "stable", "top normal", "obscured"]
REFERENCES = [f"The heart is {size}. No effusion, or pneumothorax {number}." for number, size in enumerate(SIZES * 3)]
REPORTS = [f"There is no effusion {number}. The heart is {size}." for number, size in enumerate(SIZES[::-1] * 3)]
IDS = [f"s{number}" for number in range(len(REPORTS))]


def published(folder: Path, columns: Mapping[str, Sequence[object]], mean: Sequence[object] = ()) -> ScoreFile:
    """A file with ids, references, reports and these columns of scores."""
    path = folder / "published.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "reference", "prediction", *columns])
        writer.writerows(zip(IDS, REFERENCES, REPORTS, *columns.values(), strict=True))
        if mean:
            writer.writerow(["mean", "", "", *mean])
    return read_sheet(path)


def explained(sheet: ScoreFile, names: Sequence[str] = ("bleu", "rouge")) -> dict[str, Explained]:
    examples = pairs(sheet)
    return {one.column: one for one in explain(sheet, examples, list(ours(examples, suite(names))))}


def nltk_bleu2() -> list[float]:
    bleu = pytest.importorskip("nltk.translate.bleu_score")
    smooth = bleu.SmoothingFunction().method1
    split = [[text.lower().replace(".", " .").split() for text in texts] for texts in (REFERENCES, REPORTS)]
    return [float(bleu.sentence_bleu([r], c, (0.5, 0.5), smooth)) for r, c in zip(*split, strict=True)]


def test_columns_of_the_fields_packages_are_matched_to_their_profiles(tmp_path: Path) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"], use_stemmer=True)
    rouge = [scorer.score(r, c)["rougeL"].fmeasure for r, c in zip(REFERENCES, REPORTS, strict=True)]
    coco = pytest.importorskip("pycocoevalcap.rouge.rouge").Rouge()
    plain = [coco.calc_score([c], [r]) for r, c in zip(REFERENCES, REPORTS, strict=True)]
    columns = {"x": nltk_bleu2(), "y": [round(100 * value, 1) for value in rouge], "z": plain}
    found = explained(published(tmp_path, columns))
    assert {column: one.verdict for column, one in found.items()} == dict.fromkeys("xyz", ALL)
    best = {column: one.best for column, one in found.items()}
    assert best["x"] is not None
    assert (best["x"].ours.label, best["x"].equal, best["x"].rows) == ("BLEU-2 @ rexrank", 18, 18)
    assert best["y"] is not None
    assert (best["y"].ours.label, best["y"].scale) == ("ROUGE-L @ radeval", " in percent")
    assert best["z"] is not None
    assert best["z"].ours.label == "ROUGE-L @ raw"
    assert "BLEU-2 @ rexrank" in render(table_of(read_sheet(tmp_path / "published.csv"), list(found.values())), "md")


def test_options_of_preparation_are_tried(tmp_path: Path) -> None:
    (metric,) = suite(["bleu@r2gen-iu"], options={"candidate": "as-is"})
    sheet = published(tmp_path, {"B1": [0.0] * len(IDS)})
    examples = pairs(sheet)
    from mmrad_eval.core.contracts import Corpus

    values = metric.reduce(metric.measure(examples, metric.fit(Corpus([one.study for one in examples]))))[:, 0]
    found = explained(published(tmp_path, {"B1": values.tolist()}))["B1"]
    assert found.verdict == ALL
    assert found.best is not None
    assert "|candidate:as-is|" in found.best.ours.signature


def test_a_few_changed_rows_are_named(tmp_path: Path) -> None:
    values = nltk_bleu2()
    values[4] += 0.1
    sheet = published(tmp_path, {"bleu": values})
    found = explained(sheet)["bleu"]
    assert found.verdict == MOST
    assert "s4 (line 6)" in render(table_of(sheet, [found]), "md")


def test_values_of_other_rows_are_recognised(tmp_path: Path) -> None:
    values = nltk_bleu2()
    assert explained(published(tmp_path, {"bleu": values[1:] + values[:1]}))["bleu"].verdict == MOVED


def test_noise_is_not_explained(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).random(len(IDS)).tolist()
    found = explained(published(tmp_path, {"score": noise}))["score"]
    assert found.verdict == NOT


def test_a_composite_is_explained_by_the_files_own_parts(tmp_path: Path) -> None:
    parts = np.random.default_rng(6).random((len(IDS), 4))
    names = ("radgraph_combined", "bertscore", "semb_score", "bleu_score")
    columns = {name: parts[:, n].tolist() for n, name in enumerate(names)} | {"RadCliQ-v1": V1(parts).tolist()}
    found = explained(published(tmp_path, columns))["RadCliQ-v1"]
    assert found.verdict == ALL
    assert found.best is not None
    assert found.best.ours.label == "RadCliQ-v1 of its own parts"


@pytest.mark.parametrize(
    ("mean", "what"),
    [("rows", "the mean of its rows"), ("corpus", "the value over the whole corpus"), ("other", "neither")],
)
def test_a_row_of_means_is_told_from_a_corpus_value(tmp_path: Path, mean: str, what: str) -> None:
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu").Bleu(4)
    texts = [{n: [text] for n, text in enumerate(texts)} for texts in (REFERENCES, REPORTS)]
    corpus, studies = bleu.compute_score(*texts, verbose=0)
    stated = {"rows": float(np.mean(studies[0])), "corpus": corpus[0], "other": 0.5}[mean]
    found = explained(published(tmp_path, {"B1": studies[0]}, [stated]))["B1"]
    assert found.verdict == ALL
    assert found.mean.startswith(what)


def test_references_may_come_from_a_dataset_and_reports_from_another_file(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    lines = [f"{name},{value!r}" for name, value in zip(IDS, nltk_bleu2(), strict=True)]
    path.write_text("\n".join(["id,bleu", *lines]), encoding="utf-8")
    sheet = read_sheet(path)
    studies = [Study(id=n, reference=Report(findings=text)) for n, text in zip(IDS, REFERENCES, strict=True)]
    reports = {name: Report(text=text) for name, text in zip(IDS, REPORTS, strict=True)}
    examples = pairs(sheet, studies, reports)
    (found,) = explain(sheet, examples, list(ours(examples, suite(["bleu@rexrank"]))))
    assert found.verdict == ALL
    with pytest.raises(DataError, match="no texts of reports"):
        pairs(sheet, studies)
    with pytest.raises(DataError, match="no references"):
        pairs(sheet, (), reports)
    with pytest.raises(DataError, match="references like 'zz'"):
        pairs(sheet, [Study(id="zz", reference=Report(findings="x"))], reports)
