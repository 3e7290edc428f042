"""A reply is its parts in order; text, reasoning, images and calls are views of them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.replies import OutputImage, Reasoning, Reply, Served, Text, ToolCall, identities

PARTS = (Reasoning("I look."), Text("Clear"), OutputImage("a.png"), Text("."), ToolCall("look", '{"region": "heart"}'))


def test_the_order_of_parts_outlives_the_disk() -> None:
    reply = Reply(parts=PARTS, finish="length")

    again = msgspec.json.decode(msgspec.json.encode(reply), type=Reply)

    assert again == reply
    assert (again.text, again.reasoning, again.images, again.calls) == ("Clear.", "I look.", ("a.png",), PARTS[-1:])


def test_a_reply_is_made_of_a_text_alone() -> None:
    assert Reply("Clear.") == Reply(text="Clear.") == Reply(parts=(Text("Clear."),))
    assert Reply("", reasoning="I look.", images=("a.png",)).parts == (Reasoning("I look."), OutputImage("a.png"))
    assert Reply().parts == ()


@pytest.mark.parametrize(
    "wrong", [{"text": 5}, {"text": None}, {"reasoning": b"x"}, {"text": "a", "parts": PARTS}, {"words": "a"}]
)
def test_what_is_no_reply_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Reply(**wrong)


def test_a_reply_is_copied_whole() -> None:
    reply = Reply(parts=PARTS)
    assert copy.copy(reply) == copy.deepcopy(reply) == reply
    assert pickle.loads(pickle.dumps(reply)) == reply


def test_a_field_that_an_identity_lacks_is_no_difference() -> None:
    whole = Served("m", "0.32", "fp-1", context=4096)

    assert identities({Served("m"), whole, Served(), Served("m", fingerprint="fp-1", template="t")}) == (
        Served("m", "0.32", "fp-1", context=4096, template="t"),
    )
    assert len(identities({whole, Served("m", "0.32", "fp-2")})) == 2
    assert identities({Served()}) == ()
