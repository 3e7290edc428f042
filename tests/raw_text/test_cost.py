"""What reading a plain reply costs, in calls of Python's functions, which other work on a machine does not change."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from mmrad_eval.datasets import raw_text

MOST = 135
"""Calls a reply: it has no marks, so that one look each must be enough for whatever searches for them."""
REPLIES = 40
PROMPT = (
    "You write reports of chest radiographs.\n\nFirst, the lung region. Opacity {} in the left lower lobe.\n\n"
    "Write the findings section of the report of this examination. Begin with the heading FINDINGS: and write prose."
)
REPLY = (
    "FINDINGS: The heart is normal in size, film {}. The lungs are clear without focal consolidation. No pleural "
    "effusion is seen. There is no free air below the diaphragm.\nIMPRESSION: No acute abnormality."
)


def calls(work: Callable[[], object]) -> int:
    """How many functions of Python were called."""
    count = 0

    def seen(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def read(first: int) -> None:
    """Read replies that were not read before."""
    for number in range(first, first + REPLIES):
        found = raw_text.read(REPLY.format(number), "findings", asked=PROMPT.format(number))
        assert found.status == "ok"


def test_a_plain_reply_is_read_in_few_calls() -> None:
    read(0)
    assert calls(lambda: read(REPLIES)) <= MOST * REPLIES
