"""The same words give the same report, sections, status and scores, whatever their form and wherever they come from."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mmrad_eval import score
from mmrad_eval.core.values import Answer, Example, Reply, Study
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.tasks.answers import read_answer
from tests.raw_text import degenerate_texts, thinking_forms, thoughts_by_form, unseen, written_reports
from tests.raw_text.suite import Case
from tests.raw_text.written_forms import KINDS


def _cases() -> Iterator[Case]:
    for kind in KINDS:
        yield from written_reports.cases(kind)
    yield from written_reports.in_json()
    yield from written_reports.without_sections()
    yield from thoughts_by_form.cases()
    yield from thinking_forms.cases()
    yield from degenerate_texts.cases()
    for drawn in unseen.KINDS.values():
        yield from drawn("third")


def _texts() -> dict[str, str]:
    """One text of each form, by a number."""
    forms = {case.form: case.raw for case in _cases()}
    return {f"s{number}": text for number, text in enumerate(forms.values())}


TEXTS = _texts()
REFERENCE = "The heart is normal in size. The lungs are clear."
REPLIES: Mapping[str, Answer] = {study: read_answer(Reply(text), "findings") for study, text in TEXTS.items()}


def _csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("study_id", "report"), *TEXTS.items()])


def _json_lines(path: Path) -> None:
    path.write_text("".join(json.dumps({"id": k, "prediction": v}) + "\n" for k, v in TEXTS.items()), encoding="utf-8")


def _json_list(path: Path) -> None:
    rows = [{"study_id": k, "response": v} for k, v in TEXTS.items()]
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def _board(path: Path) -> None:
    row = {"report": REFERENCE, "section_findings": REFERENCE}
    path.write_text(json.dumps({k: row | {"model_prediction": v} for k, v in TEXTS.items()}), encoding="utf-8")


FORMS: Mapping[str, tuple[str, Callable[[Path], None]]] = {
    "csv": ("p.csv", _csv),
    "jsonl": ("p.jsonl", _json_lines),
    "JSON": ("list.json", _json_list),
    "ReXrank": ("board.json", _board),
}


def test_there_are_many_forms() -> None:
    assert len(TEXTS) > 700


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_from_a_file_as_from_a_model(tmp_path: Path, form: str) -> None:
    name, write = FORMS[form]
    write(tmp_path / name)

    read = read_predictions(tmp_path / name)

    for study, reply in REPLIES.items():
        answer = read.answer(study)
        assert answer is not None, TEXTS[study]
        assert (answer.status, answer.report, answer.events) == (reply.status, reply.report, reply.events), TEXTS[study]
        assert (answer.trace and answer.trace.text) == (reply.trace and reply.trace.text), TEXTS[study]


def test_every_form_is_read_and_scored_in_python_as_from_a_model() -> None:
    references = dict.fromkeys(TEXTS, REFERENCE)

    found = score(TEXTS, references, ["bleu@raw"], resamples=2)

    assert [(a.status, a.report, a.events) for a in found.answers] == [
        (a.status, a.report, a.events) for a in REPLIES.values()
    ]
    scored = {study: Example(Study(study), answer).candidate for study, answer in REPLIES.items()}
    again = score(scored, references, ["bleu@raw"], resamples=2)
    assert found["BLEU-4 @ raw"] == pytest.approx(again["BLEU-4 @ raw"])
