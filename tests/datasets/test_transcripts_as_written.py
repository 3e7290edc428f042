"""Files of other harnesses, written as their own code writes them: what each keeps is read, what it loses is named.

Read in: Mini-o3/Mini-o3 at 8654dbf (vllm_async_engine.py), EvolvingLMMs-Lab/lmms-eval at 75571cf (evaluator.py,
evaluation_tracker.py), modelscope/ms-swift at 3602360 (pipelines/infer/infer.py), hychaochao/VLMEvalKit_Thinkmorph at
cddb6a3 (vlm/ThinkMorph.py), Visual-Agent/DeepEyes at cc3ff4d (eval/eval_vstar.py), verl's ray_trainer.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from mmrad_eval import datasets
from mmrad_eval.core.contracts import is_client
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Box
from mmrad_eval.datasets.predictions import Predictions, read_predictions
from mmrad_eval.model_registry import resolve
from mmrad_eval.traces.convert import convert, read, recognise

REPORT = "FINDINGS: Small left effusion.\nIMPRESSION: Effusion."
ANSWER = f"<think>Enough.</think><answer>{REPORT}</answer>"
REFUSED = "<|im_end|>\n<|im_start|>user\nERROR occurs during grounding. Error Information: no.\n<|im_end|>\n"


def grounding(box: Sequence[float], source: str, words: str) -> str:
    call = json.dumps({"bbox_2d": list(box), "source": source})
    return f"<think>{words}</think><grounding>{call}</grounding>"


def zoom(box: Sequence[int], label: str) -> str:
    call = {"name": "image_zoom_in_tool", "arguments": {"bbox_2d": list(box), "label": label}}
    return f"<tool_call>\n{json.dumps(call)}\n</tool_call>"


class SavesTrajectories:
    """Mini-o3's ``save_traj``: appends lines, names pictures by the turn that they answer plus one."""

    def __init__(self, folder: Path, doc_id: str) -> None:
        self.folder, self.turn = folder / doc_id, 0
        self.folder.mkdir(parents=True, exist_ok=True)
        self._line({"doc_id": doc_id, "initial_prompt": "<|im_start|>system ...", "ground_truth": "?"})
        self._picture("original_image", 64)
        self._picture("resized_image", 28)

    def says(self, text: str, *, crop: int = 0, error: str = "") -> SavesTrajectories:
        self._line({"turn_idx": self.turn, "text_output": text})
        if crop:
            self._picture(f"observation_{self.turn + 1}_original_image", crop)
            self._picture(f"observation_{self.turn + 1}_resized_image", 2 * crop)
        if error:
            self._line({"error_info": error})
        self.turn += 1
        return self

    def _line(self, value: dict[str, Any]) -> None:
        with (self.folder / "traj.jsonl").open("a+") as file:
            file.write(json.dumps(value) + "\n")

    def _picture(self, name: str, side: int) -> None:
        Pillow.new("L", (side, side)).save(self.folder / f"{name}.jpg")


@pytest.fixture
def trajectories(tmp_path: Path) -> Path:
    """Three samples: with a refused call between two looks, that broke off in a call, and that ran twice."""
    folder = tmp_path / "trajectories"
    one = SavesTrajectories(folder, "demo-01")
    one.says(grounding([0.5, 0.5, 1.0, 1.0], "original_image", "The left base."), crop=31)
    one.says(grounding([0.1, 0.1, 0.2, 0.2], "observation_9", "There?"), error=REFUSED)
    one.says(grounding([0.5, 0.0, 1.0, 0.5], "observation_1", "A blunt angle."), crop=33)
    one.says(ANSWER)
    two = SavesTrajectories(folder, "demo-02").says(grounding([0, 0, 0.5, 0.5], "original_image", "Apex."), crop=31)
    two.says(grounding([0, 0, 0.5, 0.5], "observation_1", "Again."))
    SavesTrajectories(folder, "demo-03").says(grounding([0, 0, 1, 1], "original_image", "All."), crop=31)
    SavesTrajectories(folder, "demo-03").says(ANSWER)
    return folder


def test_a_folder_of_mini_o3_is_read_through_file(trajectories: Path) -> None:
    model = resolve(f"file:{trajectories}")
    assert not is_client(model)
    studies = {study.id: study for study in datasets.load("demo").studies}
    made = model.answer(studies["demo-01"], None, lambda other, _=None: other)
    assert isinstance(made, Answer)
    assert (made.status, made.report.findings) == ("ok", "Small left effusion.")
    first, second = made.trace.steps if made.trace else ()
    assert first.box == Box((0.5, 0.5, 1.0, 1.0), "norm_1")
    assert second.box == Box((0.75, 0.5, 1.0, 0.75), "norm_1")
    crops = [step.image.path for step in (first, second) if step.image]
    assert crops == [str(trajectories / "demo-01" / f"observation_{n}_original_image.jpg") for n in (1, 3)]
    assert second.text == "Enough."
    assert "ERROR" not in json.dumps([first.text, second.text, made.trace.text if made.trace else ""])


def test_a_trajectory_that_ends_in_a_call_is_no_report(trajectories: Path) -> None:
    found = read_predictions(trajectories)
    assert found.understood["demo-02"].status == "unparsed"
    assert "<grounding>" not in found.reports["demo-02"].text
    assert [step.image.path.rpartition("/")[2] for step in found.traces["demo-02"].steps[:1] if step.image] == [
        "observation_1_original_image.jpg"
    ]


def test_the_last_of_several_appended_trajectories_counts(trajectories: Path) -> None:
    found = read_predictions(trajectories)
    assert found.understood["demo-03"].status == "ok"
    assert not found.traces["demo-03"].steps
    records = {record.id: record for record in read(trajectories, "mini-o3")}
    assert "written more than once; the last trajectory counts" in records["demo-03"].notes


def test_a_converted_folder_keeps_film_and_crops(trajectories: Path, tmp_path: Path) -> None:
    done = convert(f"mini-o3:{trajectories}", tmp_path / "out.jsonl")
    assert (done.records, done.invalid) == (3, {})
    records = {record.id: record for record in read(trajectories, "mini-o3")}
    paths = [image.path for image in records["demo-01"].images]
    assert paths == [f"demo-01/{n}.jpg" for n in ("original_image", "observation_1_original_image",
                                                  "observation_3_original_image")]  # fmt: skip


def test_an_empty_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder, not a file of reports; only folders of Mini-o3"):
        resolve(f"file:{tmp_path}")
    with pytest.raises(DataError, match="no such file"):
        resolve(f"file:{tmp_path / 'absent'}")


def samples(path: Path, resps: list[Any], filtered: list[Any]) -> Path:
    """As lmms-eval's tracker saves one sample: flattened, and ``resps`` left out where the filter changed nothing."""
    row: dict[str, Any] = {
        "doc_id": "demo-01",
        "target": "",
        "token_counts": [None],
        "doc_hash": "x",
        "input": "Report.",
    }
    one, two = (value[0] if len(value) == 1 else value for value in (resps, filtered))
    row["filtered_resps"] = two
    if one not in (two, [two]):
        row["resps"] = one
    path.write_text(json.dumps(row) + "\n")
    return path


def report(found: Predictions) -> Any:
    assert found.understood["demo-01"].status == "ok"
    return found.reports["demo-01"].findings


def boxes(found: Predictions) -> list[Any]:
    return [step.box.xyxy if step.box else None for step in found.traces["demo-01"].steps]


def test_lmms_eval_leaves_resps_out_where_the_filter_changed_nothing(tmp_path: Path) -> None:
    flat = f"<think>Base.</think>{zoom([10, 20, 90, 200], 'left lung')}<tool_response></tool_response>{ANSWER}"
    path = samples(tmp_path / "a_samples_cxr.jsonl", [[flat]], [flat])
    assert '"resps"' not in path.read_text()
    assert recognise(path) == "lmms-eval"
    found = read_predictions(path)
    assert report(found) == "Small left effusion."
    assert boxes(found) == [(10, 20, 90, 200)]
    (record,) = read(path)
    assert boxes(found) == [image.box for image in record.images[1:]]


@pytest.mark.parametrize("mode", ["basic", "full"])
def test_rounds_of_lmms_eval_s_loop_are_looks(mode: str, tmp_path: Path) -> None:
    outputs = [f"<think>Base.</think>{zoom([10, 20, 90, 200], 'left lung')}", ANSWER]
    final = {"success": False, "error": "max_agentic_steps_reached", "tool_calls": 1.0, "state": {}}
    final |= {"last_model_output": outputs[-1], "trace": outputs}
    if mode == "full":
        final |= {"agentic_trace_mode": "full"}
        final["agentic_rounds"] = [
            {"round_idx": n, "round_input": "?", "model_output": out, "terminal": n == 2, "tool_result": None}
            for n, out in enumerate(outputs, 1)
        ]
        del final["trace"]  # a task that ends by itself writes what it likes, and the harness adds the rounds
    told = json.dumps(final)
    found = read_predictions(samples(tmp_path / "a_samples_cxr.jsonl", [[told]], [told]))
    assert report(found) == "Small left effusion."
    assert boxes(found) == [(10, 20, 90, 200)]
    assert found.traces["demo-01"].steps[0].text == "Enough."


def test_pictures_of_ms_swift_stand_where_its_messages_say_image(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "<image>Report."},
        {"role": "assistant", "content": f"<think>Base.</think>{zoom([10, 20, 90, 200], 'left lung')}"},
        {"role": "user", "content": "<tool_response><image></tool_response>"},
        {"role": "assistant", "content": ANSWER},
    ]
    images = [{"bytes": None, "path": "film.png"}, {"bytes": None, "path": "crop.png"}]
    row = {"response": ANSWER, "labels": None, "logprobs": None, "messages": turns, "images": images, "id": "demo-01"}
    (tmp_path / "result.jsonl").write_text(json.dumps(row) + "\n")
    (record,) = read(tmp_path / "result.jsonl", "ms-swift")
    assert [image.path for image in record.images] == ["film.png", "crop.png"]
    assert "Small left effusion." in record.report.text
    assert any("messages" in note for note in record.notes)


def test_a_table_of_thinkmorph_keeps_texts_and_pictures_in_order(tmp_path: Path) -> None:
    made = ["Look at the base.", None, "A blunt angle.", None, REPORT]
    said, number = [], 0
    for index, one in enumerate(made):
        if one is None:
            said.append(f"[Image: {tmp_path}/thinkmorph_out_0a1b2c3d_{index}.jpg]")
        else:
            said.append(f"Round_{number}:\n{one}")
            number += 1
    (tmp_path / "table.tsv").write_text(
        "index\tprediction\ndemo-01\t" + json.dumps("\n".join(said)).replace("\\n", "\n") + "\n"
    )
    found = read_predictions(tmp_path / "table.tsv")
    assert report(found) == "Small left effusion."
    steps = found.traces["demo-01"].steps
    assert [step.image.path.rpartition("_")[2] for step in steps if step.image] == ["1.jpg", "3.jpg"]
    assert steps[0].text == "A blunt angle."


def test_deepeyes_follows_the_first_call_of_a_reply_alone(tmp_path: Path) -> None:
    emptied = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,"}}
    shown: dict[str, Any] = {"role": "user", "content": [emptied, {"type": "text", "text": "Think first."}]}
    twice = f"<think>Base.</think>{zoom([10, 20, 90, 200], 'left lung')}{zoom([1, 2, 300, 400], 'heart')}"
    turns: list[Any] = [{"role": "system", "content": "# Tools"}, shown, {"role": "assistant", "content": twice}, shown]
    row: dict[str, Any] = {
        "image": "demo-01.png",
        "question": "?",
        "answer": "A",
        "answer_choice": "A",
        "pred_ans": REPORT,
    }
    row |= {"pred_output": [*turns, {"role": "assistant", "content": ANSWER}], "status": "success"}
    (tmp_path / "result_direct_x.jsonl").write_text(json.dumps(row) + "\n")
    found = read_predictions(tmp_path / "result_direct_x.jsonl")
    assert report(found) == "Small left effusion."
    assert boxes(found) == [(10, 20, 90, 200)]


@pytest.mark.parametrize("fields", [{"gts": "x"}, {}, {"gts": None, "acc": 0.0, "reward": 1.0}])
def test_rollouts_of_verl_before_and_after_it_kept_references(fields: dict[str, Any], tmp_path: Path) -> None:
    output = f"<think>Base.</think>{zoom([10, 20, 90, 200], 'left lung')}\nuser\n\nassistant\n{ANSWER}"
    row = {"input": "system\n...user\nReport.", "output": output, "score": 0.5, "step": 3, "id": "demo-01"} | fields
    (tmp_path / "3.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n")
    assert recognise(tmp_path / "3.jsonl") == "verl"
    found = read_predictions(tmp_path / "3.jsonl")
    assert report(found) == "Small left effusion."
    assert boxes(found) == [(10, 20, 90, 200)]
    (record,) = read(tmp_path / "3.jsonl")
    assert "verl keeps no marks of pictures" in record.notes
