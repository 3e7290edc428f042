"""The page on which traces are read, in a browser: boxes follow statements, every question by keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.reader_studies.make import StudyPlan, rate

pytestmark = pytest.mark.browser


def test_a_trace_is_rated_by_keys_and_its_boxes_are_lit(window: Any, tmp_path: Path) -> None:
    plan = StudyPlan("rate", 3, 1, truth="reference", plant=0.0, repeats=0.0, edge=256)
    key = rate(datasets.load("demo"), plan, tmp_path / "a")
    window.size(1440, 950)
    window.open(tmp_path / "a" / "pages" / f"reader-{key.readers[0].code}.html")
    window.press("1", "Tab", "1", "2", "Enter")

    window.press("b")
    lit = window.js("return [...document.querySelectorAll('.lit')].map(n => [n.tagName, n.dataset.n])")
    assert sorted(lit) == [["LI", "1"], ["g", "1"]]
    window.press("B")
    assert window.js("return getComputedStyle(document.querySelector('.boxes')).display") == "none"

    window.press("4", "3", "2", "1")
    given = window.js("return [...document.querySelectorAll('input:checked')].map(n => n.name + n.value)")
    assert given == ["rating4", "text_vs_image3", "text_vs_report2", "box_fits1"]
    window.press("Enter")
    assert window.text("#heading") == "Reading 2 of 3"
    assert window.log() == []
