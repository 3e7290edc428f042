"""Models that see no request: baselines and files of reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmrad_eval.core.contracts import Answerer
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Report, Step, Study, Trace
from mmrad_eval.model_registry import resolve

A = Study("a", patient="1", reference=Report("FINDINGS: A.", findings="A."))
B = Study("b", patient="2", reference=Report("FINDINGS: B.", findings="B."))
NONE = Study("c", patient="3")


def donor(study: Study, where: Callable[[Study], bool] | None = None) -> Study:
    return next(other for other in (NONE, B, A) if other is not study and (where is None or where(other)))


def answerer(spec: str) -> Answerer:
    model = resolve(spec)
    assert isinstance(model, Answerer)
    return model


def test_evidence_joins_the_words_that_are_shown() -> None:
    shown = Trace(
        steps=(Step(text=" Heart is normal. "), Step(text=""), Step(text="Lungs are clear.")), text="So: normal."
    )
    assert answerer("baseline:evidence").answer(A, shown, donor) == Report(
        "Heart is normal. Lungs are clear. So: normal."
    )


@pytest.mark.parametrize("shown", [None, Trace()])
def test_evidence_has_nothing_to_say_where_nothing_is_shown(shown: Trace | None) -> None:
    assert answerer("baseline:evidence").answer(A, shown, donor) == Report()


def test_normal_is_the_same_for_all_and_has_both_sections() -> None:
    first, second = (answerer("baseline:normal").answer(study, None, donor) for study in (A, B))

    assert first == second
    assert isinstance(first, Report)
    assert first.findings
    assert first.impression


def test_reference_is_the_study_s_own_and_none_where_there_is_none() -> None:
    model = answerer("baseline:reference")
    assert model.answer(A, None, donor) == A.reference
    assert model.answer(NONE, None, donor) is None


def test_shuffle_is_another_patient_s_who_has_one() -> None:
    assert answerer("baseline:shuffle").answer(A, None, donor) == B.reference


def test_a_file_of_reports_answers_by_id_and_another_content_is_another_model(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("id,report\na,Clear lungs.\n")
    model = answerer(f"file:{path}")
    answer = model.answer(A, None, donor)

    assert isinstance(answer, Answer)
    assert (answer.status, answer.report.text) == ("ok", "Clear lungs.")
    assert model.answer(B, None, donor) is None
    path.write_text("id,report\na,Opaque lungs.\n")
    assert answerer(f"file:{path}").card.revision != model.card.revision


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        resolve(f"file:{tmp_path}/gone.csv")
