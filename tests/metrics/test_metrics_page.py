"""The Python examples of docs/metrics.md run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_each_block_runs(block: str) -> None:
    exec(compile(block, str(PAGE), "exec"), {})


def test_the_metric_that_the_page_shows_fits_the_contract() -> None:
    names: dict[str, object] = {}
    exec(next(block for block in BLOCKS if "class Words" in block), names)
    words = names["Words"]
    assert callable(words)
    [metric] = suite([words], stored=False)
    study = Study(id="a", reference=Report(findings="x"))
    rows = metric.measure(
        [Example(study, Answer(study="a", report=Report(text="two words")))], metric.fit(Corpus([study]))
    )
    assert metric.reduce(rows.sum(axis=0)).tolist() == [2.0]
