"""One reply in a dialect: what is a look, what is an answer, and that no text is too odd or too long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.values import Reply
from mmrad_eval.tasks.dialect_turns import read_dialect_turn, read_native
from mmrad_eval.tasks.look_dialects import DIALECTS, LookDialect
from tests.tasks.speakers import SPEAKERS

OTHERS = [dialect for name, dialect in DIALECTS.items() if name != "ours"]
PIECES = (
    *("<think>", "</think>", "<tool_call>", "</tool_call>", "<grounding>", "```json", "[1, 2, 3, 4]", "{", "}"),
    *('"box_2d":', '"bbox_2d":', "\\boxed{", "<answer>", "</answer>", "heart", " ", "\n"),
    '{"name": "image_zoom_in_tool", "arguments": {',
)


@pytest.mark.parametrize("dialect", OTHERS, ids=lambda dialect: dialect.name)
@given(text=st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=12).map("".join))
def test_any_text_is_a_turn(dialect: LookDialect, text: str) -> None:
    turn = read_dialect_turn(Reply(text), dialect)

    assert turn.look is None or turn.look.malformed or turn.look.box is not None


@pytest.mark.parametrize("dialect", OTHERS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("piece", [*PIECES, "[1, 2, 3, 4] "])
def test_no_text_takes_long(dialect: LookDialect, piece: str) -> None:
    start = time.process_time()
    for opened in ("", "<tool_call>", "<grounding>", '```json\n[{"box_2d": [1, 2, 3, 4]}'):
        read_dialect_turn(Reply(opened + piece * (40_000 // len(piece)) + "end"), dialect)
    assert time.process_time() - start < 4


@pytest.mark.parametrize("dialect", OTHERS, ids=lambda dialect: dialect.name)
def test_an_answer_beside_a_call_is_the_answer(dialect: LookDialect) -> None:
    speaker = SPEAKERS[dialect.name]
    call = speaker.call((0.1, 0.1, 0.5, 0.5), 0)
    ended = "\\boxed{FINDINGS: Clear.}" if dialect.ends == "boxed" else "<answer>FINDINGS: Clear.</answer>"

    assert read_dialect_turn(Reply(call), dialect).look is not None
    assert read_dialect_turn(Reply(f"{call}\n{ended}"), dialect).look is None


def test_of_several_calls_the_dialect_says_which_counts() -> None:
    calls = [SPEAKERS["deepeyes"].call(box, 0) for box in ((0.1, 0.1, 0.2, 0.2), (0.5, 0.5, 0.9, 0.9))]
    first = read_dialect_turn(Reply("".join(calls).replace("<think>I look closer.</think>", "")), DIALECTS["deepeyes"])
    last = read_dialect_turn(Reply("[1, 2, 3, 4], or [5, 6, 7, 8]"), DIALECTS["deepmedix-r1"])

    assert first.look is not None
    assert last.look is not None
    assert (first.look.box, last.look.box) == ((56.0, 42.0, 112.0, 84.0), (5.0, 6.0, 7.0, 8.0))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("qwen3-vl", "The box stands in box_2d"),
        ("deepeyes", "The box stands in box_2d"),
    ],
)
def test_a_box_in_the_field_of_the_other_order_is_not_placed(name: str, words: str) -> None:
    turn = read_native("image_zoom_in_tool", {"box_2d": [1, 2, 3, 4], "img_idx": 0}, DIALECTS[name], "")

    assert turn.look is not None
    assert turn.look.box is None
    assert words in turn.look.malformed


def test_what_is_said_before_a_call_is_told_of_the_region_before() -> None:
    text = "<think>The first region is dark.</think>" + SPEAKERS["mini-o3"].call((0.1, 0.1, 0.2, 0.2), 0)
    turn = read_dialect_turn(Reply(text.replace("<think>I look closer.</think>", "")), DIALECTS["mini-o3"])

    assert turn.look is not None
    assert turn.look.saw == "The first region is dark."
