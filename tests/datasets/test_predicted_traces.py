"""Traces made elsewhere come with their reports, in any format, and reach the answers of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.traces.convert import convert

GOLDEN = Path(__file__).parent.parent / "golden" / "traces"


@pytest.mark.parametrize(("name", "study"), [("mmrad", "s1"), ("anole", "s1"), ("zebra", "zebra-1")])
def test_records_of_traces_are_reports_with_traces(name: str, study: str) -> None:
    found = read_predictions(GOLDEN / f"{name}.jsonl")
    assert list(found.reports) == list(found.traces) == [study]
    assert found.reports[study].text
    first = found.traces[study].steps[0]
    assert first.text
    assert first.image is not None
    assert first.image.path.startswith(str(GOLDEN))


def test_the_neutral_record_too(tmp_path: Path) -> None:
    convert(GOLDEN / "anole.jsonl", tmp_path / "traces.parquet")
    found = read_predictions(tmp_path / "traces.parquet")
    assert found.reports["s1"].findings == "Clear."
    assert [step.category for step in found.traces["s1"].steps] == ["lungs", "bones"]


def test_rows_about_questions_hold_no_reports() -> None:
    with pytest.raises(DataError):
        read_predictions(GOLDEN / "thinkvg.jsonl")


def test_reasoning_in_words_has_the_steps_that_it_marks(tmp_path: Path) -> None:
    words = "Step 1: heart [1, 2, 30, 40]: Large.\nStep 2: lungs: Clear."
    (tmp_path / "p.jsonl").write_text(json.dumps({"id": "s1", "trace": words, "report": "Large heart."}))
    trace = read_predictions(tmp_path / "p.jsonl").traces["s1"]
    assert [(s.region, s.text) for s in trace.steps] == [("heart", "Large."), ("lungs", "Clear.")]
    assert trace.steps[0].box == Box((1, 2, 30, 40), "pad_square_336")
    assert trace.text == words


def test_two_records_of_one_study_are_an_error_and_an_invalid_one_a_warning(tmp_path: Path) -> None:
    line = (GOLDEN / "anole.jsonl").read_text(encoding="utf-8")
    other = json.loads(line) | {"text": "Summarizing the previous analysis, I say: Other."}
    (tmp_path / "p.jsonl").write_text(line + json.dumps(other) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="s1"):
        read_predictions(tmp_path / "p.jsonl")
    record = json.loads((GOLDEN / "mmrad.jsonl").read_text(encoding="utf-8"))
    (tmp_path / "p.jsonl").write_text(json.dumps(record | {"images": record["images"][:2]}), encoding="utf-8")
    found = read_predictions(tmp_path / "p.jsonl")
    assert "3 <image> placeholders and 2 images" in str(found.problems[0])
    assert [step.image for step in found.traces["s1"].steps] == [None, None]


def test_they_reach_the_answers_and_other_traces_are_another_run(tmp_path: Path) -> None:
    from mmrad_eval.harness.plan import RunOptions, make_plan
    from mmrad_eval.harness.run import answer_all, open_run
    from mmrad_eval.harness.stopping import StopSignal
    from mmrad_eval.model_registry.answerers import FileAnswerer
    from mmrad_eval.tasks import load

    path = tmp_path / "p.jsonl"
    rows = [
        {"id": "demo-01", "trace": "Step 1: heart: Normal.", "report": "Normal."},
        {"id": "demo-02", "report": "Ill."},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = FileAnswerer(read_predictions(path))
    plan = make_plan(model, load("imported"), datasets.load("demo"), RunOptions(limit=2))
    folder = open_run(plan, tmp_path / "out", data="demo", data_options={}, command="", attestation=None)
    answer_all(plan, folder, StopSignal(), watch=lambda *_: None)
    first, second = folder.answers()
    assert first.trace is not None
    assert (first.status, first.trace.steps[0].region, second.trace) == ("ok", "heart", None)
    revision = FileAnswerer(read_predictions(path)).card.revision
    path.write_text("".join(json.dumps({**row, "trace": "Step 1: lungs: Normal."}) + "\n" for row in rows))
    assert FileAnswerer(read_predictions(path)).card.revision != revision
