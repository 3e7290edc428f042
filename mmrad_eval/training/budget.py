"""The token budget of a record, met before it is written: pictures are left out, never words.

Nothing is tokenized here. Pictures are counted by their size as each model's processor does; words from above, so
that no report in English needs more with the vocabulary of Qwen's models: a token for every three letters of a word
(two where it has capitals within, or letters beyond ASCII), one for each digit and mark, none for the space before it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import msgspec

from mmrad_eval.training.conversation import Conversation

_PIECE = re.compile(r"[^\W\d_]+|\n|\S")
_SMALL, _OTHER = 3, 2
"""Letters of a token: of a word in small letters of ASCII, after the first, and of any other word of Latin letters."""
_FOREIGN = 2
"""Tokens of a letter that is not Latin, at most, about."""
_LAST_LATIN = "\u024f"

Count = Callable[[Conversation], int]


def word_tokens(text: str) -> int:
    """Tokens of a text, from above."""
    return sum(_tokens(piece) for piece in _PIECE.findall(text))


def _tokens(piece: str) -> int:
    if len(piece) == 1:
        return 1 if piece <= _LAST_LATIN else _FOREIGN
    foreign = sum(letter > _LAST_LATIN for letter in piece)
    letters = _SMALL if piece.isascii() and piece[1:].islower() else _OTHER
    return math.ceil((len(piece) - foreign) / letters) + _FOREIGN * foreign


def fitted(conversation: Conversation, budget: int, count: Count) -> Conversation | None:
    """The conversation with as many pictures of looks as ``budget`` tokens hold; None where words and film do not fit.

    Pictures of normal looks go first, from the last one backwards, then those of abnormal ones, from the last one
    backwards. The words of a look whose picture goes stay.
    """
    if count(conversation) <= budget:
        return conversation
    looks = list(conversation.looks)
    shown = [i for i in reversed(range(len(looks))) if looks[i].picture is not None]
    for place in sorted(shown, key=lambda i: looks[i].abnormal):
        looks[place] = msgspec.structs.replace(looks[place], picture=None)
        kept = msgspec.structs.replace(conversation, looks=tuple(looks))
        if count(kept) <= budget:
            return kept
    return None
