"""Metrics of the ``evaluate`` catalogue, from a local folder as from the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite

pytestmark = pytest.mark.clinical

SCRIPT = """
import datasets
import evaluate


class Shared(evaluate.Metric):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")})
        return evaluate.MetricInfo(description="Words in common.", citation="", features=features)

    def _compute(self, predictions, references):
        shared = [len(set(p.split()) & set(r.split())) for p, r in zip(predictions, references)]
        return {"shared": sum(shared) / len(shared), "each": [float(n) for n in shared], "note": "text"}
"""


@pytest.fixture
def script(tmp_path: Path, hub_home: Path) -> Path:
    """A metric of the catalogue as a folder."""
    pytest.importorskip("evaluate", reason="needs the clinical environment (scripts/env-clinical)")
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "shared.py").write_text(SCRIPT)
    assert hub_home.is_dir()
    return folder


def example(candidate: str, reference: str | None, number: int) -> Example:
    study = Study(id=f"s{number}", reference=Report(findings=reference) if reference else None)
    return Example(study, Answer(study.id, "ok", report=Report(text=candidate)))


def test_every_number_of_a_pair_becomes_a_column(script: Path) -> None:
    (metric,) = suite([f"evaluate:{script}"])
    assert [column.label for column in metric.columns] == [
        "shared @ evaluate, mean of studies",
        "shared each @ evaluate, mean of studies",
    ]
    shown = [example("a b c", "b c d", 0), example("a", "b", 1), example("", "b", 2), example("a", None, 3)]
    context = metric.fit(Corpus([one.study for one in shown[:3]]))
    rows = metric.measure(shown, context)
    assert rows.tolist() == [[2.0, 2.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert metric.reduce(rows.sum(axis=0)) == pytest.approx([2 / 3, 2 / 3])
    assert "evaluate:" in metric.signature(context)


def test_a_metric_that_is_not_here_says_what_to_do(hub_home: Path) -> None:
    pytest.importorskip("evaluate", reason="needs the clinical environment (scripts/env-clinical)")
    assert hub_home.is_dir()
    found = suite(["evaluate:no-such-metric"])
    assert list(found) == []
    assert "evaluate:./folder" in str(found.missing[0])


def test_nothing_is_printed(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (metric,) = suite([f"evaluate:{script}"])
    values: Any = metric.measure([example("a", "a", 0)], metric.fit(Corpus([])))
    assert np.isfinite(values).all()
    assert capsys.readouterr() == ("", "")
