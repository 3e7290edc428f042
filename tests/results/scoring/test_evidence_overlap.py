"""The line that says how much of the references the words of their traces hold."""

from __future__ import annotations

import pytest

from mmrad_eval.core.values import Report, Step, Study, Trace
from mmrad_eval.results.scoring import evidence_overlap

SAID = "the heart is normal in size and the lungs are clear of any disease"


def study(number: int, words: str) -> Study:
    """A study whose trace says ``words``."""
    return Study(str(number), reference=Report(SAID, findings=SAID), trace=Trace((Step("lungs", text=words),)))


def test_words_that_are_the_reference_hold_all_of_it_and_foreign_words_next_to_nothing() -> None:
    assert evidence_overlap.note([study(0, SAID)], "findings").startswith("ROUGE-L(T*, R*) 1.000 over 1 studies:")
    # the full stop that ends each text is a word of it: recall 1/15, precision 1/3, ROUGE-L .099 with beta 1.2
    assert "0.550 over 2 studies" in evidence_overlap.note(
        [study(0, f"{SAID}."), study(1, "entirely other")], "findings"
    )
    assert not evidence_overlap.note([Study("0", reference=Report(SAID))], "report")


def test_of_many_studies_some_from_beginning_to_end_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_overlap, "MOST", 4)
    studies = [study(i, SAID if i < 10 else "entirely other") for i in range(20)]

    assert "0.55 over 4 of 20 studies" in evidence_overlap.note(studies, "findings")
