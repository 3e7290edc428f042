"""The authors' records: nothing is lost, everything is found in place, and what is wrong is said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image, Step, Trace
from mmrad_eval.traces import mmrad
from mmrad_eval.traces.record import faults, problem_image, read_sections, trace_of

# The published example's irregular spaces, with invented words.
RECORD: dict[str, Any] = {
    "prompt": "Compile a standard report for this chest X-ray, including significant findings. <image>",
    "response": "First, I need to analyze the heart and the mediastinal region. I will highlight the heart and the"
    " mediastinal region of this X-ray. <image> The bounding box of this area is [108, 104, 252, 277] . The cardiac"
    " silhouette is wide. The hilar contours are smooth.\n\n Second, I need to analyze the lung region. I will"
    " highlight the lung region of this X-ray. <image> The bounding box of this area is [57, 67, 281, 281] . A faint"
    " opacity lies in the left lower lobe.\n\n  Summarizing the previous analysis, I will generate the following"
    " report: Impression: Large heart. Findings: The heart is large. A faint left basal opacity is seen.",
    "images": [f"IVLImage/s1/{name}.jpg" for name in ("problem_image_1", "reasoning_image_1", "reasoning_image_2")],
}


def test_a_record_becomes_a_trace_and_a_report() -> None:
    record = mmrad.parse(RECORD)
    assert (record.id, record.invalid, record.notes) == ("s1", "", ())
    heart, lungs = trace_of(record, "/data").steps
    assert heart == Step(
        region="the heart and the mediastinal region",
        regions=("cardiac silhouette", "bilateral hilar structures"),
        category="heart_mediastinum",
        box=Box((108, 104, 252, 277), "pad_square_336"),
        image=Image(
            path="/data/IVLImage/s1/reasoning_image_1.jpg",
            name="IVLImage/s1/reasoning_image_1.jpg",
            role="region",
            box=Box((108, 104, 252, 277), "pad_square_336"),
        ),
        text="The cardiac silhouette is wide. The hilar contours are smooth.",
    )
    assert (lungs.category, lungs.regions) == ("lungs", ("left lower lung zone",))
    assert record.report.impression == "Large heart."
    assert record.report.findings == "The heart is large. A faint left basal opacity is seen."
    problem = problem_image(record)
    assert problem is not None
    assert (problem.path, problem.role) == ("IVLImage/s1/problem_image_1.jpg", "current")


def test_segments_say_what_stands_where() -> None:
    record = mmrad.parse(RECORD)
    assert [(s.part, s.type, s.step) for s in record.segments] == [
        ("prompt", "image", None),
        *[("response", kind, number) for number in (1, 2) for kind in ("step", "image", "box", "text")],
        ("response", "report_cue", None),
        ("response", "report", None),
    ]
    assert record.text(record.segments[3]) == "The bounding box of this area is [108, 104, 252, 277] ."
    assert [s.image for s in record.segments if s.type == "image"] == ["p1", "r2", "r3"]
    assert faults(record) == []


def test_writing_gives_the_same_three_fields() -> None:
    assert mmrad.write(mmrad.parse(RECORD)) == RECORD


def test_fields_that_the_format_does_not_have_come_back() -> None:
    more = {**RECORD, "id": 7, "note": {"a": [1, 2.5, None, "ü"]}}
    assert mmrad.write(mmrad.parse(more)) == more


fragments = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "<image>",
                "<image",
                "First, I need to analyze the lung region. I will highlight the lung region of this X-ray. ",
                "Next, I need to analyse the spine.",
                "Second, I need to analyze ",
                "The bounding box of this area is [57, 67, 281, 281] .",
                "The bounding box of this area is [1,2,3].",
                "The bounding box of this area is [[1, 2, 3, 4], [5, 6, 7, 8]]",
                "The bounding box of this area is ",
                "Summarizing the previous analysis, I will generate the following report:",
                "Impression: ",
                "Findings: ",
                "\n\n ",
                "\r\n",
                "  ",
                "The word <image> itself.",
                "Überweisung, 影像, \u2028, \x00",
            ]
        ),
        st.text(max_size=12),
    ),
    max_size=14,
).map("".join)


@given(fragments, fragments, st.lists(st.one_of(st.none(), st.text(max_size=9)), max_size=8))
def test_any_record_is_written_back_byte_for_byte(prompt: str, response: str, images: list[str | None]) -> None:
    fields = {"prompt": prompt, "response": response, "images": images}
    record = mmrad.parse(fields)
    back = mmrad.write(msgspec.json.decode(msgspec.json.encode(record), type=type(record)))
    assert back == fields
    assert {k: v.encode() for k, v in back.items() if isinstance(v, str)} == {
        "prompt": prompt.encode(),
        "response": response.encode(),
    }


@given(fragments, fragments)
def test_segments_are_sorted_apart_and_never_cross_a_placeholder(prompt: str, response: str) -> None:
    placed = (prompt + "\n" + response).count("<image>")
    record = mmrad.parse({"prompt": prompt, "response": response, "images": [f"{i}.jpg" for i in range(placed)]})
    assert faults(record) == []
    assert record.invalid == ""
    words = [record.text(s) for s in record.segments if s.type in {"text", "report", "invalid"}]
    assert all(word == word.strip() != "" or word.startswith("The bounding box") for word in words)


@given(fragments, fragments, st.integers(0, 9))
def test_a_wrong_number_of_images_makes_a_record_invalid_and_repairs_nothing(
    prompt: str, response: str, count: int
) -> None:
    fields = {"prompt": prompt, "response": response, "images": ["x/y.jpg"] * count}
    record = mmrad.parse(fields)
    placed = prompt.count("<image>") + response.count("<image>")
    assert bool(record.invalid) == (placed != count)
    if record.invalid:
        assert record.invalid.startswith(f"{placed} <image> placeholders and {count} images")
        assert all(step.image is None for step in trace_of(record).steps)


def test_a_literal_placeholder_in_prose_counts_and_is_kept() -> None:
    fields = {**RECORD, "response": RECORD["response"] + " The mark <image> was printed on the film."}
    record = mmrad.parse(fields)
    assert record.invalid.startswith("4 <image> placeholders and 3 images")
    assert mmrad.write(record) == fields
    assert [step.text for step in trace_of(record).steps] == [s.text for s in trace_of(mmrad.parse(RECORD)).steps]


def test_a_box_that_is_none_stays_with_a_reason() -> None:
    fields = {**RECORD, "response": RECORD["response"].replace("[57, 67, 281, 281]", "[57, 67]")}
    record = mmrad.parse(fields)
    (bad,) = [s for s in record.segments if s.type == "invalid"]
    assert (bad.why, bad.step) == ("a box of 2 numbers", 2)
    assert any("a box of 2 numbers" in note for note in record.notes)
    assert trace_of(record).steps[1].box is None


def test_a_trace_without_a_cue_has_no_report_and_a_response_without_steps_is_one() -> None:
    first = RECORD["response"].split("\n\n  ")[0]
    record = mmrad.parse({**RECORD, "response": first})
    assert record.report.text == ""
    assert record.notes == ("there is no report: no cue follows the last step",)
    plain = mmrad.parse({"prompt": "Report. <image>", "response": "FINDINGS: Clear lungs.", "images": ["p.png"]})
    assert (plain.report.findings, trace_of(plain)) == ("Clear lungs.", Trace())


def test_an_unknown_region_is_noted_and_other() -> None:
    record = mmrad.parse({**RECORD, "response": RECORD["response"].replace("the lung region", "the big toe")})
    assert record.notes == ("the region 'the big toe' is not in the vocabulary",)
    assert trace_of(record).steps[1].category == "other"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": "", "response": ""}, "file.jsonl:3: .*'images' is missing"),
        ({"prompt": 1, "response": "", "images": []}, "not int and str"),
        ({"prompt": "", "response": "", "images": "a.jpg"}, "list of paths, not a.jpg"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        mmrad.parse(fields, where="file.jsonl:3")


def test_sections_are_found_in_either_order() -> None:
    report = read_sections("Findings: Clear. Impression: Normal.\nFindings: Also small.")
    assert (report.findings, report.impression) == ("Clear. Also small.", "Normal.")
    assert read_sections("No headings here.").findings is None


def test_composing_and_reading_are_inverse() -> None:
    trace = trace_of(mmrad.parse(RECORD))
    fields = mmrad.compose(trace, "Impression: Large heart.", RECORD["images"])
    record = mmrad.parse(fields)
    assert trace_of(record) == trace
    assert record.report.impression == "Large heart."
    assert fields["response"].startswith(RECORD["response"].split("\n\n")[0])


def test_composing_converts_boxes_and_refuses_what_does_not_fit() -> None:
    step = Step("the lung region", box=Box((0, 0, 1000, 1000)), image=Image("r.png"), text="Clear.")
    fields = mmrad.compose(Trace((step,)), "Normal.", ["p.png", "r.png"], size=(1000, 2000))
    assert "[84, 0, 252, 168]" in fields["response"]
    with pytest.raises(DataError, match="without the size"):
        mmrad.compose(Trace((step,)), "Normal.", ["p.png", "r.png"])
    with pytest.raises(DataError, match="2 <image> placeholders and 1 images"):
        mmrad.compose(Trace((step,)), "Normal.", ["p.png"], size=(1000, 2000))
