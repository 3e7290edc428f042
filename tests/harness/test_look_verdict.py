"""What the look check makes of a server's replies to it."""

from __future__ import annotations

import pytest

from mmrad_eval.harness.look_check import LookReplies, read_digits, verdict
from mmrad_eval.harness.look_pictures import DIGITS


def replies(answer: str, tokens: tuple[int | None, ...] = (20, 84, 148), *, differ: bool = True) -> LookReplies:
    return LookReplies(tokens, ("clear", "pacemaker" if differ else "clear"), answer, DIGITS)


@pytest.mark.parametrize(
    "answer",
    [
        "8 4 7",
        "847",
        "**8**, **4**, **7**",
        "8, 4 and 7.",
        "Picture 1: 8\nPicture 2: 4\nPicture 3: 7",
        "1. 8\n2. 4\n3. 7",
        "1) 8 2) 4 3) 7".replace(" 2", "\n2").replace(" 3", "\n3"),
        "<think>The first is 7? No, 8.</think>8 4 7",
        "[8, 4, 7]",
        "Image #1 shows 8, image #2 shows 4, image #3 shows 7",
    ],
)
def test_a_right_answer_is_read_however_it_is_written(answer: str) -> None:
    assert read_digits(answer) == DIGITS
    assert verdict(replies(answer)).verdict == "confirmed"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (replies("The lungs are clear.", (20, 20, 20), differ=False), "blind"),
        (replies("8 4 7", (20, 20, 20), differ=False), "confirmed"),  # a server that counts no image tokens
        (replies("none", (20, 20, 20)), "not confirmed"),  # two films differ, so something is seen
        (replies("none", (20, 21, 22), differ=False), "not confirmed"),  # a mark for each image, or a line break
        (replies("none", (None, None, None), differ=False), "not confirmed"),
        (replies("none", (20, 84, 84), differ=False), "images lost"),
        (replies("none", (20, 2000, 1500)), "not confirmed"),  # one image in tiles, two of them without
        (replies("8", (20, 84, 148)), "not confirmed"),  # tokens for all of them: a wrong answer alone
        (replies("8", (None, None, None)), "images lost"),
        (replies("7 4 8"), "out of order"),
        (replies("4 8 7"), "out of order"),
        (replies("8 8 8"), "not confirmed"),
        (replies("3 1 2"), "not confirmed"),
    ],
)
def test_nothing_is_said_that_is_not_shown(seen: LookReplies, expected: str) -> None:
    assert verdict(seen).verdict == expected
