"""Other people's formats: read into the neutral record, and written back as they were."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box
from mmrad_eval.traces import anole, mmrad, thinkvg, zebra
from mmrad_eval.traces.record import escaped, faults, trace_of, unescaped

words = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "<image>",
                "<\\image>",
                "<image_0>",
                "<invalid_image_1>",
                "<error_image_2>",
                "<image_start>[reasoning_image_1]<image_end>",
                "<image_start>[problem_image_2]<image_end>",
                "THOUGHT 1: ",
                "\n\nFinal Answer: ",
                "left lower lung zone [170,150,250,230]",
                "(cardiac region [108, 104, 252, 277])",
                "First, I need to analyze the lung region. ",
                "Summarizing the previous analysis, I will generate the following report: ",
                "\r\n",
                "  ",
                "Größe. ",
            ]
        ),
        st.text(max_size=10),
    ),
    max_size=9,
).map("".join)

PATH = "/p10/p10000032/s50414267/1a2b.jpg"
Samples = dict[str, list[dict[str, Any]]]


def test_zebra_rows_become_steps_pictures_and_an_answer(samples: Samples) -> None:
    (row,) = samples["zebra"]
    record = zebra.parse(row, "z1")
    assert (record.invalid, faults(record)) == ("", [])
    first, second = trace_of(record).steps
    assert first.image is not None
    assert (first.image.name, first.regions, second.text) == ("images/r.jpg", ("left lung",), "An opacity.")
    assert record.report.text == "An opacity in the left lung."
    assert record.image_order == ("problem_image_1", "reasoning_image_1")
    assert record.picture("reasoning_image_2") is not None
    assert zebra.write(record) == row


@given(words, words, st.one_of(st.none(), words), st.booleans())
def test_any_zebra_row_is_written_back(question: str, trace: str, answer: str | None, shown: bool) -> None:
    row: dict[str, Any] = {"Question": question, "Text Reasoning Trace": trace, "source": 3}
    row |= {} if answer is None else {"Final Answer": answer}
    row |= {"problem_image_2": "p.png", "reasoning_image_1": "r.png"} if shown else {}
    record = zebra.parse(row, "z")
    assert faults(record) == []
    assert zebra.write(record) == row


def test_a_zebra_picture_that_the_row_lacks_is_noted(samples: Samples) -> None:
    row = {**samples["zebra"][0], "reasoning_image_1": None}
    record = zebra.parse(row, "z1")
    assert record.notes == ("the words point at reasoning_image_1, and the row has no such picture",)
    assert trace_of(record).steps[0].image is None


def test_anole_output_keeps_what_could_not_be_painted(samples: Samples) -> None:
    (row,) = samples["anole"]
    record = anole.parse(row)
    assert (record.id, record.invalid, faults(record)) == ("s1", "", [])
    assert [(s.type, s.image) for s in record.segments if s.image] == [
        ("image", "image_0"),
        ("invalid", "invalid_image_1"),
        ("invalid", "error_image_2"),
    ]
    assert any("1,024 image codes" in note for note in record.notes)
    lungs, spine = trace_of(record).steps
    assert lungs.image is not None
    assert (lungs.image.source, lungs.box) == ("model", Box((57, 67, 281, 281), "pad_square_336"))
    assert (spine.image, spine.text, spine.category) == (None, "Intact.", "bones")
    assert record.report.findings == "Clear."
    assert anole.write(record) == row


@given(words, st.lists(st.one_of(st.none(), st.just("a/b.png")), max_size=4))
def test_any_anole_line_is_written_back(text: str, paths: list[str | None]) -> None:
    row = {"sample_id": "s", "text": text, "image_paths": paths}
    record = anole.parse(row)
    assert faults(record) == []
    assert anole.write(record) == row


def test_all_rows_about_an_image_become_one_trace(samples: Samples) -> None:
    rows = samples["thinkvg"]
    record = thinkvg.parse(rows)
    assert (record.id, record.study.subject, record.study.study) == ("1a2b", "10000032", "50414267")
    assert faults(record) == []
    assert [(s.region, s.category, s.text) for s in trace_of(record).steps] == [
        (
            "left lower lung zone",
            "lungs",
            "There is an opacity in the left lower lung zone, perhaps pneumonia.",
        ),
        ("cardiac region", "heart_mediastinum", "The heart (cardiac region) is normal."),
        (
            "bilateral costophrenic angles",
            "pleura_diaphragm",
            "No fluid at the bilateral costophrenic angles.",
        ),
        ("spine", "bones", ""),
    ]
    assert trace_of(record).steps[3].box == Box((150, 10, 180, 330), "pad_square_336")
    assert thinkvg.write(record) == rows


def test_rows_are_grouped_by_image_in_their_order(samples: Samples) -> None:
    rows = [{**samples["thinkvg"][0], "image_path": name} for name in ("b", "a", "b", "c", "a")]
    assert [[row["image_path"] for row in group] for group in thinkvg.group(rows)] == [["b", "b"], ["a", "a"], ["c"]]


@given(st.lists(st.tuples(words, words, words), min_size=1, max_size=3))
def test_any_thinkvg_rows_are_written_back(said: list[tuple[str, str, str]]) -> None:
    rows = [{"image_path": PATH, "question": q, "thinkVG": t, "response": r} for q, t, r in said]
    record = thinkvg.parse(rows)
    assert faults(record) == []
    assert thinkvg.write(record) == rows


def test_a_region_that_nobody_knows_is_noted(samples: Samples) -> None:
    record = thinkvg.parse([{**samples["thinkvg"][0], "thinkVG": "A line in the great toe [1,2,3,4].", "response": ""}])
    assert trace_of(record).steps[0].region == "great toe"
    assert record.notes == ("the region 'great toe' is not in the vocabulary",)


def test_a_trace_from_elsewhere_can_be_written_in_the_other_formats() -> None:
    box = "The bounding box of this area is [1, 2, 300, 300] ."
    record = mmrad.parse(
        {
            "prompt": "Report. <image>",
            "response": f"First, I need to analyze the lung region. <image> {box} Clear.\n\n  Summarizing the previous"
            " analysis, I will generate the following report: Normal.",
            "images": ["a/problem_image_1.jpg", "a/reasoning_image_1.jpg"],
        }
    )
    row = zebra.write(record)
    assert row["problem_image_1"] == "a/problem_image_1.jpg"
    assert "<image_start>[reasoning_image_1]<image_end>" in row["Text Reasoning Trace"]
    assert row["Final Answer"] == "Normal."
    line = anole.write(record)
    assert "<image_0>" in line["text"]
    assert line["image_paths"] == ["a/reasoning_image_1.jpg"]
    with pytest.raises(DataError, match="did not come from ThinkVG rows"):
        thinkvg.write(record)


@pytest.mark.parametrize(
    ("parse", "message"),
    [
        (lambda: zebra.parse({"Question": "?"}, "z", where="f:1"), "f:1: .*'Text Reasoning Trace' is None"),
        (lambda: anole.parse({"text": "x"}, where="f:2"), "f:2: .*image_paths; it has text"),
        (lambda: thinkvg.parse([{"image_path": 1, "thinkVG": ""}], where="f:3"), "f:3: .*'image_path' is 1"),
    ],
)
def test_what_is_no_row_is_refused_with_its_place(parse: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse()


@given(words)
def test_escaping_a_literal_placeholder_is_undone(text: str) -> None:
    assert "<image>" not in escaped(text)
    assert unescaped(escaped(text)) == text
