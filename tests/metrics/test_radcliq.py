"""RadCliQ: the formula, its inputs from other metrics, and from stored sub-scores."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.errors import DataError, MissingError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.composites.radcliq import V0, V1, Input, RadCliQ

IDENTICAL = -1.44069  # RadCliQ-v1 of a report with itself, as computed with CXR-Report-Metric's own model


def test_identical_reports_have_the_known_value() -> None:
    assert float(V1(np.ones(4))) == pytest.approx(IDENTICAL, abs=5e-6)


def test_the_known_fault_of_a_single_reference_with_idf_is_reproduced_by_its_inputs() -> None:
    # idf over one reference makes every weight 0: BERTScore 0, rescaled -5.5502; RadEval publishes 9.3726 for it
    assert float(V1(np.array([1.0, -5.5502, 1.0, 1.0]))) == pytest.approx(9.3726, abs=5e-4)


def test_a_better_bleu_worsens_v0_and_leaves_v1() -> None:
    low, high = np.array([0.2, 0.3, 0.4, 0.1]), np.array([0.2, 0.3, 0.4, 0.3])
    assert V0(high) > V0(low)
    assert float(V1(high) - V1(low)) == pytest.approx(0.0, abs=1e-11)


@pytest.mark.shared
@pytest.mark.parametrize("board", ["mimiccxr", "iu_xray"])
def test_boards_satisfy_the_formula(shared_data: Path, board: str) -> None:
    with (shared_data / f"boards/rexrank_2025_findings_result_{board}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 5
    close = 0
    for row in rows:
        scores = np.array([float(row[name]) for name in ("RadGraph", "BertScore", "SembScore", "BLEU")])
        close += abs(1 / float(V1(scores)) - float(row["1/RadCliQ-v1"])) < 0.01
    assert close >= 0.8 * len(rows)  # the rest are rows whose published means break the formula


def inputs() -> RadCliQ:
    names = ("radgraph@rexrank", "bertscore@rexrank", "semb@rexrank", "bleu@rexrank")
    return RadCliQ("radcliq@rexrank", [Input(name, 2, 0, 1) for name in names])


def test_the_mean_of_studies_is_the_formula_of_means() -> None:
    generator = np.random.default_rng(3)
    scores = generator.random((50, 4))
    rows = np.ones((50, 9))
    rows[:, 1::2] = scores
    metric = inputs()
    by_study, whole = metric.reduce(rows), metric.reduce(rows.sum(axis=0))
    assert by_study[:, 0].mean() == pytest.approx(whole[0])
    assert by_study[:, 2].mean() == pytest.approx(whole[2])
    assert whole[1] == pytest.approx(1 / by_study[:, 0].mean())
    assert whole[1] != pytest.approx(by_study[:, 1].mean(), rel=1e-3)


def test_no_study_gives_no_number() -> None:
    assert np.isnan(inputs().reduce(np.zeros(9))).all()


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return f"radcliq:{path}"


def study(name: str) -> Study:
    return Study(id=name, reference=Report(findings="Clear lungs."))


def test_stored_sub_scores_are_joined_by_id_and_by_the_names_of_cxr_report_metric(tmp_path: Path) -> None:
    name = write(
        tmp_path / "scores.csv",
        "study_id,bleu_score,bertscore,semb_score,radgraph_combined\nb,0,0,0,0\na,1,1,1,1\n",
    )
    (metric,) = suite([name])
    studies = [study("a"), study("b")]
    metric.fit(Corpus(studies))
    examples = [Example(one, Answer(one.id, "ok", report=Report(text="Clear."))) for one in studies]
    found = metric.reduce(metric.measure(examples, None))
    assert found[0, 0] == pytest.approx(IDENTICAL, abs=5e-6)
    assert found[1, 0] == pytest.approx(float(V1(np.zeros(4))))


def test_a_study_without_a_row_is_named(tmp_path: Path) -> None:
    name = write(tmp_path / "scores.csv", "id,bleu,bertscore,semb,radgraph\na,1,1,1,1\n")
    (metric,) = suite([name])
    with pytest.raises(MissingError, match="no row for 1 of 2 studies, such as c"):
        metric.fit(Corpus([study("a"), study("c")]))


def test_a_sub_score_that_is_not_there_is_named(tmp_path: Path) -> None:
    name = write(tmp_path / "scores.csv", "id,bleu,bertscore,semb\na,1,1,1\n")
    with pytest.raises(DataError, match="no column of RadGraph"):
        suite([name])
