"""Transcripts of other harnesses: looks with their boxes and pictures, and what of the words is the report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.core.contracts import is_client
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Box, Trace
from mmrad_eval.datasets.predictions import Predictions, read_predictions
from mmrad_eval.model_registry import resolve
from mmrad_eval.traces.convert import convert, read
from mmrad_eval.traces.record import TraceRecord, faults, trace_of
from mmrad_eval.traces.transcript_files import transcript

REPORT = "FINDINGS: The heart is enlarged.\nIMPRESSION: Cardiomegaly."


def call(box: Any, label: str = "heart") -> str:
    arguments = {"bbox_2d": box, "label": label}
    return f"<tool_call>\n{json.dumps({'name': 'image_zoom_in_tool', 'arguments': arguments})}\n</tool_call>"


FIRST = f"<think>I look at the heart.</think>{call([100, 150, 220, 260])}"
SECOND = f"<think>It is large. Now the left lung.</think>{call([10, 20, 90, 200], 'left lung')}"
LAST = f"<think>The lung is clear.</think><answer>{REPORT}</answer>"
SHOWN = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,"}},
                                     {"type": "text", "text": "Think first."}]}  # fmt: skip


def said(*texts: str) -> list[dict[str, Any]]:
    """The messages of a loop, as DeepEyes' evaluation prints them: pictures emptied."""
    turns: list[dict[str, Any]] = [{"role": "system", "content": call([10, 20, 100, 200], "the apple")}, SHOWN]
    for text in texts:
        turns += [{"role": "assistant", "content": text}, SHOWN]
    return turns[:-1]


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


DEEPEYES = {"image": "demo-01.png", "question": "?", "answer": "A", "pred_ans": REPORT, "status": "success"}


def deepeyes(path: Path, *texts: str, **fields: Any) -> Path:
    return lines(path, DEEPEYES | {"pred_output": said(*(texts or (FIRST, SECOND, LAST)))} | fields)


def one(found: Predictions, study: str = "demo-01") -> Trace:
    assert set(found.reports) == {study}
    assert found.reports[study].findings == "The heart is enlarged."
    assert found.understood[study].status == "ok"
    return found.traces[study]


def boxes(trace: Trace) -> list[Any]:
    return [step.box.xyxy if step.box else None for step in trace.steps]


def the_two_looks(trace: Trace) -> None:
    assert boxes(trace) == [(100, 150, 220, 260), (10, 20, 90, 200)]
    assert [step.region for step in trace.steps] == ["heart", "left lung"]
    assert [step.text for step in trace.steps] == ["It is large. Now the left lung.", "The lung is clear."]
    assert {step.category for step in trace.steps} == {"heart_mediastinum", "lungs"}


def test_deepeyes_results_keep_their_looks_and_cut_them_anew(tmp_path: Path) -> None:
    found = read_predictions(deepeyes(tmp_path / "result_a.jsonl"))
    trace = one(found)
    the_two_looks(trace)
    images = [step.image for step in trace.steps if step.image]
    assert [(image.source, image.render, image.name) for image in images] == [("tool", "crop", "demo-01.png")] * 2


def test_a_sample_that_broke_off_is_pending_and_a_loop_without_an_answer_is_scored_as_it_is(tmp_path: Path) -> None:
    broken = DEEPEYES | {"pred_output": said(FIRST), "status": "error", "image": "demo-02.png"}
    endless = DEEPEYES | {"pred_output": said(FIRST, SECOND), "pred_ans": SECOND}
    found = read_predictions(lines(tmp_path / "result.jsonl", endless, broken))
    assert set(found.reports) == {"demo-01"}
    assert found.understood["demo-01"].status != "ok"
    assert any("stopped at this sample" in note for note in found.notes)


def test_a_look_that_was_not_kept_is_cut_from_the_study_s_own_film(tmp_path: Path) -> None:
    model = resolve(f"file:{deepeyes(tmp_path / 'result.jsonl')}")
    assert not is_client(model)
    study = next(study for study in datasets.load("demo").studies if study.id == "demo-01")
    answer = model.answer(study, None, lambda other, _=None: other)
    trace = getattr(answer, "trace", None)
    assert trace is not None
    assert {step.image.path for step in trace.steps} == {study.images[0].path}
    assert [step.image.box for step in trace.steps] == [step.box for step in trace.steps]


ANSWERED = "\nuser\n<tool_response>\nThink first.</tool_response>\nassistant\n"
FLAT = f"{FIRST}{ANSWERED}{SECOND}<tool_response></tool_response>{LAST}"
MARKED = f"Round_0: I look at the heart.\n[Image: a.png]\nRound_1: It is large.\n[Image: b.png]\nRound_2: {REPORT}"


@pytest.mark.parametrize(
    "row",
    [
        {"id": "demo-01", "input": "prompt", "output": FLAT, "gts": "", "score": 0.0, "step": 3},
        {"id": "demo-01", "response": FLAT, "labels": None, "messages": [], "images": []},
        {"doc_id": "demo-01", "input": "prompt", "target": "", "resps": [[FLAT]], "filtered_resps": [FLAT]},
    ],
    ids=["verl", "ms-swift", "lmms-eval"],
)
def test_calls_in_flat_words_are_looks_whose_pictures_were_not_kept(tmp_path: Path, row: dict[str, Any]) -> None:
    the_two_looks(one(read_predictions(lines(tmp_path / "file.jsonl", row))))


def test_pictures_of_vlmevalkit_stand_between_the_words(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f'index,prediction\ndemo-01,"{MARKED}"\n')
    trace = one(read_predictions(table))
    assert [Path(step.image.path).name for step in trace.steps if step.image] == ["a.png", "b.png"]
    assert boxes(trace) == [None, None]
    assert trace.steps[0].text == "It is large."


def test_pictures_and_rounds_of_lmms_eval_are_found_in_its_json(tmp_path: Path) -> None:
    drawn = {"text": REPORT, "images": ["a.png"]}
    looped = {"agentic_rounds": [{"output": FIRST}, {"output": SECOND}], "text": LAST}
    for told, count in ((drawn, 1), (looped, 2)):
        row = {"doc_id": "demo-01", "resps": [[json.dumps(told)]], "filtered_resps": [json.dumps(told)]}
        assert len(one(read_predictions(lines(tmp_path / "samples_x.jsonl", row))).steps) == count


def test_words_without_looks_are_read_as_before(tmp_path: Path) -> None:
    row = {"doc_id": "demo-01", "resps": [["{not json} " + REPORT]], "filtered_resps": [REPORT]}
    found = read_predictions(lines(tmp_path / "samples.jsonl", row))
    assert found.reports["demo-01"].findings == "The heart is enlarged."
    assert "demo-01" not in found.traces or not found.traces["demo-01"].steps


def test_a_converted_transcript_is_a_whole_record_that_names_what_was_lost(tmp_path: Path) -> None:
    done = convert(deepeyes(tmp_path / "result.jsonl"), tmp_path / "out.jsonl")
    (record,) = read(tmp_path / "out.jsonl")
    assert done.source == "deepeyes"
    assert (faults(record), record.invalid) == ([], "")
    assert (record.provenance.mode, record.id) == ("tool_loop", "demo-01")
    assert any("keeps no pictures" in note for note in record.notes)
    assert "look 1: its image was not kept; it is cut again" in record.notes
    the_two_looks(trace_of(record, str(tmp_path)))
    again = read_predictions(tmp_path / "out.jsonl")
    the_two_looks(again.traces["demo-01"])


@pytest.mark.parametrize(
    "bad", ["[1, 2, 3]", '"wide"', "[1, 2, 0, 5]", "[true, 1, 2, 3]", "null", "__import__('os')", "[1e999, 0, 1, 1]"]
)
def test_a_call_without_a_box_is_named_and_no_look(tmp_path: Path, bad: str) -> None:
    broken = f'<tool_call>{{"name": "image_zoom_in_tool", "arguments": {{"bbox_2d": {bad}}}}}</tool_call>'
    (record,) = read(
        lines(tmp_path / "rollout.jsonl", {"input": "", "output": f"{broken}{FIRST}{LAST}", "gts": "", "step": 1})
    )
    assert boxes(trace_of(record)) == [(100, 150, 220, 260)]
    assert "a call without a box of four numbers was left out" in record.notes


def mini(folder: Path, *turns: dict[str, Any], crops: int) -> Path:
    folder.mkdir(parents=True)
    lines(folder / "turns.jsonl", *({"turn_idx": n, "error_info": None} | turn for n, turn in enumerate(turns)))
    Pillow.new("L", (8, 8)).save(folder / "0_film.png")
    for number in range(1, crops + 1):
        Pillow.new("L", (8, 8)).save(folder / f"{number}_crop.png")
        Pillow.new("L", (4, 4)).save(folder / f"{number}_crop_resized.png")
    return folder.parent


def ground(box: list[float], source: str) -> dict[str, Any]:
    told = json.dumps({"bbox_2d": box, "source": source})
    return {"text_output": f"<think>Look.</think><grounding>{told}</grounding>"}


def sample(path: Path) -> TraceRecord:
    (record,) = read(path, "mini-o3")
    return record


def test_crops_of_mini_o3_are_kept_and_nested_boxes_lie_on_the_film(tmp_path: Path) -> None:
    turns = [ground([0.5, 0.0, 1.0, 0.5], "original_image"), ground([0.5, 0.5, 1.0, 1.0], "observation_1")]
    refused = ground([0.9, 0.9, 0.95, 0.95], "observation_7") | {"error_info": "no such picture"}
    folder = mini(tmp_path / "all" / "s1", turns[0], refused, turns[1], {"text_output": LAST}, crops=2)
    record = sample(folder)
    trace = trace_of(record)
    assert record.id == "s1"
    assert [step.box for step in trace.steps] == [
        Box((0.5, 0.0, 1.0, 0.5), "norm_1"),
        Box((0.75, 0.25, 1.0, 0.5), "norm_1"),
    ]
    assert [Path(step.image.path).name for step in trace.steps if step.image] == ["1_crop.png", "2_crop.png"]
    done = convert(f"mini-o3:{folder}", tmp_path / "out.jsonl")
    assert (done.records, done.invalid) == (1, {})


def test_pictures_that_can_not_be_told_apart_are_not_taken(tmp_path: Path) -> None:
    turn = ground([0.5, 0.0, 1.0, 0.5], "original_image")
    record = sample(mini(tmp_path / "all" / "s1", turn, {"text_output": LAST}, crops=4))
    assert any("1 looks and 5 pictures" in note for note in record.notes)
    assert all(image.path is None for image in record.images)


def test_what_is_no_transcript_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a list of messages"):
        list(read(lines(tmp_path / "a.jsonl", {"pred_output": "x", "pred_ans": "y"})))
    with pytest.raises(DataError, match="a folder, not a file of reports"):
        list(read(tmp_path / "none", "mini-o3"))
    with pytest.raises(UsageError, match="can be read but not written"):
        convert(deepeyes(tmp_path / "b.jsonl"), f"verl:{tmp_path / 'c.jsonl'}")


def test_looks_of_a_transcript_reach_the_metrics(tmp_path: Path) -> None:
    path = deepeyes(tmp_path / "result.jsonl")
    command = [sys.executable, "-m", "mmrad_eval", "run", "--model", f"file:{path}", "--task", "direct", "--limit", "1"]
    done = subprocess.run(
        [*command, "--metrics", "efficiency@rules,grounding@crops", "--out", str(tmp_path / "results")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    (summary,) = (tmp_path / "results/runs").rglob("summary.json")
    assert done.returncode in {0, 3}, done.stderr
    assert '"Looks a study' in summary.read_text()


@pytest.mark.parametrize(
    "said",
    [
        '{"findings": "The heart is enlarged.", "impression": "Cardiomegaly."}',
        '{"findings": "The heart is enlarged.", "images": ["film.png"]}',
        '{"trace": [{"region": "heart", "text": "large"}], "findings": "The heart is enlarged."}',
        '{"report": "The heart is enlarged.", "trace": ["I look at the heart."]}',
    ],
)
def test_json_that_is_the_model_s_own_report_is_no_transcript(said: str) -> None:
    assert transcript("lmms-eval", {"resps": [[said]]}).pieces == (said,)
