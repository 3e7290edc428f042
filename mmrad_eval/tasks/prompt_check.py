"""A prompt file of one's own beside the task's: what it would leave out without a word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from mmrad_eval.core.errors import PromptError
from mmrad_eval.core.values import Image, Message, Text
from mmrad_eval.tasks.prompting import parsed

_BRACES = re.compile(r"\{([ \tA-Za-z_]{1,40})\}")


def check_names(given: str, own: str) -> None:
    """PromptError where a block is none of the task's, or words in braces are almost a slot of it."""
    mine, known = parsed(given).slots, parsed(own).slots
    for block in mine:
        if block not in known:
            close = difflib.get_close_matches(block, list(known), 1)
            hint = f"; did you mean [[{close[0]}]]?" if close else f"; it has {', '.join(known)}"
            raise PromptError(f"the task has no block [[{block}]]{hint}")
    slots = set().union(*known.values())
    for name in _BRACES.findall(given):
        plain = name.strip().lower()
        if name != plain and plain in slots:
            raise PromptError(f"{{{name}}} would be sent literally; the slot is {{{plain}}}")


def check_shown(given: Sequence[Message], own: Sequence[Message], evidence: Iterable[str]) -> None:
    """PromptError where a question shows fewer pictures or less evidence than one by the task's own file."""
    pictures, wanted = (sum(isinstance(p, Image) for m in messages for p in m.parts) for messages in (given, own))
    if pictures < wanted:
        raise PromptError(
            f"a question shows {pictures} of {wanted} images: a block or slot that places them is missing"
        )
    mine, theirs = _words(given), _words(own)
    lost = [text for text in evidence if text in theirs and text not in mine]
    if lost:
        raise PromptError(f"a question lacks the evidence {lost[0][:60]!r}: its block or slot is missing")


def _words(messages: Sequence[Message]) -> str:
    return "".join(part.text for message in messages for part in message.parts if isinstance(part, Text))
