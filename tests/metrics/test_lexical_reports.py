"""The lexical profiles on 296 real reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.metrics import members

pytestmark = pytest.mark.shared
Score = Callable[..., Any]
NORMAL = "The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax."


@pytest.fixture(scope="module")
def references(shared_data: Path) -> list[str]:
    path = shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json"
    return [study["section_findings"] for study in json.loads(path.read_text(encoding="utf-8")).values()]


@pytest.fixture(params=[name for name in members(["lexical"]) if not name.startswith("meteor")])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_references_themselves_reach_each_columns_best(score: Score, references: list[str], name: str) -> None:
    scored = score(name, [(text, text) for text in references])
    for column, value in zip(scored.metric.columns, scored.total, strict=True):
        if column.best is None:
            assert column.name == "CIDEr-D"
            assert 9.5 < value <= 10 + 1e-9
        else:
            assert value == pytest.approx(column.best, abs=1e-9)


def test_a_normal_report_and_other_patients_reports_are_far_below(
    score: Score, references: list[str], name: str
) -> None:
    shuffled = references[1:] + references[:1]
    for candidates in ([NORMAL] * len(references), shuffled):
        scored = score(name, list(zip(candidates, references, strict=True)))
        best = score(name, [(text, text) for text in references]).total
        assert (scored.total < 0.6 * best).all()
        assert np.isfinite(scored.studies).all()
