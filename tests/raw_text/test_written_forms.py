"""How many reports are read as they are meant, in forms of many kinds, and thoughts with unusual marks."""

from __future__ import annotations

import pytest

from tests.raw_text import thoughts_by_form, written_reports
from tests.raw_text.suite import rate
from tests.raw_text.written_forms import KINDS as FORMS

LEAST = 0.98
KINDS = (*FORMS, "JSON")
"""At first sight: lists .538, summaries .538, numbered sections .654, tables .600, YAML .440, HTML and LaTeX .538,
escaped line ends .720, wide marks .560, other languages .154, JSON .714, thoughts .219; reports
that resemble them .985 and 1.
"""


@pytest.mark.parametrize("kind", KINDS)
def test_reports_of_a_form_are_read_as_they_are_meant(kind: str) -> None:
    cases = list(written_reports.in_json() if kind == "JSON" else written_reports.cases(kind))
    right, count = rate(cases)

    assert count >= 200
    assert right / count >= LEAST


def test_reports_that_resemble_a_form_stay_whole() -> None:
    right, count = rate(written_reports.without_sections())

    assert right / count >= LEAST


def test_thoughts_of_unusual_forms_are_told_from_the_report() -> None:
    right, count = rate(thoughts_by_form.cases())

    assert right / count >= LEAST


def test_reports_with_quotes_and_plans_stay_whole() -> None:
    right, count = rate(thoughts_by_form.reports())

    assert right / count >= LEAST
