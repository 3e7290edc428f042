"""Boxes in the words of a reply: every form, by the card's dialect, in its frame; in doubt none, and counted.

The forms are those of public model cards, READMEs and processors (``traces.dialects`` names them); the words are
invented here.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.values import Answer, Box, Card, Image, Reply, Study
from mmrad_eval.tasks.answers import read_answer
from mmrad_eval.traces.box_marks import mark_boxes, restored
from mmrad_eval.traces.dialects import DIALECTS, FORMS
from mmrad_eval.traces.geometry import convert

Corners = tuple[float, float, float, float]


class Speaker(NamedTuple):
    """A model that marks boxes in one dialect."""

    dialect: str
    frame: str
    write: Callable[[str, Corners], str]
    """(what it is about, left top right bottom of a thousandth) to words with a mark."""
    apart: bool = False
    """Whether the mark stands beside the report and not in its sentences."""


def _thousandths(c: Corners) -> list[int]:
    return [round(v) for v in c]


def _pair(c: Corners, parts: int = 1000) -> str:
    a, b, x, y = (round(v * parts / 1000) for v in c)
    return f"({a},{b}),({x},{y})"


def _tokens(c: Corners) -> str:
    return "".join(f"<{axis}{round(v / 10)}>" for axis, v in zip("xyxy", c, strict=True))


def _field(key: str, order: tuple[int, ...]) -> Callable[[str, Corners], str]:
    def write(label: str, c: Corners) -> str:
        return json.dumps({key: [round(c[i]) for i in order], "label": label})

    return write


Y, X = (1, 0, 3, 2), (0, 1, 2, 3)
SPEAKERS: dict[str, Speaker] = {
    "box_2d": Speaker("box_2d", "norm_1000_yx", _field("box_2d", Y), apart=True),
    "bbox_2d": Speaker("bbox_2d", "norm_1000", _field("bbox_2d", X), apart=True),
    "box_start": Speaker(
        "qwen2-vl",
        "norm_1000",
        lambda label, c: f"<|object_ref_start|>{label}<|object_ref_end|><|box_start|>{_pair(c)}<|box_end|>",
    ),
    "pairs": Speaker("qwen2-vl", "norm_1000", lambda label, c: f"{label}{_pair(c)}"),
    "ref box": Speaker("internvl", "norm_1000", lambda label, c: f"<ref>{label}</ref><box>[{_thousandths(c)}]</box>"),
    "lists": Speaker("internvl", "norm_1000", lambda label, c: f"{label}[{_thousandths(c)}]"),
    "maira": Speaker("maira", "bins_100", lambda label, c: f"{label}<box>{_tokens(c)}</box>"),
    "det": Speaker(
        "deepseek-vl2", "norm_999", lambda label, c: f"<|ref|>{label}<|/ref|><|det|>[{_thousandths(c)}]<|/det|>"
    ),
    "bar box": Speaker(
        "chexagent",
        "norm_100",
        lambda label, c: f"<|ref|>{label}<|/ref|><|box|>{_pair(c, 100)}<|/box|>",
    ),
    "fractions": Speaker("list", "norm_1", lambda label, c: f"{label} [{', '.join(f'{v / 1000:.3f}' for v in c)}]"),
    "pixels": Speaker("list", "resized:500x500", lambda label, c: f"{label} (box: {[round(v / 2) for v in c]})"),
    "grounding": Speaker(
        "mini-o3",
        "norm_1",
        lambda label, c: (
            f'{label} <grounding>{{"bbox_2d": {[round(v / 1000, 3) for v in c]}, '
            '"source": "original_image"}</grounding>'
        ),
    ),
}
FINDINGS = ("a right pleural effusion", "an opacity in the left lower lobe", "a small nodule")
PLACES: tuple[Corners, ...] = ((120, 400, 360, 900), (600, 500, 820, 780), (300, 150, 380, 240))
PLACING: dict[str, Callable[[str, str], str]] = {
    "in a sentence": lambda mark, _: f"FINDINGS: There is {mark}. The heart is normal.",
    "in the impression": lambda mark, _: f"FINDINGS: The heart is normal.\nIMPRESSION: There is {mark}.",
    "without headings": lambda mark, _: f"There is {mark}. The heart is normal.",
    "in a list": lambda mark, _: f"### Findings\n- There is {mark}.\n- The heart is normal.",
    "in a thought": lambda mark, label: (
        f"<think>There is {mark}. The rest is clear.</think>FINDINGS: There is {label}."
    ),
}
BESIDE: dict[str, Callable[[str, str], str]] = {
    "before": lambda mark, label: f"```json\n[{mark}]\n```\nFINDINGS: There is {label}. The heart is normal.",
    "behind": lambda mark, label: f"FINDINGS: There is {label}. The heart is normal.\n\n```json\n[\n  {mark}\n]\n```",
    "bare": lambda mark, label: f"There is {label}. The heart is normal.\n{mark}",
    "in a field": lambda mark, label: f'{{"findings": "There is {label}. The heart is normal.", "boxes": [{mark}]}}',
    "in a thought": lambda mark, label: f"<think>I look: {mark}. The rest is clear.</think>FINDINGS: There is {label}.",
}


def read(text: str, dialect: str, frame: str, study: Study | None = None) -> Answer:
    return read_answer(
        Reply(text), "findings", card=Card(provider="p", id="m", dialect=dialect, box_frame=frame), study=study
    )


def cases() -> Iterator[Any]:
    for (name, speaker), (label, place) in itertools.product(SPEAKERS.items(), zip(FINDINGS, PLACES, strict=True)):
        for where, put in (BESIDE if speaker.apart else PLACING).items():
            yield pytest.param(speaker, label, place, put, where, id=f"{name}, {label.split()[-1]}, {where}")


def stated(answer: Answer) -> list[tuple[str, Box]]:
    return [(step.text, step.box) for step in answer.trace.steps if step.box] if answer.trace else []


def words_of(answer: Answer) -> str:
    return f"{answer.report.findings or ''} {answer.report.impression or ''} {answer.report.text}"


@pytest.mark.parametrize(("speaker", "label", "place", "put", "where"), list(cases()))
def test_a_box_comes_to_the_statement_and_to_its_place(
    speaker: Speaker, label: str, place: Corners, put: Callable[[str, str], str], where: str
) -> None:
    answer = read(put(speaker.write(label, place), label), speaker.dialect, speaker.frame)
    assert answer.status == "ok"
    ((said, box),) = stated(answer)
    assert label in said
    there = convert(box, "norm_1000", (500, 500))
    assert there.xyxy == pytest.approx(place, abs=6)
    assert answer.events["boxes"] == 1
    assert answer.trace is not None
    assert {step.part for step in answer.trace.steps} == {"trace" if where == "in a thought" else "report"}
    assert not set(words_of(answer)) & set("<>|[]{}0123456789\U000f0000")


@pytest.mark.parametrize(("speaker", "label", "place", "put", "where"), list(cases()))
def test_in_another_dialect_no_box_is_read_and_the_report_is_the_same(
    speaker: Speaker, label: str, place: Corners, put: Callable[[str, str], str], where: str
) -> None:
    text = put(speaker.write(label, place), label)
    mine = read(text, speaker.dialect, speaker.frame)
    for name in DIALECTS:
        if {form.name for form in FORMS} & set(DIALECTS[name].boxes) & set(DIALECTS[speaker.dialect].boxes):
            continue
        other = read(text, name, "norm_1000")
        assert stated(other) == []
        assert (other.status, other.report) == (mine.status, mine.report)
        plain = where == "in a thought" and speaker.dialect in {"list", "internvl", "qwen2-vl"}
        assert plain or other.events["box of another dialect"] == 1


@pytest.mark.parametrize(
    ("text", "dialect", "frame", "event"),
    [
        ("Effusion <box>[[1, 2, 3]]</box>.", "internvl", "norm_1000", "malformed box"),
        ("Effusion <box>[[1, 2, 3, 4, 5]]</box>.", "internvl", "norm_1000", "malformed box"),
        ("Effusion <box></box>.", "internvl", "norm_1000", "malformed box"),
        ("Effusion <box>[[300, 400, 100, 500]]</box>.", "internvl", "norm_1000", "malformed box"),
        ("Effusion <box>[[300, 500, 400, 200]]</box>.", "internvl", "norm_1000", "malformed box"),
        ("Effusion <box>[[300, 400, 300, 400]]</box>.", "internvl", "norm_1000", "malformed box"),
        ("Effusion <box>[[300, 400, 1300, 1400]]</box>.", "internvl", "norm_1000", "box out of frame"),
        ("Effusion <box>[[-90, 400, 300, 900]]</box>.", "internvl", "norm_1000", "box out of frame"),
        ("Effusion <|box_start|>(1,2)<|box_end|>.", "qwen2-vl", "norm_1000", "malformed box"),
        ("Effusion <|det|>[[1, 2, 3]]<|/det|>.", "deepseek-vl2", "norm_999", "malformed box"),
        ("Effusion <box><x10><y20><x30></box>.", "maira", "bins_100", "malformed box"),
        ("Effusion <box><x10><y20><x30><y400></box>.", "maira", "bins_100", "box out of frame"),
        ("Effusion [100, 200, 300, 400].", "list", "norm_1", "box out of frame"),
        ("Effusion [100, 200, 300].", "list", "norm_1000", "malformed box"),
        ("Effusion [0.4, 0.2, 0.1, 0.9].", "list", "norm_1", "malformed box"),
        ('Effusion. {"box_2d": [200, 100, 600], "label": "effusion"}', "box_2d", "norm_1000_yx", "malformed box"),
        ('Effusion. {"box_2d": "left", "label": "effusion"}', "box_2d", "norm_1000_yx", "malformed box"),
        ('Effusion. {"box_2d": null, "label": "effusion"}', "box_2d", "norm_1000_yx", "malformed box"),
        ('Effusion. [{"box_2d": [200, 100, 600, 5', "box_2d", "norm_1000_yx", "malformed box"),
        ('Effusion. {"box_2d": [600, 100, 200, 500]}', "box_2d", "norm_1000_yx", "malformed box"),
        ('Effusion. {"bbox_2d": [0.1, 0.2, 900, 700]}', "bbox_2d", "norm_1", "box out of frame"),
        ('Effusion. {"box_2d": [200, 100, 600, 500]}', "box_2d", "norm_1000", "box of another dialect"),
        ('Effusion. {"bbox_2d": [200, 100, 600, 500]}', "bbox_2d", "norm_1000_yx", "box of another dialect"),
        (
            'Effusion. {"bbox_2d": [1, 2, 60, 50], "label": "x", "img_idx": 2}',
            "bbox_2d",
            "norm_1000",
            "box on another image",
        ),
        (
            'Effusion <grounding>{"bbox_2d": [0.1, 0.2, 0.3, 0.4], "source": "observation_1"}</grounding>.',
            "mini-o3",
            "norm_1",
            "box on another image",
        ),
        ("Effusion <loc0100><loc0200><loc0300><loc0400>.", "box_2d", "norm_1000_yx", "box of another dialect"),
        ("Effusion <bbox>100 200 300 400</bbox>.", "internvl", "norm_1000", "box of another dialect"),
        ("Effusion <quad>(1,2),(3,4),(5,6),(7,8)</quad>.", "internvl", "norm_1000", "box of another dialect"),
        ("Effusion <point>(100,200)</point>.", "internvl", "norm_1000", "box of another dialect"),
        ("Effusion <|begin_of_box|>[[1, 2, 30, 40]]<|end_of_box|>.", "internvl", "norm_1000", "box of another dialect"),
    ],
)
def test_what_is_no_box_of_this_model_gives_none_and_is_counted(
    text: str, dialect: str, frame: str, event: str
) -> None:
    answer = read(text, dialect, frame)
    assert stated(answer) == []
    assert answer.events[event] == 1
    assert answer.report.text.strip() == "Effusion."


SECOND_DRAWING = [
    # (text, dialect, frame, report, boxes read), in forms of public evaluation code, logs and prompts; words invented
    ("An <|ref|>effusion<|/ref|><|box|>12,34,58,89<|/box|>.", "chexagent", "norm_100", "An effusion.", 1),
    ("<ref>Effusion</ref><box>null</box>.", "internvl", "norm_1000", "Effusion.", 0),
    (
        "A <ref>mass</ref><box>[[290, 202, 835, 851]]</box> is <pred>near</pred><box>[[0, 604, 984, 999]]</box> it.",
        "internvl",
        "norm_1000",
        "A mass is near it.",
        2,
    ),
    ("<zoom><|ref|>Effusion<|/ref|><|box|>[[1,2,30,40]]<|/box|></zoom>", "chexagent", "norm_100", "Effusion", 1),
    ("<|det|>Effusion [[9, 8, 70, 60], [5, 25, 90, 35]]<|/det|>.", "deepseek-vl2", "norm_999", "Effusion.", 2),
    ("Effusion at [0.12,0.34,0.56,0.78], small.", "list", "norm_1", "Effusion, small.", 1),
    ("Effusion, bbox_2d: [100, 200, 300, 400].", "list", "norm_1000", "Effusion.", 1),
    ("Effusion `[100, 200, 300, 400]`.", "list", "norm_1000", "Effusion.", 1),
    ("Effusion [100 200 300 400].", "list", "norm_1000", "Effusion.", 1),
    ("Effusion (x1=100, y1=200, x2=300, y2=400).", "list", "norm_1000", "Effusion.", 0),
    ("Effusion <100, 200, 300, 400>.", "list", "norm_1000", "Effusion.", 0),
    ("Effusion <box_2d>[100, 200, 300, 400]</box_2d>.", "box_2d", "norm_1000_yx", "Effusion.", 0),
    (
        '{"box_2d": [[20, 10, 60, 50], [1, 2, 30, 40]], "label": "x"}\nEffusion.',
        "box_2d",
        "norm_1000_yx",
        "Effusion.",
        2,
    ),
    ('{"box_2d": {"x1": 1, "y1": 2}, "label": "x"}\nEffusion.', "box_2d", "norm_1000_yx", "Effusion.", 0),
    (
        '```json\n{"bbox_2d": [1, 2, 3, 4], "label": "x"},\n{"bbox_2d": [3, 2, 5, 4], "label": "y"}\n```\nEffusion.',
        "bbox_2d",
        "norm_1000",
        "Effusion.",
        2,
    ),
    ("[{'box_2d': [20, 10, 60, 50], 'label': 'x'}]\nEffusion.", "box_2d", "norm_1000_yx", "Effusion.", 1),
    ("Effusion <|box_start|>(100,200),(300,400)", "qwen2-vl", "norm_1000", "Effusion", 1),
    ("Effusion <box>[[100, 200", "internvl", "norm_1000", "Effusion", 0),
]


@pytest.mark.parametrize(("text", "dialect", "frame", "report", "boxes"), SECOND_DRAWING)
def test_forms_of_other_makes_leave_no_mark_and_give_the_boxes_they_state(
    text: str, dialect: str, frame: str, report: str, boxes: int
) -> None:
    answer = read(text, dialect, frame)
    assert answer.report.text == report
    assert len(stated(answer)) == boxes


def test_a_call_for_a_look_is_no_report() -> None:
    call = '{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [57, 30, 66, 46], "label": "base"}}'
    assert read(f"<tool_call>\n{call}\n</tool_call>", "bbox_2d", "norm_1000").status == "unparsed"


def test_a_number_of_a_list_is_no_statement() -> None:
    answer = read("1. Effusion [1, 2, 30, 40].\n2. Normal heart.", "list", "norm_1000")
    assert answer.trace is not None
    assert [step.text for step in answer.trace.steps] == ["1. Effusion.", "2. Normal heart."]


def test_several_boxes_of_one_statement_stay_with_it_and_others_have_none() -> None:
    boxes = "<box><x10><y60><x30><y90></box><box><x70><y60><x90><y90></box>"
    text = f"<obj>Bilateral effusions.{boxes}</obj><obj>Clear apices.</obj>"
    answer = read(text, "maira", "bins_100")
    assert answer.trace is not None
    assert [(step.text, step.box and step.box.xyxy) for step in answer.trace.steps] == [
        ("Bilateral effusions.", (10, 60, 30, 90)),
        ("Bilateral effusions.", (70, 60, 90, 90)),
        ("Clear apices.", None),
    ]
    assert answer.report.text == "Bilateral effusions. Clear apices."


def test_two_marks_of_one_sentence_keep_what_each_names() -> None:
    text = (
        "There is <ref>a mass</ref><box>[[1, 2, 30, 40]]</box> and <ref>an effusion</ref><box>[[5, 6, 70, 80]]</box>."
    )
    assert [(said, box.xyxy) for said, box in stated(read(text, "internvl", "norm_1000"))] == [
        ("a mass", (1, 2, 30, 40)),
        ("an effusion", (5, 6, 70, 80)),
    ]


def test_statements_in_a_json_report_keep_their_boxes() -> None:
    said = [{"sentence": "A right effusion.", "box_2d": [200, 100, 600, 500]}, {"sentence": "The heart is normal."}]
    answer = read(json.dumps({"findings": said}), "box_2d", "norm_1000_yx")
    assert answer.report.findings == "A right effusion. The heart is normal."
    assert [(said, box.xyxy) for said, box in stated(answer)] == [("A right effusion.", (200, 100, 600, 500))]


@pytest.mark.parametrize(("name", "boxes"), [("tcot", 1), ("tcot-blind", 0)])
async def test_a_box_on_a_film_that_was_not_shown_is_not_read(
    name: str, boxes: int, demo: Dataset, listener: Any, context: Callable[..., TaskContext]
) -> None:
    task = tasks.load(name)
    listener.text = "FINDINGS: An opacity <box>[[100, 200, 300, 400]]</box>."
    card = Card(provider="t", id="t", dialect="internvl", box_frame="norm_1000")
    answer = await task.converse(demo.studies[0], context(task, listener, card=card))
    assert len(stated(answer)) == boxes
    assert answer.report.findings == "An opacity."


def test_boxes_alone_are_no_report() -> None:
    answer = read('[{"box_2d": [200, 100, 600, 500], "label": "effusion"}]', "box_2d", "norm_1000_yx")
    assert (answer.status, answer.why, answer.report.text) == ("unparsed", "boxes, and no report", "")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_form_of_the_table_is_found_in_its_example_and_put_back(form: Any) -> None:
    text = f"Before {form.example} behind."
    held, (mark,) = mark_boxes(text)
    assert mark.form == form.name
    assert len(mark.numbers) == 4
    if not mark.label:
        assert restored(held, [mark]).split() == text.split()


def test_every_dialect_has_known_forms_and_a_source() -> None:
    known = {form.name for form in FORMS}
    for name, dialect in DIALECTS.items():
        assert set(dialect.boxes) <= known, name
        assert dialect.source


@pytest.mark.parametrize(
    "text",
    [
        "Seen on films [1] and [2, 3].",
        "The nodule measures 1.2 x 2.3 cm (previously 1.0, 2.0).",
        "Levels T4, T5 (see above) are intact; ratio 0.45 (45%).",
        "Compared with (a), (b): no change.",
    ],
)
def test_brackets_of_a_report_are_no_boxes(text: str) -> None:
    answer = read(text, "list", "norm_1000")
    assert answer.report.text == text
    assert answer.events == {}


@pytest.mark.parametrize("name", ["box_2d", "bbox_2d", "det", "fractions", "pixels"])
async def test_a_drawn_mark_lies_inside_the_region_that_is_cut(
    name: str, tmp_path: Path, demo: Dataset, listener: Any, context: Callable[..., TaskContext]
) -> None:
    """A film that is no square: corners in the wrong order or frame would cut another place."""
    speaker = SPEAKERS[name]
    width, height, place = 640, 360, (100, 500, 300, 950)
    pixels = np.zeros((height, width), np.uint8)
    left, top, right, bottom = (round(v * side / 1000) for v, side in zip(place, (width, height) * 2, strict=True))
    pixels[top:bottom, left:right] = 255
    path = tmp_path / "film.png"
    Pillow.fromarray(pixels).save(path)
    study = Study("s", (Image(str(path), "film.png"),), reference=demo.studies[0].reference)
    task = tasks.load("tcot-self", {"boxes": "yes"})
    listener.text = f"Step 1: {speaker.write('right lung', place)}: White.\nFINDINGS: White."

    answer = await task.converse(
        study,
        context(task, listener, card=Card(provider="t", id="t", dialect=speaker.dialect, box_frame=speaker.frame)),
    )

    assert answer.trace is not None
    (step,) = answer.trace.steps
    assert step.image is not None
    assert step.image.box is not None
    x1, y1, x2, y2 = (round(v) for v in convert(step.image.box, "original", (width, height)).xyxy)
    assert pixels[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].min() == 255
    assert abs((x2 - x1) * (y2 - y1) / ((right - left) * (bottom - top)) - 1) < 0.1
